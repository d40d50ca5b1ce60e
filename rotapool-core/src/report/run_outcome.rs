//! How a run ended, in one word.

use std::fmt;

use super::refusal::ExhaustedReason;
use crate::member::outcome::Outcome;

/// How a run ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunOutcome {
    /// With a value.
    Ok,
    /// With the operation's own error, or with its panic.
    Error,
    /// The pool could not serve it.
    Exhausted(ExhaustedReason),
    /// Its caller gave it up.
    Cancelled,
}

impl RunOutcome {
    /// How a run ends whose attempt ended so, if it does.
    pub(crate) fn of(outcome: &Outcome) -> Option<Self> {
        match outcome {
            Outcome::Success => Some(Self::Ok),
            Outcome::Error | Outcome::Failure | Outcome::Panic => Some(Self::Error),
            Outcome::Aborted
            | Outcome::Signal(_)
            | Outcome::TimedOut
            | Outcome::Stalled(_)
            | Outcome::DeadlinePassed => None,
        }
    }
}

impl fmt::Display for RunOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Error => "error",
            Self::Exhausted(_) => "exhausted",
            Self::Cancelled => "cancelled",
        })
    }
}
