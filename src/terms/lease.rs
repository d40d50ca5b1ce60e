//! What an operation receives.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use crate::terms::secret::Secrets;
use crate::terms::table::Table;

/// A resource on loan to one attempt: the value by [`Deref`], and what the attempt may want to know.
///
/// A lease is owned and cheap to clone, so it moves into any future. Health is judged by the outcome
/// of the operation that received the lease, and the place on the resource is given back when that
/// operation ends: do the work inside the operation, and do not smuggle the lease out of it.
///
/// `Debug` shows the id and never the value.
pub struct Lease<T> {
    entry: Arc<Entry<T>>,
    attempt: u32,
    request_id: Option<Arc<str>>,
}

impl<T> Lease<T> {
    pub(crate) fn new(entry: Arc<Entry<T>>, attempt: u32, request_id: Option<Arc<str>>) -> Self {
        Self { entry, attempt, request_id }
    }

    /// What must not be shown of what is said of the resource.
    #[inline]
    pub(crate) fn secrets(&self) -> Option<&Arc<Secrets>> {
        self.entry.secrets.as_ref()
    }

    /// How answers that were got with the resource are judged.
    #[cfg(feature = "http")]
    pub(crate) fn table(&self) -> &rotapool_core::hints::Reactions {
        self.entry.table.reactions()
    }

    /// The id of the resource.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.entry.id
    }

    /// Which attempt of its run this is, counting from 1.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.attempt
    }

    /// The id that the run was [given](crate::Request::request_id), to correlate logs.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.request_id.as_deref()
    }
}

impl<T> Deref for Lease<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.entry.value
    }
}

impl<T> Clone for Lease<T> {
    fn clone(&self) -> Self {
        Self {
            entry: Arc::clone(&self.entry),
            attempt: self.attempt,
            request_id: self.request_id.clone(),
        }
    }
}

impl<T> fmt::Debug for Lease<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lease")
            .field("id", &self.entry.id)
            .field("attempt", &self.attempt)
            .field("request_id", &self.request_id)
            .finish_non_exhaustive()
    }
}

/// A resource as the pool keeps it and leases share it.
pub(crate) struct Entry<T> {
    pub(crate) id: Arc<str>,
    pub(crate) value: T,
    pub(crate) secrets: Option<Arc<Secrets>>,
    #[cfg_attr(not(feature = "http"), allow(dead_code))]
    pub(crate) table: Table,
}
