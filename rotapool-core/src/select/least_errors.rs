//! Least errors: of two drawn at random, the lower recent error rate wins, then the fewer in flight.
//!
//! The rate is over a sliding window with a minimum sample, below which it counts as 0: so a resource
//! that nobody has used for a window is tried again, and equals share the load. One that failed last
//! and has no rate any more is tried with one operation at a time, lest it draw a burst.

use crate::member::slot::Slot;
use crate::member::yardstick::Yardstick;
use crate::time::Tick;

pub(super) fn cost(slot: &Slot, now: Tick, yardstick: &Yardstick) -> (bool, f64, u32) {
    let rate = slot.measures.error_rate(now, yardstick).unwrap_or(0.0);
    (is_on_trial(slot, now, yardstick), rate, slot.in_flight())
}

/// Whether it failed last, has no rate any more, and is being tried again.
pub(super) fn is_on_trial(slot: &Slot, now: Tick, yardstick: &Yardstick) -> bool {
    slot.in_flight() > 0
        && slot.measures.failed_last()
        && slot.measures.error_rate(now, yardstick).is_none()
}
