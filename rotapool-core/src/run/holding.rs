//! Attempts that outlive the call that began them: they end when their caller says so, and their run with them.

use std::time::{Duration, Instant};

use super::{Attempts, Phase};
use crate::member::holds::Told;
use crate::member::outcome::{Outcome, silent_for};
use crate::member::usage::{Sequence, Ticket};
use crate::pool::State;
use crate::report::run_outcome::RunOutcome;
use crate::time::Tick;

impl Attempts {
    /// From here on the attempt in flight outlives its call: neither a deadline nor a timeout ends it, how long it takes
    /// says nothing of the resource's latency, and reports name it as held. It ends with
    /// [`conclude`](Self::conclude) or [`cancel`](Self::cancel), or at `until`, if that is given: then its place is
    /// taken back, and its abort handle is among [those to call](crate::Effects::aborts). Of two attempts in flight the
    /// other one is abandoned.
    ///
    /// # Panics
    ///
    /// If no attempt is in flight.
    #[cold]
    pub fn hold<A>(&mut self, pool: &mut State<A>, until: Option<Instant>, now: Instant) {
        self.decide(pool, false, now);
        let Phase::Attempting(ticket) = &self.phase else { panic!("no attempt is in flight") };
        let (run, request_id) = (self.number, self.request_id.clone());
        let told = Told { run, request_id, attempt: self.number_in_flight(), attempts: self.made };
        let usage = pool.hold(ticket, told, until);
        self.limit = None;
        self.history.write().held = Some(usage);
    }

    /// The attempt in flight has the first item of a stream, and is [held](Self::hold) from now on: this is what it took to
    /// answer, as far as latency goes.
    ///
    /// Siblings' signals abort it no longer, unless [`cancel_streams`](crate::Config::cancel_streams) says so; the end of the
    /// pool and `until` do. If a sibling has called by its abort handle already, it gets `abort` instead.
    ///
    /// # Panics
    ///
    /// If no attempt is in flight.
    #[cold]
    pub fn commit<A>(
        &mut self,
        pool: &mut State<A>,
        until: Option<Instant>,
        now: Instant,
        abort: impl FnOnce() -> A,
    ) {
        pool.notice(now);
        if pool.follows_runs() {
            self.tell_committed(pool, now);
        }
        self.decide(pool, true, now);
        let Phase::Attempting(ticket) = &self.phase else { panic!("no attempt is in flight") };
        pool.answers(ticket, now);
        pool.spare(ticket, abort);
        self.history.write().first_item = Some(pool.age(ticket, now));
        self.hold(pool, until, now);
    }

    /// Ends what is held, and the run with it, whatever the outcome; `false` if the place was taken back before: then
    /// nothing is counted or told any more.
    ///
    /// # Panics
    ///
    /// If no attempt is held.
    #[cold]
    pub fn conclude<A>(&mut self, pool: &mut State<A>, outcome: Outcome, now: Instant) -> bool {
        let Some(usage) = self.held() else { panic!("no attempt is held") };
        pool.notice(now);
        if !self.still_holds(pool, usage) {
            return false;
        }
        let goes_on = !matches!(
            outcome,
            Outcome::Success | Outcome::Error | Outcome::Failure | Outcome::Panic
        );
        let tick = pool.tick(now);
        if let (Phase::Attempting(ticket), Outcome::Success, Some(_)) =
            (&self.phase, &outcome, self.first_item())
        {
            pool.count_stream(ticket, now);
        }
        let ticket = self.end_attempt(pool, &outcome, tick, now);
        pool.let_go(&ticket, usage, tick);
        if goes_on && pool.follows_runs() {
            self.ended(pool, RunOutcome::Error, now);
        }
        match outcome {
            Outcome::Success => pool.counters.runs_ok += 1,
            _ => pool.counters.runs_error += 1,
        }
        let is_first = !self.history.has_failed();
        match (outcome, self.first_item()) {
            (Outcome::Success | Outcome::Error, Some(_)) => pool.finish(ticket, tick),
            (outcome, _) => settle_held(pool, ticket, outcome, is_first, now),
        }
        true
    }

    /// The number of the usage that is held.
    pub(super) fn held(&self) -> Option<Sequence> {
        self.history.0.as_ref().and_then(|history| history.held)
    }

    /// How long a stream took to its first item, if that is what is held.
    pub(super) fn first_item(&self) -> Option<Duration> {
        self.history.0.as_ref().and_then(|history| history.first_item)
    }

    /// Whether the place of what is held has been taken back by now.
    #[cold]
    pub fn is_taken_back<A>(&self, pool: &mut State<A>, now: Instant) -> bool {
        pool.notice(now);
        self.was_taken_back(pool)
    }

    /// Whether what it held was taken from it.
    #[cold]
    pub(super) fn was_taken_back<A>(&self, pool: &State<A>) -> bool {
        match (&self.phase, self.held()) {
            (Phase::Attempting(ticket), Some(usage)) => !pool.is_held(ticket, usage),
            _ => false,
        }
    }

    /// Whether the place has not been taken back; if it has, the run is over.
    pub(super) fn still_holds<A>(&mut self, pool: &State<A>, usage: Sequence) -> bool {
        let holds = match &self.phase {
            Phase::Attempting(ticket) => pool.is_held(ticket, usage),
            _ => false,
        };
        if !holds {
            self.phase = Phase::Over;
        }
        holds
    }
}

/// What the end of a held usage says of its resource.
fn settle_held<A>(
    pool: &mut State<A>,
    ticket: Ticket,
    outcome: Outcome,
    is_first: bool,
    now: Instant,
) {
    match outcome {
        // How long it was held is no latency.
        Outcome::Success | Outcome::Error => pool.succeed(ticket, false, pool.tick(now)),
        Outcome::Failure => pool.fail(ticket, is_first, now),
        Outcome::Signal(signal) => {
            // It tells when it was begun, and nothing of when its holder last heard of a limit.
            pool.signal(&ticket, &signal, (is_first, Tick(0)), now);
            pool.release(ticket);
        }
        Outcome::TimedOut => {
            pool.time_out(&ticket, "no answer in time", is_first, now);
            pool.release(ticket);
        }
        Outcome::Stalled(silence) => {
            pool.time_out(&ticket, &silent_for(silence), is_first, now);
            pool.release(ticket);
        }
        Outcome::DeadlinePassed => {
            pool.counters.deadlines += 1;
            pool.release(ticket);
        }
        Outcome::Aborted | Outcome::Panic => pool.release(ticket),
    }
}
