//! Calls through a breaker, whose results it takes as evidence.

use std::fmt::{self, Display};
use std::future::Future;
use std::time::Duration;

use rotapool_core::CallOutcome;

use super::breaker::{BreakerError, CircuitBreaker};
use super::judge::{ByResult, FailureIf, IgnoreIf, Judge, Judgement, StatedBy};
use super::permit::Permit;

/// A [`CircuitBreaker`] with a say in what counts as a failure. Made by its
/// [`ignore_if`](CircuitBreaker::ignore_if), [`failure_if`](CircuitBreaker::failure_if) and
/// [`stated_by`](CircuitBreaker::stated_by), which add up; what one of them ignores, none of them counts.
///
/// What they ask runs outside the breaker's lock. If it panics, the call counts as given up.
#[derive(Clone)]
pub struct Judged<J> {
    breaker: CircuitBreaker,
    judge: J,
}

impl CircuitBreaker {
    /// Makes a call if the breaker lets it pass, and takes its result as evidence: an `Err` is a failure.
    ///
    /// [`ignore_if`](Self::ignore_if), [`failure_if`](Self::failure_if) and [`stated_by`](Self::stated_by)
    /// say otherwise.
    ///
    /// # Errors
    ///
    /// [`BreakerError::Rejected`] if the call was not made, and the operation's own error.
    ///
    /// # Panics
    ///
    /// When the operation panics; it counts as given up.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the operation, and then its permit is free.
    pub async fn call<F, Fut, R, E>(&self, operation: F) -> Result<R, BreakerError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: Display,
    {
        self.by_result().call(operation).await
    }

    /// The same for an operation that blocks. The breaker itself never waits.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// When the operation panics; it counts as given up.
    pub fn call_blocking<R, E: Display>(
        &self,
        operation: impl FnOnce() -> Result<R, E>,
    ) -> Result<R, BreakerError<E>> {
        self.by_result().call_blocking(operation)
    }

    /// The breaker, for calls whose errors are none of its business where `ignore` says so: they count
    /// nowhere and reset nothing.
    ///
    /// ```
    /// use rotapool::{BreakerError, CircuitBreaker, Trip};
    ///
    /// let breaker = CircuitBreaker::new(Trip::after_failures(1))?;
    /// let missing = || Err::<(), _>("404");
    ///
    /// let answer = breaker.ignore_if(|error: &&str| *error == "404").call_blocking(missing);
    ///
    /// assert_eq!(answer, Err(BreakerError::Operation("404")));
    /// assert_eq!(breaker.stats().ignored, 1);
    /// # Ok::<(), rotapool::TripError>(())
    /// ```
    pub fn ignore_if<E, P: Fn(&E) -> bool>(&self, ignore: P) -> Judged<IgnoreIf<ByResult, P>> {
        self.by_result().ignore_if(ignore)
    }

    /// The breaker, for calls whose answers are `Ok` and yet failures where `failure` says so. An `Err` is
    /// one anyway.
    ///
    /// ```
    /// use rotapool::{BreakerState, CircuitBreaker, Trip};
    ///
    /// let breaker = CircuitBreaker::new(Trip::after_failures(1))?;
    /// let status = || Ok::<_, String>(503);
    ///
    /// let unwell = |answer: &Result<u16, String>| matches!(answer, Ok(500..));
    /// assert_eq!(breaker.failure_if(unwell).call_blocking(status), Ok(503));
    /// assert_eq!(breaker.state(), BreakerState::Open);
    /// # Ok::<(), rotapool::TripError>(())
    /// ```
    pub fn failure_if<R, E, P: Fn(&Result<R, E>) -> bool>(
        &self,
        failure: P,
    ) -> Judged<FailureIf<ByResult, P>> {
        self.by_result().failure_if(failure)
    }

    /// The breaker, for calls whose errors may state how long to stay away: if such a one trips it, it is
    /// open for so long.
    pub fn stated_by<E, P: Fn(&E) -> Option<Duration>>(
        &self,
        stated: P,
    ) -> Judged<StatedBy<ByResult, P>> {
        self.by_result().stated_by(stated)
    }

    pub(super) fn by_result(&self) -> Judged<ByResult> {
        Judged { breaker: self.clone(), judge: ByResult }
    }
}

impl<J> Judged<J> {
    /// As [`CircuitBreaker::ignore_if`].
    pub fn ignore_if<E, P: Fn(&E) -> bool>(self, ignore: P) -> Judged<IgnoreIf<J, P>> {
        Judged { breaker: self.breaker, judge: IgnoreIf(self.judge, ignore) }
    }

    /// As [`CircuitBreaker::failure_if`].
    pub fn failure_if<R, E, P: Fn(&Result<R, E>) -> bool>(
        self,
        failure: P,
    ) -> Judged<FailureIf<J, P>> {
        Judged { breaker: self.breaker, judge: FailureIf(self.judge, failure) }
    }

    /// As [`CircuitBreaker::stated_by`].
    pub fn stated_by<E, P: Fn(&E) -> Option<Duration>>(self, stated: P) -> Judged<StatedBy<J, P>> {
        Judged { breaker: self.breaker, judge: StatedBy(self.judge, stated) }
    }

    /// As [`CircuitBreaker::call`].
    ///
    /// # Errors
    ///
    /// [`BreakerError::Rejected`] if the call was not made, and the operation's own error.
    ///
    /// # Panics
    ///
    /// When the operation or a judge panics; it counts as given up.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the operation, and then its permit is free.
    pub async fn call<F, Fut, R, E>(&self, operation: F) -> Result<R, BreakerError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: Display,
        J: Judge<R, E>,
    {
        let permit = self.breaker.try_acquire()?;
        let result = operation().await;
        self.settle(permit, result)
    }

    /// As [`CircuitBreaker::call_blocking`].
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// As [`call`](Self::call).
    pub fn call_blocking<R, E: Display>(
        &self,
        operation: impl FnOnce() -> Result<R, E>,
    ) -> Result<R, BreakerError<E>>
    where
        J: Judge<R, E>,
    {
        let permit = self.breaker.try_acquire()?;
        let result = operation();
        self.settle(permit, result)
    }

    fn settle<R, E: Display>(
        &self,
        permit: Permit,
        result: Result<R, E>,
    ) -> Result<R, BreakerError<E>>
    where
        J: Judge<R, E>,
    {
        // All that is foreign comes before the permit takes the lock.
        permit.settle(match self.judge.judge(&result) {
            Judgement::Success => CallOutcome::Success,
            Judgement::Ignored => CallOutcome::Ignored,
            Judgement::Failure { stated } => {
                let text = match &result {
                    Ok(_) => "an answer that counts as a failure".into(),
                    Err(error) => error.to_string().into(),
                };
                CallOutcome::Failure { text, stated }
            }
        });
        result.map_err(BreakerError::Operation)
    }
}

impl<J> fmt::Debug for Judged<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Judged").field("breaker", &self.breaker).finish_non_exhaustive()
    }
}
