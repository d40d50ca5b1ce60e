//! Why a pool refuses a run, in a word and in words.

use std::fmt;
use std::time::Instant;

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
