//! Which resource would be picked, and of every other why not.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::refusal::ExhaustedReason;
use super::snapshot::ResourceSnapshot;
use crate::member::standing::Status;
use crate::one_line::OneLine;
use crate::select::strategy::Strategy;

/// How many resources are explained one by one.
pub(crate) const EXPLAINED: usize = 100;
/// The same of an exhausted run: they are copied while others wait for the pool, and when everything fails
/// they are copied for every run.
pub(crate) const EXPLAINED_WHEN_EXHAUSTED: usize = 32;

/// What becomes of a run that begins now, or became of one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outlook {
    /// It is served at once, by [`Explanation::next`].
    Served,
    /// It stands in line.
    InLine {
        /// How many came before it, and may be served before it.
        before: usize,
    },
    /// It is refused, for this reason.
    Refused(ExhaustedReason),
}

/// How a pool stood at one moment, as the answer to: which resource, and why none of the others?
///
/// `Display` prints it in full: one line as a headline, then a line for each resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Explanation {
    /// When, by the pool's clock.
    pub at: Instant,
    /// The resource that the next attempt gets; `None` if it gets none. There is no next attempt of a
    /// run that ended as exhausted.
    pub next: Option<Arc<str>>,
    /// What becomes of the run; of an exhausted one, why it was refused.
    pub outlook: Outlook,
    /// What chooses among the eligible; `None` if code of the user's own did.
    pub strategy: Option<Strategy>,
    /// When a resource is eligible again as far as the pool can know: [`at`](Self::at) if one is
    /// already, else the earliest end of a cooldown or of a spent quota, by the cost that the run states; `None` if all are disabled, or if one is only busy, for
    /// its place may come free at any time. Of resources that a run's filters keep out it knows nothing.
    pub retry_at: Option<Instant>,
    /// How the resources that the run admits stood, in pool order: the first 100, and of an
    /// exhausted run the first 32.
    pub resources: Vec<ResourceSnapshot>,
    /// The number of resources in the pool that the run admits.
    pub members: usize,
    /// The number of resources that the run's own filters kept out.
    pub kept_out: usize,
    /// How many runs are in line for a resource.
    pub in_line: usize,
    /// Since when the pool is [closed](crate::State::close): it begins no new runs, and nothing brings that back.
    pub closed_since: Option<Instant>,
}

impl Explanation {
    /// How long after that moment the pool can serve again, as far as it can know.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_at.map(|retry_at| retry_at.saturating_duration_since(self.at))
    }

    /// How the resources stood taken together.
    pub(crate) fn tally(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = |is: fn(&ResourceSnapshot) -> bool| {
            self.resources.iter().filter(|resource| is(resource)).count()
        };
        let cooling = count(|resource| resource.status == Status::CoolingDown);
        let disabled = count(|resource| resource.status == Status::Disabled);
        let saturated = count(ResourceSnapshot::is_saturated);
        let spent = count(ResourceSnapshot::is_spent);
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
            (spent, "spent"),
            (eligible, "eligible"),
        ] {
            if number > 0 {
                write!(f, "{separator}{number} {word}")?;
                separator = ", ";
            }
        }
        if self.kept_out > 0 {
            write!(f, ", {} kept out by the run's filters", self.kept_out)?;
        }
        match self.in_line {
            0 => Ok(()),
            1 => f.write_str("; 1 run in line"),
            in_line => write!(f, "; {in_line} runs in line"),
        }
    }

    /// A line for each resource, the next one marked.
    pub(crate) fn rows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for resource in &self.resources {
            let mark = if self.next.as_ref() == Some(&resource.id) { '>' } else { ' ' };
            write!(f, "\n{mark} {resource}")?;
        }
        match self.members - self.resources.len() {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }

    /// The resource that comes back first, unless one is eligible already.
    pub(crate) fn first_back(&self) -> Option<&ResourceSnapshot> {
        if self.resources.iter().any(ResourceSnapshot::is_eligible) {
            return None;
        }
        let away = self.resources.iter().filter(|resource| resource.back_at().is_some());
        away.min_by_key(|resource| resource.back_at())
    }
}

impl Explanation {
    /// All but the resources, in one line.
    pub(crate) fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.next, self.strategy, self.outlook) {
            _ if self.closed_since.is_some() => f.write_str("the pool is closed"),
            (Some(next), Some(strategy), _) => {
                write!(f, "next is {}, by {strategy:?}", OneLine(next))
            }
            (Some(next), None, _) => {
                write!(f, "next is {}, by a choice of your own", OneLine(next))
            }
            (None, _, Outlook::InLine { before: 0 }) => {
                f.write_str("nothing to pick yet: first in line")
            }
            (None, _, Outlook::InLine { before }) => {
                write!(f, "nothing to pick yet: in line, behind {before}")
            }
            (None, _, Outlook::Refused(reason)) if !reason.is_for_want_of_a_resource() => {
                write!(f, "refused: {}", reason.at(self.at))
            }
            (None, ..) => f.write_str("nothing to pick"),
        }?;
        if let Some(left) = self.retry_after().filter(|left| !left.is_zero()) {
            write!(f, ", first back in {left:.1?}")?;
        }
        f.write_str("; ")?;
        self.tally(f)
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        self.rows(f)
    }
}
