//! The silence of one operation.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::{Poll, ready};

use rotapool_core::Sleep;
use rotapool_core::lifecycle::{Vigil, Watch};

use crate::lifecycle::watchdog::handle::Watchdog;
use crate::lifecycle::watchdog::silence::Silence;

impl Watchdog {
    /// Watches over one operation: the operation's output, or the silence that ended it.
    ///
    /// The limit counts from the first poll; every [`ping`](Self::ping) puts the end off. So it bounds silence and
    /// not length, for operations such as a long stream. It needs no thread, but a loop that comes round; it
    /// raises no alarm, because its caller is told.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rotapool::lifecycle::Watchdog;
    /// # futures::executor::block_on(async {
    /// # let chunks = ["a", "b"];
    /// let watchdog = Watchdog::builder(Duration::from_secs(10)).build()?;
    /// let download = async {
    ///     for _chunk in chunks {
    ///         watchdog.ping();
    ///     }
    /// };
    /// assert!(watchdog.guard(download).await.is_ok());
    /// # Ok::<(), rotapool::lifecycle::WatchdogError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Silence`]; the operation is dropped by then.
    ///
    /// # Cancel safety
    ///
    /// That of the operation.
    pub fn guard<F: Future>(
        &self,
        operation: F,
    ) -> impl Future<Output = Result<F::Output, Silence>> + use<F> {
        let inner = Arc::clone(&self.inner);
        async move {
            let mut operation = pin!(operation);
            let mut vigil = Vigil::new(inner.limit, inner.runtime.now());
            // May be due earlier than it has to be: it is not armed anew for every ping.
            let mut sleep: Option<Sleep> = None;
            poll_fn(|context| {
                if let Poll::Ready(output) = operation.as_mut().poll(context) {
                    return Poll::Ready(Ok(output));
                }
                loop {
                    let until = match vigil.look(inner.last_ping(), inner.runtime.now()) {
                        Watch::Bark(silent_for) => {
                            return Poll::Ready(Err(inner.silence(silent_for, None)));
                        }
                        Watch::Until(until) => until,
                    };
                    let timer = sleep.get_or_insert_with(|| inner.runtime.sleep_until(until));
                    ready!(timer.as_mut().poll(context));
                    sleep = None;
                }
            })
            .await
        }
    }
}
