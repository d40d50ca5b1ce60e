//! One membership: what is known of a resource from its `add` to its `remove`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::counters::ResourceCounters;
use super::escalation::Escalation;
use super::fingerprint::fingerprint;
use super::measures::Measures;
use super::profile::Profile;
use super::standing::{Cause, Standing, Status};
use super::usage::{Lane, Sequence};
use crate::time::{Tick, after};

/// Where the state keeps a membership: for tables that run beside it, such as the values.
///
/// An index is used again once its membership has been removed and its usages have drained.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct SlotIndex(pub(crate) usize);

impl SlotIndex {
    /// The index as a number, small and dense.
    #[must_use]
    pub fn get(self) -> usize {
        self.0
    }
}

#[derive(Debug, Clone)]
pub(crate) struct Slot {
    profile: Profile,
    fingerprint: u64,
    position: u64,
    /// Whether it is still in the pool, or only drains.
    pub(crate) member: bool,
    standing: Standing,
    escalation: Escalation,
    /// Back from a cooldown and not yet proven: one usage at a time.
    probing: bool,
    last_acquired: Option<(Sequence, Tick)>,
    pub(crate) lane: Lane,
    /// Usages still draining from earlier memberships of this id.
    pub(crate) inherited: u32,
    pub(crate) counters: ResourceCounters,
    pub(crate) measures: Measures,
}

impl Slot {
    pub(crate) fn new(profile: Profile, position: u64, inherited: u32) -> Self {
        Self {
            fingerprint: fingerprint(profile.id.as_bytes()),
            profile,
            position,
            member: true,
            standing: Standing::Healthy,
            escalation: Escalation::default(),
            probing: false,
            last_acquired: None,
            lane: Lane::EMPTY,
            inherited,
            counters: ResourceCounters::default(),
            measures: Measures::new(),
        }
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.profile.id
    }

    pub(crate) fn profile(&self) -> &Profile {
        &self.profile
    }

    #[inline]
    pub(crate) fn weight(&self) -> f64 {
        self.profile.weight
    }

    #[inline]
    pub(crate) fn priority(&self) -> u32 {
        self.profile.priority
    }

    /// The number that stands for the id.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The order of acquisition; who was never acquired comes first, in pool order.
    #[inline]
    pub(crate) fn recency(&self) -> u64 {
        const ACQUIRED: u64 = 1 << 63;
        match self.last_acquired {
            None => self.position,
            Some((usage, _)) => ACQUIRED | usage,
        }
    }

    /// The rank in pool order: lower was added earlier.
    #[inline]
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    #[inline]
    pub(crate) fn standing(&self) -> &Standing {
        &self.standing
    }

    pub(crate) fn last_acquired(&self) -> Option<Tick> {
        self.last_acquired.map(|(_, at)| at)
    }

    pub(crate) fn max_in_flight(&self) -> Option<u32> {
        self.profile.max_in_flight
    }

    pub(crate) fn consecutive_cooldowns(&self) -> u32 {
        self.escalation.step()
    }

    #[inline]
    pub(crate) fn in_flight(&self) -> u32 {
        self.lane.len() + self.inherited
    }

    /// The cap that holds now: 1 while probing, else the configured one.
    #[inline]
    pub(crate) fn limit(&self) -> Option<u32> {
        if self.probing { Some(1) } else { self.profile.max_in_flight }
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.limit().is_none_or(|limit| self.in_flight() < limit)
    }

    /// Whether it may be picked, as of the last selection.
    #[inline]
    pub(crate) fn is_eligible(&self) -> bool {
        matches!(self.standing, Standing::Healthy) && self.has_room()
    }

    /// The status as it counts at `now`: healthy from the moment when a cooldown ends.
    pub(crate) fn status_at(&self, now: Instant) -> Status {
        match self.standing {
            Standing::CoolingDown { until, .. } if until <= now => Status::Healthy,
            _ => self.standing.noticed_status(),
        }
    }

    /// A usage was registered.
    #[inline]
    pub(crate) fn acquired(&mut self, usage: Sequence, now: Tick) {
        self.last_acquired = Some((usage, now));
        self.counters.acquires += 1;
    }

    /// An operation got through. A cooldown or disable that came meanwhile is newer evidence and stays.
    #[inline]
    pub(crate) fn succeed(&mut self) {
        self.counters.successes += 1;
        if matches!(self.standing, Standing::Healthy) {
            self.escalation.reset();
            self.probing = false;
        }
    }

    /// Starts or extends a cooldown. A disabled resource stays as it is: `false`.
    pub(crate) fn cool(&mut self, trip: &Trip<'_>) -> bool {
        let running = match &self.standing {
            Standing::Healthy => None,
            Standing::CoolingDown { since, until, reason, attempt } => {
                Some((*since, *until, reason, *attempt))
            }
            Standing::Disabled { .. } => return false,
        };
        self.escalation.trip(trip.usage, trip.newest, trip.one_trip_per_outage);
        let duration = trip.after.unwrap_or_else(|| self.escalation.duration(trip.table));
        let ends = after(trip.now, duration);
        self.standing = match running {
            // Never shortened: the reason told is the one of the longer cooldown.
            Some((since, until, reason, attempt)) if until > ends => {
                Standing::CoolingDown { since, until, reason: Arc::clone(reason), attempt }
            }
            Some((since, until, ..)) if until > trip.now => trip.cooling(since, ends),
            _ => trip.cooling(trip.now, ends),
        };
        self.probing = false;
        self.counters.cooldowns += 1;
        true
    }

    /// A selection found the cooldown expired.
    pub(crate) fn recover(&mut self, probe: bool) {
        self.standing = Standing::Healthy;
        self.probing = probe;
    }

    /// Takes the resource out of use; `false` if it was already.
    pub(crate) fn disable(
        &mut self,
        now: Instant,
        cause: Cause,
        attempt: Option<Sequence>,
    ) -> bool {
        let changes = !matches!(self.standing, Standing::Disabled { .. });
        if changes {
            self.standing = Standing::Disabled { since: now, cause, attempt };
            self.counters.disables += 1;
        }
        changes
    }

    /// Clears whatever keeps the resource away.
    pub(crate) fn enable(&mut self) {
        self.standing = Standing::Healthy;
        self.escalation.reset();
        self.probing = false;
    }
}

/// A cooldown signal on its way to a slot.
#[derive(Debug)]
pub(crate) struct Trip<'a> {
    pub(crate) now: Instant,
    /// The usage that sent it, and the newest usage of the pool at that moment.
    pub(crate) usage: Sequence,
    pub(crate) newest: Sequence,
    pub(crate) after: Option<Duration>,
    pub(crate) reason: &'a Arc<str>,
    /// The pool's rules for it.
    pub(crate) table: &'a [Duration],
    pub(crate) one_trip_per_outage: bool,
}

impl Trip<'_> {
    fn cooling(&self, since: Instant, until: Instant) -> Standing {
        let reason = Arc::clone(self.reason);
        Standing::CoolingDown { since, until, reason, attempt: self.usage }
    }
}
