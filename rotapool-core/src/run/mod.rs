//! The retry loop as a state machine: one run, from its first step to its end.

mod beside;
mod between;
mod degrade;
mod early;
mod foresight;
mod futility;
pub(crate) mod hedging;
mod history;
mod holding;
mod pause;
mod settling;
pub(crate) mod step;
mod telling;
mod waiting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use self::history::History;
use self::pause::Resumed;
use self::step::{RunOptions, Step};
use crate::member::slot::SlotIndex;
use crate::member::usage::{Ticket, UsageKey};
use crate::pool::State;
use crate::rare::Rare;
use crate::report::refusal::ExhaustedReason;
use crate::select::candidate::Candidate;
use crate::select::index::picking::Pick;
use crate::select::wish::Wish;
use crate::time::after;

#[derive(Debug)]
enum Phase {
    /// Before its first attempt, or in the middle of a step.
    Ready,
    /// Between two attempts.
    Between,
    /// Under the recorded rules, after a failed attempt.
    Pausing,
    /// In line, waiting or pausing.
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
    /// The calls made.
    made: u32,
    /// The budget under the recorded rules, fixed by the first step.
    budget: Option<u32>,
    wait: bool,
    /// Whether its attempts are never hedged.
    forgoes_hedges: bool,
    retry_delay: Duration,
    attempt_timeout: Option<Duration>,
    deadline: Option<Instant>,
    /// When the attempt in flight is to be ended.
    limit: Option<Instant>,
    wish: Wish,
    history: History,
    phase: Phase,
    request_id: Option<Arc<str>>,
    /// The number by which the run is told of; 0 until it is.
    number: u64,
}

impl Attempts {
    /// A run that has not begun.
    #[must_use]
    #[inline(always)] // Else its options, which are large, are copied once more.
    pub fn new(options: RunOptions) -> Self {
        let RunOptions {
            max_attempts,
            retry_delay,
            deadline,
            attempt_timeout,
            wait,
            preferences,
            request_id,
        } = options;
        Self {
            max_attempts,
            made: 0,
            budget: None,
            wait,
            forgoes_hedges: false,
            retry_delay,
            attempt_timeout,
            deadline,
            limit: None,
            wish: Wish::new(preferences),
            history: History(Rare::NONE),
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

    /// When the attempt in flight is to be ended, with [`Outcome::TimedOut`](crate::Outcome::TimedOut); `None` if it may take for ever.
    #[must_use]
    #[inline]
    pub fn limit(&self) -> Option<Instant> {
        self.limit
    }

    /// Which usage its attempt in flight is, for what the operation says of [quotas](State::spent); `None` if none is in
    /// flight.
    #[must_use]
    pub fn usage<A>(&self, pool: &State<A>) -> Option<UsageKey> {
        match &self.phase {
            Phase::Attempting(_) if self.was_taken_back(pool) => None,
            Phase::Attempting(ticket) => pool.usage_key(ticket),
            _ => None,
        }
    }

    /// Whether the run has ended.
    #[must_use]
    pub fn is_over(&self) -> bool {
        matches!(self.phase, Phase::Over)
    }

    /// Decides what to do now. `chance` draws evenly from 0 to 1; `handle` makes what aborts the usage, or wakes the
    /// run in line.
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
        handle: impl FnOnce() -> A,
    ) -> Step {
        let mut waited = false;
        if !matches!(self.phase, Phase::Ready) {
            match self.resume(pool, now) {
                Resumed::Ready => {}
                Resumed::Waited { promised: None } => waited = true,
                Resumed::Waited { promised: Some(key) } => {
                    return self.take_promised(pool, key, now, chance, handle);
                }
                Resumed::Unjudged(members) => return Step::Judge(members),
                Resumed::Pausing { until } => return Step::Pause { until },
                Resumed::Refused => return self.exhaust(pool, ExhaustedReason::Closed, now),
            }
        }
        if self.wish.filters() {
            pool.notice(now);
            if pool.refuses(self.made > 0) {
                return self.refuse(pool, ExhaustedReason::Closed, now);
            }
            if let Some(question) = self.ask_to_judge(pool) {
                return self.ask(pool, question);
            }
        }
        if let Some(reason) = self.refusal(pool, now, waited) {
            return self.refuse(pool, reason, now);
        }
        let reach = self.reach(pool, now);
        let tick = pool.tick(now);
        let pick = match pool.has_detours() {
            false => pool.pick(&self.wish, reach, tick, &mut chance),
            true => match self.take_the_detour(pool, reach, now, &mut chance) {
                Ok(pick) => pick,
                Err(step) => return step,
            },
        };
        match pick {
            Pick::Take(key) => {
                if waited {
                    pool.pass_on(None);
                }
                let ticket = pool.enter(key, &self.wish, tick, handle());
                self.begin(pool, ticket, now)
            }
            Pick::Probe(key) => self.probe_early(pool, key, now, handle),
            Pick::OnlyTried => self.wait(pool, true, now, chance, handle),
            Pick::Nothing => self.wait(pool, false, now, chance, handle),
        }
    }

    #[inline]
    fn begin<A>(&mut self, pool: &mut State<A>, ticket: Ticket, now: Instant) -> Step {
        let slot = SlotIndex(ticket.slot());
        self.made += 1;
        self.phase = Phase::Attempting(ticket);
        if self.deadline.is_some() || self.attempt_timeout.is_some() {
            self.limit = self.limit_of_attempt(pool, now);
        }
        if pool.attends_starts() {
            self.attend_start(pool, now);
        }
        Step::Attempt(slot)
    }

    /// What is to be done for those who count or follow the attempts.
    #[cold]
    #[inline(never)]
    fn attend_start<A>(&mut self, pool: &mut State<A>, now: Instant) {
        pool.count_attempt(self.made == 1, self.history.retries(), now);
        self.tell_started(pool, now);
        self.plan_hedge(pool, now);
    }

    fn limit_of_attempt<A>(&self, pool: &State<A>, now: Instant) -> Option<Instant> {
        let deadline = self.deadline.filter(|_| pool.config().rules.strict_deadlines);
        let timeout = self.attempt_timeout.map(|timeout| after(now, timeout));
        deadline.into_iter().chain(timeout).min()
    }

    /// Answers [`Step::Judge`]: which of its members, by their numbers there, may be used.
    pub fn judge(&mut self, verdicts: impl IntoIterator<Item = (u64, bool)>) {
        if let Phase::Waiting = self.phase {
            // What it wants is in line, and so it may have what it was promised.
            return self.history.write().verdicts.extend(verdicts);
        }
        for (position, admitted) in verdicts {
            self.wish.judged(position, admitted);
        }
    }

    /// Answers [`Step::Choose`]: `None` leaves it to the pool's strategy, and is counted as a fault.
    ///
    /// A candidate that is no longer eligible by the next step is replaced by the strategy's choice.
    pub fn choose<A>(&mut self, pool: &mut State<A>, choice: Option<Candidate>) {
        pool.counters.choice_faults += u64::from(choice.is_none());
        self.history.write().choice = Some(choice.map(Box::new));
    }

    /// The caller gave the run up: ends a usage in flight without an outcome, and the run with it.
    pub fn cancel<A>(&mut self, pool: &mut State<A>, now: Instant) {
        pool.notice(now);
        let held = self.held();
        if held.is_some_and(|usage| !self.still_holds(pool, usage)) {
            return;
        }
        self.tell_cancelled(pool, now);
        let phase = std::mem::replace(&mut self.phase, Phase::Over);
        pool.counters.runs_cancelled += u64::from(!matches!(phase, Phase::Over));
        match phase {
            Phase::Attempting(ticket) => {
                match held {
                    Some(usage) => pool.let_go(&ticket, usage, pool.tick(now)),
                    None => pool.give_up(&ticket, now),
                }
                pool.release(ticket);
                if let Some(beside) = self.take_beside(pool) {
                    pool.abandon(beside.ticket, now);
                }
            }
            Phase::Pausing => self.give_up_the_pause(pool),
            Phase::Waiting => self.give_up_the_line(pool),
            Phase::Ready => pool.pass_on(None),
            Phase::Between => {
                pool.goes_on();
                pool.pass_on(None);
            }
            Phase::Over => {}
        }
    }

    fn exhaust<A>(&mut self, pool: &mut State<A>, reason: ExhaustedReason, now: Instant) -> Step {
        self.tell_exhausted(pool, reason, now);
        self.phase = Phase::Over;
        pool.counters.runs_exhausted += 1;
        let last_signal = self.history.0.as_mut().and_then(|history| history.last_signal.take());
        Step::Exhausted(pool.exhausted(reason, &self.wish, self.made, last_signal, now))
    }
}
