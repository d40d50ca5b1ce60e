//! Leave to make a call through a breaker.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Admission, CallOutcome};

use super::breaker::CircuitBreaker;

/// Leave to make one call through a [`CircuitBreaker`], which wants to know how the call ended.
///
/// Dropped, also by a panic, it is [ignored](Self::ignore).
///
/// ```
/// use rotapool::{CircuitBreaker, Trip};
///
/// # fn ping() -> bool { true }
/// let breaker = CircuitBreaker::new(Trip::default())?;
///
/// match breaker.try_acquire() {
///     Ok(permit) if ping() => permit.succeed(),
///     Ok(permit) => permit.fail("no answer"),
///     Err(rejected) => println!("not now: {rejected}"),
/// }
/// assert_eq!(breaker.stats().successes, 1);
/// # Ok::<(), rotapool::TripError>(())
/// ```
#[must_use = "a permit that is dropped says nothing of the call"]
pub struct Permit {
    breaker: CircuitBreaker,
    /// Taken when it is settled.
    admission: Option<Admission>,
}

impl Permit {
    pub(super) fn new(breaker: CircuitBreaker, admission: Admission) -> Self {
        Self { breaker, admission: Some(admission) }
    }

    /// The call went well.
    pub fn succeed(self) {
        self.settle(CallOutcome::Success);
    }

    /// The call failed; `text` is what [`Rejected`](crate::Rejected) will say of it.
    pub fn fail(self, text: impl Into<Arc<str>>) {
        self.settle(CallOutcome::Failure { text: text.into(), stated: None });
    }

    /// The call failed, and the upstream said how long to stay away: if this failure trips the breaker, it is
    /// open for so long. Zero says nothing.
    pub fn fail_for(self, stated: Duration, text: impl Into<Arc<str>>) {
        self.settle(CallOutcome::Failure { text: text.into(), stated: Some(stated) });
    }

    /// The call says nothing: it counts nowhere and resets nothing.
    pub fn ignore(self) {
        self.settle(CallOutcome::Ignored);
    }

    pub(super) fn settle(mut self, verdict: CallOutcome) {
        self.end(verdict);
    }

    fn end(&mut self, verdict: CallOutcome) {
        if let Some(admission) = self.admission.take() {
            self.breaker.with(|breaker, now| breaker.settle(admission, verdict, now));
        }
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.end(CallOutcome::Ignored);
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").field("breaker", &self.breaker.name()).finish_non_exhaustive()
    }
}
