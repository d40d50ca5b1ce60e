//! Least in flight: the fewest usages in flight win, then the least recently acquired.
//!
//! "Least connections" of the load balancers, with recency as the tie-break, so that an idle pool is
//! rotated through evenly. The Python package calls it `round_robin`.

use super::rank::Rank;
use crate::member::slot::Slot;

#[inline]
pub(super) fn rank(slot: &Slot) -> Rank {
    Rank::new(slot.in_flight().into(), slot.recency())
}
