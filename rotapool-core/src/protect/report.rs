//! What a breaker and a limiter tell: their refusals, and their figures.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::change::{BreakerCause, BreakerMode, BreakerState};
use crate::one_line::OneLine;

/// A circuit breaker let a call not pass.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub struct Rejected {
    /// The state that the breaker was in: open, or half open with all its trials under way.
    pub state: BreakerState,
    /// After how long it pays to ask again: when the open time is over, or when the first of the trials
    /// under way is lost, at the latest. Not known of a breaker that its operator isolated.
    pub retry_after: Option<Duration>,
    /// Why it opened.
    pub cause: BreakerCause,
    /// What the failure said that opened it.
    pub last_failure: Option<Arc<str>>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state {
            BreakerState::HalfOpen => write!(f, "circuit half open, trials under way: ")?,
            _ => write!(f, "circuit open: ")?,
        }
        write!(f, "{}", self.cause)?;
        if let Some(text) = &self.last_failure {
            write!(f, ", the last: `{}`", OneLine(text))?;
        }
        match self.retry_after {
            Some(after) => write!(f, "; retry after {after:.1?}"),
            None => f.write_str("; until its operator says otherwise"),
        }
    }
}

/// A circuit breaker's figures at one moment. The counters are those of its whole life.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerStats {
    /// The state.
    pub state: BreakerState,
    /// Who decides.
    pub mode: BreakerMode,
    /// Calls that asked to pass: the four below, and those that have not ended.
    pub calls: u64,
    /// Calls that went well.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that were not let pass.
    pub rejected: u64,
    /// Calls that passed and then counted nowhere, those given up among them.
    pub ignored: u64,
    /// Changes of the state. What its operator did is none.
    pub changes: u64,
    /// Failures since the last call that went well while it was closed, or that closed it.
    pub failures_in_a_row: u32,
    /// How much longer it is open, if that is known.
    pub open_for: Option<Duration>,
}

/// Why a rate limiter gave no tokens.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RateLimited {
    /// There were not enough, or not before the deadline.
    #[error("the rate limit is reached; retry after {retry_after:.1?}")]
    NotYet {
        /// After how long a newcomer would get as many, if nobody else came.
        retry_after: Duration,
    },
    /// More were wanted than there can ever be at once.
    #[error(
        "{tokens} tokens are more than there can be at once, which is {capacity}; take fewer, or raise the burst"
    )]
    AboveCapacity {
        /// How many were wanted.
        tokens: u64,
        /// How many there can be.
        capacity: u64,
    },
}

impl RateLimited {
    /// After how long it pays to ask again; none if never.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::NotYet { retry_after } => Some(*retry_after),
            Self::AboveCapacity { .. } => None,
        }
    }
}

/// A rate limiter's figures at one moment. The counters are those of its whole life.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct LimiterStats {
    /// Times that somebody got what they came for.
    pub acquired: u64,
    /// Times that somebody was refused.
    pub refused: u64,
    /// How many are in line.
    pub waiting: usize,
    /// How long those served have waited, all together.
    pub waited: Duration,
    /// The tokens that are there; below zero is a debt.
    pub available: f64,
}
