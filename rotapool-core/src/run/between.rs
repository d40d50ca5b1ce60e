//! What a run does between its attempts: whether it may go on, whom it asks first, how it pauses and waits.

use std::time::Instant;

use super::step::Step;
use super::{Attempts, Phase};
use crate::member::signal::Signal;
use crate::member::usage::Ticket;
use crate::pool::State;
use crate::report::exhausted::ExhaustedReason;
use crate::time::{after, scaled};

impl Attempts {
    /// Goes on after a pause or a wait: whether it was a wait, or until when the pause still lasts.
    #[cold]
    pub(super) fn resume<A>(&mut self, pool: &mut State<A>, now: Instant) -> Result<bool, Instant> {
        match std::mem::replace(&mut self.phase, Phase::Ready) {
            Phase::Ready => Ok(false),
            Phase::Waiting => {
                pool.waiting -= 1;
                Ok(true)
            }
            Phase::Pausing { until, failed } if now < until => {
                self.phase = Phase::Pausing { until, failed };
                Err(until)
            }
            Phase::Pausing { failed, .. } => {
                pool.release(failed);
                Ok(false)
            }
            // Given back first: whoever catches the panic can still cancel the run.
            phase @ (Phase::Attempting(_) | Phase::Over) => {
                self.phase = phase;
                panic!("the attempt in flight has to be settled first, or the run is over");
            }
        }
    }

    #[cold]
    pub(super) fn ask_to_judge<A>(&mut self, pool: &mut State<A>, waited: bool) -> Option<Step> {
        let unjudged = pool.unjudged(&self.wish);
        if unjudged.is_empty() {
            return None;
        }
        if waited {
            self.keep_waiting(pool);
        }
        Some(Step::Judge(unjudged))
    }

    #[cold]
    pub(super) fn ask_to_choose<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        waited: bool,
    ) -> Option<Step> {
        if self.choice.is_some() {
            return None;
        }
        let candidates = pool.candidates(&self.wish, now);
        if candidates.is_empty() {
            return None;
        }
        if waited {
            self.keep_waiting(pool);
        }
        Some(Step::Choose(candidates))
    }

    /// The most attempts that the run makes, which its first step fixes.
    #[inline]
    pub(super) fn fix_budget<A>(&mut self, pool: &State<A>) -> u32 {
        let Self { max_attempts, wait_for_cooldown, .. } = *self;
        let budget = match self.budget {
            Some(budget) => budget,
            None if wait_for_cooldown => max_attempts,
            None => max_attempts.min(u32::try_from(pool.admitted(&self.wish)).unwrap_or(u32::MAX)),
        };
        self.budget = Some(budget);
        budget
    }

    /// Why no further attempt may start, if none may.
    #[inline]
    pub(super) fn refusal<A>(
        &self,
        budget: u32,
        pool: &State<A>,
        now: Instant,
        waited: bool,
    ) -> Option<ExhaustedReason> {
        if budget == 0 {
            return Some(self.nothing(pool));
        }
        if self.made >= budget {
            return Some(ExhaustedReason::MaxAttempts);
        }
        // A wait was begun because a cooldown ends in time: it may select once more however late
        // its wake-up came.
        match self.deadline {
            Some(deadline) if deadline <= now && !waited => {
                Some(ExhaustedReason::Deadline { deadline })
            }
            _ => None,
        }
    }

    /// Nothing was eligible: wait, or give up.
    pub(super) fn wait<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) -> Step {
        let Self { retry_delay, deadline, wait_for_cooldown, .. } = *self;
        let recovery = if wait_for_cooldown { pool.next_recovery(&self.wish, now) } else { None };
        let Some(until) = recovery else {
            let reason = self.nothing(pool);
            return self.exhaust(pool, reason, now);
        };
        if let Some(deadline) = deadline.filter(|&deadline| deadline <= until) {
            let reason = ExhaustedReason::CooldownOutlastsDeadline { until, deadline };
            return self.exhaust(pool, reason, now);
        }
        self.keep_waiting(pool);
        Step::Wait { until: not_past(deadline, after(until, scaled(retry_delay, chance()))) }
    }

    /// The one way into the phase, which counts the run. Whoever takes the phase away, [`step`](Self::step)
    /// or [`cancel`](Self::cancel), counts it out.
    fn keep_waiting<A>(&mut self, pool: &mut State<A>) {
        self.phase = Phase::Waiting;
        pool.waiting += 1;
    }

    fn nothing<A>(&self, pool: &State<A>) -> ExhaustedReason {
        match self.wish.filters() && !pool.is_empty() && pool.admitted(&self.wish) == 0 {
            true => ExhaustedReason::NoResourceAdmitted,
            false => ExhaustedReason::NoEligibleResource,
        }
    }

    /// The run goes on after a pause, if it has an attempt left.
    #[cold]
    pub(super) fn pause<A>(
        &mut self,
        pool: &mut State<A>,
        ticket: Ticket,
        signal: Signal,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) {
        pool.note_tried(&ticket, &mut self.wish);
        let last = self.budget.is_some_and(|budget| self.made >= budget);
        if last || self.retry_delay.is_zero() {
            self.last_signal = Some(signal);
            self.phase = Phase::Ready;
            return pool.release(ticket);
        }
        let pause = scaled(self.retry_delay, 0.5 + chance());
        let until = not_past(self.deadline, after(now, pause));
        // After a retry signal the usage still counts among the siblings that a signal aborts.
        if !matches!(signal, Signal::Retry { .. }) {
            pool.shield(&ticket);
        }
        self.last_signal = Some(signal);
        self.phase = Phase::Pausing { until, failed: ticket };
    }
}

fn not_past(deadline: Option<Instant>, instant: Instant) -> Instant {
    deadline.map_or(instant, |deadline| instant.min(deadline))
}
