//! What can be seen of a pool, in words that both core's answers and the reference's fit into.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rotapool_core::{
    Basis, Candidate, Cause, Effects, Event, Exhausted, ExhaustedReason, Metadata,
    ResourceSnapshot, Signal, StateChange, Status,
};

use crate::twice::vitals::Vitals;

/// A point on the clock of an episode: the time since it started. Unlike an `Instant` it can be read.
pub(crate) type Moment = Duration;

/// Translates between core's instants and the moments of an episode.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock(pub(crate) Instant);

impl Clock {
    pub(crate) fn instant(self, moment: Moment) -> Instant {
        self.0 + moment
    }

    pub(crate) fn moment(self, instant: Instant) -> Moment {
        instant.checked_duration_since(self.0).expect("an instant of the episode")
    }
}

/// What aborts an attempt or ends a wait: its name. Every step of a run brings another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Handle {
    pub(crate) run: usize,
    pub(crate) step: u32,
}

/// What a run has to do now.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Move {
    /// Memberships are told apart by the order in which they were added.
    Attempt {
        membership: usize,
    },
    /// Judge these.
    Judge(Vec<Arc<Metadata>>),
    /// Choose one of these.
    Choose(Vec<Offer>),
    Pause {
        until: Moment,
    },
    Wait {
        until: Option<Moment>,
    },
    Exhausted(Exhaustion),
}

/// What has come of the limit of what is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Due {
    NotYet,
    /// The attempt that is spoken of has had its time.
    Attempt,
    /// The one beside it has.
    Beside,
    /// Another attempt begins beside it.
    Begin {
        membership: usize,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Exhaustion {
    pub(crate) why: Why,
    pub(crate) at: Moment,
    pub(crate) attempts: u32,
    pub(crate) last_signal: Option<Signal>,
    pub(crate) retry_at: Option<Moment>,
    pub(crate) members: usize,
    pub(crate) resources: Vec<Row>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Why {
    NoEligibleResource,
    NoResourceAdmitted,
    MaxAttempts,
    Closed,
    Deadline { deadline: Moment },
    CooldownOutlastsDeadline { until: Moment, deadline: Moment },
    PauseOutlastsDeadline { until: Moment, deadline: Moment },
    LineFull { in_line: usize, max_waiting: usize },
    RetryBudget { runs: u64, retries: u64, allows_at: Option<Moment> },
}

impl Exhaustion {
    pub(crate) fn of(exhausted: &Exhausted, clock: Clock) -> Self {
        let explanation = &exhausted.explanation;
        Self {
            why: match exhausted.reason {
                ExhaustedReason::NoEligibleResource => Why::NoEligibleResource,
                ExhaustedReason::NoResourceAdmitted => Why::NoResourceAdmitted,
                ExhaustedReason::MaxAttempts => Why::MaxAttempts,
                ExhaustedReason::Closed => Why::Closed,
                ExhaustedReason::Deadline { deadline } => {
                    Why::Deadline { deadline: clock.moment(deadline) }
                }
                ExhaustedReason::CooldownOutlastsDeadline { until, deadline } => {
                    Why::CooldownOutlastsDeadline {
                        until: clock.moment(until),
                        deadline: clock.moment(deadline),
                    }
                }
                ExhaustedReason::PauseOutlastsDeadline { until, deadline } => {
                    Why::PauseOutlastsDeadline {
                        until: clock.moment(until),
                        deadline: clock.moment(deadline),
                    }
                }
                ExhaustedReason::LineFull { in_line, max_waiting } => {
                    Why::LineFull { in_line, max_waiting }
                }
                ExhaustedReason::RetryBudget(spent) => Why::RetryBudget {
                    runs: spent.runs,
                    retries: spent.retries,
                    allows_at: spent.allows_at.map(|at| clock.moment(at)),
                },
                other => panic!("the reference has no word for {other:?}"),
            },
            at: clock.moment(explanation.at),
            attempts: exhausted.attempts,
            last_signal: exhausted.last_signal.clone(),
            retry_at: explanation.retry_at.map(|at| clock.moment(at)),
            members: explanation.members,
            resources: explanation.resources.iter().map(|row| Row::of(row, clock)).collect(),
        }
    }
}

/// How one resource stands: a line of a snapshot.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) id: Arc<str>,
    pub(crate) at: Moment,
    pub(crate) status: Status,
    pub(crate) since: Option<Moment>,
    pub(crate) until: Option<Moment>,
    pub(crate) basis: Option<Basis>,
    pub(crate) cause: Option<Cause>,
    pub(crate) attempt: Option<u64>,
    pub(crate) in_flight: u32,
    pub(crate) held: u32,
    pub(crate) held_since: Option<Moment>,
    pub(crate) promised: u32,
    pub(crate) max_in_flight: Option<u32>,
    pub(crate) limit: Option<u32>,
    pub(crate) pace: Option<u32>,
    pub(crate) kept: Option<Arc<str>>,
    pub(crate) consecutive_cooldowns: u32,
    pub(crate) last_acquired: Option<Moment>,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) spent_until: Option<Moment>,
    /// What is left of each dimension.
    pub(crate) quotas: Vec<(Arc<str>, i64)>,
    pub(crate) eligible: bool,
    pub(crate) saturated: bool,
}

impl Row {
    pub(crate) fn of(row: &ResourceSnapshot, clock: Clock) -> Self {
        let moment = |instant: Option<Instant>| instant.map(|instant| clock.moment(instant));
        Self {
            id: Arc::clone(&row.id),
            at: clock.moment(row.at),
            status: row.status,
            since: moment(row.since),
            until: moment(row.until),
            basis: row.basis,
            cause: row.cause.clone(),
            attempt: row.attempt,
            in_flight: row.in_flight,
            held: row.held,
            held_since: moment(row.held_since),
            promised: row.promised,
            max_in_flight: row.max_in_flight,
            limit: row.limit,
            pace: row.pace,
            kept: row.kept.clone(),
            consecutive_cooldowns: row.consecutive_cooldowns,
            last_acquired: moment(row.last_acquired),
            metadata: Arc::clone(&row.metadata),
            spent_until: moment(row.spent_until),
            quotas: row
                .quotas
                .iter()
                .map(|level| (Arc::clone(level.quota.dimension()), level.left))
                .collect(),
            eligible: row.is_eligible(),
            saturated: row.is_saturated(),
        }
    }
}

/// A resource that the pool's owner may choose.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Offer {
    pub(crate) id: Arc<str>,
    pub(crate) in_flight: u32,
    pub(crate) limit: Option<u32>,
    pub(crate) weight: f64,
    pub(crate) priority: u32,
    pub(crate) metadata: Arc<Metadata>,
    pub(crate) last_acquired: Option<Moment>,
    pub(crate) tried: bool,
    pub(crate) vitals: Vitals,
}

impl Offer {
    pub(crate) fn of(candidate: &Candidate, clock: Clock) -> Self {
        Self {
            id: Arc::clone(&candidate.id),
            in_flight: candidate.in_flight,
            limit: candidate.limit,
            weight: candidate.weight,
            priority: candidate.priority,
            metadata: Arc::clone(&candidate.metadata),
            last_acquired: candidate.last_acquired.map(|at| clock.moment(at)),
            tried: candidate.tried,
            vitals: Vitals::of(&candidate.health, clock),
        }
    }
}

/// What one command left to be done outside.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(crate) struct Aftermath {
    pub(crate) aborts: Vec<Handle>,
    pub(crate) changes: Vec<Change>,
    /// In no particular order, as `retired`: by name.
    pub(crate) wakes: Vec<Handle>,
    pub(crate) retired: Vec<Handle>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) departure: bool,
}

/// The pool as a whole has turned, after so many of the changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Turn {
    pub(crate) is_exhausted: bool,
    pub(crate) at: Moment,
    pub(crate) after: usize,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) sequence: u64,
    pub(crate) id: Arc<str>,
    pub(crate) old: Status,
    pub(crate) new: Status,
    pub(crate) until: Option<Moment>,
    pub(crate) cause: Option<Cause>,
}

impl Aftermath {
    pub(crate) fn in_order(mut self) -> Self {
        self.wakes.sort_unstable();
        self.retired.sort_unstable();
        self
    }

    pub(crate) fn of(
        effects: Option<Effects<Handle>>,
        retired: Option<Handle>,
        clock: Clock,
    ) -> Self {
        let mut effects = effects.unwrap_or_default();
        effects.retired.extend(retired);
        let change = |change: &StateChange| Change {
            sequence: change.sequence,
            id: Arc::clone(&change.id),
            old: change.old,
            new: change.new,
            until: change.until.map(|until| clock.moment(until)),
            cause: change.cause.clone(),
        };
        let mut turns = Vec::new();
        let mut after = 0;
        for event in &effects.events {
            let (is_exhausted, at) = match event {
                Event::StateChanged { .. } => {
                    after += 1;
                    continue;
                }
                Event::PoolExhausted { at, .. } => (true, clock.moment(*at)),
                Event::PoolRecovered { at, .. } => (false, clock.moment(*at)),
                _ => continue,
            };
            turns.push(Turn { is_exhausted, at, after });
        }
        Self {
            turns,
            departure: effects.departure,
            changes: effects.changes().map(change).collect(),
            aborts: effects.aborts,
            wakes: effects.wakes,
            retired: effects.retired,
        }
        .in_order()
    }
}
