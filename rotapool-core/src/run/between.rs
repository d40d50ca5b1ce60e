//! What a run does between its attempts: whether it may go on, whom it asks first, how it pauses and waits.

use std::time::Instant;

use super::step::Step;
use super::{Attempts, Phase, Resumed};
use crate::pool::State;
use crate::pool::handover::Until;
use crate::report::exhausted::ExhaustedReason;
use crate::select::index::picking::{Pick, Reach};
use crate::time::{Tick, after, scaled};

impl Attempts {
    /// Goes on after a pause or a wait.
    #[cold]
    pub(super) fn resume<A>(&mut self, pool: &mut State<A>, now: Instant) -> Resumed {
        // While it is still in line: what comes free now is for those who came first.
        pool.notice(now);
        match std::mem::replace(&mut self.phase, Phase::Ready) {
            Phase::Ready => Resumed::Ready,
            Phase::Between => {
                pool.goes_on();
                match pool.has_ended() {
                    true => Resumed::Refused,
                    false => Resumed::Ready,
                }
            }
            Phase::Waiting => {
                let promised = self.come_back(pool);
                match pool.refuses(self.made > 0) {
                    true => {
                        pool.pass_on(promised);
                        Resumed::Refused
                    }
                    false => Resumed::Waited { promised },
                }
            }
            Phase::Pausing => match self.history.write().pause {
                Some(until) if now < until && !pool.has_ended() => {
                    self.phase = Phase::Pausing;
                    Resumed::Pausing { until }
                }
                _ => {
                    self.give_up_the_pause(pool);
                    match pool.has_ended() {
                        true => Resumed::Refused,
                        false => Resumed::Ready,
                    }
                }
            },
            // Given back first: whoever catches the panic can still cancel the run.
            phase @ (Phase::Attempting(_) | Phase::Over) => {
                self.phase = phase;
                panic!("the attempt in flight has to be settled first, or the run is over");
            }
        }
    }

    /// A pause is over.
    pub(super) fn give_up_the_pause<A>(&mut self, pool: &mut State<A>) {
        let history = self.history.write();
        history.owes_pause = false;
        match history.failed.take() {
            Some(failed) => pool.release(failed),
            None => pool.goes_on(),
        }
    }

    /// Leaves the line, with what the run was promised. Who stood in line has paused enough.
    fn come_back<A>(&mut self, pool: &mut State<A>) -> Option<usize> {
        if self.made > 0 {
            pool.goes_on();
        }
        let history = self.history.write();
        history.owes_pause = false;
        let back = pool.leave_line(history.turn?)?;
        history.in_line_since = Some(back.since);
        self.wish = back.wish;
        back.promised
    }

    /// Takes the place that the run was promised, unless its deadline has passed meanwhile, or the retries are spent.
    #[cold]
    pub(super) fn take_promised<A>(
        &mut self,
        pool: &mut State<A>,
        key: usize,
        now: Instant,
        handle: impl FnOnce() -> A,
    ) -> Step {
        let refusal = match self.deadline {
            Some(deadline) if deadline <= now => Some(ExhaustedReason::Deadline { deadline }),
            _ if self.history.retries() => self.over_budget(pool, now),
            _ => None,
        };
        if let Some(reason) = refusal {
            pool.pass_on(Some(key));
            return self.exhaust(pool, reason, now);
        }
        let ticket = pool.enter(key, &self.wish, pool.tick(now), handle());
        pool.pass_on(None);
        self.begin(pool, ticket, now)
    }

    pub(super) fn give_up_the_line<A>(&mut self, pool: &mut State<A>) {
        let promised = self.come_back(pool);
        pool.pass_on(promised);
    }

    /// Asks the caller's own code something, which takes until another step.
    #[cold]
    pub(super) fn ask<A>(&mut self, pool: &mut State<A>, question: Step) -> Step {
        pool.pass_on(None);
        if self.made > 0 {
            self.rest(pool, Phase::Between);
        }
        question
    }

    /// The run is over, for this reason, unless the gate is shut to it anyway.
    #[cold]
    pub(super) fn refuse<A>(
        &mut self,
        pool: &mut State<A>,
        reason: ExhaustedReason,
        now: Instant,
    ) -> Step {
        pool.notice(now);
        pool.pass_on(None);
        let is_shut_out = pool.refuses(self.made > 0);
        let reason = if is_shut_out { ExhaustedReason::Closed } else { reason };
        self.exhaust(pool, reason, now)
    }

    /// A run that has made an attempt holds no resource for a while.
    pub(super) fn rest<A>(&mut self, pool: &mut State<A>, phase: Phase) {
        self.phase = phase;
        pool.rests();
    }

    /// A pick that takes more than the strategy: the gate may be shut, and a caller's own code may choose.
    #[cold]
    pub(super) fn take_the_detour<A>(
        &mut self,
        pool: &mut State<A>,
        reach: Reach,
        now: Instant,
        chance: &mut impl FnMut() -> f64,
    ) -> Result<Pick, Step> {
        if pool.refuses(self.made > 0) {
            return Err(self.refuse(pool, ExhaustedReason::Closed, now));
        }
        let tick = pool.tick(now);
        if !pool.config().foreign_choice {
            return Ok(pool.pick(&self.wish, reach, tick, chance));
        }
        match self.ask_to_choose(pool, reach, now) {
            Some(question) => Err(self.ask(pool, question)),
            None => Ok(self.take_choice(pool, reach, tick, chance)),
        }
    }

    #[cold]
    pub(super) fn ask_to_judge<A>(&mut self, pool: &mut State<A>) -> Option<Step> {
        let unjudged = pool.unjudged(&self.wish);
        (!unjudged.is_empty()).then_some(Step::Judge(unjudged))
    }

    #[cold]
    pub(super) fn ask_to_choose<A>(
        &mut self,
        pool: &mut State<A>,
        reach: Reach,
        now: Instant,
    ) -> Option<Step> {
        if self.history.write().choice.is_some() {
            return None;
        }
        let candidates = pool.candidates(&self.wish, reach, now);
        (!candidates.is_empty()).then_some(Step::Choose(candidates))
    }

    /// What the caller's own code chose, if it is still to be had; else the strategy's choice.
    #[cold]
    pub(super) fn take_choice<A>(
        &mut self,
        pool: &mut State<A>,
        reach: Reach,
        now: Tick,
        chance: &mut impl FnMut() -> f64,
    ) -> Pick {
        let chosen = self.history.write().choice.take().flatten();
        match chosen.and_then(|chosen| pool.find_chosen(&chosen, &self.wish, now)) {
            Some(key) => Pick::Take(key),
            None => pool.pick(&self.wish, reach, now, chance),
        }
    }

    /// Why no further attempt may start, if none may.
    #[inline]
    pub(super) fn refusal<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        waited: bool,
    ) -> Option<ExhaustedReason> {
        let rules = pool.config().rules;
        let budget = match rules.budget_of_members {
            true => self.fix_budget(pool),
            false => self.max_attempts,
        };
        if self.history.spent() >= budget {
            return Some(match budget {
                0 if rules.budget_of_members => self.nothing(pool),
                _ => ExhaustedReason::MaxAttempts,
            });
        }
        // Under the recorded rules, a wait was begun because a cooldown ends in time: it may select once more
        // however late its wake-up came.
        match self.deadline {
            Some(deadline) if deadline <= now && (rules.strict_deadlines || !waited) => {
                Some(ExhaustedReason::Deadline { deadline })
            }
            _ if self.history.retries() => self.over_budget(pool, now),
            _ => None,
        }
    }

    /// Why the pool's budget has no retry for the run, if it has none.
    #[cold]
    fn over_budget<A>(&self, pool: &mut State<A>, now: Instant) -> Option<ExhaustedReason> {
        let spent = pool.refuses_retry(now)?;
        pool.counters.retries_refused += 1;
        Some(ExhaustedReason::RetryBudget(spent))
    }

    /// The most attempts under the recorded rules, which the first step fixes.
    #[cold]
    fn fix_budget<A>(&mut self, pool: &State<A>) -> u32 {
        let budget = match self.budget {
            Some(budget) => budget,
            None if self.wait => self.max_attempts,
            None => {
                let admitted = u32::try_from(pool.admitted(&self.wish)).unwrap_or(u32::MAX);
                self.max_attempts.min(admitted)
            }
        };
        self.budget = Some(budget);
        budget
    }

    /// Whether the run has to pause before it repeats itself.
    #[inline]
    pub(super) fn must_pause(&self) -> bool {
        self.history.owes_pause() && !self.retry_delay.is_zero()
    }

    /// Nothing was eligible: get in line, or give up.
    #[cold]
    pub(super) fn wait<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        mut chance: impl FnMut() -> f64,
        handle: impl FnOnce() -> A,
    ) -> Step {
        let rules = pool.config().rules;
        let recovery = if self.wait { pool.next_recovery(&self.wish, now) } else { None };
        let is_busy = self.wait && rules.line && pool.is_busy(&self.wish, now);
        let reason = match (recovery, self.deadline) {
            (None, _) if !is_busy => Some(self.nothing(pool)),
            (Some(until), Some(deadline)) if !is_busy && deadline <= until => {
                Some(ExhaustedReason::CooldownOutlastsDeadline { until, deadline })
            }
            _ => self.is_one_too_many(pool),
        };
        if let Some(reason) = reason {
            pool.pass_on(None);
            return self.exhaust(pool, reason, now);
        }
        let history = self.history.write();
        let turn = *history.turn.get_or_insert_with(|| pool.arrive());
        let since = *history.in_line_since.get_or_insert_with(|| pool.tick(now));
        let patience = self.patience(pool, now);
        let hurries = patience.is_some_and(|patience| patience <= now);
        let latest = if hurries { self.deadline } else { patience.or(self.deadline) };
        if self.wish.costs().are_stated() {
            pool.watch_everywhere(&self.wish, now);
        }
        let wish = std::mem::take(&mut self.wish);
        let is_new = self.made == 0;
        let until = Until { latest, hurries, is_new };
        let comes_at = pool.get_in_line(turn, wish, since, until, handle());
        match is_new {
            true => self.phase = Phase::Waiting,
            false => self.rest(pool, Phase::Waiting),
        }
        let until = match recovery {
            Some(recovery) if !rules.line => {
                let until = after(recovery, scaled(self.retry_delay, chance()));
                Some(self.deadline.map_or(until, |deadline| until.min(deadline)))
            }
            _ => comes_at,
        };
        Step::Wait { until }
    }

    /// Whether the run may wait for a ramp's pace; who may not goes beyond it rather than fail.
    #[inline]
    pub(super) fn may_wait<A>(&self, pool: &State<A>, now: Instant) -> bool {
        self.wait
            && self.is_one_too_many(pool).is_none()
            && self.patience(pool, now).is_none_or(|patience| now < patience)
    }

    /// Until when a run in line keeps to the pace of ramps: for half of the time that it had when it came. A place that
    /// comes later than that may come too late to be of use, and what its deadline ends is no success for the ramp.
    fn patience<A>(&self, pool: &State<A>, now: Instant) -> Option<Instant> {
        let deadline = self.deadline.filter(|_| pool.config().rules.line)?;
        let since = self.history.0.as_ref().and_then(|history| history.in_line_since);
        let since = since.map_or(now, |since| pool.instant(since));
        Some(since + deadline.saturating_duration_since(since) / 2)
    }

    /// Whether a run that has only just come finds the line full.
    fn is_one_too_many<A>(&self, pool: &State<A>) -> Option<ExhaustedReason> {
        let max_waiting = pool.config().max_waiting;
        let is_new = self.history.0.as_ref().is_none_or(|history| history.turn.is_none());
        (is_new && pool.in_line() >= max_waiting)
            .then_some(ExhaustedReason::LineFull { max_waiting })
    }

    fn nothing<A>(&self, pool: &State<A>) -> ExhaustedReason {
        match self.wish.filters() && !pool.is_empty() && pool.admitted(&self.wish) == 0 {
            true => ExhaustedReason::NoResourceAdmitted,
            false => ExhaustedReason::NoEligibleResource,
        }
    }

    /// Only what the run has tried is left: a pause comes first.
    #[cold]
    pub(super) fn pause<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) -> Step {
        let until = after(now, scaled(self.retry_delay, 0.5 + chance()));
        match self.deadline {
            Some(deadline) if deadline <= until => {
                let reason = ExhaustedReason::PauseOutlastsDeadline { until, deadline };
                self.exhaust(pool, reason, now)
            }
            _ => {
                self.history.write().pause = Some(until);
                self.rest(pool, Phase::Pausing);
                Step::Pause { until }
            }
        }
    }
}
