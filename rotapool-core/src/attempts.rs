//! The retry loop as a state machine: budget, deadline, pause and wait.

use std::time::{Duration, Instant};

use crate::exhausted::{Exhausted, ExhaustedReason};
use crate::signal::{Outcome, Signal};
use crate::slot::SlotIndex;
use crate::state::State;
use crate::time::{after, scaled};
use crate::usage::Ticket;

/// How one run may go about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOptions {
    /// The most attempts. A run that does not wait makes no more than there are resources at its start.
    pub max_attempts: u32,
    /// The mean pause between attempts.
    pub retry_delay: Duration,
    /// When to start no further attempt, pause or wait. It never interrupts an attempt.
    pub deadline: Option<Instant>,
    /// Whether to sleep until a cooldown ends when nothing is eligible.
    pub wait_for_cooldown: bool,
}

/// What a run has to do now.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Call the operation with this resource, then [settle](Attempts::settle).
    Attempt(SlotIndex),
    /// Sleep until then and step again. Nothing but the clock ends a pause.
    Pause {
        /// When the pause ends.
        until: Instant,
    },
    /// Sleep until then, or until an [effect](crate::Effects::wake) says to think again; then step.
    Wait {
        /// When to think again in any case.
        until: Instant,
    },
    /// The run is over: the pool cannot serve it.
    Exhausted(Box<Exhausted>),
}

#[derive(Debug)]
enum Phase {
    /// Between attempts.
    Ready,
    /// The usage of the failed attempt keeps its place on the resource until the pause is over.
    Pausing {
        until: Instant,
        failed: Ticket,
    },
    /// Nothing was eligible; a cooldown ends before the deadline.
    Waiting,
    Attempting(Ticket),
    Over,
}

/// One run: the attempts made, and what to do next.
///
/// Its usage lives in here, so a usage ends exactly once: by [`settle`](Self::settle), or by
/// [`cancel`](Self::cancel) when the caller gives the run up.
#[derive(Debug)]
pub struct Attempts {
    options: RunOptions,
    /// Fixed by the first step.
    budget: Option<u32>,
    made: u32,
    last_signal: Option<Signal>,
    phase: Phase,
}

impl Attempts {
    /// A run that has not begun.
    #[must_use]
    pub fn new(options: RunOptions) -> Self {
        Self { options, budget: None, made: 0, last_signal: None, phase: Phase::Ready }
    }

    /// The attempts begun so far.
    #[must_use]
    pub fn made(&self) -> u32 {
        self.made
    }

    /// Whether the run has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Decides what to do now. `chance` draws evenly from 0 to 1; `abort` makes what aborts the usage.
    ///
    /// # Panics
    ///
    /// If an attempt is in flight or the run is over.
    pub fn step<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        chance: impl FnOnce() -> f64,
        abort: impl FnOnce() -> A,
    ) -> Step {
        let RunOptions { max_attempts, retry_delay, deadline, wait_for_cooldown } = self.options;
        let members = u32::try_from(pool.len()).unwrap_or(u32::MAX);
        let budget = *self.budget.get_or_insert(match wait_for_cooldown {
            true => max_attempts,
            false => max_attempts.min(members),
        });
        let mut waited = false;
        match std::mem::replace(&mut self.phase, Phase::Ready) {
            Phase::Ready => {}
            Phase::Pausing { until, failed } if now < until => {
                self.phase = Phase::Pausing { until, failed };
                return Step::Pause { until };
            }
            Phase::Pausing { failed, .. } => pool.release(failed),
            Phase::Waiting => waited = true,
            Phase::Attempting(_) => panic!("the attempt in flight has to be settled first"),
            Phase::Over => panic!("the run is over"),
        }
        if budget == 0 {
            return self.exhaust(pool, ExhaustedReason::NoEligibleResource, now);
        }
        if self.made >= budget {
            return self.exhaust(pool, ExhaustedReason::MaxAttempts, now);
        }
        // A wait was begun because a cooldown ends in time: it may select once more however late
        // its wake-up came.
        if let Some(deadline) = deadline.filter(|&deadline| deadline <= now && !waited) {
            return self.exhaust(pool, ExhaustedReason::Deadline { deadline }, now);
        }
        if let Some(ticket) = pool.acquire(now, abort) {
            let slot = SlotIndex(ticket.slot());
            self.made += 1;
            self.phase = Phase::Attempting(ticket);
            return Step::Attempt(slot);
        }
        let Some(until) = pool.next_recovery().filter(|_| wait_for_cooldown) else {
            return self.exhaust(pool, ExhaustedReason::NoEligibleResource, now);
        };
        if let Some(deadline) = deadline.filter(|&deadline| deadline <= until) {
            let reason = ExhaustedReason::CooldownOutlastsDeadline { until, deadline };
            return self.exhaust(pool, reason, now);
        }
        self.phase = Phase::Waiting;
        Step::Wait { until: not_past(deadline, after(until, scaled(retry_delay, chance()))) }
    }

    /// Ends the attempt in flight.
    ///
    /// # Panics
    ///
    /// If no attempt is in flight.
    pub fn settle<A>(
        &mut self,
        pool: &mut State<A>,
        outcome: Outcome,
        now: Instant,
        chance: impl FnOnce() -> f64,
    ) {
        let Phase::Attempting(ticket) = std::mem::replace(&mut self.phase, Phase::Over) else {
            panic!("no attempt is in flight");
        };
        let signal = match outcome {
            Outcome::Success => {
                pool.succeed(&ticket);
                pool.counters.runs_ok += 1;
                return pool.release(ticket);
            }
            Outcome::Error => {
                pool.succeed(&ticket);
                pool.counters.runs_error += 1;
                return pool.release(ticket);
            }
            Outcome::Panic => {
                pool.counters.runs_error += 1;
                return pool.release(ticket);
            }
            Outcome::Aborted => pool.siblings_signal(&ticket, now),
            Outcome::Signal(signal) => {
                pool.signal(&ticket, &signal, now);
                signal
            }
        };
        let last = self.budget.is_some_and(|budget| self.made >= budget);
        if last || self.options.retry_delay.is_zero() {
            self.last_signal = Some(signal);
            self.phase = Phase::Ready;
            return pool.release(ticket);
        }
        let pause = scaled(self.options.retry_delay, 0.5 + chance());
        let until = not_past(self.options.deadline, after(now, pause));
        // After a retry signal the usage still counts among the siblings that a signal aborts.
        if !matches!(signal, Signal::Retry { .. }) {
            pool.shield(&ticket);
        }
        self.last_signal = Some(signal);
        self.phase = Phase::Pausing { until, failed: ticket };
    }

    /// The caller gave the run up: ends a usage in flight without an outcome, and the run with it.
    pub fn cancel<A>(&mut self, pool: &mut State<A>) {
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Over => {}
            Phase::Attempting(ticket) | Phase::Pausing { failed: ticket, .. } => {
                pool.counters.runs_cancelled += 1;
                pool.release(ticket);
            }
            Phase::Ready | Phase::Waiting => pool.counters.runs_cancelled += 1,
        }
    }

    fn exhaust<A>(&mut self, pool: &mut State<A>, reason: ExhaustedReason, now: Instant) -> Step {
        self.phase = Phase::Over;
        pool.counters.runs_exhausted += 1;
        Step::Exhausted(pool.exhausted(reason, self.made, self.last_signal.take(), now))
    }
}

fn not_past(deadline: Option<Instant>, instant: Instant) -> Instant {
    deadline.map_or(instant, |deadline| instant.min(deadline))
}
