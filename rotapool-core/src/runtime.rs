//! What the pool needs of an async runtime: the time, a timer, and a place to spawn.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

/// A sleep in progress. Dropping it gives it up.
pub type Sleep = Pin<Box<dyn Future<Output = ()> + Send>>;

/// A clock and a timer that agree with each other.
///
/// A pool holds one as `Arc<dyn Runtime>`, so no type of yours grows a parameter. Nothing here is
/// detected: the pool uses what its builder was given.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// The present moment. It never goes backwards.
    fn now(&self) -> Instant;

    /// A future that is ready once [`now`](Runtime::now) has reached `at`.
    ///
    /// It may wake early or more than once: the pool reads the clock again after every wake-up.
    /// `at` may lie a hundred years ahead, or in the past, where the future is ready at once.
    fn sleep_until(&self, at: Instant) -> Sleep;
}

/// The spawn hook of a runtime: a convenience for futures that their user would rather not drive.
///
/// No pool and no run ever spawns: only who is asked to, as the `spawn` of a monitor or a prober of the crate `rotapool`.
pub trait Spawn: Runtime {
    /// Drives `future` in the background until it ends.
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>);
}
