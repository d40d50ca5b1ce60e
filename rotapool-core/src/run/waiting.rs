//! How a run stands in line: while it pauses, for what it has not tried; while it waits, for anything.

use std::time::Instant;

use super::pause::{Pause, Resumed};
use super::step::Step;
use super::{Attempts, Phase};
use crate::pool::State;
use crate::pool::handover::Until;
use crate::report::refusal::ExhaustedReason;
use crate::select::index::picking::{Pick, Reach};
use crate::time::{after, scaled};

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
            Phase::Waiting => self.resume_in_line(pool),
            Phase::Pausing => match self.history.write().pause {
                Pause::Until(until) if now < until && !pool.has_ended() => {
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

    /// A pause under the recorded rules is over.
    pub(super) fn give_up_the_pause<A>(&mut self, pool: &mut State<A>) {
        let history = self.history.write();
        history.pause = Pause::None;
        if let Some(failed) = history.failed.take() {
            pool.release(failed);
        }
    }

    /// Comes back from the line with what the run was promised; that stays promised while its caller judges it.
    fn resume_in_line<A>(&mut self, pool: &mut State<A>) -> Resumed {
        let Some(turn) = self.history.write().turn else { return Resumed::Ready };
        if pool.refuses(self.made > 0) {
            self.give_up_the_line(pool);
            return Resumed::Refused;
        }
        let verdicts = std::mem::take(&mut self.history.write().verdicts);
        let unjudged = pool.unjudged_in_line(turn, verdicts);
        if !unjudged.is_empty() {
            self.phase = Phase::Waiting;
            return Resumed::Unjudged(unjudged);
        }
        match self.come_back(pool) {
            Some(key) if !pool.admits(&self.wish, key) => {
                pool.pass_on(Some(key));
                Resumed::Waited { promised: None }
            }
            promised => Resumed::Waited { promised },
        }
    }

    /// Leaves the line, with what the run was promised.
    fn come_back<A>(&mut self, pool: &mut State<A>) -> Option<usize> {
        if self.made > 0 {
            pool.goes_on();
        }
        let history = self.history.write();
        let back = pool.leave_line(history.turn?)?;
        history.in_line_since = Some(back.since);
        self.wish = back.wish;
        back.promised
    }

    pub(super) fn give_up_the_line<A>(&mut self, pool: &mut State<A>) {
        let promised = self.come_back(pool);
        pool.pass_on(promised);
    }

    /// Takes the place that the run was promised, unless its deadline has passed meanwhile, or the retries are spent. What
    /// has come free since and is fresh it takes rather than what it has tried.
    #[cold]
    pub(super) fn take_promised<A>(
        &mut self,
        pool: &mut State<A>,
        key: usize,
        now: Instant,
        mut chance: impl FnMut() -> f64,
        handle: impl FnOnce() -> A,
    ) -> Step {
        let refusal = match self.deadline {
            Some(deadline) if deadline <= now => Some(ExhaustedReason::Deadline { deadline }),
            _ => self.over_budget(pool, now),
        };
        if let Some(reason) = refusal {
            pool.pass_on(Some(key));
            return self.exhaust(pool, reason, now);
        }
        let tick = pool.tick(now);
        let fresh = match pool.offers_again(&self.wish, key) {
            true => pool.pick(&self.wish, Reach::RATHER_THAN_AGAIN, tick, &mut chance),
            false => Pick::Nothing,
        };
        let (taken, left) = match fresh {
            Pick::Take(fresh) => (fresh, Some(key)),
            Pick::Probe(_) | Pick::OnlyTried | Pick::Nothing => (key, None),
        };
        let ticket = pool.enter(taken, &self.wish, tick, handle());
        pool.pass_on(left);
        self.begin(pool, ticket, now)
    }

    /// Whether the run has to pause before it repeats itself.
    #[inline]
    pub(super) fn must_pause(&self, now: Instant) -> bool {
        self.history.pause().is_owed(now) && !self.retry_delay.is_zero()
    }

    /// Until when the run pauses, if it has to. A pause is as long as it is, however often its run comes meanwhile.
    fn pause(&mut self, now: Instant, chance: &mut impl FnMut() -> f64) -> Option<Instant> {
        if !self.must_pause(now) {
            return None;
        }
        let pause = &mut self.history.write().pause;
        if *pause == Pause::Owed {
            *pause = Pause::Until(after(now, scaled(self.retry_delay, 0.5 + chance())));
        }
        match *pause {
            Pause::Until(until) => Some(until),
            Pause::None | Pause::Owed => None,
        }
    }

    /// Nothing is to be had now, or only again what the run has tried (`may_repeat`): get in line for it, or give up.
    #[cold]
    pub(super) fn wait<A>(
        &mut self,
        pool: &mut State<A>,
        may_repeat: bool,
        now: Instant,
        mut chance: impl FnMut() -> f64,
        handle: impl FnOnce() -> A,
    ) -> Step {
        let rules = pool.config().rules;
        let pauses_already = self.is_pausing(now);
        let reason = match self.wait || may_repeat || pauses_already {
            false => Err(self.nothing(pool)),
            true => {
                let pause = self.pause(now, &mut chance);
                let is_busy = rules.line && pool.is_busy(&self.wish, now);
                let recovery = pool.next_recovery(&self.wish, now);
                let futility = self.futility(pool, (is_busy, recovery), pause, now);
                match futility.or_else(|| self.is_one_too_many(pool)) {
                    Some(reason) => Err(reason),
                    None => Ok(pause),
                }
            }
        };
        let pause = match reason {
            Ok(pause) => pause,
            Err(reason) => {
                pool.pass_on(None);
                let Some(key) = pool.least_bad(&self.wish, now) else {
                    return self.exhaust(pool, reason, now);
                };
                // Who was woken has not asked yet whether it may.
                return match self.over_budget(pool, now) {
                    Some(reason) => self.exhaust(pool, reason, now),
                    None => self.take_degraded(pool, key, now, handle),
                };
            }
        };
        let history = self.history.write();
        let turn = *history.turn.get_or_insert_with(|| pool.arrive());
        let since = *history.in_line_since.get_or_insert_with(|| pool.tick(now));
        let is_new = self.made == 0;
        let until = self.until(pool, pause, may_repeat, now);
        if self.wish.costs().are_stated() {
            pool.watch_everywhere(&self.wish, now);
        }
        let wish = std::mem::take(&mut self.wish);
        let recovery = if rules.line { None } else { pool.next_recovery(&wish, now) };
        let only_pauses = until.only_pauses;
        let comes_at = pool.get_in_line(turn, wish, since, until, handle());
        match is_new {
            true => self.phase = Phase::Waiting,
            false => self.rest(pool, Phase::Waiting),
        }
        if pool.follows_runs() && !only_pauses {
            self.tell_in_line(pool, now);
        }
        let until = match recovery {
            Some(recovery) => {
                let until = after(recovery, scaled(self.retry_delay, chance()));
                Some(self.deadline.map_or(until, |deadline| until.min(deadline)))
            }
            None => comes_at,
        };
        Step::Wait { until }
    }

    /// Until when the run stands in line if nobody wakes it, and what for.
    fn until<A>(
        &self,
        pool: &State<A>,
        pause: Option<Instant>,
        may_repeat: bool,
        now: Instant,
    ) -> Until {
        let hurries = !self.may_wait(pool, now);
        let patience = self.patience(pool, now).filter(|_| !hurries);
        let latest = patience.or(self.deadline);
        let latest = pause.into_iter().chain(latest).min();
        Until {
            latest,
            hurries,
            pauses: pause.is_some(),
            only_pauses: pause.is_some() && (may_repeat || !self.wait),
            is_new: self.made == 0,
            hope: self.hope(pool, pause),
        }
    }

    /// Whether the run may wait for a ramp's pace; who may not goes beyond it rather than fail. Whose next failure may
    /// be its last waits for no pace; who pauses has the time to.
    #[inline]
    pub(super) fn may_wait<A>(&self, pool: &State<A>, now: Instant) -> bool {
        let has_time = match self.wait {
            true => !self.is_at_its_last() || self.must_pause(now),
            false => self.is_pausing(now),
        };
        has_time
            && self.is_one_too_many(pool).is_none()
            && self.patience(pool, now).is_none_or(|patience| now < patience)
    }

    /// Whether it has failed, and another failure that costs something would end it.
    #[inline]
    fn is_at_its_last(&self) -> bool {
        self.made > 0 && self.history.spent() + 1 >= self.max_attempts
    }

    /// Whether its pause has begun and is not over.
    #[inline]
    fn is_pausing(&self, now: Instant) -> bool {
        matches!(self.history.pause(), Pause::Until(until) if now < until)
    }

    /// Until when a run in line keeps to the pace of ramps: for half of the time that it had when it came. A place that
    /// comes later than that may come too late to be of use, and what its deadline ends is no success for the ramp.
    fn patience<A>(&self, pool: &State<A>, now: Instant) -> Option<Instant> {
        let deadline = self.deadline.filter(|_| pool.config().rules.line)?;
        let since = self.history.0.as_ref().and_then(|history| history.in_line_since);
        let since = since.map_or(now, |since| pool.instant(since));
        Some(since + deadline.saturating_duration_since(since) / 2)
    }
}
