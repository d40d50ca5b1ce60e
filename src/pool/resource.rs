//! What a user puts into a pool.

use std::fmt;
use std::sync::Arc;

use rotapool_core::Profile;

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
    pub(crate) profile: Profile,
    pub(crate) value: T,
}

impl<T> Resource<T> {
    /// A resource without a limit on how many operations use it at once.
    ///
    /// The id must be unique in its pool and not empty; the pool checks when it gets the resource.
    pub fn new(id: impl Into<Arc<str>>, value: T) -> Self {
        Self { profile: Profile::new(id), value }
    }

    /// Lets at most this many operations use the resource at once. At least 1; no limit by default.
    #[must_use]
    pub fn max_in_flight(mut self, limit: u32) -> Self {
        self.profile.max_in_flight = Some(limit);
        self
    }

    /// The share of the load, in proportion to the other weights, for
    /// [`Strategy::Weighted`](crate::Strategy::Weighted) and
    /// [`Strategy::Affinity`](crate::Strategy::Affinity). From 0.001 to 10,000; 1 by default.
    #[must_use]
    pub fn weight(mut self, weight: f64) -> Self {
        self.profile.weight = weight;
        self
    }

    /// The tier, for [`Strategy::Priority`](crate::Strategy::Priority): lower comes first. 0 by default.
    #[must_use]
    pub fn priority(mut self, priority: u32) -> Self {
        self.profile.priority = priority;
        self
    }

    /// Says something about the resource, such as its region, for
    /// [filters](crate::Request::only) and [`Select`](crate::Select). It is public, as the id is.
    #[must_use]
    pub fn metadata(mut self, name: impl Into<Arc<str>>, word: impl Into<Arc<str>>) -> Self {
        Arc::make_mut(&mut self.profile.metadata).set(name, word);
        self
    }
}

impl<T> fmt::Debug for Resource<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Resource").field("profile", &self.profile).finish_non_exhaustive()
    }
}
