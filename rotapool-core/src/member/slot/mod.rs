//! One membership: what is known of a resource from its `add` to its `remove`.

pub(crate) mod allowance;
pub(crate) mod outage;
mod probing;
mod room;
mod usages;

use std::sync::Arc;
use std::time::Instant;

use super::comeback::Comeback;
use super::counters::{ProbeCounters, ResourceCounters};
use super::escalation::Escalation;
use super::fingerprint::fingerprint;
use super::holds::Holds;
use super::limit::Limit;
use super::measures::Measures;
use super::profile::{Metadata, Profile};
use super::quotas::Quotas;
use super::standing::{Standing, Status};
use super::usage::{Lane, Sequence};
use crate::error::ResourceError;
use crate::protect::Circuit;
use crate::time::{Epoch, Tick};

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

/// Marks the recency of who was acquired, so that it comes behind every position.
const ACQUIRED: u64 = 1 << 63;

#[derive(Debug, Clone)]
pub(crate) struct Slot {
    id: Arc<str>,
    cap: Option<u32>,
    weight: f64,
    priority: u32,
    metadata: Arc<Metadata>,
    fingerprint: u64,
    position: u64,
    /// Whether it is still in the pool, or only drains.
    pub(crate) member: bool,
    standing: Standing,
    escalation: Escalation,
    /// What it is held to beside its cap, if anything: most are not, and look no further.
    held: Option<Box<Held>>,
    /// What the pool's breaker holds against it, if the pool has one.
    pub(crate) circuit: Option<Box<Circuit>>,
    /// The newest usage of the pool at the last trip, and when it was last cleared by an admin call; 0, which is
    /// before any, until then.
    tripped_after: Sequence,
    cleared_after: Sequence,
    /// Its newest usage, marked as [`ACQUIRED`]; its position until there is one.
    recency: u64,
    /// When that was.
    last_acquired: Tick,
    pub(crate) lane: Lane,
    /// What is in flight and no usage of this membership: what still drains from earlier ones of its id, and the
    /// probes that take a place.
    pub(crate) beside: u32,
    /// Places that were handed to runs in line which have yet to come for them.
    pub(crate) promised: u32,
    /// Those of its usages that outlive a call.
    pub(crate) holds: Holds,
    pub(crate) counters: ResourceCounters,
    pub(crate) measures: Measures,
    /// Of most nothing: nobody probes them.
    probed: Option<Box<ProbeCounters>>,
}

/// What a resource is held to: since it came back, and ever.
#[derive(Debug, Clone, Default)]
struct Held {
    comeback: Option<Box<Comeback>>,
    quotas: Option<Quotas>,
    group: Option<Arc<str>>,
}

impl Slot {
    /// `shared` is what its group has in common.
    ///
    /// # Errors
    ///
    /// Quotas that make no sense.
    pub(crate) fn new(
        profile: Profile,
        position: u64,
        inherited: u32,
        shared: &[Limit],
        epoch: Epoch,
        now: Instant,
    ) -> Result<Self, ResourceError> {
        let Profile { id, max_in_flight: cap, weight, priority, metadata, quotas, group } = profile;
        let quotas = Quotas::new(&quotas, shared, epoch, now);
        let quotas = quotas.map_err(|error| ResourceError::Quota { id: Arc::clone(&id), error })?;
        let is_held = quotas.is_some() || group.is_some();
        let held = is_held.then_some(Held { quotas, comeback: None, group });
        Ok(Self {
            fingerprint: fingerprint(id.as_bytes()),
            id,
            cap,
            weight,
            priority,
            metadata,
            position,
            member: true,
            standing: Standing::Healthy,
            escalation: Escalation::default(),
            held: held.map(Box::new),
            circuit: None,
            tripped_after: 0,
            cleared_after: 0,
            recency: position,
            last_acquired: Tick(0),
            lane: Lane::EMPTY,
            beside: inherited,
            promised: 0,
            holds: Holds::default(),
            counters: ResourceCounters::default(),
            measures: Measures::new(),
            probed: None,
        })
    }

    pub(crate) fn id(&self) -> &Arc<str> {
        &self.id
    }

    /// The group to which it belongs.
    #[inline]
    pub(crate) fn group(&self) -> Option<&Arc<str>> {
        self.held.as_ref()?.group.as_ref()
    }

    pub(crate) fn metadata(&self) -> &Arc<Metadata> {
        &self.metadata
    }

    /// What is said of it.
    pub(crate) fn profile(&self) -> Profile {
        let mut profile = Profile::new(Arc::clone(&self.id));
        (profile.max_in_flight, profile.weight, profile.priority) =
            (self.cap, self.weight, self.priority);
        profile.metadata = Arc::clone(&self.metadata);
        let limits = self.quotas().map(Quotas::own).unwrap_or_default();
        profile.group = self.group().cloned();
        profile.quotas = limits.iter().map(|limit| limit.quota.clone()).collect();
        profile
    }

    /// Something else is said of it from now on; `quotas` are its new ones, full, and what its group has left, if they are
    /// others. What was taken of
    /// a dimension stays taken.
    pub(crate) fn describe(
        &mut self,
        profile: Profile,
        quotas: Option<Option<Quotas>>,
        now: Instant,
    ) {
        let Profile { id: _, max_in_flight, weight, priority, metadata, quotas: _, group } =
            profile;
        (self.cap, self.weight, self.priority) = (max_in_flight, weight, priority);
        self.metadata = metadata;
        let Some(mut quotas) = quotas else { return };
        let held = self.held.take().map(|held| *held).unwrap_or_default();
        let Held { comeback, quotas: former, group: _ } = held;
        if let (Some(quotas), Some(former)) = (&mut quotas, former) {
            quotas.take_over(former, now);
        }
        self.hold(Held { comeback, quotas, group });
    }

    fn hold(&mut self, held: Held) {
        if held.comeback.is_some() || held.quotas.is_some() || held.group.is_some() {
            self.held = Some(Box::new(held));
        }
    }

    #[inline]
    pub(crate) fn weight(&self) -> f64 {
        self.weight
    }

    #[inline]
    pub(crate) fn priority(&self) -> u32 {
        self.priority
    }

    /// The number that stands for the id.
    pub(crate) fn fingerprint(&self) -> u64 {
        self.fingerprint
    }

    /// The order of acquisition; who was never acquired comes first, in pool order.
    #[inline]
    pub(crate) fn recency(&self) -> u64 {
        self.recency
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
        (self.recency & ACQUIRED != 0).then_some(self.last_acquired)
    }

    pub(crate) fn max_in_flight(&self) -> Option<u32> {
        self.cap
    }

    pub(crate) fn consecutive_cooldowns(&self) -> u32 {
        self.escalation.step()
    }

    #[inline]
    pub(crate) fn comeback(&self) -> Option<&Comeback> {
        self.held.as_ref()?.comeback.as_deref()
    }

    #[inline]
    fn comeback_mut(&mut self) -> Option<&mut Comeback> {
        self.held.as_mut()?.comeback.as_deref_mut()
    }

    fn set_comeback(&mut self, comeback: Option<Box<Comeback>>) {
        let Held { quotas, group, .. } = self.held.take().map(|held| *held).unwrap_or_default();
        self.hold(Held { comeback, quotas, group });
    }

    /// Whether it is held to anything but its cap.
    #[inline]
    pub(crate) fn is_held(&self) -> bool {
        self.held.is_some()
    }

    /// Whether that holds it up now: it is on a comeback, or to be looked at for its quotas at a known instant.
    #[inline]
    pub(crate) fn is_held_up(&self) -> bool {
        self.held.as_ref().is_some_and(|held| {
            held.comeback.is_some()
                || held.quotas.as_ref().is_some_and(|quotas| quotas.are_watched())
        })
    }

    #[inline]
    pub(crate) fn is_healthy(&self) -> bool {
        matches!(self.standing, Standing::Healthy)
    }

    /// Whether it may be picked, as of the last selection.
    #[inline]
    pub(crate) fn is_eligible(&self) -> bool {
        self.is_healthy() && self.has_room() && !self.is_spent()
    }

    /// The status as it counts at `now`: healthy from the moment when a cooldown ends.
    pub(crate) fn status_at(&self, now: Instant) -> Status {
        match &self.standing {
            Standing::CoolingDown(outage) if outage.until <= now => Status::Healthy,
            _ => self.standing.noticed_status(),
        }
    }
}
