//! Priority: the lowest priority number wins, then the fewest in flight, then the least recent.
//!
//! Tiers as in HAProxy's backup servers or Envoy's priority levels, except that a tier is left as soon
//! as none of it is eligible, not at a share.

use super::rank::Rank;
use crate::member::slot::Slot;

#[inline]
pub(super) fn rank(slot: &Slot) -> Rank {
    Rank::new(u64::from(slot.priority()) << 32 | u64::from(slot.in_flight()), slot.recency())
}
