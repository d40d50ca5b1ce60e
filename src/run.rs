//! The loop of a run: asks the core, does as it says, reports back.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt as _;
use futures_util::future::{AbortRegistration, Abortable, select};
use rotapool_core::Outcome;

use crate::error::RunError;
use crate::fault::Fault;
use crate::guard::{Next, Run};
use crate::lease::Lease;

/// Drives a run to its end. Whenever this future is dropped, the run's guard cleans up.
pub(crate) async fn drive<T, F, Fut, R, E>(
    mut run: Run<'_, T>,
    mut operation: F,
) -> Result<R, RunError<E>>
where
    F: FnMut(Lease<T>) -> Fut,
    Fut: Future<Output = Result<R, Fault<E>>>,
{
    loop {
        match run.step() {
            Next::Attempt(lease, registration) => {
                match attempt(&mut operation, lease, registration).await {
                    Ended::Returned(Ok(value)) => {
                        run.settle(Outcome::Success);
                        return Ok(value);
                    }
                    Ended::Returned(Err(Fault::Operation(error))) => {
                        run.settle(Outcome::Error);
                        return Err(RunError::Operation(error));
                    }
                    Ended::Returned(Err(Fault::Failure(error))) => {
                        run.settle(Outcome::Failure);
                        return Err(RunError::Operation(error));
                    }
                    Ended::Returned(Err(Fault::Signal(signal))) => {
                        run.settle(Outcome::Signal(signal));
                    }
                    Ended::Aborted => run.settle(Outcome::Aborted),
                    Ended::Panicked(panic) => {
                        run.settle(Outcome::Panic);
                        resume_unwind(panic);
                    }
                }
            }
            Next::Pause(until) => run.sleep_until(until).await,
            Next::Wait(until, changed) => {
                // Whichever it was: the next step reads the clock and asks the core again.
                select(run.sleep_until(until), changed).await;
            }
            Next::Exhausted(why) => return Err(RunError::Exhausted(why)),
        }
    }
}

enum Ended<R, E> {
    Returned(Result<R, Fault<E>>),
    Aborted,
    Panicked(Box<dyn Any + Send>),
}

/// Calls the operation once. Its future is gone, and what it held is free, when this returns.
async fn attempt<T, F, Fut, R, E>(
    operation: &mut F,
    lease: Lease<T>,
    registration: AbortRegistration,
) -> Ended<R, E>
where
    F: FnMut(Lease<T>) -> Fut,
    Fut: Future<Output = Result<R, Fault<E>>>,
{
    // The call itself may panic too. The panic goes on to the caller once the usage is settled, so
    // nobody gets to see what it left half done.
    let call = AssertUnwindSafe(async { operation(lease).await }).catch_unwind();
    match Abortable::new(call, registration).await {
        Ok(Ok(result)) => Ended::Returned(result),
        Ok(Err(panic)) => Ended::Panicked(panic),
        Err(_) => Ended::Aborted,
    }
}
