//! Round robin: strictly in turn, whatever is in flight.
//!
//! The least recently acquired wins, which is the turn order among those who stay eligible, and lets
//! whoever comes back go first.

use super::rank::Rank;
use crate::member::slot::Slot;

#[inline]
pub(super) fn rank(slot: &Slot) -> Rank {
    Rank::new(slot.recency(), 0)
}
