//! Least latency: of two drawn at random, the lower peak EWMA latency × (in flight + 1) wins.
//!
//! The load metric of Finagle's `PeakEwma` behind the power of two choices (Mitzenmacher, 2001). A
//! resource without a latency yet gets exactly one operation at a time until there is one. A failure
//! counts as slow, and the estimate fades while there is no traffic, so a resource that was slow or
//! failing is tried again.

use crate::member::slot::Slot;
use crate::member::yardstick::Yardstick;
use crate::time::Tick;

pub(super) fn cost(slot: &Slot, now: Tick, yardstick: &Yardstick) -> f64 {
    match slot.measures.peak(now, yardstick) {
        Some(peak) => peak * f64::from(slot.in_flight() + 1),
        None if is_on_trial(slot) => f64::INFINITY,
        None => 0.0,
    }
}

/// Whether its first latency is being measured.
pub(super) fn is_on_trial(slot: &Slot) -> bool {
    !slot.measures.has_latency() && slot.in_flight() > 0
}
