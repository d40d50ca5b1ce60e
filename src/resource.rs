//! What a user puts into a pool.

use std::fmt;
use std::sync::Arc;

/// A resource to pool: an id, a value, and how many operations may use it at once.
///
/// The id is public: it appears in errors, snapshots and events. The value is not: it never appears
/// in any output of this crate, so it may be a secret.
///
/// ```
/// use rotapool::Resource;
///
/// let key = Resource::new("key-1", "sk-aaa").max_in_flight(4);
/// assert!(!format!("{key:?}").contains("sk-aaa"));
/// ```
#[derive(Clone)]
pub struct Resource<T> {
    pub(crate) id: Arc<str>,
    pub(crate) value: T,
    pub(crate) max_in_flight: Option<u32>,
}

impl<T> Resource<T> {
    /// A resource without a limit on how many operations use it at once.
    ///
    /// The id must be unique in its pool and not empty; the pool checks when it gets the resource.
    pub fn new(id: impl Into<Arc<str>>, value: T) -> Self {
        Self { id: id.into(), value, max_in_flight: None }
    }

    /// Lets at most this many operations use the resource at once. At least 1; no limit by default.
    #[must_use]
    pub fn max_in_flight(mut self, limit: u32) -> Self {
        self.max_in_flight = Some(limit);
        self
    }
}

impl<T> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource")
            .field("id", &self.id)
            .field("max_in_flight", &self.max_in_flight)
            .finish_non_exhaustive()
    }
}

/// A resource as the pool keeps it and leases share it.
pub(crate) struct Entry<T> {
    pub(crate) id: Arc<str>,
    pub(crate) value: T,
}
