//! Least latency: of two drawn at random, the lower peak EWMA latency × (in flight + 1) wins.
//!
//! The load metric of Finagle's `PeakEwma` behind the power of two choices (Mitzenmacher, 2001). A
//! resource without a latency yet gets exactly one operation until there is one, or until a latency
//! decay has passed without it: then the next may try. A failure counts as slow, and the estimate
//! fades while there is no traffic, so a resource that was slow or failing is tried again. Where runs are
//! so rare that all estimates have faded between them, that alone would try one that never works as
//! often as any: one that has done nothing but fail is left alone as by the strategy of the least errors.

use crate::member::slot::Slot;
use crate::member::yardstick::Yardstick;
use crate::time::Tick;

/// The cost, and what decides between equals.
pub(super) fn cost(slot: &Slot, now: Tick, yardstick: &Yardstick) -> (f64, u32) {
    let cost = match slot.measures.peak(now, yardstick) {
        Some(peak) => peak * f64::from(slot.in_flight() + 1),
        None if shuns(slot, now, yardstick) => f64::INFINITY,
        None => 0.0,
    };
    (cost, slot.in_flight())
}

/// Whether others come first, if there are any: it only fails, or its first latency is being measured. What was given up,
/// or was answered by an error of the operation's own, has measured none; it is not asked again at once.
pub(super) fn shuns(slot: &Slot, now: Tick, yardstick: &Yardstick) -> bool {
    match slot.measures.has_latency() {
        true => slot.measures.is_shunned(now, yardstick),
        false => slot.last_acquired().is_some_and(|at| yardstick.is_news(at, now)),
    }
}
