//! Whether a resource may be used, and if not, why, since when and until when.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use super::basis::Basis;
use super::usage::Sequence;
use crate::one_line::OneLine;

/// The status of a resource. A cooldown that has expired counts as healthy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Status {
    /// It may be used.
    Healthy,
    /// A signal sent it away for a while.
    CoolingDown,
    /// A signal or an admin call took it out of use until it is enabled.
    Disabled,
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::CoolingDown => "cooling_down",
            Self::Disabled => "disabled",
        })
    }
}

/// Who took a resource out of use.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Cause {
    /// An operation's signal, with its reason.
    Signal(Arc<str>),
    /// The pool's circuit breaker, with what tripped it.
    Circuit(Arc<str>),
    /// A call of `disable` from outside.
    Admin,
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(reason) => write!(f, "{}", OneLine(reason)),
            Self::Circuit(evidence) => write!(f, "circuit open: {}", OneLine(evidence)),
            Self::Admin => f.write_str("by an admin call"),
        }
    }
}

/// Who sent a resource away for a while, and whose word the end of that is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Source {
    Signal(Basis),
    /// A breaker can only guess.
    Circuit,
}

impl Source {
    fn basis(self) -> Basis {
        match self {
            Self::Signal(basis) => basis,
            Self::Circuit => Basis::Guessed,
        }
    }

    fn cause(self, reason: Arc<str>) -> Cause {
        match self {
            Self::Signal(_) => Cause::Signal(reason),
            Self::Circuit => Cause::Circuit(reason),
        }
    }
}

/// The status with what belongs to it. A cooldown stays here until a selection finds it expired.
#[derive(Debug, Clone)]
pub(crate) enum Standing {
    Healthy,
    /// `attempt` is the number of the usage that sent the signal or tripped the breaker; 0 if none did, but a probe.
    CoolingDown {
        since: Instant,
        until: Instant,
        reason: Arc<str>,
        attempt: Sequence,
        source: Source,
    },
    /// By an admin call there is no such usage.
    Disabled {
        since: Instant,
        cause: Cause,
        attempt: Option<Sequence>,
    },
}

impl Standing {
    /// The status as it was last noticed: cooling down until a selection finds the cooldown expired.
    pub(crate) fn noticed_status(&self) -> Status {
        match self {
            Self::Healthy => Status::Healthy,
            Self::CoolingDown { .. } => Status::CoolingDown,
            Self::Disabled { .. } => Status::Disabled,
        }
    }

    pub(crate) fn until(&self) -> Option<Instant> {
        match self {
            Self::CoolingDown { until, .. } => Some(*until),
            _ => None,
        }
    }

    /// Whether the pool's breaker keeps it away.
    pub(crate) fn is_circuit(&self) -> bool {
        matches!(self, Self::CoolingDown { source: Source::Circuit, .. })
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        match self {
            Self::Healthy => None,
            Self::CoolingDown { reason, source, .. } => Some(source.cause(Arc::clone(reason))),
            Self::Disabled { cause, .. } => Some(cause.clone()),
        }
    }

    /// Whose word the end of the cooldown is.
    pub(crate) fn basis(&self) -> Option<Basis> {
        match self {
            Self::CoolingDown { source, .. } => Some(source.basis()),
            _ => None,
        }
    }

    /// The usage whose signal it was.
    pub(crate) fn attempt(&self) -> Option<Sequence> {
        match self {
            Self::Healthy => None,
            Self::CoolingDown { attempt, .. } => Some(*attempt).filter(|attempt| *attempt > 0),
            Self::Disabled { attempt, .. } => *attempt,
        }
    }
}
