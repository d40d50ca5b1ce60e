//! What a run remembers of what it has been through.

use std::time::Duration;

use super::beside::Hedging;
use super::pause::Pause;
use crate::member::signal::Signal;
use crate::member::usage::{Sequence, Ticket};
use crate::pool::waiting::Turn;
use crate::protect::Hedge;
use crate::rare::Rare;
use crate::select::candidate::Candidate;
use crate::time::Tick;

/// A choice of a caller's own code: a candidate, or none of them.
type Choice = Option<Box<Candidate>>;

/// What a run remembers from its first failure, wait or choice on. Most runs are served before they have any, and
/// much of a run's cost is the size of what it carries.
#[derive(Debug, Default)]
pub(super) struct History(pub(super) Rare<Remembered>);

#[derive(Debug, Default)]
pub(super) struct Remembered {
    /// What the calls have cost of the budget.
    pub(super) spent: u32,
    /// Whether an attempt has failed by something that a circuit breaker counts.
    pub(super) has_failed: bool,
    /// Whether the next attempt is a retry, as the pool's budget counts them.
    pub(super) retries: bool,
    pub(super) pause: Pause,
    /// Under the recorded rules: the usage of the failed attempt, which keeps its place until the pause is over.
    pub(super) failed: Option<Ticket>,
    /// What a caller's own code chose, until the step that follows it.
    pub(super) choice: Option<Choice>,
    /// The run's place in line, and since when it stands there.
    pub(super) turn: Option<Turn>,
    pub(super) in_line_since: Option<Tick>,
    /// Whether those who follow know that it waits there.
    pub(super) is_told_in_line: bool,
    pub(super) last_signal: Option<Signal>,
    /// What its caller judged while it stood in line.
    pub(super) verdicts: Vec<(u64, bool)>,
    /// The number of its usage, if that outlives its call.
    pub(super) held: Option<Sequence>,
    /// How long that took to its first item, if it is a stream that has begun.
    pub(super) first_item: Option<Duration>,
    /// Which attempt was the last on a resource that is out; 0 if none was.
    pub(super) degraded: u32,
    /// When its attempts are hedged, if it was told, and how far that is with the one in flight.
    pub(super) hedge: Option<Hedge>,
    pub(super) hedging: Option<Hedging>,
}

impl History {
    #[inline]
    pub(super) fn spent(&self) -> u32 {
        self.0.as_ref().map_or(0, |history| history.spent)
    }

    #[inline]
    pub(super) fn pause(&self) -> Pause {
        self.0.as_ref().map_or(Pause::None, |history| history.pause)
    }

    #[inline]
    pub(super) fn retries(&self) -> bool {
        self.0.as_ref().is_some_and(|history| history.retries)
    }

    pub(super) fn has_failed(&self) -> bool {
        self.0.as_ref().is_some_and(|history| history.has_failed)
    }

    pub(super) fn write(&mut self) -> &mut Remembered {
        self.0.get_or_insert_default()
    }
}
