//! What an operator wants to know of a resource: how it stands, why, since when, until when.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::quota_level::QuotaLevel;
use crate::member::basis::Basis;
use crate::member::profile::Metadata;
use crate::member::signal::Signal;
use crate::member::slot::Slot;
use crate::member::standing::{Cause, Standing, Status};
use crate::one_line::OneLine;
use crate::time::Epoch;

/// How one resource stood at one moment. Its `Display` is one line that says why (not) to pick it.
///
/// With feature `serde` it is `Serialize`: `id` is written as `resource_id`, `since` and `last_acquired` as ages
/// (`…_seconds_ago`), `until` as `cooldown_remaining_seconds`, by the clock as it was [`at`](Self::at).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResourceSnapshot {
    /// The id.
    pub id: Arc<str>,
    /// When this was taken, by the pool's clock.
    pub at: Instant,
    /// The status; an expired cooldown reads as healthy.
    pub status: Status,
    /// Since when it is out; `None` while it is healthy.
    pub since: Option<Instant>,
    /// When its cooldown ends; `None` unless it is cooling down.
    pub until: Option<Instant>,
    /// Whose word that end is; `None` unless it is cooling down.
    pub basis: Option<Basis>,
    /// Why it is out; `None` while it is healthy.
    pub cause: Option<Cause>,
    /// Which attempt sent the signal that took it out: the pool's attempts are numbered from 1, in the
    /// order in which they began. `None` while it is healthy, and when an admin call did it.
    pub attempt: Option<u64>,
    /// Usages in flight, those still draining from an earlier membership of the id included, and probes that
    /// [take a place](crate::ProbeRules::within_limits).
    pub in_flight: u32,
    /// Those of them that outlive a call: their callers hold and settle them.
    pub held: u32,
    /// Since when the one is held that is held longest; `None` if none is.
    pub held_since: Option<Instant>,
    /// The id of the request that holds it, if its caller gave it one.
    pub held_by: Option<Arc<str>>,
    /// The configured cap; `None` is no limit.
    pub max_in_flight: Option<u32>,
    /// The cap that holds now: the configured one, or what a trial after a cooldown leaves of it.
    pub limit: Option<u32>,
    /// Places that were handed to runs in line which have yet to come for them.
    pub promised: u32,
    /// How many at once a ramp allows to those in line, while the resource is on one.
    pub pace: Option<u32>,
    /// Why the circuit breaker would have sent it away, if it were not among the last healthy ones.
    pub kept: Option<Arc<str>>,
    /// Guessed cooldowns since the last success: the step on the cooldown table.
    pub consecutive_cooldowns: u32,
    /// The group to which it belongs, if any.
    pub group: Option<Arc<str>>,
    /// Until when its quotas are spent, its group's among them: a dimension has less than one left. It is healthy all the same; `None` unless they
    /// are.
    pub spent_until: Option<Instant>,
    /// What is left of its quotas, and then of its group's.
    pub quotas: Vec<QuotaLevel>,
    /// When it was last picked.
    pub last_acquired: Option<Instant>,
    /// What its owner said about it.
    pub metadata: Arc<Metadata>,
}

impl ResourceSnapshot {
    pub(crate) fn of(slot: &Slot, now: Instant, epoch: Epoch) -> Self {
        let status = slot.status_at(now);
        let standing = slot.standing();
        let (since, until) = match standing {
            Standing::CoolingDown(outage) if status == Status::CoolingDown => {
                (Some(outage.since), Some(outage.until))
            }
            Standing::Disabled { since, .. } => (Some(*since), None),
            _ => (None, None),
        };
        let longest = slot.holds.longest();
        let is_out = status != Status::Healthy;
        Self {
            id: Arc::clone(slot.id()),
            at: now,
            status,
            since,
            until,
            basis: if until.is_some() { standing.basis() } else { None },
            cause: if is_out { standing.cause() } else { None },
            attempt: if is_out { standing.attempt() } else { None },
            in_flight: slot.in_flight(),
            held: slot.holds.len(),
            held_since: longest.map(|hold| epoch.instant(hold.since)),
            held_by: longest.and_then(|hold| hold.told.request_id.clone()),
            max_in_flight: slot.max_in_flight(),
            limit: slot.limit(),
            promised: slot.promised,
            pace: slot.pace(),
            kept: slot.circuit.as_ref().and_then(|circuit| circuit.kept.clone()),
            consecutive_cooldowns: slot.consecutive_cooldowns(),
            group: slot.group().cloned(),
            spent_until: slot.spent_until_after(now),
            quotas: QuotaLevel::all_of(slot, now),
            last_acquired: slot.last_acquired().map(|tick| epoch.instant(tick)),
            metadata: Arc::clone(slot.metadata()),
        }
    }

    /// Whether its line tells all that `signal` has to say.
    pub(crate) fn is_out_because_of(&self, signal: &Signal) -> bool {
        match &self.cause {
            Some(Cause::Signal(reason) | Cause::Group { reason, .. }) => {
                **reason == *signal.reason()
            }
            _ => false,
        }
    }

    /// Whether it is healthy and its quotas are spent, whatever its cap.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.status == Status::Healthy && self.spent_until.is_some()
    }

    /// Whether it is healthy, has quota left, and is at its cap.
    #[must_use]
    pub fn is_saturated(&self) -> bool {
        self.status == Status::Healthy
            && !self.is_spent()
            && self.limit.is_some_and(|limit| self.in_flight + self.promised >= limit)
    }

    /// Whether it could be picked: healthy, below its cap, and with quota left.
    #[must_use]
    pub fn is_eligible(&self) -> bool {
        self.status == Status::Healthy && !self.is_spent() && !self.is_saturated()
    }

    /// When it is back if it is away until a known instant: the later of the end of its cooldown and of when it has
    /// quota again.
    #[must_use]
    pub fn back_at(&self) -> Option<Instant> {
        match self.status {
            Status::Disabled => None,
            Status::Healthy | Status::CoolingDown => self.until.max(self.spent_until),
        }
    }
}

impl fmt::Display for ResourceSnapshot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { id, at, .. } = self;
        let ago = |since: &Instant| at.saturating_duration_since(*since);
        write!(f, "{}: ", OneLine(id))?;
        self.standing(f)?;
        match self.held_since {
            Some(held_since) => self.held(f, ago(&held_since)),
            None => Ok(()),
        }
    }
}

impl ResourceSnapshot {
    fn standing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { at, since, until, cause, .. } = self;
        let ago = |since: &Instant| at.saturating_duration_since(*since);
        match (self.status, since, until, cause) {
            (Status::CoolingDown, Some(since), Some(until), Some(cause)) => {
                let left = until.saturating_duration_since(*at);
                write!(f, "cooling down, back in {left:.1?}: {cause}")?;
                write!(f, " ({:.1?} ago, ", ago(since))?;
                match self.basis {
                    Some(Basis::Stated) => f.write_str("as stated)"),
                    Some(Basis::Clamped { stated }) => {
                        write!(f, "clamped: stated were {stated:.1?})")
                    }
                    Some(Basis::Operator) => f.write_str("as an operator set)"),
                    _ if matches!(cause, Cause::Circuit(_)) => f.write_str("guessed)"),
                    _ => write!(f, "guessed, cooldown {})", self.consecutive_cooldowns),
                }
            }
            (Status::Disabled, Some(since), _, Some(cause)) => {
                write!(f, "disabled {:.1?} ago: {cause}", ago(since))
            }
            _ if self.is_spent() => {
                let left = self.spent_until.map_or(Duration::ZERO, |until| until - *at);
                write!(f, "spent, has quota again in {left:.1?}: ")?;
                let spent = self.quotas.iter().filter(|level| level.left < 1);
                for (number, level) in spent.enumerate() {
                    write!(f, "{}{level}", if number > 0 { ", " } else { "" })?;
                }
                Ok(())
            }
            _ if self.is_saturated() => {
                write!(f, "saturated: {} in flight", self.in_flight)?;
                if self.promised > 0 {
                    write!(f, " and {} promised", self.promised)?;
                }
                match (self.limit, self.max_in_flight) {
                    (Some(limit), configured) if configured != Some(limit) => {
                        write!(f, " of {limit} (on trial after a cooldown)")
                    }
                    (Some(limit), _) => write!(f, " of {limit}"),
                    (None, _) => Ok(()),
                }
            }
            _ => {
                write!(f, "eligible: {} in flight", self.in_flight)?;
                if let Some(pace) = self.pace {
                    write!(f, " (coming up a ramp: {pace} at once)")?;
                }
                match &self.kept {
                    Some(kept) => {
                        write!(f, " (kept available, else circuit open: {})", OneLine(kept))
                    }
                    None => Ok(()),
                }
            }
        }
    }

    /// Who holds it longest.
    fn held(&self, f: &mut fmt::Formatter<'_>, longest: Duration) -> fmt::Result {
        f.write_str(match self.held {
            1 => ", held for ",
            _ => ", held longest for ",
        })?;
        match longest.as_secs_f64() {
            seconds @ 3600.0.. => write!(f, "{:.1} h", seconds / 3600.0)?,
            seconds @ 60.0.. => write!(f, "{:.1} min", seconds / 60.0)?,
            _ => write!(f, "{longest:.1?}")?,
        }
        match &self.held_by {
            Some(request) => write!(f, " by request {}", OneLine(request)),
            None => Ok(()),
        }
    }
}
