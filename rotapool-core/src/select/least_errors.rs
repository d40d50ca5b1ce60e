//! Least errors: of two drawn at random, the lower recent error rate wins, then the fewer in flight.
//!
//! The rate is over a sliding window with a minimum sample, below which it counts as 0: so a resource
//! that nobody has used for a window is tried again, and equals share the load.

use std::time::Instant;

use crate::health::Yardstick;
use crate::slot::Slot;

pub(super) fn cost(slot: &Slot, now: Instant, yardstick: &Yardstick) -> (f64, u32) {
    (slot.measures.error_rate(now, yardstick).unwrap_or(0.0), slot.in_flight())
}
