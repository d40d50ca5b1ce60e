//! Sticky: stay with the current resource until it is not eligible, then go on forward, wrapping.
//!
//! No snap-back: a resource that recovers behind the current one waits for its turn. Sluice's sticky
//! failover is the model.

use super::rank::Rank;
use crate::member::slot::Slot;

/// Where the walk stands: the current resource, and how often it has wrapped.
#[derive(Debug, Default, Clone)]
pub(super) struct Sticky {
    lap: u64,
    position: u64,
}

impl Sticky {
    /// Those from the current position on come in this lap, those behind it in the next.
    pub(super) fn rank(&self, slot: &Slot) -> Rank {
        let behind = u64::from(slot.position() < self.position);
        Rank::new(self.lap + behind, slot.position())
    }

    pub(super) fn picked(&mut self, rank: Rank) {
        (self.lap, self.position) = (rank.major(), rank.minor());
    }
}
