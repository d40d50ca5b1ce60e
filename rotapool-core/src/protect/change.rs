//! What becomes of a circuit breaker, and why.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

/// Whether calls pass a circuit breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakerState {
    /// They do.
    Closed,
    /// They do not.
    Open,
    /// Some do, as trials.
    HalfOpen,
}

impl fmt::Display for BreakerState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Closed => "closed",
            Self::Open => "open",
            Self::HalfOpen => "half_open",
        })
    }
}

/// Who decides whether calls pass a circuit breaker.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum BreakerMode {
    /// Its rules do.
    #[default]
    Automatic,
    /// Nothing passes, by its operator's word. Its state is open.
    Isolated,
    /// All passes, by its operator's word, and no failure is held against anybody. Its state is closed.
    ForcedClosed,
    /// All passes. Its state, changes and causes are as its rules would have them.
    ObserveOnly,
}

impl fmt::Display for BreakerMode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Automatic => "automatic",
            Self::Isolated => "isolated",
            Self::ForcedClosed => "forced_closed",
            Self::ObserveOnly => "observe_only",
        })
    }
}

/// Why a circuit breaker is in the state that it is in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum BreakerCause {
    /// So many calls in a row failed.
    FailuresInARow(u32),
    /// Too many of the calls in the window failed.
    FailureRate {
        /// How many failed.
        failures: u64,
        /// Of how many.
        calls: u64,
    },
    /// Too many of the calls in the window were slow.
    SlowRate {
        /// How many were slow.
        slow: u64,
        /// Of how many.
        calls: u64,
    },
    /// A trial failed.
    TrialFailed,
    /// A trial succeeded, but was slow.
    TrialSlow,
    /// So many trials succeeded.
    TrialsSucceeded(u32),
    /// It was open for as long as it had to be.
    TimeIsOver,
    /// Its operator said so.
    Operator,
}

impl fmt::Display for BreakerCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FailuresInARow(1) => f.write_str("1 failure"),
            Self::FailuresInARow(failures) => write!(f, "{failures} failures in a row"),
            Self::FailureRate { failures, calls } => {
                write!(f, "{failures} of {calls} calls failed")
            }
            Self::SlowRate { slow, calls } => write!(f, "{slow} of {calls} calls were slow"),
            Self::TrialFailed => f.write_str("a trial failed"),
            Self::TrialSlow => f.write_str("a trial was slow"),
            Self::TrialsSucceeded(1) => f.write_str("a trial succeeded"),
            Self::TrialsSucceeded(trials) => write!(f, "{trials} trials succeeded"),
            Self::TimeIsOver => f.write_str("its time is over"),
            Self::Operator => f.write_str("by its operator"),
        }
    }
}

/// A circuit breaker has changed. What its operator does is told even if the state is as before.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerChange {
    /// The number of the change, from 1: it says what came first, where threads report at once.
    pub sequence: u64,
    /// The state before.
    pub old: BreakerState,
    /// The state since.
    pub new: BreakerState,
    /// Who decides since.
    pub mode: BreakerMode,
    /// Why.
    pub cause: BreakerCause,
    /// When it happened.
    pub at: Instant,
    /// Until when it is open, if it is and that is known.
    pub until: Option<Instant>,
    /// What the last failure said, of the outage that this change begins, prolongs or ends. A slow call
    /// says nothing.
    pub last_failure: Option<Arc<str>>,
}
