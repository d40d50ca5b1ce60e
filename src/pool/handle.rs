//! The handle of a pool. What it can do is beside it: `running`, `blocking`, `membership`, `admin`, `watching`, `closing`.

use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::Instant;

use crate::drive::shared::Shared;

/// A pool of interchangeable resources.
///
/// A `Pool` is a handle: clones are cheap and share the pool. It is `Send` and `Sync` when `T` is.
/// No call of it blocks on anything but a short critical section, [`run_blocking`](Self::run_blocking) apart, and no
/// thread, task or timer exists for it unless a run is sleeping.
///
/// ```
/// use rotapool::{Fault, Pool, Resource};
///
/// # futures::executor::block_on(async {
/// let pool = Pool::builder()
///     .resource(Resource::new("key-1", "sk-aaa"))
///     .resource(Resource::new("key-2", "sk-bbb"))
///     .retry_delay(std::time::Duration::ZERO)
///     .build()?;
/// let served_by = pool
///     .run(|key| async move {
///         match *key {
///             "sk-aaa" => Err(Fault::<String>::cooldown("429 from upstream")),
///             _ => Ok(key.id().to_owned()),
///         }
///     })
///     .await;
/// assert_eq!(served_by.as_deref(), Ok("key-2"));
/// assert_eq!(pool.stats().cooling_down, 1);
/// # Ok::<(), rotapool::BuildError>(())
/// # }).unwrap();
/// ```
pub struct Pool<T> {
    pub(super) shared: Arc<Shared<T>>,
    /// In whose name this handle makes admin calls.
    pub(super) by: Option<Arc<str>>,
}

impl<T> Pool<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { shared, by: None }
    }

    /// A handle of the pool that this is the inside of.
    pub(crate) fn of(shared: Arc<Shared<T>>) -> Self {
        Self { shared, by: None }
    }

    pub(crate) fn shared(&self) -> &Arc<Shared<T>> {
        &self.shared
    }

    /// What metrics and traces call the pool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The present moment by the pool's clock, which [deadlines](crate::Request::deadline) and snapshots go by.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.shared.runtime.now()
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), by: self.by.clone() }
    }
}

/// No panic of the user's code leaves a pool half changed: none of it runs while the pool changes. What a panic
/// leaves of the values themselves is theirs to say.
impl<T: RefUnwindSafe> UnwindSafe for Pool<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Pool<T> {}
