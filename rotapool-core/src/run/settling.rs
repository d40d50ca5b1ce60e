//! What becomes of a run when its attempt ends: it is over, or goes on.

use std::time::{Duration, Instant};

use super::pause::Pause;
use super::{Attempts, Phase};
use crate::member::outcome::{Outcome, silent_for};
use crate::member::signal::Signal;
use crate::member::usage::Ticket;
use crate::pool::State;
use crate::report::run_outcome::RunOutcome;
use crate::time::{Tick, after, scaled};

impl Attempts {
    /// Ends the attempt in flight with [`Outcome::Success`]. [Settling](Self::settle) with it does the same, less
    /// directly: this is how most runs end.
    ///
    /// # Panics
    ///
    /// If no attempt is in flight.
    #[inline]
    pub fn succeed<A>(&mut self, pool: &mut State<A>, now: Instant) {
        let tick = pool.tick(now);
        let ticket = self.end_attempt(pool, &Outcome::Success, tick, now);
        pool.counters.runs_ok += 1;
        pool.succeed(ticket, true, tick);
    }

    /// Ends the attempt in flight.
    ///
    /// [`Outcome::TimedOut`] says that its [`limit`](Self::limit) was reached: what that means follows from `now`.
    ///
    /// # Panics
    ///
    /// If no attempt is in flight.
    pub fn settle<A>(
        &mut self,
        pool: &mut State<A>,
        outcome: Outcome,
        now: Instant,
        chance: impl FnMut() -> f64,
    ) {
        let outcome = match outcome {
            Outcome::TimedOut => self.meaning_of_the_limit(pool, now),
            other => other,
        };
        let tick = pool.tick(now);
        let is_first = !self.history.has_failed();
        let ticket = self.end_attempt(pool, &outcome, tick, now);
        match outcome {
            Outcome::Success => {
                pool.counters.runs_ok += 1;
                pool.succeed(ticket, true, tick);
            }
            Outcome::Error => {
                pool.counters.runs_error += 1;
                pool.succeed(ticket, false, tick);
            }
            Outcome::Failure => {
                pool.counters.runs_error += 1;
                pool.fail(ticket, is_first, now);
            }
            Outcome::Panic => {
                pool.counters.runs_error += 1;
                pool.release(ticket);
            }
            Outcome::Aborted => {
                pool.give_up(&ticket, now);
                let signal = pool.siblings_signal(&ticket, now);
                self.go_on(pool, ticket, signal, Cost::Detour, now, chance);
            }
            Outcome::Signal(signal) => {
                pool.signal(&ticket, &signal, (is_first, pool.as_of(&ticket, tick)), now);
                let cost = match signal {
                    Signal::Cooldown { .. } => Cost::AfterTheFirst,
                    Signal::Disable { .. } => Cost::Detour,
                    Signal::Retry { .. } => Cost::One,
                };
                self.go_on(pool, ticket, signal, cost, now, chance);
            }
            Outcome::TimedOut => {
                let reason = self.out_of_time(pool.age(&ticket, now));
                self.time_out(pool, ticket, reason, now, chance);
            }
            Outcome::Stalled(silence) => {
                self.time_out(pool, ticket, silent_for(silence), now, chance);
            }
            Outcome::DeadlinePassed => {
                pool.give_up(&ticket, now);
                pool.counters.deadlines += 1;
                match self.other_attempt(pool) {
                    Some(other) => self.phase = Phase::Attempting(other),
                    None => self.rest(pool, Phase::Between),
                }
                pool.release(ticket);
            }
        }
    }

    /// Notices what has ended, tells of the attempt, and takes its usage; the run is over, unless it goes on.
    #[inline(always)]
    pub(super) fn end_attempt<A>(
        &mut self,
        pool: &mut State<A>,
        outcome: &Outcome,
        tick: Tick,
        now: Instant,
    ) -> Ticket {
        pool.notice_at(tick);
        if pool.attends_ends() {
            self.attend_end(pool, outcome, now);
        }
        match std::mem::replace(&mut self.phase, Phase::Over) {
            Phase::Attempting(ticket) => ticket,
            _ => panic!("no attempt is in flight"),
        }
    }

    /// What is to be done for those who count or follow how attempts end.
    #[cold]
    #[inline(never)]
    fn attend_end<A>(&mut self, pool: &mut State<A>, outcome: &Outcome, now: Instant) {
        if pool.follows_runs() || pool.hedges() {
            self.tell_and_decide(pool, outcome, now);
        }
        let Phase::Attempting(ticket) = &self.phase else { return };
        let (is_value, first_item) = match outcome {
            Outcome::Success => {
                // How long it was held is no latency.
                let first_item = self.first_item();
                (first_item.is_some() || self.held().is_none(), first_item)
            }
            Outcome::Error => (false, None),
            _ => return,
        };
        pool.prove_early(ticket, now);
        pool.count_success(ticket, is_value, first_item, now);
    }

    /// Tells of the end of the attempt, and of that of its run if it decides that.
    #[cold]
    #[inline(never)]
    fn tell_and_decide<A>(&mut self, pool: &mut State<A>, outcome: &Outcome, now: Instant) {
        if pool.follows_runs() {
            self.tell_settled(pool, outcome, now);
        }
        let Some(ends) = RunOutcome::of(outcome) else { return };
        self.decide(pool, *outcome == Outcome::Success, now);
        if pool.follows_runs() {
            self.ended(pool, ends, now);
        }
    }

    /// What it means that the attempt in flight has reached its limit.
    #[cold]
    fn meaning_of_the_limit<A>(&self, pool: &State<A>, now: Instant) -> Outcome {
        // By the recorded rules a deadline ends no attempt.
        let deadline = self.deadline.filter(|_| pool.config().rules.strict_deadlines);
        match deadline {
            Some(deadline) if deadline <= now => Outcome::DeadlinePassed,
            _ => Outcome::TimedOut,
        }
    }

    #[cold]
    fn out_of_time(&self, took: Duration) -> String {
        match self.attempt_timeout.filter(|timeout| *timeout <= took) {
            Some(timeout) => format!("no answer within {timeout:?}"),
            None => "no answer in time".to_owned(),
        }
    }

    /// The resource gave no answer in time, and the run goes on.
    #[cold]
    fn time_out<A>(
        &mut self,
        pool: &mut State<A>,
        ticket: Ticket,
        reason: String,
        now: Instant,
        chance: impl FnMut() -> f64,
    ) {
        pool.time_out(&ticket, &reason, !self.history.has_failed(), now);
        self.go_on(pool, ticket, Signal::retry(reason), Cost::One, now, chance);
    }

    /// The run goes on after a failed attempt, if it may.
    #[cold]
    fn go_on<A>(
        &mut self,
        pool: &mut State<A>,
        ticket: Ticket,
        signal: Signal,
        cost: Cost,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) {
        let rules = pool.config().rules;
        let again = pool.note_tried(&ticket, &mut self.wish);
        let is_free = rules.free_rotation && cost != Cost::One && !again;
        let history = self.history.write();
        history.turn.get_or_insert((pool.sequence(&ticket), 0));
        history.spent += u32::from(!is_free);
        history.pause = Pause::Owed;
        history.has_failed |= cost == Cost::One;
        history.retries = cost != Cost::Detour;
        history.in_line_since = None;
        history.is_told_in_line = false;
        // After a retry signal the usage still counts among the siblings that a signal aborts.
        let is_sibling = matches!(signal, Signal::Retry { .. });
        history.last_signal = Some(signal);
        if let Some(other) = self.other_attempt(pool) {
            self.phase = Phase::Attempting(other);
            return pool.release(ticket);
        }
        let history = self.history.write();
        let last = self.budget.is_some_and(|budget| history.spent >= budget);
        if !rules.holds_place_in_pauses || last || self.retry_delay.is_zero() {
            self.rest(pool, Phase::Between);
            return pool.release(ticket);
        }
        let until = after(now, scaled(self.retry_delay, 0.5 + chance()));
        history.pause = Pause::Until(self.deadline.map_or(until, |deadline| until.min(deadline)));
        if !is_sibling {
            pool.shield(&ticket);
        }
        history.failed = Some(ticket);
        self.phase = Phase::Pausing;
    }
}

/// What a failed attempt costs its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Cost {
    One,
    /// Nothing the first time on each resource: that it is out is no fault of the run's, and its finding out is of
    /// use to all. Since the second time costs one, no run goes on for ever.
    AfterTheFirst,
    /// The same, and what follows is no retry to the pool's budget: the resource is gone, or the run was in the way.
    Detour,
}
