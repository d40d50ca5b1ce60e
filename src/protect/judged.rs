//! What the results of calls say to a breaker.

use std::fmt::{self, Display};
use std::future::Future;
use std::time::Duration;

use rotapool_core::CallOutcome;

use super::breaker::{BreakerError, CircuitBreaker};
use super::permit::Permit;
use super::protected::Protected;

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

/// What a result says.
#[derive(Debug)]
pub enum Judgement {
    Success,
    Failure { stated: Option<Duration> },
    Ignored,
}

/// What judges a result.
pub trait Judge<R, E> {
    fn judge(&self, result: &Result<R, E>) -> Judgement;
}

/// An error is a failure.
#[derive(Debug, Clone, Copy)]
pub struct ByResult;

impl<R, E> Judge<R, E> for ByResult {
    fn judge(&self, result: &Result<R, E>) -> Judgement {
        match result {
            Ok(_) => Judgement::Success,
            Err(_) => Judgement::Failure { stated: None },
        }
    }
}

/// Some errors say nothing.
#[derive(Debug, Clone, Copy)]
pub struct IgnoreIf<J, P>(J, P);

impl<R, E, J: Judge<R, E>, P: Fn(&E) -> bool> Judge<R, E> for IgnoreIf<J, P> {
    fn judge(&self, result: &Result<R, E>) -> Judgement {
        match result {
            Err(error) if (self.1)(error) => Judgement::Ignored,
            _ => self.0.judge(result),
        }
    }
}

/// Some answers are failures.
#[derive(Debug, Clone, Copy)]
pub struct FailureIf<J, P>(J, P);

impl<R, E, J: Judge<R, E>, P: Fn(&Result<R, E>) -> bool> Judge<R, E> for FailureIf<J, P> {
    fn judge(&self, result: &Result<R, E>) -> Judgement {
        match self.0.judge(result) {
            Judgement::Success if (self.1)(result) => Judgement::Failure { stated: None },
            other => other,
        }
    }
}

/// Some errors say how long to stay away.
#[derive(Debug, Clone, Copy)]
pub struct StatedBy<J, P>(J, P);

impl<R, E, J: Judge<R, E>, P: Fn(&E) -> Option<Duration>> Judge<R, E> for StatedBy<J, P> {
    fn judge(&self, result: &Result<R, E>) -> Judgement {
        match (self.0.judge(result), result) {
            (Judgement::Failure { stated: None }, Err(error)) => {
                Judgement::Failure { stated: (self.1)(error) }
            }
            (other, _) => other,
        }
    }
}

impl Judged<ByResult> {
    pub(super) fn new(breaker: CircuitBreaker) -> Self {
        Self { breaker, judge: ByResult }
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

    /// As [`CircuitBreaker::wrap`].
    pub fn wrap<F>(self, operation: F) -> Protected<Self, F> {
        Protected::new(self, operation)
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
