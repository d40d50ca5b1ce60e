//! Who was tried before its end, and when that is due again.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::member::basis::Basis;
use crate::member::slot::Slot;
use crate::member::usage::{UsageKey, Usages};
use crate::time::after;

/// Who was tried early, and who is to be.
#[derive(Debug)]
pub(super) struct Tries {
    pub(super) every: Duration,
    /// The last probe of each that is out, by position.
    pub(super) rounds: BTreeMap<u64, Round>,
    /// Before that nobody is due.
    pub(super) quiet_until: Instant,
}

#[derive(Debug)]
pub(super) struct Round {
    pub(super) usage: UsageKey,
    pub(super) began: Instant,
    /// The end of the outage that it tries: with another it is another outage, of which the probe knows nothing.
    pub(super) until: Instant,
}

impl Tries {
    pub(super) fn new(every: Duration, now: Instant) -> Self {
        Self { every, rounds: BTreeMap::new(), quiet_until: now }
    }

    /// Since when a resource has not been tried, if it is out by a word and no probe is under way.
    pub(super) fn untried_since<A>(&self, slot: &Slot, usages: &Usages<A>) -> Option<Instant> {
        let outage = slot.standing().outage().filter(|outage| outage.basis != Basis::Guessed)?;
        match self.rounds.get(&slot.position()) {
            Some(round) if usages.find(round.usage).is_some() => None,
            Some(round) => Some(round.began.max(outage.since)),
            None => Some(outage.since),
        }
    }

    /// When it is to be tried, if its end is more than an interval later.
    pub(super) fn due_at(
        &self,
        slot: &Slot,
        untried_since: Instant,
        now: Instant,
    ) -> Option<Instant> {
        let at = after(untried_since, self.every).max(now);
        slot.standing().until().filter(|&until| until > after(at, self.every)).map(|_| at)
    }
}
