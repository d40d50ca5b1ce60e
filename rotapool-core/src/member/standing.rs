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
    /// A signal sent it away for a while, or an operator parked it.
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
    /// The same of a signal that [spoke of the group](crate::Signal::of_group): it took out all of that.
    Group {
        /// The group's name.
        group: Arc<str>,
        /// The reason.
        reason: Arc<str>,
    },
    /// The pool's circuit breaker, with what tripped it.
    Circuit(Arc<str>),
    /// A call of `disable` from outside.
    Admin,
    /// An operator parked it for a while.
    #[non_exhaustive]
    Parked {
        /// Who, if they gave their name.
        by: Option<Arc<str>>,
        /// Why.
        reason: Arc<str>,
    },
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(reason) => write!(f, "{}", OneLine(reason)),
            Self::Group { group, reason } => {
                write!(f, "{}, with all of group {}", OneLine(reason), OneLine(group))
            }
            Self::Circuit(evidence) => write!(f, "circuit open: {}", OneLine(evidence)),
            Self::Admin => f.write_str("by an admin call"),
            Self::Parked { by, reason } => {
                f.write_str("parked")?;
                if let Some(by) = by {
                    write!(f, " by {}", OneLine(by))?;
                }
                if !reason.is_empty() {
                    write!(f, ": {}", OneLine(reason))?;
                }
                Ok(())
            }
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
    pub(crate) fn basis(self) -> Basis {
        match self {
            Self::Signal(basis) => basis,
            Self::Circuit => Basis::Guessed,
        }
    }

    pub(crate) fn cause(self, reason: Arc<str>) -> Cause {
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
    CoolingDown(Box<Outage>),
    /// By an admin call there is no such usage.
    Disabled {
        since: Instant,
        cause: Cause,
        attempt: Option<Sequence>,
    },
}

/// Why a resource is out for a while, and until when: one end, the latest of all that were said.
#[derive(Debug, Clone)]
pub(crate) struct Outage {
    pub(crate) since: Instant,
    pub(crate) until: Instant,
    pub(crate) cause: Cause,
    /// The usage that sent the signal or tripped the breaker; of a park and a probe there is none.
    pub(crate) attempt: Option<Sequence>,
    pub(crate) basis: Basis,
    /// Where an operator's end is later than that of the failure which is the cause: the failure's own.
    pub(crate) beneath: Option<(Instant, Basis)>,
}

impl Outage {
    /// The end by what failures say alone, and whose word that is.
    pub(crate) fn failure(&self) -> Option<(Instant, Basis)> {
        match (self.beneath, &self.cause) {
            (None, Cause::Parked { .. }) => None,
            (None, _) => Some((self.until, self.basis)),
            (beneath, _) => beneath,
        }
    }

    /// Who serves first, if one that is out has to: what an operator parked, then what is guessed to be out, then what
    /// is said to be.
    pub(crate) fn badness(&self, now: Instant) -> u8 {
        match self.failure() {
            Some((until, _)) if until <= now => 0,
            None => 0,
            Some((_, Basis::Guessed)) => 1,
            Some(_) => 2,
        }
    }

    /// A failure is the cause from here on, and its end that of the outage unless an operator's is later.
    pub(crate) fn fail(&mut self, by: Self) {
        let parked = self.basis == Basis::Operator && self.until > by.until;
        *self = match parked {
            true => Self {
                since: self.since,
                until: self.until,
                basis: Basis::Operator,
                beneath: Some((by.until, by.basis)),
                ..by
            },
            false => Self { since: self.since, ..by },
        };
    }

    /// An operator says when it ends, which is later than it was. A failure stays the cause.
    pub(crate) fn park(&mut self, until: Instant, cause: Cause) {
        self.beneath = self.failure();
        if self.beneath.is_none() {
            self.cause = cause;
        }
        (self.until, self.basis) = (until, Basis::Operator);
    }
}

impl Standing {
    /// The status as it was last noticed: cooling down until a selection finds the cooldown expired.
    pub(crate) fn noticed_status(&self) -> Status {
        match self {
            Self::Healthy => Status::Healthy,
            Self::CoolingDown(_) => Status::CoolingDown,
            Self::Disabled { .. } => Status::Disabled,
        }
    }

    /// What is known of the cooldown.
    pub(crate) fn outage(&self) -> Option<&Outage> {
        match self {
            Self::CoolingDown(outage) => Some(outage),
            _ => None,
        }
    }

    pub(crate) fn until(&self) -> Option<Instant> {
        self.outage().map(|outage| outage.until)
    }

    /// Whether the pool's breaker keeps it away.
    pub(crate) fn is_circuit(&self) -> bool {
        self.outage().is_some_and(|outage| matches!(outage.cause, Cause::Circuit(_)))
    }

    pub(crate) fn cause(&self) -> Option<Cause> {
        match self {
            Self::Healthy => None,
            Self::CoolingDown(outage) => Some(outage.cause.clone()),
            Self::Disabled { cause, .. } => Some(cause.clone()),
        }
    }

    /// Whose word the end of the cooldown is.
    pub(crate) fn basis(&self) -> Option<Basis> {
        self.outage().map(|outage| outage.basis)
    }

    /// The usage whose signal it was.
    pub(crate) fn attempt(&self) -> Option<Sequence> {
        match self {
            Self::Healthy => None,
            Self::CoolingDown(outage) => outage.attempt,
            Self::Disabled { attempt, .. } => *attempt,
        }
    }
}
