//! The retry loop as a state machine: one run, from its first step to its end.

mod between;
pub(crate) mod step;
mod telling;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::step::{RunOptions, Step};
use crate::member::signal::{Outcome, Signal};
use crate::member::slot::SlotIndex;
use crate::member::usage::Ticket;
use crate::pool::State;
use crate::report::exhausted::ExhaustedReason;
use crate::select::candidate::Candidate;
use crate::select::wish::Wish;

/// A choice of a caller's own code: a candidate, or none of them.
type Choice = Option<Box<Candidate>>;

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
    max_attempts: u32,
    wait_for_cooldown: bool,
    retry_delay: Duration,
    deadline: Option<Instant>,
    wish: Wish,
    /// What a caller's own code chose, until the step that follows it.
    choice: Option<Choice>,
    /// Fixed by the first step.
    budget: Option<u32>,
    made: u32,
    last_signal: Option<Signal>,
    phase: Phase,
    request_id: Option<Arc<str>>,
    /// The number by which the run is told of; 0 until it is.
    number: u64,
}

impl Attempts {
    /// A run that has not begun.
    #[must_use]
    pub fn new(options: RunOptions) -> Self {
        let RunOptions {
            max_attempts,
            retry_delay,
            deadline,
            wait_for_cooldown,
            preferences,
            request_id,
        } = options;
        Self {
            max_attempts,
            wait_for_cooldown,
            retry_delay,
            deadline,
            wish: Wish::new(preferences),
            choice: None,
            budget: None,
            made: 0,
            last_signal: None,
            phase: Phase::Ready,
            request_id,
            number: 0,
        }
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
    #[inline]
    pub fn step<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        mut chance: impl FnMut() -> f64,
        abort: impl FnOnce() -> A,
    ) -> Step {
        let waited = match self.phase {
            Phase::Ready => false,
            _ => match self.resume(pool, now) {
                Ok(waited) => waited,
                Err(until) => return Step::Pause { until },
            },
        };
        if self.wish.filters() {
            if let Some(question) = self.ask_to_judge(pool, waited) {
                return question;
            }
        }
        let budget = self.fix_budget(pool);
        if let Some(reason) = self.refusal(budget, pool, now, waited) {
            return self.exhaust(pool, reason, now);
        }
        if pool.config().foreign_choice {
            if let Some(question) = self.ask_to_choose(pool, now, waited) {
                return question;
            }
        }
        let chosen = self.choice.take().flatten();
        if let Some(ticket) = pool.acquire(&self.wish, chosen.as_deref(), now, &mut chance, abort) {
            let slot = SlotIndex(ticket.slot());
            self.made += 1;
            self.phase = Phase::Attempting(ticket);
            self.tell_started(pool, now);
            return Step::Attempt(slot);
        }
        self.wait(pool, now, chance)
    }

    /// Answers [`Step::Judge`]: which of its members, by their numbers there, may be used.
    pub fn judge(&mut self, verdicts: impl IntoIterator<Item = (u64, bool)>) {
        for (position, admitted) in verdicts {
            self.wish.judged(position, admitted);
        }
    }

    /// Answers [`Step::Choose`]: `None` leaves it to the pool's strategy, and is counted as a fault.
    ///
    /// A candidate that is no longer eligible by the next step is replaced by the strategy's choice.
    pub fn choose<A>(&mut self, pool: &mut State<A>, choice: Option<Candidate>) {
        pool.counters.choice_faults += u64::from(choice.is_none());
        self.choice = Some(choice.map(Box::new));
    }

    /// Ends the attempt in flight.
    ///
    /// # Panics
    ///
    /// If no attempt is in flight.
    #[inline]
    pub fn settle<A>(
        &mut self,
        pool: &mut State<A>,
        outcome: Outcome,
        now: Instant,
        chance: impl FnMut() -> f64,
    ) {
        if pool.follows_runs() {
            self.tell_settled(pool, &outcome, now);
        }
        let Phase::Attempting(ticket) = std::mem::replace(&mut self.phase, Phase::Over) else {
            panic!("no attempt is in flight");
        };
        match outcome {
            Outcome::Success => {
                pool.counters.runs_ok += 1;
                pool.succeed(ticket, now);
            }
            Outcome::Error => {
                pool.counters.runs_error += 1;
                pool.answer(ticket, now);
            }
            Outcome::Failure => {
                pool.counters.runs_error += 1;
                pool.fail(ticket, now);
            }
            Outcome::Panic => {
                pool.counters.runs_error += 1;
                pool.release(ticket);
            }
            Outcome::Aborted => {
                pool.give_up(&ticket, now);
                let signal = pool.siblings_signal(&ticket, now);
                self.pause(pool, ticket, signal, now, chance);
            }
            Outcome::Signal(signal) => {
                pool.signal(&ticket, &signal, now);
                self.pause(pool, ticket, signal, now, chance);
            }
        }
    }

    /// The caller gave the run up: ends a usage in flight without an outcome, and the run with it.
    pub fn cancel<A>(&mut self, pool: &mut State<A>, now: Instant) {
        self.tell_cancelled(pool, now);
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        pool.counters.runs_cancelled += u64::from(!matches!(phase, Phase::Over));
        match phase {
            Phase::Attempting(ticket) => {
                pool.give_up(&ticket, now);
                pool.release(ticket);
            }
            Phase::Pausing { failed, .. } => pool.release(failed),
            Phase::Waiting => pool.waiting -= 1,
            Phase::Ready | Phase::Over => {}
        }
    }

    fn exhaust<A>(&mut self, pool: &mut State<A>, reason: ExhaustedReason, now: Instant) -> Step {
        self.tell_exhausted(pool, reason, now);
        self.phase = Phase::Over;
        pool.counters.runs_exhausted += 1;
        Step::Exhausted(pool.exhausted(reason, &self.wish, self.made, self.last_signal.take(), now))
    }
}
