//! Sticky: stay with the current resource until it is out, then go on forward, wrapping.
//!
//! While the current one is merely at its cap or at the pace of its ramp, or its quotas are spent, runs spill to the next that
//! is eligible, and are back as soon as it has room and quota. No snap-back: a resource that recovers behind the current one waits for its turn.
//! Sluice's sticky failover is the model.

use super::rank::Rank;
use crate::member::roster::Roster;
use crate::member::slot::Slot;
use crate::member::standing::Standing;

/// Where the walk stands: the current resource, at first the first one, and how often it has wrapped.
#[derive(Debug, Default, Clone)]
pub(super) struct Sticky {
    lap: u64,
    position: u64,
    item: usize,
}

impl Sticky {
    /// Those from the current position on come in this lap, those behind it in the next.
    pub(super) fn rank(&self, slot: &Slot) -> Rank {
        let behind = u64::from(slot.position() < self.position);
        Rank::new(self.lap + behind, slot.position())
    }

    /// The next in the walk was picked.
    pub(super) fn picked(&mut self, item: usize, rank: Rank, roster: &Roster) {
        if !self.is_full(roster) {
            (self.lap, self.position, self.item) = (rank.major(), rank.minor(), item);
        }
    }

    /// Whether the current resource lacks nothing but room or quota.
    fn is_full(&self, roster: &Roster) -> bool {
        roster.get(self.item).is_some_and(|slot| {
            slot.member
                && slot.position() == self.position
                && matches!(slot.standing(), Standing::Healthy)
                && (!slot.has_room() || slot.is_spent() || !slot.is_within_pace())
        })
    }
}
