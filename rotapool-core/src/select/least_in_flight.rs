//! Least in flight: the fewest usages in flight win, then the least recently acquired.
//!
//! "Least connections" of the load balancers, with recency as the tie-break, so that an idle pool is
//! rotated through evenly. The Python package calls it `round_robin`.

use super::Rank;
use crate::slot::Slot;

pub(super) fn rank(slot: &Slot) -> Rank {
    Rank(slot.in_flight().into(), recency(slot))
}

/// Never acquired comes before any acquired, in pool order; then the order of acquisition.
fn recency(slot: &Slot) -> u64 {
    const ACQUIRED: u64 = 1 << 63;
    match slot.last_acquired() {
        None => slot.position(),
        Some((sequence, _)) => ACQUIRED | sequence,
    }
}
