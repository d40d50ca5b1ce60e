//! A circuit breaker as a state machine.
//!
//! Every change has a number, and every admission carries the number of the last change before it. So a
//! result that belongs to an older state is known as such, and changes statistics alone.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use thiserror::Error;

use super::change::{BreakerCause, BreakerChange, BreakerMode, BreakerState};
use super::trials::{Trial, Trials};
use super::trip::{Trip, TripError};
use super::window::{Mark, Sliding};
use crate::one_line::OneLine;
use crate::time::after;

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
    failures_in_a_row: u32,
    window: Option<Sliding>,
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

/// How far up the table of open times it is.
#[derive(Debug, Default, Clone, Copy)]
struct Ladder {
    step: usize,
    closed_at: Option<Instant>,
    /// The last success since then.
    well_at: Option<Instant>,
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

/// Leave to make a call: to be [settled](Breaker::settle), once.
#[derive(Debug)]
#[must_use = "an admission is to be settled"]
pub struct Admission {
    sequence: u64,
    trial: Option<Trial>,
    since: Instant,
}

/// How an admitted call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
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

/// A circuit breaker let a call not pass.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub struct Rejected {
    /// The state that the breaker was in: open, or half open with all its trials under way.
    pub state: BreakerState,
    /// After how long it pays to ask again: when the open time is over, or when the first of the trials
    /// under way is lost, at the latest. Not known of a breaker that its operator isolated.
    pub retry_after: Option<Duration>,
    /// Why it opened.
    pub cause: BreakerCause,
    /// What the failure said that opened it.
    pub last_failure: Option<Arc<str>>,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.state {
            BreakerState::HalfOpen => write!(f, "circuit half open, trials under way: ")?,
            _ => write!(f, "circuit open: ")?,
        }
        write!(f, "{}", self.cause)?;
        if let Some(text) = &self.last_failure {
            write!(f, ", the last: `{}`", OneLine(text))?;
        }
        match self.retry_after {
            Some(after) => write!(f, "; retry after {after:.1?}"),
            None => f.write_str("; until its operator says otherwise"),
        }
    }
}

/// A circuit breaker's figures at one moment. The counters are those of its whole life.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct BreakerStats {
    /// The state.
    pub state: BreakerState,
    /// Who decides.
    pub mode: BreakerMode,
    /// Calls that asked to pass: the four below, and those that have not ended.
    pub calls: u64,
    /// Calls that went well.
    pub successes: u64,
    /// Calls that failed.
    pub failures: u64,
    /// Calls that were not let pass.
    pub rejected: u64,
    /// Calls that passed and then counted nowhere, those given up among them.
    pub ignored: u64,
    /// Changes of the state. What its operator did is none.
    pub changes: u64,
    /// Failures since the last call that went well while it was closed, or that closed it.
    pub failures_in_a_row: u32,
    /// How much longer it is open, if that is known.
    pub open_for: Option<Duration>,
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
            failures_in_a_row: 0,
            window: None,
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
    pub fn settle(&mut self, admission: Admission, verdict: Verdict, now: Instant) {
        let Admission { sequence, trial, since } = admission;
        self.turn(now);
        match verdict {
            Verdict::Success => self.counters.successes += 1,
            Verdict::Failure { .. } => self.counters.failures += 1,
            Verdict::Ignored => self.counters.ignored += 1,
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

    fn judge(&mut self, verdict: Verdict, slow: bool, now: Instant) {
        let (failed, stated) = match verdict {
            Verdict::Ignored => return,
            Verdict::Success => {
                self.failures_in_a_row = 0;
                self.ladder.well_at = Some(now);
                (false, None)
            }
            Verdict::Failure { text, stated } => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                self.last_failure = Some(text);
                (true, stated)
            }
        };
        if let Some(window) = &mut self.window {
            window.add(Mark { failed, slow }, now);
        }
        if let Some(cause) = self.reason_to_trip(failed) {
            self.open(cause, stated, now);
        }
    }

    fn reason_to_trip(&self, failed: bool) -> Option<BreakerCause> {
        let in_a_row = self.failures_in_a_row;
        if failed && self.trip.failures.is_some_and(|failures| in_a_row >= failures) {
            return Some(BreakerCause::FailuresInARow(in_a_row));
        }
        let tally = self.window.as_ref()?.sum();
        if tally.calls < u64::from(self.trip.enough_calls()) {
            return None;
        }
        let reaches = |some: u64, percent: u32| some * 100 >= u64::from(percent) * tally.calls;
        if self.trip.failure_percent.is_some_and(|percent| reaches(tally.failures, percent)) {
            let (failures, calls) = (tally.failures, tally.calls);
            return Some(BreakerCause::FailureRate { failures, calls });
        }
        if self.trip.slow.is_some_and(|slow| reaches(tally.slow, slow.percent)) {
            return Some(BreakerCause::SlowRate { slow: tally.slow, calls: tally.calls });
        }
        None
    }

    fn judge_trial(&mut self, verdict: Verdict, slow: bool, now: Instant) {
        match verdict {
            Verdict::Ignored => {}
            Verdict::Failure { text, stated } => {
                self.failures_in_a_row = self.failures_in_a_row.saturating_add(1);
                self.last_failure = Some(text);
                self.open(BreakerCause::TrialFailed, stated, now);
            }
            Verdict::Success if slow => self.open(BreakerCause::TrialSlow, None, now),
            Verdict::Success => {
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

    fn open(&mut self, cause: BreakerCause, stated: Option<Duration>, now: Instant) {
        if matches!(cause, BreakerCause::SlowRate { .. } | BreakerCause::TrialSlow) {
            self.last_failure = None;
        }
        self.ladder.step_down(&self.trip.open);
        let stated = stated.filter(|stated| !stated.is_zero());
        let duration = stated.unwrap_or_else(|| self.ladder.climb(&self.trip.open));
        self.cause = cause;
        self.change(Circuit::Open { until: after(now, duration) }, cause, now);
    }

    /// Turns half open once the open time is over.
    #[inline]
    fn turn(&mut self, now: Instant) {
        if let Circuit::Open { until } = self.circuit {
            if until <= now {
                // When it was, not when it was noticed.
                let half_open = Circuit::HalfOpen(Trials::default());
                self.change(half_open, BreakerCause::TimeIsOver, until);
            }
        }
    }

    /// Hands the breaker to its operator, or back to its rules, and forgets what it held against anybody:
    /// nothing that is under way counts any more. The statistics stay.
    pub fn set_mode(&mut self, mode: BreakerMode, now: Instant) {
        self.turn(now);
        let old = self.state(now);
        self.mode = mode;
        self.circuit = Circuit::Closed;
        self.cause = BreakerCause::Operator;
        self.ladder = Ladder::default();
        self.last_failure = None;
        self.forget_evidence(now);
        self.tell(old, BreakerCause::Operator, now);
    }

    fn forget_evidence(&mut self, now: Instant) {
        self.failures_in_a_row = 0;
        self.ladder.closed_at = Some(now);
        self.ladder.well_at = None;
        let rates = self.trip.failure_percent.is_some() || self.trip.slow.is_some();
        self.window = rates.then(|| Sliding::new(self.trip.window, now));
    }

    fn change(&mut self, circuit: Circuit, cause: BreakerCause, at: Instant) {
        let old = self.automatic();
        self.circuit = circuit;
        self.counters.changes += 1;
        self.tell(old, cause, at);
    }

    fn tell(&mut self, old: BreakerState, cause: BreakerCause, at: Instant) {
        self.sequence += 1;
        let until = match self.circuit {
            Circuit::Open { until } => Some(until),
            _ => None,
        };
        self.changes.push(BreakerChange {
            sequence: self.sequence,
            old,
            new: self.told(self.automatic()),
            mode: self.mode,
            cause,
            at,
            until,
            last_failure: self.last_failure.clone(),
        });
    }

    /// What changed since this was asked last, in order: to be told outside whatever lock guards this.
    #[inline]
    pub fn take_changes(&mut self) -> Vec<BreakerChange> {
        std::mem::take(&mut self.changes)
    }

    /// The state at `now`. Looking changes nothing.
    #[must_use]
    pub fn state(&self, now: Instant) -> BreakerState {
        let turned = matches!(self.circuit, Circuit::Open { until } if until <= now);
        self.told(if turned { BreakerState::HalfOpen } else { self.automatic() })
    }

    /// The state as of the last call, by the rules.
    fn automatic(&self) -> BreakerState {
        match self.circuit {
            Circuit::Closed => BreakerState::Closed,
            Circuit::Open { .. } => BreakerState::Open,
            Circuit::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    /// The state as its operator has it.
    fn told(&self, automatic: BreakerState) -> BreakerState {
        match self.mode {
            BreakerMode::Isolated => BreakerState::Open,
            BreakerMode::ForcedClosed => BreakerState::Closed,
            BreakerMode::Automatic | BreakerMode::ObserveOnly => automatic,
        }
    }

    /// Who decides.
    #[must_use]
    pub fn mode(&self) -> BreakerMode {
        self.mode
    }

    /// The figures at `now`. Looking changes nothing.
    #[must_use]
    pub fn stats(&self, now: Instant) -> BreakerStats {
        let Counters { calls, successes, failures, rejected, ignored, changes } = self.counters;
        let until = match self.circuit {
            Circuit::Open { until } => Some(until),
            _ => None,
        };
        // Nobody has called since its time was over, and yet it is.
        let unseen = u64::from(until.is_some_and(|until| until <= now));
        let open_for = until.filter(|until| *until > now);
        BreakerStats {
            state: self.state(now),
            mode: self.mode,
            calls,
            successes,
            failures,
            rejected,
            ignored,
            changes: changes + unseen,
            failures_in_a_row: self.failures_in_a_row,
            open_for: open_for.map(|until| until.duration_since(now)),
        }
    }
}

impl Ladder {
    /// Takes back the steps that calls have proven to be over: each by succeeding for as long as it lasted.
    fn step_down(&mut self, table: &[Duration]) {
        let (Some(closed_at), Some(well_at)) = (self.closed_at, self.well_at.take()) else {
            return;
        };
        let mut well = well_at.saturating_duration_since(closed_at);
        while let Some(step) = self.step.checked_sub(1) {
            let Some(rest) = well.checked_sub(entry(table, step)) else { return };
            well = rest;
            self.step = step;
        }
    }

    /// Takes a step, and answers how long it lasts.
    fn climb(&mut self, table: &[Duration]) -> Duration {
        let duration = entry(table, self.step);
        self.step = (self.step + 1).min(table.len());
        duration
    }
}

/// An entry of the table; past its end the last.
fn entry(table: &[Duration], step: usize) -> Duration {
    table.get(step).or(table.last()).copied().unwrap_or_default()
}
