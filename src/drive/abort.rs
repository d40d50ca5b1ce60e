//! Aborting a whole run from outside, without spawning it.

use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use crate::drive::pair::{Target, Trigger, pair};
use crate::terms::error::RunError;

/// Aborts the run that it was made with. Clones abort the same run.
///
/// It keeps neither the run nor its task alive.
#[derive(Debug, Clone)]
pub struct AbortHandle(Trigger);

impl AbortHandle {
    /// Aborts the run: its future ends with [`RunError::Aborted`] when it is polled next, which this
    /// sees to, and its operation is dropped then. The pool counts the run as cancelled and gives
    /// its place on the resource back.
    ///
    /// A run that was not polled yet has not begun: it ends in the same way at its first poll, without an attempt,
    /// and the pool neither counts it nor tells of it. A run that has ended is left alone.
    pub fn abort(&self) {
        self.0.pull();
    }
}

/// Pairs a run with its handle.
pub(crate) fn abortable<R, E>(
    run: impl Future<Output = Result<R, RunError<E>>>,
) -> (impl Future<Output = Result<R, RunError<E>>>, AbortHandle) {
    let (trigger, target) = pair();
    let run = async move {
        // In here, so that an aborted run is dropped here and now.
        let mut run = pin!(run);
        let watching = Watching(target);
        poll_fn(move |task| watching.poll(run.as_mut(), task)).await
    };
    (run, AbortHandle(trigger))
}

/// The end of the run. Dropped with it, it lets go of the task, which the handle may outlive for long.
struct Watching(Target);

impl Watching {
    fn poll<R, E>(
        &self,
        run: Pin<&mut impl Future<Output = Result<R, RunError<E>>>>,
        task: &mut Context<'_>,
    ) -> Poll<Result<R, RunError<E>>> {
        if !self.0.is_called() {
            if let Poll::Ready(result) = run.poll(task) {
                return Poll::Ready(result);
            }
            self.0.watch(task.waker());
        }
        match self.0.is_called() {
            true => Poll::Ready(Err(RunError::Aborted)),
            false => Poll::Pending,
        }
    }
}

impl Drop for Watching {
    fn drop(&mut self) {
        self.0.unwatch();
    }
}
