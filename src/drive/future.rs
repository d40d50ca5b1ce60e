//! The loop of a run: asks the core, does as it says, reports back.
//!
//! Written as a future by hand, because an async function would move what it carries several times
//! on every run.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use futures_util::FutureExt as _;
use futures_util::future::select;
use pin_project_lite::pin_project;
use rotapool_core::{Outcome, Sleep};

use crate::drive::guard::{Guard, Next};
use crate::drive::past::Past;
use crate::terms::answer::{Answers, Otherwise};
use crate::terms::error::RunError;
use crate::terms::lease::Lease;

pin_project! {
    /// Drives a run to its end. Dropped before that, it drops the operation first; then the run's
    /// guard cleans up.
    #[must_use = "a run does nothing until polled"]
    pub(crate) struct RunFuture<'a, T, F, Fut, E> {
        #[pin]
        call: Option<Fut>,
        rest: Option<Sleep>,
        operation: F,
        guard: Guard<'a, T>,
        past: Past<E>,
    }
}

impl<'a, T, F, Fut, E> RunFuture<'a, T, F, Fut, E> {
    #[inline]
    pub(crate) fn new(guard: Guard<'a, T>, operation: F) -> Self {
        Self { call: None, rest: None, operation, guard, past: Past::new() }
    }
}

impl<T, F, Fut, A, R, E> Future for RunFuture<'_, T, F, Fut, E>
where
    F: FnMut(Lease<T>) -> Fut,
    Fut: Future<Output = A>,
    A: Answers<Value = R, Error = E>,
{
    type Output = Result<R, RunError<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        loop {
            if this.call.is_some() {
                let ended =
                    ready!(Attempt { call: this.call.as_mut(), guard: this.guard }.poll(task));
                // The future is gone, and what it held is free, before its place is given back.
                this.call.set(None);
                match ended {
                    Ended::Returned(returned) => match returned.answer() {
                        Ok(value) => {
                            this.guard.succeed();
                            return Poll::Ready(Ok(value));
                        }
                        Err(Otherwise::Returned(result, outcome)) => {
                            this.guard.settle(outcome);
                            return Poll::Ready(result.map_err(RunError::Operation));
                        }
                        Err(Otherwise::Again(signal, own)) => {
                            let signal = this.past.end(signal, own);
                            this.guard.settle(Outcome::Signal(signal));
                        }
                    },
                    Ended::Aborted => this.guard.settle(Outcome::Aborted),
                }
            }
            if let Some(rest) = this.rest {
                ready!(rest.as_mut().poll(task));
                *this.rest = None;
            }
            match this.guard.step() {
                Next::Attempt(lease) => {
                    this.past.begin(&lease);
                    Attempt { call: this.call.as_mut(), guard: this.guard }
                        .begin(this.operation, lease);
                }
                Next::Pause(until) => *this.rest = Some(this.guard.sleep_until(until)),
                // Whichever it is: the next step reads the clock and asks the core again.
                Next::Wait(until, changed) => {
                    let either = select(this.guard.sleep_until(until), changed);
                    *this.rest = Some(Box::pin(either.map(drop)));
                }
                Next::Exhausted(why) => {
                    return Poll::Ready(Err(RunError::Exhausted(this.past.unserved(*why))));
                }
            }
        }
    }
}

enum Ended<A> {
    Returned(A),
    Aborted,
}

/// The operation while it has the word. If it panics, dropping this ends its usage; the panic goes on
/// to the caller.
struct Attempt<'a, 'p, T, Fut> {
    call: Pin<&'a mut Option<Fut>>,
    guard: &'a mut Guard<'p, T>,
}

impl<T, Fut> Attempt<'_, '_, T, Fut> {
    /// Calls the operation.
    #[inline]
    fn begin(mut self, operation: &mut impl FnMut(Lease<T>) -> Fut, lease: Lease<T>) {
        let call = operation(lease);
        self.call.set(Some(call));
        mem::forget(self);
    }

    /// Polls the operation, unless a sibling aborted it.
    #[inline]
    fn poll<A>(mut self, task: &mut Context<'_>) -> Poll<Ended<A>>
    where
        Fut: Future<Output = A>,
    {
        let ended = match self.call.as_mut().as_pin_mut() {
            Some(call) if !self.guard.is_aborted() => match call.poll(task) {
                Poll::Ready(returned) => Poll::Ready(Ended::Returned(returned)),
                Poll::Pending if self.guard.watch(task.waker()) => Poll::Ready(Ended::Aborted),
                Poll::Pending => Poll::Pending,
            },
            _ => Poll::Ready(Ended::Aborted),
        };
        mem::forget(self);
        ended
    }
}

impl<T, Fut> Drop for Attempt<'_, '_, T, Fut> {
    #[cold]
    fn drop(&mut self) {
        self.call.set(None);
        self.guard.settle(Outcome::Panic);
    }
}
