//! The loop of a run whose operation blocks: the thread of the caller does it all, and is parked meanwhile.

use std::future::poll_fn;
use std::mem;

use rotapool_core::{Outcome, Signal};

use crate::drive::caller::Caller;
use crate::drive::guard::{Guard, Next};
use crate::drive::lease::{Doom, Lease};
use crate::drive::past::Past;
use crate::drive::rest::Rest;
use crate::park::block_on;
use crate::terms::answer::{Answers, Otherwise};
use crate::terms::error::RunError;

/// Drives a run to its end.
pub(crate) fn drive<C: Caller, A: Answers>(
    mut run: Guard<C>,
    mut operation: impl FnMut(&Lease<C::Value>) -> A,
) -> Result<A::Value, RunError<A::Error>> {
    // The one thread is busy with the call.
    run.forgo_hedges();
    let mut past = Past::new();
    loop {
        let mut rest = match run.step() {
            Next::Attempt(lease) => {
                past.begin(&lease);
                let answer = attempt(&mut run, lease, &mut operation);
                let is_aborted = run.is_called();
                run.part_with_doom();
                match answer.answer() {
                    Ok(value) => {
                        run.succeed();
                        return Ok(value);
                    }
                    Err(Otherwise::Returned(result, outcome)) => {
                        run.settle(outcome);
                        return result.map_err(RunError::Operation);
                    }
                    Err(Otherwise::Again(signal, own)) => {
                        let signal = past.end(signal, own);
                        let outcome = meaning(&run, signal, is_aborted);
                        run.settle(outcome);
                    }
                    Err(Otherwise::Stalled(silence)) => run.settle(Outcome::Stalled(silence)),
                }
                continue;
            }
            Next::Pause(until) => Rest::new(&run, Some(until), false),
            Next::Wait(until) => Rest::new(&run, until, true),
            Next::Exhausted(why) => return Err(RunError::Exhausted(past.unserved(*why))),
        };
        block_on(poll_fn(|task| rest.poll(&mut run, task)));
    }
}

/// Calls the operation. If it panics, its usage has ended by the time the panic reaches the caller.
fn attempt<C: Caller, A>(
    run: &mut Guard<C>,
    lease: Lease<C::Value>,
    operation: &mut impl FnMut(&Lease<C::Value>) -> A,
) -> A {
    let lease = run.tell_doom(lease);
    let panics = Panics(run);
    let answer = operation(&lease);
    mem::forget(panics);
    answer
}

struct Panics<'a, C: Caller>(&'a mut Guard<C>);

impl<C: Caller> Drop for Panics<'_, C> {
    #[cold]
    fn drop(&mut self) {
        self.0.settle(Outcome::Panic);
    }
}

/// What a signal means that may have come late. Of one that asks for no more than another try nobody knows whether it was
/// the resource's doing: it was aborted, or its time was up.
fn meaning<C: Caller>(run: &Guard<C>, signal: Signal, is_aborted: bool) -> Outcome {
    let is_hiccup = matches!(signal, Signal::Retry { .. });
    match run.limit() {
        _ if is_hiccup && is_aborted => Outcome::Aborted,
        Some(limit) if is_hiccup && run.is_past(limit) => Outcome::TimedOut,
        _ => Outcome::Signal(signal),
    }
}

impl<C: Caller> Guard<C> {
    /// Lets the operation see whether the attempt in flight is aborted, and when its time is up.
    fn tell_doom(&self, lease: Lease<C::Value>) -> Lease<C::Value> {
        match &self.target {
            Some(target) => lease.doomed_by(Doom { call: target.look(), limit: self.limit() }),
            None => lease,
        }
    }

    /// The operation has ended, but who knows where its lease is: what it looks at serves no other attempt.
    fn part_with_doom(&mut self) {
        self.target = None;
    }
}
