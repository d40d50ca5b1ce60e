//! The loop of a run: asks the core, does as it says, reports back.
//!
//! Written as a future by hand, because an async function would move what it carries several times
//! on every run.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use rotapool_core::Outcome;

use crate::drive::caller::Caller;
use crate::drive::calls::{Attempt, Calls, CallsParts};
use crate::drive::guard::{Guard, Guarded, Next};
use crate::drive::operation::Operation;
use crate::drive::past::Past;
use crate::drive::race::{Ended, Which};
use crate::drive::rest::Rest;
use crate::terms::answer::{Answers, Otherwise};
use crate::terms::error::RunError;

/// Attempts in one poll. After so many a run lets the other tasks of its thread have a turn, the timers among
/// them: an operation that is always ready and never content would keep them waiting.
const ATTEMPTS_A_POLL: u32 = 32;

pin_project! {
    /// Drives a run to its end. Dropped before that, it drops the operation first; then the run's
    /// guard cleans up.
    #[must_use = "a run does nothing until polled"]
    pub(crate) struct RunFuture<G, F, Fut, E> {
        #[pin]
        calls: Calls<Fut>,
        operation: F,
        guard: G,
        past: Past<E>,
    }
}

impl<G, F, Fut, E> RunFuture<G, F, Fut, E> {
    #[inline]
    pub(crate) fn new(guard: G, operation: F) -> Self {
        Self { calls: Calls::none(), operation, guard, past: Past::new() }
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
            if this.calls.is_idle() {
                if let Some(rest) = this.calls.as_mut().resting() {
                    ready!(rest.poll(guard, task));
                    this.calls.as_mut().rested();
                    rested = true;
                }
                let rest = match guard.step() {
                    Next::Attempt(lease) => {
                        this.past.begin(&lease);
                        Attempt { calls: this.calls.as_mut(), guard }.begin(this.operation, lease);
                        None
                    }
                    Next::Pause(until) => Some(Rest::new(guard, Some(until), false)),
                    Next::Wait(until) => Some(Rest::new(guard, until, true)),
                    Next::Exhausted(why) => {
                        return Poll::Ready(Err(RunError::Exhausted(this.past.unserved(*why))));
                    }
                };
                if let Some(rest) = rest {
                    this.calls.as_mut().rest(rest);
                    if rested {
                        // Woken too early, by a timer whose clock may stand still until this poll is over.
                        task.waker().wake_by_ref();
                        return Poll::Pending;
                    }
                    continue;
                }
            }
            let calls = this.calls.as_mut();
            match (Attempt { calls, guard }).poll(task) {
                Poll::Ready(ended) => {
                    if let Some(result) = end(ended, this.calls.as_mut(), guard, this.past) {
                        return Poll::Ready(result);
                    }
                }
                Poll::Pending if guard.limit().is_none() && this.calls.is_alone() => {
                    return Poll::Pending;
                }
                Poll::Pending => {
                    let (calls, operation) = (this.calls.as_mut(), &mut *this.operation);
                    let over = ready!(look_beside(calls, guard, operation, this.past, task));
                    if let Some(result) = over {
                        return Poll::Ready(result);
                    }
                }
            }
            attempts += 1;
            if attempts == ATTEMPTS_A_POLL {
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
        }
    }
}

/// A call has ended: what comes of the run, if that ends it.
#[inline(always)]
fn end<C: Caller, Fut, A, R, E>(
    ended: Ended<A>,
    calls: Pin<&mut Calls<Fut>>,
    guard: &mut Guard<C>,
    past: &mut Past<E>,
) -> Option<Result<R, RunError<E>>>
where
    A: Answers<Value = R, Error = E>,
{
    let CallsParts { mut call, aside } = calls.project();
    // The future is gone, and what it held is free, before its place is given back.
    call.set(None);
    match ended {
        Ended::Returned(returned) => match returned.answer() {
            Ok(value) => {
                aside.clear();
                guard.succeed();
                return Some(Ok(value));
            }
            Err(Otherwise::Returned(result, outcome)) => {
                aside.clear();
                guard.settle(outcome);
                return Some(result.map_err(RunError::Operation));
            }
            Err(Otherwise::Again(signal, own)) => {
                guard.settle(Outcome::Signal(past.end(signal, own)));
            }
            Err(Otherwise::Stalled(silence)) => guard.settle(Outcome::Stalled(silence)),
        },
        Ended::Aborted => guard.settle(Outcome::Aborted),
        Ended::TimedOut => guard.settle(Outcome::TimedOut),
    }
    if !aside.is_nothing() {
        aside.outlive(guard);
    }
    None
}

/// The call goes on: what comes of what is beside it.
#[cold]
#[inline(never)]
fn look_beside<C: Caller, F, Fut, A, R, E>(
    calls: Pin<&mut Calls<Fut>>,
    guard: &mut Guard<C>,
    operation: &mut F,
    past: &mut Past<E>,
    task: &mut Context<'_>,
) -> Poll<Option<Result<R, RunError<E>>>>
where
    F: Operation<C::Value, Call = Fut>,
    Fut: Future<Output = A>,
    A: Answers<Value = R, Error = E>,
{
    let CallsParts { mut call, aside } = calls.project();
    let (ended, younger) = match ready!(aside.poll(call.as_mut(), guard, operation, past, task)) {
        Which::Older(ended) => (ended, None),
        Which::Younger(ended, target) => (ended, Some(target)),
    };
    let (result, outcome) = match ended {
        Ended::Returned(returned) => match returned.answer() {
            Ok(value) => (Some(Ok(value)), Outcome::Success),
            Err(Otherwise::Returned(result, outcome)) => {
                (Some(result.map_err(RunError::Operation)), outcome)
            }
            Err(Otherwise::Again(signal, own)) => (None, Outcome::Signal(past.end(signal, own))),
            Err(Otherwise::Stalled(silence)) => (None, Outcome::Stalled(silence)),
        },
        Ended::Aborted => (None, Outcome::Aborted),
        Ended::TimedOut => (None, Outcome::TimedOut),
    };
    // What has ended is gone, and so is what is beside it, if the run is over.
    if younger.is_none() || result.is_some() {
        call.set(None);
    }
    if result.is_some() {
        aside.clear();
    }
    match younger {
        Some(target) => guard.settle_hedge(target, outcome),
        None => {
            guard.settle_or_hold(outcome);
            aside.outlive(guard);
        }
    }
    Poll::Ready(result)
}
