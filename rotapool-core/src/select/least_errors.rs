//! Least errors: of two drawn at random, the lower recent error rate wins, then the fewer in flight.
//!
//! The rate is over a sliding window with a minimum sample, below which it counts as 0: so a resource
//! that nobody has used for a window is tried again, and equals share the load. One that has done nothing
//! but fail is left alone for longer, and for longer each time: see [`Measures::is_shunned`]. One that
//! failed last and has no rate is tried with one operation at a time, lest it draw a burst; when that one
//! does not come back within a latency decay, the next may try.
//!
//! [`Measures::is_shunned`]: crate::member::measures::Measures::is_shunned

use crate::member::slot::Slot;
use crate::member::yardstick::Yardstick;
use crate::time::Tick;

pub(super) fn cost(slot: &Slot, now: Tick, yardstick: &Yardstick) -> (bool, f64, u32) {
    let rate = match slot.measures.has_not_failed_of_late(now, yardstick) {
        true => 0.0,
        false => slot.measures.error_rate(now, yardstick).unwrap_or(0.0),
    };
    // What has been in flight for so long alone hangs, and says nothing of how busy it is.
    let busy = if acquired_of_late(slot, now, yardstick) { slot.in_flight() } else { 0 };
    (shuns(slot, now, yardstick), rate, busy)
}

fn acquired_of_late(slot: &Slot, now: Tick, yardstick: &Yardstick) -> bool {
    slot.last_acquired().is_some_and(|at| yardstick.is_news(at, now))
}

/// Whether others come first, if there are any.
pub(super) fn shuns(slot: &Slot, now: Tick, yardstick: &Yardstick) -> bool {
    let measures = &slot.measures;
    if !measures.failed_last() {
        return false;
    }
    let is_being_tried = || {
        slot.in_flight() > 0
            && acquired_of_late(slot, now, yardstick)
            && measures.error_rate(now, yardstick).is_none()
    };
    measures.is_shunned(now, yardstick) || is_being_tried()
}
