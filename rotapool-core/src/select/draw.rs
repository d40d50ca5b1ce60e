//! The strategies that draw two at random: which of the two they take.

use super::{least_errors, least_latency};
use crate::member::roster::Roster;
use crate::member::slot::Slot;
use crate::member::yardstick::Yardstick;
use crate::time::Tick;

#[derive(Debug, Clone)]
pub(super) enum Draw {
    Random,
    LeastLatency,
    LeastErrors,
    Affinity,
}

impl Draw {
    /// The one of two that has the lower cost.
    pub(super) fn better(
        &self,
        one: usize,
        other: usize,
        roster: &Roster,
        yardstick: &Yardstick,
        now: Tick,
    ) -> usize {
        let (a, b) = (&roster[one], &roster[other]);
        let first = match self {
            Self::Random => true,
            Self::LeastLatency => {
                least_latency::cost(a, now, yardstick) <= least_latency::cost(b, now, yardstick)
            }
            Self::LeastErrors => {
                least_errors::cost(a, now, yardstick) <= least_errors::cost(b, now, yardstick)
            }
            Self::Affinity => a.in_flight() <= b.in_flight(),
        };
        if first { one } else { other }
    }

    /// Whether a resource is being tried, or is better left alone, and should get no run while others may.
    pub(super) fn shuns(&self, slot: &Slot, yardstick: &Yardstick, now: Tick) -> bool {
        match self {
            Self::LeastLatency => least_latency::shuns(slot, now, yardstick),
            Self::LeastErrors => least_errors::shuns(slot, now, yardstick),
            Self::Random | Self::Affinity => false,
        }
    }

    /// Whether to search the whole pool rather than take one that is shunned.
    ///
    /// A second operation on a resource that is being measured for the first time does no harm, and in a
    /// pool that has just begun nearly all are. One that only fails does harm.
    pub(super) fn insists(&self) -> bool {
        matches!(self, Self::LeastErrors)
    }
}
