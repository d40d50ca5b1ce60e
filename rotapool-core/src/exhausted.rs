//! Why the pool could not serve a run, and when it could.

use std::fmt;
use std::time::{Duration, Instant};

use crate::signal::Signal;
use crate::snapshot::ResourceSnapshot;
use crate::standing::Status;

/// How many resources an exhausted run explains one by one.
pub(crate) const EXPLAINED: usize = 100;

/// Why a run could not be served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ExhaustedReason {
    /// No resource was eligible, and none was worth waiting for.
    NoEligibleResource,
    /// The run's own filters kept every resource out.
    NoResourceAdmitted,
    /// The budget of attempts was spent.
    MaxAttempts,
    /// The deadline had come before the next attempt could start.
    Deadline {
        /// The deadline.
        deadline: Instant,
    },
    /// The run was willing to wait, and the earliest cooldown ends at or after its deadline.
    CooldownOutlastsDeadline {
        /// When the earliest cooldown ends.
        until: Instant,
        /// The deadline.
        deadline: Instant,
    },
}

/// The pool could not serve a run: why, how the resources stood, and when to come back.
///
/// `Display` is one line for a log; [`table`](Self::table) prints a line per resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exhausted {
    /// Why.
    pub reason: ExhaustedReason,
    /// When, by the pool's clock.
    pub at: Instant,
    /// The attempts that the run had made.
    pub attempts: u32,
    /// The signal of the last attempt; an attempt that a sibling aborted counts as having sent the
    /// sibling's signal.
    pub last_signal: Option<Signal>,
    /// When a resource is eligible again as far as the pool can know: [`at`](Self::at) if one is
    /// already, else the end of the earliest cooldown; `None` if all are disabled or saturated. Of
    /// resources that the run's filters keep out it knows nothing.
    pub retry_at: Option<Instant>,
    /// How the resources that the run admits stood, in pool order: the first 100.
    pub resources: Vec<ResourceSnapshot>,
    /// The number of resources in the pool that the run admits.
    pub members: usize,
    /// The number of resources that the run's own filters kept out.
    pub kept_out: usize,
}

impl Exhausted {
    /// How long after the run ended the pool can serve again, as far as it can know.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_at.map(|retry_at| retry_at.saturating_duration_since(self.at))
    }

    /// The full explanation: the line of `Display`, then a line for each resource.
    #[must_use]
    pub fn table(&self) -> ExhaustedTable<'_> {
        ExhaustedTable(self)
    }

    /// Why, after how much, and how the resources stand taken together.
    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let since = |earlier: Instant| self.at.saturating_duration_since(earlier);
        f.write_str("pool exhausted: ")?;
        match self.reason {
            ExhaustedReason::NoEligibleResource => f.write_str("no eligible resource")?,
            ExhaustedReason::NoResourceAdmitted => {
                f.write_str("the run's filters admit no resource")?;
            }
            ExhaustedReason::MaxAttempts => f.write_str("no attempt left")?,
            ExhaustedReason::Deadline { deadline } => {
                write!(f, "the deadline passed {:.1?} ago,", since(deadline))?;
            }
            ExhaustedReason::CooldownOutlastsDeadline { until, deadline } => write!(
                f,
                "the earliest cooldown ends {:.1?} past the deadline,",
                until.saturating_duration_since(deadline)
            )?,
        }
        match self.attempts {
            1 => f.write_str(" after 1 attempt; ")?,
            attempts => write!(f, " after {attempts} attempts; ")?,
        }
        self.tally(f)
    }

    fn tally(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |is: fn(&ResourceSnapshot) -> bool| {
            self.resources.iter().filter(|resource| is(resource)).count()
        };
        let cooling = count(|resource| resource.status == Status::CoolingDown);
        let disabled = count(|resource| resource.status == Status::Disabled);
        let saturated = count(ResourceSnapshot::is_saturated);
        let eligible = count(ResourceSnapshot::is_eligible);
        match self.members {
            0 if self.kept_out > 0 => return write!(f, "all {} are kept out", self.kept_out),
            0 => return f.write_str("the pool is empty"),
            1 => f.write_str("1 resource: ")?,
            members => write!(f, "{members} resources: ")?,
        }
        if self.members > self.resources.len() {
            write!(f, "of the first {}, ", self.resources.len())?;
        }
        let mut separator = "";
        for (number, word) in [
            (cooling, "cooling down"),
            (disabled, "disabled"),
            (saturated, "saturated"),
            (eligible, "eligible"),
        ] {
            if number > 0 {
                write!(f, "{separator}{number} {word}")?;
                separator = ", ";
            }
        }
        match self.kept_out {
            0 => Ok(()),
            kept_out => write!(f, ", {kept_out} kept out by the run's filters"),
        }
    }

    /// The resource that comes back first, unless one is eligible already.
    fn first_back(&self) -> Option<&ResourceSnapshot> {
        self.resources
            .iter()
            .filter(|resource| resource.until.is_some() && resource.until == self.retry_at)
            .min_by_key(|resource| resource.until)
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        let shown = match (self.first_back(), self.retry_after()) {
            (Some(first), _) => {
                write!(f, "; first back is {first}")?;
                Some(first)
            }
            (None, Some(retry_after)) if !retry_after.is_zero() => {
                write!(f, "; back in {retry_after:.1?}")?;
                None
            }
            (None, None) if !self.resources.is_empty() => {
                write!(f, "; {}", self.resources[0])?;
                self.resources.first()
            }
            _ => None,
        };
        match &self.last_signal {
            Some(signal) if !shown.is_some_and(|row| row.is_out_because_of(signal)) => {
                write!(f, "; last signal: {signal}")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Exhausted {}

/// Prints an [`Exhausted`] in full: one line as a headline, then a line for each resource.
#[derive(Debug, Clone, Copy)]
pub struct ExhaustedTable<'a>(&'a Exhausted);

impl fmt::Display for ExhaustedTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.headline(f)?;
        if let Some(signal) = &self.0.last_signal {
            write!(f, "; last signal: {signal}")?;
        }
        for resource in &self.0.resources {
            write!(f, "\n  {resource}")?;
        }
        match self.0.members - self.0.resources.len() {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}
