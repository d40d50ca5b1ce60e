//! What a caller's own code sees of the resources that it may choose from.

use std::sync::Arc;
use std::time::Instant;

use crate::member::health::Health;
use crate::member::profile::Metadata;
use crate::member::slot::{Slot, SlotIndex};
use crate::member::yardstick::Yardstick;

/// An eligible resource, as plain data.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Candidate {
    /// The id.
    pub id: Arc<str>,
    /// Usages in flight.
    pub in_flight: u32,
    /// The cap that holds now; `None` is no limit.
    pub limit: Option<u32>,
    /// Its weight.
    pub weight: f64,
    /// Its priority; lower comes first.
    pub priority: u32,
    /// What is known of it.
    pub metadata: Arc<Metadata>,
    /// When it was last picked.
    pub last_acquired: Option<Instant>,
    /// Whether this run has tried it, in a pool that avoids what was tried.
    pub tried: bool,
    /// How it has been doing.
    pub health: Health,
    pub(crate) slot: SlotIndex,
    pub(crate) position: u64,
}

impl Candidate {
    pub(crate) fn of(
        key: usize,
        slot: &Slot,
        tried: bool,
        now: Instant,
        yardstick: &Yardstick,
    ) -> Self {
        Self {
            id: Arc::clone(slot.id()),
            in_flight: slot.in_flight(),
            limit: slot.limit(),
            weight: slot.weight(),
            priority: slot.priority(),
            metadata: Arc::clone(slot.metadata()),
            last_acquired: slot.last_acquired().map(|tick| yardstick.epoch.instant(tick)),
            tried,
            health: slot.measures.report(yardstick.epoch.tick(now), yardstick),
            slot: SlotIndex(key),
            position: slot.position(),
        }
    }
}
