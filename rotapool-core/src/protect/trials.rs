//! The trials of a half-open breaker: leases with a bound.

use std::time::{Duration, Instant};

use crate::time::after;

/// Which trial it was, among all of one half-open time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Trial(u64);

/// The trials under way and those that have succeeded.
#[derive(Debug, Default, Clone)]
pub(super) struct Trials {
    begun: u64,
    /// Each with the instant from which it counts as lost; the first begun, and so the first lost, leads.
    under_way: Vec<(Trial, Instant)>,
    pub(super) succeeded: u32,
}

impl Trials {
    /// Begins a trial if one of `permits` is free at `now`.
    pub(super) fn begin(&mut self, permits: u32, bound: Duration, now: Instant) -> Option<Trial> {
        self.under_way.retain(|(_, lost)| *lost > now);
        if self.under_way.len() >= permits as usize {
            return None;
        }
        self.begun += 1;
        let trial = Trial(self.begun);
        self.under_way.push((trial, after(now, bound)));
        Some(trial)
    }

    /// Takes a trial's permit back; `false` if the trial was lost before.
    pub(super) fn end(&mut self, trial: Trial, now: Instant) -> bool {
        let place = self.under_way.iter().position(|(other, _)| *other == trial);
        place.is_some_and(|place| self.under_way.remove(place).1 > now)
    }

    /// When the next permit comes free at the latest.
    pub(super) fn next_lost(&self) -> Option<Instant> {
        self.under_way.iter().map(|(_, lost)| *lost).min()
    }
}
