//! What calls have said of late, and whether it is reason to trip.

use std::time::Instant;

use super::change::BreakerCause;
use super::trip::Trip;
use super::window::{Mark, Sliding};

#[derive(Debug, Default, Clone)]
pub(super) struct Evidence {
    failures_in_a_row: u32,
    /// Kept only where a rule takes a rate.
    window: Option<Sliding>,
}

impl Evidence {
    pub(super) fn new(trip: &Trip, now: Instant) -> Self {
        let rates = trip.failure_percent.is_some() || trip.slow.is_some();
        let window = rates.then(|| Sliding::new(trip.window, now));
        Self { failures_in_a_row: 0, window }
    }

    pub(super) fn failures_in_a_row(&self) -> u32 {
        self.failures_in_a_row
    }

    /// A trial has failed: the row goes on.
    pub(super) fn add_failed_trial(&mut self) {
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
    }

    /// Begins the rates anew; the row of failures goes on.
    pub(super) fn forget_rates(&mut self, trip: &Trip, now: Instant) {
        self.window = Self::new(trip, now).window;
    }

    /// Takes in a call that ends now, and answers why the breaker trips, if it does.
    #[inline]
    pub(super) fn add(&mut self, mark: Mark, trip: &Trip, now: Instant) -> Option<BreakerCause> {
        let Some(window) = &mut self.window else { return self.add_to_the_row(mark, trip) };
        window.add(mark, now);
        self.add_to_the_row(mark, trip).or_else(|| self.rate_to_trip(trip))
    }

    #[inline]
    fn add_to_the_row(&mut self, mark: Mark, trip: &Trip) -> Option<BreakerCause> {
        if !mark.failed {
            self.failures_in_a_row = 0;
            return None;
        }
        self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
        let in_a_row = self.failures_in_a_row;
        let trips = trip.failures.is_some_and(|failures| in_a_row >= failures);
        trips.then_some(BreakerCause::FailuresInARow(in_a_row))
    }

    fn rate_to_trip(&self, trip: &Trip) -> Option<BreakerCause> {
        let tally = self.window.as_ref()?.sum();
        if tally.calls < u64::from(trip.enough_calls()) {
            return None;
        }
        // In whole numbers, so exact for any percentage.
        let reaches = |some: u64, percent: u32| some * 100 >= u64::from(percent) * tally.calls;
        if trip.failure_percent.is_some_and(|percent| reaches(tally.failures, percent)) {
            let (failures, calls) = (tally.failures, tally.calls);
            return Some(BreakerCause::FailureRate { failures, calls });
        }
        if trip.slow.is_some_and(|slow| reaches(tally.slow, slow.percent)) {
            return Some(BreakerCause::SlowRate { slow: tally.slow, calls: tally.calls });
        }
        None
    }
}
