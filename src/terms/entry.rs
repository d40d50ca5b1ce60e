//! A resource as the pool keeps it and leases share it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::terms::secret::Secrets;
use crate::terms::table::Table;

pub(crate) struct Entry<T> {
    pub(crate) id: Arc<str>,
    pub(crate) value: T,
    pub(crate) secrets: Option<Arc<Secrets>>,
    /// Whether it has quotas, of which an operation may have something to say.
    pub(crate) is_metered: AtomicBool,
    #[cfg_attr(not(feature = "http"), allow(dead_code))]
    pub(crate) table: Table,
}
