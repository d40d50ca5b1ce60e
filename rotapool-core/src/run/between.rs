//! What a run does between its attempts: whether it may go on, and whom it asks first.

use std::time::Instant;

use super::step::Step;
use super::{Attempts, Phase};
use crate::pool::State;
use crate::report::refusal::ExhaustedReason;
use crate::select::index::picking::{Pick, Reach};
use crate::time::Tick;

impl Attempts {
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
        if let Some(key) = self.whom_to_probe(pool, now) {
            return Ok(Pick::Probe(key));
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
    #[inline(always)]
    pub(super) fn refusal<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        waited: bool,
    ) -> Option<ExhaustedReason> {
        match self.end_of_its_own(pool, now, waited) {
            None if !self.history.retries() => None,
            // Who was woken may find nothing, and goes on to wait; it asks once there is something to pay for.
            None if waited && !self.finds_any(pool, now) => None,
            None => self.over_budget(pool, now),
            reason => reason,
        }
    }

    /// Whether there is anything for the run to pick.
    #[cold]
    fn finds_any<A>(&self, pool: &mut State<A>, now: Instant) -> bool {
        let reach = self.reach(pool, now);
        !pool.candidates(&self.wish, reach, now).is_empty()
    }

    /// How far the run goes: as far as there is anything, if it does not wait and has nothing behind it.
    #[inline(always)]
    pub(super) fn reach<A>(&self, pool: &mut State<A>, now: Instant) -> Reach {
        match self.wait || self.history.0.is_some() {
            true => self.reach_of_who_waits(pool, now),
            false => Reach { tried: true, beyond_pace: true },
        }
    }

    #[inline(never)]
    fn reach_of_who_waits<A>(&self, pool: &mut State<A>, now: Instant) -> Reach {
        // Before anything is picked: how many are in line changes with what is handed to them.
        pool.notice(now);
        Reach { tried: !self.must_pause(now), beyond_pace: !self.may_wait(pool, now) }
    }

    /// Whether its attempts or its time are spent.
    #[inline(always)]
    pub(super) fn end_of_its_own<A>(
        &mut self,
        pool: &State<A>,
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
            _ => None,
        }
    }

    /// Why the pool's budget has no retry for the run, if a retry is what comes next and it has none.
    #[cold]
    pub(super) fn over_budget<A>(
        &self,
        pool: &mut State<A>,
        now: Instant,
    ) -> Option<ExhaustedReason> {
        if !self.history.retries() {
            return None;
        }
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
}
