//! A second attempt beside one that does not answer: the first good answer of the two is the run's.
//!
//! What would end a run that has one attempt in flight ends it here too: a value, an error of the operation's own, blamed
//! or not, a panic. The other attempt is abandoned then. What would send it on, a signal, an abort or a time-out, does to the resource
//! and to the run's budget what it always does, and the run goes on with the other attempt alone.

use std::time::Instant;

use super::beside::{Beside, Hedging, Known};
use super::{Attempts, Phase};
use crate::member::slot::SlotIndex;
use crate::member::usage::{Ticket, UsageKey};
use crate::pool::State;
use crate::protect::Hedge;
use crate::report::event::Event;
use crate::time::after;

/// What has come of the [limit](Attempts::limit) of what is in flight.
#[derive(Debug)]
#[must_use]
pub enum Overdue {
    /// It has not come, or has moved: look at it again.
    NotYet,
    /// The attempt in flight, the older of two, is to be [settled](Attempts::settle) with
    /// [`Outcome::TimedOut`](crate::Outcome::TimedOut).
    Attempt,
    /// The same of the [younger one](Attempts::swap_hedge).
    Hedge,
    /// Call the operation with this resource too, and settle whichever ends first.
    Begin(SlotIndex),
}

impl Attempts {
    /// Its attempts are hedged so, whatever the [pool](crate::Config::hedge) says.
    #[cold]
    pub fn hedge<A>(&mut self, pool: &mut State<A>, hedge: Hedge, now: Instant) {
        pool.expect_hedges(now);
        self.history.write().hedge = Some(hedge);
    }

    /// No attempt of the run is hedged, whatever it and the pool were told: for those who can make one call at a time.
    pub fn forgo_hedges(&mut self) {
        self.forgoes_hedges = true;
    }

    /// An attempt begins, which may be hedged.
    pub(super) fn plan_hedge<A>(&mut self, pool: &State<A>, now: Instant) {
        if self.forgoes_hedges {
            return;
        }
        let own = self.history.0.as_ref().and_then(|history| history.hedge);
        let Some(delay) = pool.hedge_delay(own) else { return };
        let limit = self.limit_of_attempt(pool, now);
        let at = Some(after(now, delay)).filter(|at| limit.is_none_or(|limit| *at < limit));
        let in_flight = Known { number: self.made, limit, is_hedge: false };
        self.keep_watch(Hedging { at, in_flight, beside: None });
    }

    /// The attempt in flight, if it has a limit, ends then at the latest.
    pub(super) fn end_no_later_than(&mut self, at: Instant) {
        let earlier = |limit: Option<Instant>| limit.map(|limit| limit.min(at));
        self.limit = earlier(self.limit);
        if let Some(hedging) = self.hedging() {
            hedging.in_flight.limit = earlier(hedging.in_flight.limit);
        }
    }

    fn keep_watch(&mut self, hedging: Hedging) {
        self.limit = hedging.limit();
        self.history.write().hedging = Some(hedging);
    }

    fn hedging(&mut self) -> Option<&mut Hedging> {
        self.history.0.as_mut()?.hedging.as_mut()
    }

    /// The younger of two attempts, which is about to end, or the only one from now on.
    pub(super) fn take_beside<A>(&mut self, pool: &mut State<A>) -> Option<Beside> {
        let beside = self.hedging()?.beside.take();
        if beside.is_some() {
            pool.leaves_one();
        }
        beside
    }

    /// Which attempt of the run the one in flight is, the older of two.
    pub(super) fn number_in_flight(&self) -> u32 {
        let hedging = self.history.0.as_ref().and_then(|history| history.hedging.as_ref());
        hedging.map_or(self.made, |hedging| hedging.in_flight.number)
    }

    /// Whether there are two attempts in flight.
    #[must_use]
    pub fn is_hedged(&self) -> bool {
        let hedging = self.history.0.as_ref().and_then(|history| history.hedging.as_ref());
        hedging.is_some_and(|hedging| hedging.beside.is_some())
    }

    /// Decides what to do when the [limit](Self::limit) of what is in flight has come.
    ///
    /// `chance` and `handle` are as for [`step`](Self::step); a second attempt goes by the pool's strategy, also where a
    /// caller's own code chooses.
    ///
    /// # Panics
    ///
    /// If no attempt is in flight.
    pub fn overdue<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        mut chance: impl FnMut() -> f64,
        handle: impl FnOnce() -> A,
    ) -> Overdue {
        let is_past = |limit: Option<Instant>| limit.is_some_and(|limit| limit <= now);
        let limit = self.limit;
        let Some(hedging) = self.hedging() else {
            return if is_past(limit) { Overdue::Attempt } else { Overdue::NotYet };
        };
        if is_past(hedging.in_flight.limit) {
            return Overdue::Attempt;
        }
        if hedging.beside.as_ref().is_some_and(|beside| is_past(beside.known.limit)) {
            return Overdue::Hedge;
        }
        if !is_past(hedging.at) {
            return Overdue::NotYet;
        }
        hedging.at = None;
        self.limit = hedging.limit();
        self.begin_hedge(pool, now, &mut chance, handle).map_or(Overdue::NotYet, Overdue::Begin)
    }

    /// Begins a second attempt, if there may be one: if the run could still make another one, had the first failed.
    fn begin_hedge<A>(
        &mut self,
        pool: &mut State<A>,
        now: Instant,
        chance: &mut impl FnMut() -> f64,
        handle: impl FnOnce() -> A,
    ) -> Option<SlotIndex> {
        pool.notice(now);
        let Phase::Attempting(first) = &self.phase else { panic!("no attempt is in flight") };
        if !self.can_fail() {
            return None;
        }
        let key = pool.take_beside(first, &self.wish, now, chance)?;
        // Its rank in line is that of its beginning, whichever of the two fails first.
        let rank = (pool.sequence(first), 0);
        self.history.write().turn.get_or_insert(rank);
        let ticket = pool.enter(key, &self.wish, pool.tick(now), handle());
        if pool.follows_runs() {
            self.tell_hedged(pool, now);
        }
        self.made += 1;
        let known =
            Known { number: self.made, limit: self.limit_of_attempt(pool, now), is_hedge: true };
        if pool.follows_runs() {
            self.tell_started_on(pool, &ticket, now);
        }
        let hedging = self.hedging()?;
        hedging.beside = Some(Beside { ticket, known });
        self.limit = hedging.limit();
        Some(SlotIndex(key))
    }

    /// From here on the younger of two attempts is the one that [settles](Self::settle), and the older one is beside it.
    ///
    /// # Panics
    ///
    /// If there are not two.
    pub fn swap_hedge(&mut self) {
        let hedging = self.history.0.as_mut().and_then(|history| history.hedging.as_mut());
        match (&mut self.phase, hedging) {
            (Phase::Attempting(ticket), Some(Hedging { in_flight, beside: Some(beside), .. })) => {
                std::mem::swap(ticket, &mut beside.ticket);
                std::mem::swap(in_flight, &mut beside.known);
            }
            _ => panic!("no hedge is in flight"),
        }
    }

    /// The other one of two attempts, which is the only one now.
    pub(super) fn other_attempt<A>(&mut self, pool: &mut State<A>) -> Option<Ticket> {
        let beside = self.take_beside(pool);
        if let Some(history) = self.history.0.as_mut() {
            history.hedging = None;
        }
        let Beside { ticket, known } = beside?;
        self.keep_watch(Hedging { at: None, in_flight: known, beside: None });
        Some(ticket)
    }

    /// The usage of the younger of two attempts in flight.
    #[must_use]
    pub fn hedge_usage<A>(&self, pool: &State<A>) -> Option<UsageKey> {
        let hedging = self.history.0.as_ref()?.hedging.as_ref()?;
        pool.usage_key(&hedging.beside.as_ref()?.ticket)
    }

    /// The attempt in flight decides the run: learns from it if it is an answer, and abandons the other one of two.
    #[cold]
    pub(super) fn decide<A>(&mut self, pool: &mut State<A>, is_answer: bool, now: Instant) {
        let Phase::Attempting(ticket) = &self.phase else { return };
        // Of a stream it is known since its first item.
        let is_answer = is_answer && self.held().is_none();
        if is_answer {
            pool.learn_latency(ticket, now);
        }
        if is_answer && self.hedging().is_some_and(|hedging| hedging.in_flight.is_hedge) {
            pool.counters.hedge_wins += 1;
        }
        if let Some(Beside { ticket, known }) = self.take_beside(pool) {
            // Whoever was slower took at least as long.
            if is_answer {
                pool.learn_latency(&ticket, now);
            }
            if pool.follows_runs() {
                self.tell_abandoned(pool, &ticket, known.number, now);
            }
            pool.abandon(ticket, now);
        }
    }
}

/// What is told of it.
impl Attempts {
    fn tell_hedged<A>(&mut self, pool: &mut State<A>, now: Instant) {
        let Phase::Attempting(ticket) = &self.phase else { return };
        let (id, latency) = (pool.id_of(ticket), pool.age(ticket, now));
        let attempt = self.number_in_flight();
        let (run, request_id) = self.told(pool);
        pool.tell(Event::AttemptHedged { at: now, run, request_id, id, attempt, latency });
    }

    pub(super) fn tell_of_beside<A>(&mut self, pool: &mut State<A>, now: Instant) {
        if let Some(Beside { ticket, known }) = self.hedging().and_then(|it| it.beside.take()) {
            self.tell_abandoned(pool, &ticket, known.number, now);
            if let Some(hedging) = self.hedging() {
                hedging.beside = Some(Beside { ticket, known });
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::time::Duration;

    use fastrand::Rng;

    use super::*;
    use crate::member::outcome::Outcome;
    use crate::member::profile::Profile;
    use crate::member::signal::Signal;
    use crate::pool::config::Config;
    use crate::protect::{Hedge, RetryBudget};
    use crate::report::event::Event;
    use crate::run::step::{RunOptions, Step};

    const IDS: [&str; 4] = ["a", "b", "c", "d"];

    fn outcome(random: &mut Rng) -> Outcome {
        match random.u32(..9) {
            0..3 => Outcome::Success,
            3 => Outcome::Error,
            4 => Outcome::Failure,
            5 => Outcome::Panic,
            6 => Outcome::Aborted,
            7 => Outcome::Signal(Signal::cooldown_for(Duration::from_secs(1), "429")),
            _ => Outcome::Signal(Signal::retry("503")),
        }
    }

    /// What subscribers hear, kept like books: of each run the attempts in flight, and where.
    #[derive(Default)]
    struct Books {
        in_flight: HashMap<u64, Vec<(u32, String)>>,
        ended: u64,
        most: usize,
    }

    impl Books {
        fn note(&mut self, event: &Event) {
            match event {
                Event::AttemptStarted { run, attempt, id, .. } => {
                    let attempts = self.in_flight.entry(*run).or_default();
                    assert!(attempts.iter().all(|(_, on)| **on != **id), "twice on {id}");
                    attempts.push((*attempt, id.to_string()));
                    self.most = self.most.max(attempts.len());
                }
                Event::AttemptSettled { run, attempt, id, .. }
                | Event::AttemptAbandoned { run, attempt, id, .. } => {
                    let attempts = self.in_flight.get_mut(run).unwrap();
                    let ended = (*attempt, id.to_string());
                    let place = attempts.iter().position(|one| *one == ended).expect("it began");
                    attempts.remove(place);
                }
                Event::RunEnded { run, outcome, .. } => {
                    self.ended += 1;
                    let left = self.in_flight.remove(run).unwrap_or_default();
                    assert!(left.is_empty(), "{outcome} with {left:?} in flight");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn whatever_ends_in_whichever_order_every_attempt_ends_once_and_no_run_is_twice_on_one_resource()
     {
        for seed in 0..60 {
            let mut random = Rng::with_seed(seed);
            let mut now = Instant::now();
            let hedge = Some(Hedge::After(Duration::from_secs(1)));
            let budget = RetryBudget::percent(100).min_per_second(random.u32(..3));
            let config = Config { hedge, retry_budget: Some(budget), ..Config::default() };
            let mut pool = State::<u32>::new(config, now);
            for id in IDS {
                let mut profile = Profile::new(id);
                profile.max_in_flight = Some(2);
                pool.add(profile, now).unwrap();
            }
            pool.follow_runs(true);
            let (mut runs, mut begun, mut handles) = (Vec::new(), 0, 0);
            let mut books = Books::default();
            for _ in 0..400 {
                now += Duration::from_millis(random.u64(..800));
                let chance = random.f64();
                let mut handle = || {
                    handles += 1;
                    handles
                };
                if runs.len() < 6 {
                    begun += 1;
                    runs.push(Attempts::new(RunOptions {
                        max_attempts: random.u32(1..5),
                        retry_delay: Duration::ZERO,
                        attempt_timeout: random.bool().then_some(Duration::from_secs(3)),
                        deadline: random.bool().then(|| now + Duration::from_secs(5)),
                        ..RunOptions::default()
                    }));
                }
                let nth = random.usize(..runs.len());
                let run = &mut runs[nth];
                if !matches!(run.phase, Phase::Attempting(_)) {
                    let _: Step = run.step(&mut pool, now, || chance, &mut handle);
                } else {
                    match (run.overdue(&mut pool, now, || chance, &mut handle), random.u32(..8)) {
                        (Overdue::Attempt, _) => {
                            run.settle(&mut pool, Outcome::TimedOut, now, || chance);
                        }
                        (Overdue::Hedge, _) => {
                            run.swap_hedge();
                            run.settle(&mut pool, Outcome::TimedOut, now, || chance);
                        }
                        (_, 0) => run.cancel(&mut pool, now),
                        (_, 1..3) if run.is_hedged() => {
                            run.swap_hedge();
                            run.settle(&mut pool, outcome(&mut random), now, || chance);
                        }
                        (_, 3..5) => run.settle(&mut pool, outcome(&mut random), now, || chance),
                        _ => {}
                    }
                }
                runs.retain(|run| !run.is_over());
                let _ = pool.take_retired();
                let effects = pool.take_effects();
                effects.iter().flat_map(|effects| &effects.events).for_each(|e| books.note(e));
                let known: usize = books.in_flight.values().map(Vec::len).sum();
                assert_eq!(pool.stats(now).in_flight, known as u64, "seed {seed}");
            }
            for mut run in runs {
                run.cancel(&mut pool, now);
            }
            let stats = pool.stats(now);
            let ended =
                stats.runs_ok + stats.runs_error + stats.runs_exhausted + stats.runs_cancelled;
            assert_eq!((stats.in_flight, ended), (0, begun), "seed {seed}");
            assert!(books.most == 2 && stats.hedges > 0 && stats.hedge_wins <= stats.hedges);
        }
    }
}
