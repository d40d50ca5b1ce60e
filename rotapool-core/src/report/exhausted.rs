//! Why the pool could not serve a run, and when it could.

use std::fmt;
use std::time::{Duration, Instant};

use super::explanation::Explanation;
use crate::member::signal::Signal;
use crate::protect::BudgetSpent;

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
    /// The attempt would have been a retry, and the pool's retry budget is spent. A run that begins now may make its
    /// first attempt all the same.
    RetryBudget(BudgetSpent),
    /// The pool is [closed](crate::State::close): the run had made no attempt by then, or was still not over when
    /// what was left was [ended](crate::State::end).
    Closed,
    /// The deadline had come before the next attempt could start.
    Deadline {
        /// The deadline.
        deadline: Instant,
    },
    /// The run would have repeated itself after a pause, which would have ended at or after its deadline, and nothing
    /// that it has not tried could have been waited for until then.
    PauseOutlastsDeadline {
        /// When the pause would have ended.
        until: Instant,
        /// The deadline.
        deadline: Instant,
    },
    /// The run was willing to wait, and so many are in line already that no other may join them.
    LineFull {
        /// How many are in line. More than may be if some of them came again, to try another time: those are let in.
        in_line: usize,
        /// How many may be before one that has only just come is refused.
        max_waiting: usize,
    },
    /// The run was willing to wait, and the earliest cooldown ends, or quota is there again, at or after its deadline.
    CooldownOutlastsDeadline {
        /// When that is.
        until: Instant,
        /// The deadline.
        deadline: Instant,
    },
}

impl ExhaustedReason {
    pub(crate) fn is_for_want_of_a_resource(self) -> bool {
        matches!(self, Self::NoEligibleResource | Self::NoResourceAdmitted)
    }

    /// The reason in words, as of that moment.
    pub(crate) fn at(self, now: Instant) -> impl fmt::Display {
        Words(self, now)
    }
}

struct Words(ExhaustedReason, Instant);

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(reason, now) = self;
        let past = |until: Instant, deadline| until.saturating_duration_since(deadline);
        match *reason {
            ExhaustedReason::NoEligibleResource => f.write_str("no eligible resource"),
            ExhaustedReason::NoResourceAdmitted => {
                f.write_str("the run's filters admit no resource")
            }
            ExhaustedReason::Closed => f.write_str("it is closed, and begins nothing new"),
            ExhaustedReason::MaxAttempts => f.write_str("no attempt left"),
            ExhaustedReason::RetryBudget(BudgetSpent { budget, runs, retries, allows_at }) => {
                write!(f, "the retry budget is spent ({retries} to {runs} runs; {budget}")?;
                match allows_at {
                    Some(at) => write!(f, "; again in {:.1?})", past(at, *now)),
                    None => f.write_str("; again with more runs)"),
                }
            }
            ExhaustedReason::Deadline { deadline } => {
                write!(f, "the deadline passed {:.1?} ago", past(*now, deadline))
            }
            ExhaustedReason::PauseOutlastsDeadline { until, deadline } => {
                let past = past(until, deadline);
                write!(f, "the pause before a repetition ends {past:.1?} past the deadline")
            }
            ExhaustedReason::LineFull { in_line, max_waiting } => {
                let are = if in_line == 1 { "run is" } else { "runs are" };
                write!(f, "the line is full: {in_line} {are} in it, and {max_waiting} may be")
            }
            ExhaustedReason::CooldownOutlastsDeadline { until, deadline } => {
                let past = past(until, deadline);
                write!(f, "the first resource is back {past:.1?} past the deadline")
            }
        }
    }
}

/// The pool could not serve a run: why, how the resources stood, and when to come back.
///
/// `Display` is one line for a log; [`table`](Self::table) prints a line per resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exhausted {
    /// Why.
    pub reason: ExhaustedReason,
    /// The attempts that the run had made.
    pub attempts: u32,
    /// The signal of the last attempt; an attempt that a sibling aborted counts as having sent the
    /// sibling's signal.
    pub last_signal: Option<Signal>,
    /// How the resources that the run admits stood, and when to come back.
    pub explanation: Explanation,
}

impl Exhausted {
    /// How long after the run ended the pool can serve again, as far as it can know.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.explanation.retry_after()
    }

    /// The full explanation: the line of `Display`, then a line for each resource.
    #[must_use]
    pub fn table(&self) -> ExhaustedTable<'_> {
        ExhaustedTable(self)
    }

    /// Why, after how much, and how the resources stand taken together.
    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pool exhausted: {}", self.reason.at(self.explanation.at))?;
        if self.reason != ExhaustedReason::MaxAttempts && !self.reason.is_for_want_of_a_resource() {
            f.write_str(",")?;
        }
        match self.attempts {
            1 => f.write_str(" after 1 attempt; ")?,
            attempts => write!(f, " after {attempts} attempts; ")?,
        }
        self.explanation.tally(f)
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        let first = self.explanation.first_back();
        let shown = match (first, self.retry_after()) {
            // The explained are not all: another may be back before.
            (Some(first), Some(_)) if first.back_at() == self.explanation.retry_at => {
                write!(f, "; first back is {first}")?;
                Some(first)
            }
            (_, Some(retry_after)) if !retry_after.is_zero() => {
                write!(f, "; back in {retry_after:.1?}")?;
                None
            }
            (Some(first), None) => {
                write!(f, "; a place may come free at any time, else first back is {first}")?;
                Some(first)
            }
            (None, None) => {
                let first = self.explanation.resources.first();
                first.map_or(Ok(()), |first| write!(f, "; {first}"))?;
                first
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
        self.0.explanation.rows(f)
    }
}
