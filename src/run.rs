//! The loop of a run: asks the core, does as it says, reports back.
//!
//! Written as a future by hand, because an async function would move what it carries several times
//! on every run, and that was a fifth of its cost.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt as _;
use futures_util::future::select;
use pin_project_lite::pin_project;
use rotapool_core::{Outcome, Sleep};

use crate::error::RunError;
use crate::fault::Fault;
use crate::guard::{Next, Run};
use crate::lease::Lease;

pin_project! {
    /// Drives a run to its end. Dropped before that, it drops the operation first; then the run's
    /// guard cleans up.
    #[must_use = "a run does nothing until polled"]
    pub(crate) struct Drive<'a, T, F, Fut> {
        #[pin]
        call: Option<Fut>,
        rest: Option<Sleep>,
        operation: F,
        run: Run<'a, T>,
    }
}

impl<'a, T, F, Fut> Drive<'a, T, F, Fut> {
    #[inline]
    pub(crate) fn new(run: Run<'a, T>, operation: F) -> Self {
        Self { call: None, rest: None, operation, run }
    }
}

impl<T, F, Fut, R, E> Future for Drive<'_, T, F, Fut>
where
    F: FnMut(Lease<T>) -> Fut,
    Fut: Future<Output = Result<R, Fault<E>>>,
{
    type Output = Result<R, RunError<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if let Some(call) = this.call.as_mut().as_pin_mut() {
                let ended = ready!(poll_attempt(this.run, call, task));
                // The future is gone, and what it held is free, before its place is given back.
                this.call.set(None);
                match ended {
                    Ended::Returned(Ok(value)) => {
                        this.run.succeed();
                        return Poll::Ready(Ok(value));
                    }
                    Ended::Returned(Err(Fault::Operation(error))) => {
                        this.run.settle(Outcome::Error);
                        return Poll::Ready(Err(RunError::Operation(error)));
                    }
                    Ended::Returned(Err(Fault::Failure(error))) => {
                        this.run.settle(Outcome::Failure);
                        return Poll::Ready(Err(RunError::Operation(error)));
                    }
                    Ended::Returned(Err(Fault::Signal(signal))) => {
                        this.run.settle(Outcome::Signal(signal));
                    }
                    Ended::Aborted => this.run.settle(Outcome::Aborted),
                    Ended::Panicked(panic) => give_up(this.run, panic),
                }
            }
            if let Some(rest) = this.rest {
                ready!(rest.as_mut().poll(task));
                *this.rest = None;
            }
            match this.run.step() {
                Next::Attempt(lease) => {
                    match catch_unwind(AssertUnwindSafe(|| (this.operation)(lease))) {
                        Ok(call) => this.call.set(Some(call)),
                        Err(panic) => give_up(this.run, panic),
                    }
                }
                Next::Pause(until) => *this.rest = Some(this.run.sleep_until(until)),
                // Whichever it is: the next step reads the clock and asks the core again.
                Next::Wait(until, changed) => {
                    let either = select(this.run.sleep_until(until), changed);
                    *this.rest = Some(Box::pin(either.map(drop)));
                }
                Next::Exhausted(why) => return Poll::Ready(Err(RunError::Exhausted(why))),
            }
        }
    }
}

enum Ended<R, E> {
    Returned(Result<R, Fault<E>>),
    Aborted,
    Panicked(Box<dyn Any + Send>),
}

/// Polls the operation, unless a sibling aborted it.
#[inline]
fn poll_attempt<T, Fut, R, E>(
    run: &mut Run<'_, T>,
    call: Pin<&mut Fut>,
    task: &mut Context<'_>,
) -> Poll<Ended<R, E>>
where
    Fut: Future<Output = Result<R, Fault<E>>>,
{
    if run.is_aborted() {
        return Poll::Ready(Ended::Aborted);
    }
    // The panic goes on to the caller once the usage is settled, so nobody gets to see what it left
    // half done.
    match catch_unwind(AssertUnwindSafe(|| call.poll(task))) {
        Ok(Poll::Ready(result)) => Poll::Ready(Ended::Returned(result)),
        Ok(Poll::Pending) if run.watch(task.waker()) => Poll::Ready(Ended::Aborted),
        Ok(Poll::Pending) => Poll::Pending,
        Err(panic) => Poll::Ready(Ended::Panicked(panic)),
    }
}

/// Ends a run whose operation panicked.
#[cold]
fn give_up<T>(run: &mut Run<'_, T>, panic: Box<dyn Any + Send>) -> ! {
    run.settle(Outcome::Panic);
    resume_unwind(panic)
}
