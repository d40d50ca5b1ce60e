//! A circuit breaker as a state machine.
//!
//! Every change has a number, and every admission carries the number of the last change before it. So a
//! result that belongs to an older state is known as such, and changes statistics alone.

mod reading;
mod turning;

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::change::{BreakerCause, BreakerChange, BreakerMode};
use super::evidence::Evidence;
use super::ladder::Ladder;
use super::report::Rejected;
use super::trials::{Trial, Trials};
use super::trip::Trip;
use super::window::Mark;
use crate::error::TripError;

/// A circuit breaker: whom it lets pass, and what their results make of it.
///
/// The `CircuitBreaker` of the crate `rotapool` is this, with a lock, a clock and a name.
#[derive(Debug, Clone)]
pub struct Breaker {
    trip: Trip,
    mode: BreakerMode,
    circuit: Circuit,
    /// The number of the last change.
    sequence: u64,
    counters: Counters,
    evidence: Evidence,
    ladder: Ladder,
    /// Why it is open, or was.
    cause: BreakerCause,
    last_failure: Option<Arc<str>>,
    /// Not yet told.
    changes: Vec<BreakerChange>,
}

#[derive(Debug, Clone)]
enum Circuit {
    Closed,
    Open { until: Instant },
    HalfOpen(Trials),
}

#[derive(Debug, Default, Clone, Copy)]
struct Counters {
    calls: u64,
    successes: u64,
    failures: u64,
    rejected: u64,
    ignored: u64,
    changes: u64,
}

/// How an admitted call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallOutcome {
    /// It went well.
    Success,
    /// It failed.
    Failure {
        /// What it said.
        text: Arc<str>,
        /// How long to stay away, if it said so. Zero says nothing.
        stated: Option<Duration>,
    },
    /// Nobody knows, or it says nothing of what the breaker protects. It counts nowhere and resets nothing.
    Ignored,
}

/// Leave to make a call: to be [settled](Breaker::settle), once.
#[derive(Debug)]
#[must_use = "an admission is to be settled"]
pub struct Admission {
    sequence: u64,
    trial: Option<Trial>,
    since: Instant,
}

impl Breaker {
    /// A closed breaker.
    ///
    /// # Errors
    ///
    /// [`TripError`] if a rule is out of its range.
    pub fn new(trip: Trip, now: Instant) -> Result<Self, TripError> {
        trip.check()?;
        let mut breaker = Self {
            trip,
            mode: BreakerMode::Automatic,
            circuit: Circuit::Closed,
            sequence: 0,
            counters: Counters::default(),
            evidence: Evidence::default(),
            ladder: Ladder::default(),
            cause: BreakerCause::Operator,
            last_failure: None,
            changes: Vec::new(),
        };
        breaker.forget_evidence(now);
        Ok(breaker)
    }

    /// Asks to make a call.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the call must not be made.
    #[inline]
    pub fn admit(&mut self, now: Instant) -> Result<Admission, Rejected> {
        self.turn(now);
        self.counters.calls += 1;
        let trial = match &mut self.circuit {
            Circuit::HalfOpen(trials) => {
                trials.begin(self.trip.permits, self.trip.trial_bound, now)
            }
            _ => None,
        };
        if trial.is_none() && self.rejects() {
            self.counters.rejected += 1;
            return Err(self.rejection(now));
        }
        Ok(Admission { sequence: self.sequence, trial, since: now })
    }

    /// Whether a call that is no trial must not pass.
    fn rejects(&self) -> bool {
        match self.mode {
            BreakerMode::Automatic => !matches!(self.circuit, Circuit::Closed),
            BreakerMode::Isolated => true,
            BreakerMode::ForcedClosed | BreakerMode::ObserveOnly => false,
        }
    }

    #[cold]
    fn rejection(&self, now: Instant) -> Rejected {
        let back_at = match &self.circuit {
            Circuit::Open { until } => Some(*until),
            Circuit::HalfOpen(trials) => trials.next_lost(),
            Circuit::Closed => None,
        };
        Rejected {
            state: self.state(now),
            retry_after: back_at.map(|back_at| back_at.saturating_duration_since(now)),
            cause: self.cause,
            last_failure: self.last_failure.clone(),
        }
    }

    /// Reports how an admitted call ended.
    ///
    /// A result from before the last change counts in the statistics and changes nothing else.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "settled once: by move, not by a flag")]
    pub fn settle(&mut self, admission: Admission, verdict: CallOutcome, now: Instant) {
        let Admission { sequence, trial, since } = admission;
        self.turn(now);
        match verdict {
            CallOutcome::Success => self.counters.successes += 1,
            CallOutcome::Failure { .. } => self.counters.failures += 1,
            CallOutcome::Ignored => self.counters.ignored += 1,
        }
        if sequence != self.sequence || self.mode == BreakerMode::ForcedClosed {
            return;
        }
        let slow = self.trip.is_slow(now.saturating_duration_since(since));
        match &mut self.circuit {
            Circuit::Closed => self.judge(verdict, slow, now),
            Circuit::HalfOpen(trials) => {
                let in_time = trial.is_some_and(|trial| trials.end(trial, now));
                if in_time {
                    self.judge_trial(verdict, slow, now);
                }
            }
            // It was let pass only to be observed.
            Circuit::Open { .. } => {}
        }
    }

    fn judge(&mut self, verdict: CallOutcome, slow: bool, now: Instant) {
        let (failed, stated) = match verdict {
            CallOutcome::Ignored => return,
            CallOutcome::Success => {
                self.ladder.well(now);
                (false, None)
            }
            CallOutcome::Failure { text, stated } => {
                self.last_failure = Some(text);
                (true, stated)
            }
        };
        let mark = Mark { failed, slow };
        if let Some(cause) = self.evidence.add(mark, &self.trip, now) {
            self.open(cause, stated, now);
        }
    }

    fn judge_trial(&mut self, verdict: CallOutcome, slow: bool, now: Instant) {
        match verdict {
            CallOutcome::Ignored => {}
            CallOutcome::Failure { text, stated } => {
                self.evidence.add_failed_trial();
                self.last_failure = Some(text);
                self.open(BreakerCause::TrialFailed, stated, now);
            }
            CallOutcome::Success if slow => self.open(BreakerCause::TrialSlow, None, now),
            CallOutcome::Success => {
                let Circuit::HalfOpen(trials) = &mut self.circuit else { return };
                trials.succeeded += 1;
                if trials.succeeded >= self.trip.successes {
                    let cause = BreakerCause::TrialsSucceeded(trials.succeeded);
                    self.forget_evidence(now);
                    self.change(Circuit::Closed, cause, now);
                    self.last_failure = None;
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protect::report::BreakerStats;
    use crate::protect::{BreakerState, Window};

    const S: Duration = Duration::from_secs(1);

    /// A breaker at the present moment of its story.
    struct Scene {
        breaker: Breaker,
        now: Instant,
    }

    impl Scene {
        fn new(trip: Trip) -> Self {
            let now = Instant::now();
            Self { breaker: Breaker::new(trip, now).unwrap(), now }
        }

        fn admit(&mut self) -> Admission {
            self.breaker.admit(self.now).expect("it passes")
        }

        fn rejected(&mut self) -> Rejected {
            self.breaker.admit(self.now).expect_err("it does not pass")
        }

        fn settle(&mut self, admission: Admission, verdict: CallOutcome) {
            self.breaker.settle(admission, verdict, self.now);
        }

        fn call(&mut self, verdict: CallOutcome) {
            let admission = self.admit();
            self.settle(admission, verdict);
        }

        fn calls(&mut self, number: u32, verdict: &CallOutcome) {
            (0..number).for_each(|_| self.call(verdict.clone()));
        }

        fn pass(&mut self, time: Duration) {
            self.now += time;
        }

        fn state(&self) -> BreakerState {
            self.breaker.state(self.now)
        }

        fn stats(&self) -> BreakerStats {
            self.breaker.stats(self.now)
        }

        /// As words: `1: closed > open, 5 failures in a row`.
        fn changes(&mut self) -> Vec<String> {
            let told = |change: BreakerChange| {
                let BreakerChange { sequence, old, new, cause, .. } = change;
                format!("{sequence}: {old} > {new}, {cause}")
            };
            self.breaker.take_changes().into_iter().map(told).collect()
        }
    }

    fn failure() -> CallOutcome {
        CallOutcome::Failure { text: "boom".into(), stated: None }
    }

    fn stated(stated: Duration) -> CallOutcome {
        CallOutcome::Failure { text: "busy".into(), stated: Some(stated) }
    }

    /// Open for 30 s since now.
    fn tripped(trip: Trip) -> Scene {
        let mut scene = Scene::new(trip);
        scene.calls(5, &failure());
        assert_eq!(scene.changes(), ["1: closed > open, 5 failures in a row"]);
        scene
    }

    #[test]
    fn a_success_ends_a_row_of_failures_and_an_ignored_call_does_not() {
        let mut scene = Scene::new(Trip::default());
        scene.calls(4, &failure());
        scene.call(CallOutcome::Success);
        scene.calls(4, &failure());
        scene.calls(9, &CallOutcome::Ignored);
        assert_eq!(scene.state(), BreakerState::Closed);
        scene.call(failure());
        assert_eq!(scene.state(), BreakerState::Open);
    }

    #[test]
    fn open_it_lets_nothing_pass_and_says_until_when_and_why() {
        let mut scene = tripped(Trip::default());
        scene.pass(10 * S);
        let rejected = scene.rejected();
        assert_eq!(rejected.retry_after, Some(20 * S));
        assert_eq!(
            rejected.to_string(),
            "circuit open: 5 failures in a row, the last: `boom`; retry after 20.0s"
        );
    }

    #[test]
    fn the_state_is_that_of_the_clock_whether_or_not_anybody_calls() {
        let mut scene = tripped(Trip::default());
        scene.pass(30 * S - Duration::from_nanos(1));
        assert_eq!((scene.state(), scene.stats().changes), (BreakerState::Open, 1));
        scene.pass(Duration::from_nanos(1));
        assert_eq!((scene.state(), scene.stats().changes), (BreakerState::HalfOpen, 2));
        assert!(scene.changes().is_empty(), "it is told with the next call");
        let _trial = scene.admit();
        assert_eq!(scene.changes(), ["2: open > half_open, its time is over"]);
        assert_eq!(scene.stats().changes, 2);
    }

    #[test]
    fn half_open_it_admits_as_many_as_it_has_permits_and_says_when_one_is_free_at_the_latest() {
        let mut scene = tripped(Trip::default().permits(2).successes(2));
        scene.pass(30 * S);
        let first = scene.admit();
        scene.pass(S);
        let _second = scene.admit();
        let rejected = scene.rejected();
        assert_eq!((rejected.state, rejected.retry_after), (BreakerState::HalfOpen, Some(59 * S)));
        assert_eq!(
            rejected.to_string(),
            "circuit half open, trials under way: 5 failures in a row, the last: `boom`; retry after 59.0s"
        );
        scene.settle(first, CallOutcome::Success);
        let third = scene.admit();
        scene.settle(third, CallOutcome::Success);
        assert_eq!(scene.state(), BreakerState::Closed);
    }

    #[test]
    fn a_neutral_end_of_a_trial_gives_its_permit_back_and_neither_closes_nor_opens() {
        let mut scene = tripped(Trip::default());
        scene.pass(30 * S);
        for _ in 0..10 {
            scene.call(CallOutcome::Ignored);
            assert_eq!(scene.state(), BreakerState::HalfOpen);
        }
        scene.call(CallOutcome::Success);
        assert_eq!(scene.state(), BreakerState::Closed);
    }

    #[test]
    fn a_trial_past_its_bound_is_lost_and_its_late_result_changes_nothing() {
        let mut scene = tripped(Trip::default().trial_bound(5 * S));
        scene.pass(30 * S);
        let lost = scene.admit();
        scene.pass(5 * S);
        let next = scene.admit();
        scene.settle(lost, failure());
        assert_eq!(scene.state(), BreakerState::HalfOpen);
        let _ = scene.rejected();
        scene.settle(next, CallOutcome::Success);
        assert_eq!(scene.state(), BreakerState::Closed);
        assert_eq!((scene.stats().failures, scene.stats().successes), (6, 1));
    }

    #[test]
    fn a_lost_trial_has_no_say_even_if_nobody_took_its_place() {
        let mut scene = tripped(Trip::default().trial_bound(5 * S));
        scene.pass(30 * S);
        let lost = scene.admit();
        scene.pass(5 * S);
        scene.settle(lost, CallOutcome::Success);
        assert_eq!(scene.state(), BreakerState::HalfOpen);
    }

    #[test]
    fn results_of_an_older_state_count_and_change_nothing() {
        let mut scene = Scene::new(Trip::default());
        let old: Vec<Admission> = (0..20).map(|_| scene.admit()).collect();
        scene.calls(5, &failure());
        let mut old = old.into_iter();
        let mut late = |scene: &mut Scene, verdict: CallOutcome| {
            scene.settle(old.next().expect("one is left"), verdict);
        };
        scene.pass(10 * S);
        late(&mut scene, failure());
        assert_eq!(scene.rejected().retry_after, Some(20 * S), "no failure prolongs it");
        scene.pass(20 * S);
        let trial = scene.admit();
        late(&mut scene, CallOutcome::Success);
        late(&mut scene, failure());
        assert_eq!(scene.state(), BreakerState::HalfOpen, "the trial alone decides");
        scene.settle(trial, CallOutcome::Success);
        (0..10).for_each(|_| late(&mut scene, failure()));
        assert_eq!((scene.state(), scene.stats().failures_in_a_row), (BreakerState::Closed, 0));
        assert_eq!((scene.stats().failures, scene.stats().successes), (17, 2));
        assert_eq!(scene.stats().calls, 20 + 5 + 1 + 1);
    }

    #[test]
    fn one_failed_trial_opens_it_for_the_next_time_of_the_table() {
        let mut scene = tripped(Trip::default().permits(2).open_table([30 * S, 60 * S]));
        scene.pass(30 * S);
        let other = scene.admit();
        scene.call(failure());
        assert_eq!(scene.stats().open_for, Some(60 * S));
        scene.settle(other, failure());
        assert_eq!(
            scene.stats().open_for,
            Some(60 * S),
            "its sibling was of the same half-open time"
        );
        assert_eq!(
            scene.changes(),
            ["2: open > half_open, its time is over", "3: half_open > open, a trial failed"]
        );
    }

    #[test]
    fn a_failure_that_trips_it_may_state_for_how_long_and_takes_no_step() {
        let mut scene = Scene::new(Trip::after_failures(1).open_table([30 * S, 60 * S]));
        scene.call(stated(7 * S));
        assert_eq!(scene.stats().open_for, Some(7 * S));
        scene.pass(7 * S);
        scene.call(stated(Duration::ZERO));
        assert_eq!(scene.stats().open_for, Some(30 * S), "zero states nothing");
        scene.pass(30 * S);
        scene.call(stated(Duration::MAX));
        assert!(scene.stats().open_for > Some(1_000_000_000 * S), "and the longest is no panic");
    }

    #[test]
    fn a_thousand_successes_do_not_outweigh_the_failures_of_a_window_that_slides() {
        let mut scene = Scene::new(Trip::at_failure_rate(50).window(Window::Calls(10)));
        scene.calls(1_000, &CallOutcome::Success);
        scene.calls(4, &failure());
        assert_eq!(scene.state(), BreakerState::Closed);
        scene.call(failure());
        assert_eq!(scene.changes(), ["1: closed > open, 5 of 10 calls failed"]);
    }

    #[test]
    fn a_rate_says_nothing_before_there_are_enough_calls() {
        let mut scene = Scene::new(Trip::at_failure_rate(100).min_calls(20));
        scene.calls(19, &failure());
        assert_eq!(scene.state(), BreakerState::Closed);
        scene.call(failure());
        assert_eq!(scene.state(), BreakerState::Open);
    }

    #[test]
    fn slow_calls_trip_it_whether_or_not_they_succeed_and_a_slow_trial_opens_it_again() {
        let mut scene = Scene::new(Trip::at_slow_rate(50, 2 * S).min_calls(4));
        for took in [S, 2 * S, S, 3 * S] {
            let call = scene.admit();
            scene.pass(took);
            scene.settle(call, CallOutcome::Success);
        }
        assert_eq!(
            scene.rejected().to_string(),
            "circuit open: 2 of 4 calls were slow; retry after 30.0s"
        );
        scene.pass(30 * S);
        let trial = scene.admit();
        scene.pass(2 * S);
        scene.settle(trial, CallOutcome::Success);
        assert_eq!(scene.changes().last().unwrap(), "3: half_open > open, a trial was slow");
    }

    #[test]
    fn it_is_told_until_when_it_is_open_and_its_figures_say_for_how_long() {
        let mut scene = Scene::new(Trip::default());
        scene.calls(5, &failure());
        let until = scene.breaker.take_changes().pop().and_then(|change| change.until);
        assert_eq!(until, Some(scene.now + 30 * S));
        scene.pass(30 * S - Duration::from_nanos(1));
        assert_eq!(scene.stats().open_for, Some(Duration::from_nanos(1)));
        scene.pass(Duration::from_nanos(1));
        assert_eq!((scene.state(), scene.stats().open_for), (BreakerState::HalfOpen, None));
    }

    #[test]
    fn closed_again_it_holds_nothing_against_anybody() {
        let mut scene = Scene::new(Trip::at_failure_rate(50).window(Window::Calls(4)));
        scene.calls(4, &failure());
        scene.pass(30 * S);
        scene.call(CallOutcome::Success);
        assert_eq!(scene.state(), BreakerState::Closed);
        scene.calls(3, &failure());
        assert_eq!(scene.state(), BreakerState::Closed, "three calls are not enough");
    }

    #[test]
    fn its_operator_has_the_last_word() {
        let mut scene = tripped(Trip::default());
        let set = |scene: &mut Scene, mode| scene.breaker.set_mode(mode, scene.now);
        set(&mut scene, BreakerMode::Isolated);
        scene.pass(365 * 24 * 3_600 * S);
        let rejected = scene.rejected();
        assert_eq!((rejected.state, rejected.retry_after), (BreakerState::Open, None));
        assert_eq!(
            rejected.to_string(),
            "circuit open: by its operator; until its operator says otherwise"
        );
        set(&mut scene, BreakerMode::ForcedClosed);
        scene.calls(100, &failure());
        assert_eq!((scene.state(), scene.stats().failures_in_a_row), (BreakerState::Closed, 0));
        set(&mut scene, BreakerMode::Automatic);
        scene.calls(5, &failure());
        assert_eq!(scene.state(), BreakerState::Open);
        set(&mut scene, BreakerMode::Automatic);
        assert_eq!((scene.state(), scene.stats().changes), (BreakerState::Closed, 2));
        assert_eq!((scene.stats().failures, scene.stats().rejected), (110, 1), "the figures stay");
        assert_eq!(
            scene.changes(),
            [
                "2: open > open, by its operator",
                "3: open > closed, by its operator",
                "4: closed > closed, by its operator",
                "5: closed > open, 5 failures in a row",
                "6: open > closed, by its operator",
            ]
        );
    }

    #[test]
    fn observed_only_it_lets_all_pass_and_tells_what_it_would_have_done() {
        let mut scene = Scene::new(Trip::default());
        scene.breaker.set_mode(BreakerMode::ObserveOnly, scene.now);
        scene.calls(20, &failure());
        assert_eq!((scene.state(), scene.stats().rejected), (BreakerState::Open, 0));
        scene.pass(30 * S);
        let trial = scene.admit();
        let beside = scene.admit();
        scene.settle(beside, failure());
        assert_eq!(scene.state(), BreakerState::HalfOpen, "only the first would have been a trial");
        scene.settle(trial, CallOutcome::Success);
        assert_eq!(scene.state(), BreakerState::Closed);
        assert_eq!(scene.changes().len(), 4);
    }
}
