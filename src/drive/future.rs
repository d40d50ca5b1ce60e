//! The loop of a run: asks the core, does as it says, reports back.
//!
//! Written as a future by hand, because an async function would move what it carries several times
//! on every run.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use rotapool_core::Outcome;

use crate::drive::caller::Caller;
use crate::drive::guard::{Guard, Guarded, Next};
use crate::drive::lease::Lease;
use crate::drive::operation::Operation;
use crate::drive::past::Past;
use crate::drive::race::{Aside, Ended, Which};
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
        call: Option<Fut>,
        aside: Aside<Fut>,
        operation: F,
        guard: G,
        past: Past<E>,
    }
}

impl<G, F, Fut, E> RunFuture<G, F, Fut, E> {
    #[inline]
    pub(crate) fn new(guard: G, operation: F) -> Self {
        Self { call: None, aside: Aside::NOTHING, operation, guard, past: Past::new() }
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
            if this.call.is_some() || this.aside.is_race() {
                let call = this.call.as_mut();
                let over = match (Attempt { call, aside: this.aside, guard }).poll(task) {
                    Poll::Ready(ended) => {
                        end(ended, this.call.as_mut(), this.aside, guard, this.past)
                    }
                    Poll::Pending if guard.limit().is_none() && this.aside.is_nothing() => {
                        return Poll::Pending;
                    }
                    Poll::Pending => {
                        let (call, operation) = (this.call.as_mut(), &mut *this.operation);
                        let over = look_beside(call, this.aside, guard, operation, this.past, task);
                        ready!(over)
                    }
                };
                if let Some(result) = over {
                    return Poll::Ready(result);
                }
                attempts += 1;
                if attempts == ATTEMPTS_A_POLL {
                    task.waker().wake_by_ref();
                    return Poll::Pending;
                }
                if this.call.is_some() || this.aside.is_race() {
                    continue;
                }
            }
            if let Some(rest) = this.aside.resting() {
                ready!(rest.poll(guard, task));
                this.aside.clear();
                rested = true;
            }
            let (until, in_line) = match guard.step() {
                Next::Attempt(lease) => {
                    this.past.begin(&lease);
                    Attempt { call: this.call.as_mut(), aside: this.aside, guard }
                        .begin(this.operation, lease);
                    continue;
                }
                Next::Pause(until) => (Some(until), false),
                Next::Wait(until) => (until, true),
                Next::Exhausted(why) => {
                    return Poll::Ready(Err(RunError::Exhausted(this.past.unserved(*why))));
                }
            };
            this.aside.rest(Rest::new(guard, until, in_line));
            if rested {
                // Woken too early, by a timer whose clock may stand still until this poll is over.
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
    mut call: Pin<&mut Option<Fut>>,
    aside: &mut Aside<Fut>,
    guard: &mut Guard<C>,
    past: &mut Past<E>,
) -> Option<Result<R, RunError<E>>>
where
    A: Answers<Value = R, Error = E>,
{
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
    mut call: Pin<&mut Option<Fut>>,
    aside: &mut Aside<Fut>,
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

/// The operation while it has the word. If it panics, dropping this ends its usage; the panic goes on
/// to the caller.
struct Attempt<'a, C: Caller, Fut> {
    call: Pin<&'a mut Option<Fut>>,
    aside: &'a mut Aside<Fut>,
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
            None => Poll::Pending,
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
        self.aside.clear();
        self.guard.settle(Outcome::Panic);
    }
}
