//! A circuit whose standing is kept by somebody else: the breaker of a resource in a pool. It weighs the evidence and says how
//! long to stay away; who is out and how one comes back is the pool's.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::change::BreakerCause;
use super::evidence::Evidence;
use super::ladder::Ladder;
use super::trip::Trip;
use super::window::Mark;

/// What a pool's breaker holds against one resource.
#[derive(Debug, Clone)]
pub(crate) struct Circuit {
    evidence: Evidence,
    ladder: Ladder,
    /// Whether the last outage was its own.
    pub(crate) is_latest: bool,
    /// Why it would be open, if its resource could be spared.
    pub(crate) kept: Option<Arc<str>>,
    /// How often it opened.
    pub(crate) trips: u64,
}

impl Circuit {
    pub(crate) fn new(trip: &Trip, now: Instant) -> Self {
        let mut circuit = Self {
            evidence: Evidence::new(trip, now),
            ladder: Ladder::default(),
            is_latest: false,
            kept: None,
            trips: 0,
        };
        circuit.close(now);
        circuit
    }

    /// Forgets what it holds against the resource.
    pub(crate) fn reset(&mut self, trip: &Trip, now: Instant) {
        let trips = self.trips;
        *self = Self { trips, ..Self::new(trip, now) };
    }

    /// A call has failed: whether the circuit opens, and why.
    pub(crate) fn fail(
        &mut self,
        took: Duration,
        trip: &Trip,
        now: Instant,
    ) -> Option<BreakerCause> {
        self.evidence.add(Mark { failed: true, slow: trip.is_slow(took) }, trip, now)
    }

    /// A call got through, and took so long if that says anything: whether the circuit opens all the same, and why.
    #[inline]
    pub(crate) fn succeed(
        &mut self,
        took: Option<Duration>,
        trip: &Trip,
        now: Instant,
    ) -> Option<BreakerCause> {
        self.ladder.well(now);
        let slow = took.is_some_and(|took| trip.is_slow(took));
        let cause = self.evidence.add(Mark { failed: false, slow }, trip, now);
        if cause.is_none() && self.kept.is_some() {
            self.kept = None;
        }
        cause
    }

    /// A trial has failed.
    pub(crate) fn fail_trial(&mut self) -> BreakerCause {
        self.evidence.add_failed_trial();
        BreakerCause::TrialFailed
    }

    /// Opens: for how long. The row of failures goes on until a success ends it, so the next failure once it is back opens
    /// it again; the rates begin anew.
    pub(crate) fn open(&mut self, trip: &Trip, now: Instant) -> Duration {
        self.ladder.step_down(&trip.open);
        self.evidence.forget_rates(trip, now);
        self.kept = None;
        self.trips += 1;
        self.ladder.climb(&trip.open)
    }

    /// The resource is back.
    pub(crate) fn close(&mut self, now: Instant) {
        self.ladder.close(now);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_row_of_failures_goes_on_through_an_outage_until_a_success_ends_it() {
        let (now, trip) = (Instant::now(), Trip::after_failures(3));
        let mut circuit = Circuit::new(&trip, now);
        assert_eq!(circuit.fail(S, &trip, now), None);
        assert_eq!(circuit.fail(S, &trip, now), None);
        assert_eq!(circuit.fail(S, &trip, now), Some(BreakerCause::FailuresInARow(3)));
        assert_eq!(circuit.open(&trip, now), S * 30);
        circuit.close(now + S * 30);
        assert_eq!(circuit.fail(S, &trip, now), Some(BreakerCause::FailuresInARow(4)));
        assert_eq!(circuit.succeed(None, &trip, now), None);
        assert_eq!(circuit.fail(S, &trip, now), None);
    }

    #[test]
    fn rates_begin_anew_after_an_outage() {
        let (now, trip) = (Instant::now(), Trip::at_failure_rate(50).min_calls(2));
        let mut circuit = Circuit::new(&trip, now);
        assert_eq!(circuit.fail(S, &trip, now), None);
        let cause = BreakerCause::FailureRate { failures: 2, calls: 2 };
        assert_eq!(circuit.fail(S, &trip, now), Some(cause));
        circuit.open(&trip, now);
        assert_eq!(circuit.fail(S, &trip, now), None);
    }

    #[test]
    fn it_stays_open_by_the_table_and_proven_health_takes_a_step_back() {
        let (now, trip) = (Instant::now(), Trip::after_failures(1).open_table([S, S * 10]));
        let mut circuit = Circuit::new(&trip, now);
        assert_eq!([(); 3].map(|()| circuit.open(&trip, now)), [S, S * 10, S * 10]);
        assert_eq!(circuit.trips, 3);
        circuit.close(now);
        circuit.succeed(Some(S), &trip, now + S * 11);
        assert_eq!(circuit.open(&trip, now + S * 11), S);
    }

    #[test]
    fn slow_calls_open_it_whether_they_got_through_or_not() {
        let (now, trip) = (Instant::now(), Trip::at_slow_rate(50, S * 2).min_calls(2));
        let mut circuit = Circuit::new(&trip, now);
        assert_eq!(circuit.succeed(None, &trip, now), None);
        let cause = BreakerCause::SlowRate { slow: 1, calls: 2 };
        assert_eq!(circuit.succeed(Some(S * 2), &trip, now), Some(cause));
        circuit.reset(&trip, now);
        assert_eq!(circuit.fail(S, &trip, now), None);
        assert_eq!(circuit.fail(S * 2, &trip, now), Some(cause));
        circuit.kept = Some("it could not be spared".into());
        assert!(circuit.succeed(Some(S * 2), &trip, now).is_some());
        assert!(circuit.kept.is_some(), "that was no better");
    }
}
