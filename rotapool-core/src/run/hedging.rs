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

    pub(super) fn hedging(&mut self) -> Option<&mut Hedging> {
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
            // Its place is offered by what is there now.
            pool.notice(now);
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
