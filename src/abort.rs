//! Aborting a whole run from outside, without spawning it.

use std::future::Future;

use futures_util::future::{self, Abortable};

use crate::error::RunError;

/// Aborts the run that it was made with. Clones abort the same run.
#[derive(Debug, Clone)]
pub struct AbortHandle(future::AbortHandle);

impl AbortHandle {
    /// Aborts the run: its future ends with [`RunError::Aborted`] when it is polled next, which this
    /// sees to, and its operation is dropped then. The pool counts the run as cancelled and gives
    /// its place on the resource back. A run that has ended is left alone.
    pub fn abort(&self) {
        self.0.abort();
    }
}

/// Pairs a run with its handle.
pub(crate) fn abortable<R, E>(
    run: impl Future<Output = Result<R, RunError<E>>>,
) -> (impl Future<Output = Result<R, RunError<E>>>, AbortHandle) {
    let (handle, registration) = future::AbortHandle::new_pair();
    let run = async move {
        // Awaited by value, so that an aborted run is dropped here and now.
        match Abortable::new(run, registration).await {
            Ok(result) => result,
            Err(_) => Err(RunError::Aborted),
        }
    };
    (run, AbortHandle(handle))
}
