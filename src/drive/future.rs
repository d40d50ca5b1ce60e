//! The loop of a run: asks the core, does as it says, reports back.
//!
//! Written as a future by hand, because an async function would move what it carries several times
//! on every run.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Instant;

use pin_project_lite::pin_project;
use rotapool_core::{Outcome, Sleep};

use crate::drive::caller::Caller;
use crate::drive::guard::{Guard, Guarded, Next};
use crate::drive::lease::Lease;
use crate::drive::past::Past;
use crate::terms::answer::{Answers, Otherwise};
use crate::terms::error::RunError;

/// Attempts in one poll. After so many a run lets the other tasks of its thread have a turn, the timers among
/// them: an operation that is always ready and never content would keep them waiting.
const ATTEMPTS_A_POLL: u32 = 32;

/// What a run does with a lease, again for each attempt.
pub(crate) trait Operation<T> {
    type Call;

    fn call(&mut self, lease: Lease<T>) -> Self::Call;
}

impl<T, F, Fut> Operation<T> for F
where
    F: FnMut(Lease<T>) -> Fut,
{
    type Call = Fut;

    #[inline(always)]
    fn call(&mut self, lease: Lease<T>) -> Fut {
        self(lease)
    }
}

pin_project! {
    /// Drives a run to its end. Dropped before that, it drops the operation first; then the run's
    /// guard cleans up.
    #[must_use = "a run does nothing until polled"]
    pub(crate) struct RunFuture<G, F, Fut, E> {
        #[pin]
        call: Option<Fut>,
        // What ends the attempt in flight, if it takes too long.
        limit: Option<Sleep>,
        rest: Option<Rest>,
        operation: F,
        guard: G,
        past: Past<E>,
    }
}

impl<G, F, Fut, E> RunFuture<G, F, Fut, E> {
    #[inline]
    pub(crate) fn new(guard: G, operation: F) -> Self {
        Self { call: None, limit: None, rest: None, operation, guard, past: Past::new() }
    }
}

impl<G, F, Fut, A, R, E> Future for RunFuture<G, F, Fut, E>
where
    G: Guarded,
    F: Operation<<G::Caller as Caller>::Value, Call = Fut>,
    Fut: Future<Output = A>,
    A: Answers<Value = R, Error = E>,
{
    type Output = Result<R, RunError<E>>;

    #[inline]
    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let guard = this.guard.guard();
        let (mut attempts, mut rested) = (0, false);
        loop {
            if this.call.is_some() {
                let attempt = Attempt { call: this.call.as_mut(), guard };
                let ended = match attempt.poll(task) {
                    Poll::Ready(ended) => ended,
                    Poll::Pending => {
                        ready!(past_the_limit(guard, this.limit, task));
                        Ended::TimedOut
                    }
                };
                // The future is gone, and what it held is free, before its place is given back.
                this.call.set(None);
                if this.limit.is_some() {
                    *this.limit = None;
                }
                match ended {
                    Ended::Returned(returned) => match returned.answer() {
                        Ok(value) => {
                            guard.succeed();
                            return Poll::Ready(Ok(value));
                        }
                        Err(Otherwise::Returned(result, outcome)) => {
                            guard.settle(outcome);
                            return Poll::Ready(result.map_err(RunError::Operation));
                        }
                        Err(Otherwise::Again(signal, own)) => {
                            let signal = this.past.end(signal, own);
                            guard.settle(Outcome::Signal(signal));
                        }
                        Err(Otherwise::Stalled(silence)) => {
                            guard.settle(Outcome::Stalled(silence));
                        }
                    },
                    Ended::Aborted => guard.settle(Outcome::Aborted),
                    Ended::TimedOut => guard.settle(Outcome::TimedOut),
                }
                attempts += 1;
                if attempts == ATTEMPTS_A_POLL {
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
            }
            if let Some(rest) = this.rest {
                ready!(rest.poll(guard, task));
                *this.rest = None;
                rested = true;
            }
            let (until, in_line) = match guard.step() {
                Next::Attempt(lease) => {
                    this.past.begin(&lease);
                    Attempt { call: this.call.as_mut(), guard }.begin(this.operation, lease);
                    continue;
                }
                Next::Pause(until) => (Some(until), false),
                Next::Wait(until) => (until, true),
                Next::Exhausted(why) => {
                    return Poll::Ready(Err(RunError::Exhausted(this.past.unserved(*why))));
                }
            };
            *this.rest = Some(Rest::new(guard, until, in_line));
            if rested {
                // Woken too early, by a timer whose clock may stand still until this poll is over.
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}

/// A pause or a wait. Whatever ends it, the next step reads the clock and asks the core again.
pub(crate) struct Rest {
    until: Option<Sleep>,
    /// Whether the pool may call the run before that.
    in_line: bool,
}

impl Rest {
    pub(crate) fn new<C: Caller>(guard: &Guard<C>, until: Option<Instant>, in_line: bool) -> Self {
        let until = until.map(|until| match in_line {
            true => guard.sleep_until(until),
            false => guard.pause_until(until),
        });
        Self { until, in_line }
    }

    pub(crate) fn poll<C: Caller>(
        &mut self,
        guard: &mut Guard<C>,
        task: &mut Context<'_>,
    ) -> Poll<()> {
        if self.in_line && guard.watch(task.waker()) {
            return Poll::Ready(());
        }
        match &mut self.until {
            Some(until) => until.as_mut().poll(task),
            None => Poll::Pending,
        }
    }
}

/// Ready when the attempt in flight has reached its limit. The timer is only armed for one that has one, and that
/// does not answer at once.
#[inline]
fn past_the_limit<C: Caller>(
    guard: &Guard<C>,
    timer: &mut Option<Sleep>,
    task: &mut Context<'_>,
) -> Poll<()> {
    match guard.limit() {
        None => Poll::Pending,
        Some(at) => {
            let sleep = timer.get_or_insert_with(|| guard.sleep_until(at));
            ready!(sleep.as_mut().poll(task));
            if guard.is_past(at) {
                return Poll::Ready(());
            }
            // Too early, which a timer may be: another one, by the next poll.
            *timer = None;
            task.waker().wake_by_ref();
            Poll::Pending
        }
    }
}

enum Ended<A> {
    Returned(A),
    Aborted,
    TimedOut,
}

/// The operation while it has the word. If it panics, dropping this ends its usage; the panic goes on
/// to the caller.
struct Attempt<'a, C: Caller, Fut> {
    call: Pin<&'a mut Option<Fut>>,
    guard: &'a mut Guard<C>,
}

impl<C: Caller, Fut> Attempt<'_, C, Fut> {
    /// Calls the operation.
    #[inline]
    fn begin(
        mut self,
        operation: &mut impl Operation<C::Value, Call = Fut>,
        lease: Lease<C::Value>,
    ) {
        let call = operation.call(lease);
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
            Some(call) if !self.guard.is_called() => match call.poll(task) {
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

impl<C: Caller, Fut> Drop for Attempt<'_, C, Fut> {
    #[cold]
    fn drop(&mut self) {
        self.call.set(None);
        self.guard.settle(Outcome::Panic);
    }
}
