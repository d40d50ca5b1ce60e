//! What the result of a call says to a breaker.

use std::time::Duration;

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
pub struct IgnoreIf<J, P>(pub(super) J, pub(super) P);

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
pub struct FailureIf<J, P>(pub(super) J, pub(super) P);

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
pub struct StatedBy<J, P>(pub(super) J, pub(super) P);

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
