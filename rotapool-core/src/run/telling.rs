//! What a run tells of itself to those who follow. Without any, it looks at one flag and goes on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::beside::Beside;
use super::{Attempts, Phase};
use crate::member::outcome::Outcome;
use crate::member::usage::Ticket;
use crate::pool::State;
use crate::report::event::Event;
use crate::report::refusal::ExhaustedReason;
use crate::report::run_outcome::RunOutcome;

impl Attempts {
    /// The run waits in line: told once each time that it comes.
    #[cold]
    pub(super) fn tell_in_line<A>(&mut self, pool: &mut State<A>, now: Instant) {
        if std::mem::replace(&mut self.history.write().is_told_in_line, true) {
            return;
        }
        let (run, request_id) = self.told(pool);
        let (waiting, oldest_wait) = (pool.in_line(), pool.oldest_wait(now).unwrap_or_default());
        pool.tell(Event::RunInLine { at: now, run, request_id, waiting, oldest_wait });
    }

    /// The attempt in flight has begun.
    pub(super) fn tell_started<A>(&mut self, pool: &mut State<A>, now: Instant) {
        if !pool.follows_runs() {
            return;
        }
        if let Phase::Attempting(ticket) = &self.phase {
            let id = pool.id_of(ticket);
            self.started(pool, id, now);
        }
    }

    /// An attempt has begun beside the one in flight.
    pub(super) fn tell_started_on<A>(
        &mut self,
        pool: &mut State<A>,
        ticket: &Ticket,
        now: Instant,
    ) {
        let id = pool.id_of(ticket);
        self.started(pool, id, now);
    }

    fn started<A>(&mut self, pool: &mut State<A>, id: Arc<str>, now: Instant) {
        let (run, request_id) = self.told(pool);
        pool.tell(Event::AttemptStarted { at: now, run, request_id, id, attempt: self.made });
    }

    /// The run's caller is about to give it up.
    pub(super) fn tell_cancelled<A>(&mut self, pool: &mut State<A>, now: Instant) {
        if !pool.follows_runs() || self.is_over() {
            return;
        }
        if let Phase::Attempting(ticket) = &self.phase {
            let (id, latency) = (pool.id_of(ticket), pool.age(ticket, now));
            self.abandoned(pool, id, self.number_in_flight(), latency, now);
            self.tell_of_beside(pool, now);
        }
        self.ended(pool, RunOutcome::Cancelled, now);
    }

    /// Another attempt begins beside the one in flight.
    pub(super) fn tell_hedged<A>(&mut self, pool: &mut State<A>, now: Instant) {
        let Phase::Attempting(ticket) = &self.phase else { return };
        let (id, latency) = (pool.id_of(ticket), pool.age(ticket, now));
        let attempt = self.number_in_flight();
        let (run, request_id) = self.told(pool);
        pool.tell(Event::AttemptHedged { at: now, run, request_id, id, attempt, latency });
    }

    /// So does the other attempt, of two.
    fn tell_of_beside<A>(&mut self, pool: &mut State<A>, now: Instant) {
        if let Some(Beside { ticket, known }) = self.hedging().and_then(|it| it.beside.take()) {
            self.tell_abandoned(pool, &ticket, known.number, now);
            if let Some(hedging) = self.hedging() {
                hedging.beside = Some(Beside { ticket, known });
            }
        }
    }

    /// An attempt was given up.
    pub(super) fn tell_abandoned<A>(
        &mut self,
        pool: &mut State<A>,
        ticket: &Ticket,
        attempt: u32,
        now: Instant,
    ) {
        let (id, latency) = (pool.id_of(ticket), pool.age(ticket, now));
        self.abandoned(pool, id, attempt, latency, now);
    }

    fn abandoned<A>(
        &mut self,
        pool: &mut State<A>,
        id: Arc<str>,
        attempt: u32,
        latency: Duration,
        now: Instant,
    ) {
        let (run, request_id) = self.told(pool);
        pool.tell(Event::AttemptAbandoned { at: now, run, request_id, id, attempt, latency });
    }

    /// The pool cannot serve the run.
    pub(super) fn tell_exhausted<A>(
        &mut self,
        pool: &mut State<A>,
        reason: ExhaustedReason,
        now: Instant,
    ) {
        if pool.follows_runs() {
            self.ended(pool, RunOutcome::Exhausted(reason), now);
        }
    }

    /// The attempt in flight has the first item of a stream.
    #[cold]
    pub(super) fn tell_committed<A>(&mut self, pool: &mut State<A>, now: Instant) {
        let Phase::Attempting(ticket) = &self.phase else { return };
        let (id, latency) = (pool.id_of(ticket), pool.age(ticket, now));
        let attempt = self.number_in_flight();
        let (run, request_id) = self.told(pool);
        pool.tell(Event::AttemptCommitted { at: now, run, request_id, id, attempt, latency });
    }

    /// The attempt in flight has ended. What follows from that is told next.
    pub(super) fn tell_settled<A>(&mut self, pool: &mut State<A>, outcome: &Outcome, now: Instant) {
        let Phase::Attempting(ticket) = &self.phase else { return };
        let (id, latency) = (pool.id_of(ticket), pool.age(ticket, now));
        let attempt = self.number_in_flight();
        let (run, request_id) = self.told(pool);
        let outcome = outcome.clone();
        pool.tell(Event::AttemptSettled {
            at: now,
            run,
            request_id,
            id,
            attempt,
            outcome,
            latency,
        });
    }

    pub(super) fn ended<A>(&mut self, pool: &mut State<A>, outcome: RunOutcome, now: Instant) {
        let (run, request_id) = self.told(pool);
        pool.tell(Event::RunEnded { at: now, run, request_id, outcome, attempts: self.made });
    }

    /// By what the run is told of: its number, which it gets the first time, and what its caller calls it.
    pub(super) fn told<A>(&mut self, pool: &mut State<A>) -> (u64, Option<Arc<str>>) {
        if self.number == 0 {
            self.number = pool.number_run();
        }
        (self.number, self.request_id.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::profile::Profile;
    use crate::pool::config::Config;
    use crate::run::step::{RunOptions, Step};

    /// Settles a run, cancels it, and cancels another: what is told.
    fn told(follows: bool) -> Vec<Event> {
        let now = Instant::now();
        let mut pool = State::new(Config::default(), now);
        pool.add(Profile::new("a"), now).unwrap();
        drop(pool.take_effects());
        pool.follow_runs(follows);
        for settles in [true, false] {
            let mut run = Attempts::new(RunOptions {
                max_attempts: 1,
                retry_delay: Duration::ZERO,
                ..RunOptions::default()
            });
            let Step::Attempt(_) = run.step(&mut pool, now, || 0.5, || ()) else {
                panic!("nothing picked");
            };
            if settles {
                run.settle(&mut pool, Outcome::Success, now, || 0.5);
            }
            run.cancel(&mut pool, now);
        }
        pool.take_effects().map_or_else(Vec::new, |effects| effects.events)
    }

    #[test]
    fn a_run_is_told_of_until_it_is_over_and_only_to_those_who_follow() {
        assert_eq!(told(false), []);
        let kinds: Vec<String> = told(true)
            .iter()
            .map(|event| format!("{event:?}").split(' ').next().unwrap().to_owned())
            .collect();
        assert_eq!(
            kinds,
            [
                "AttemptStarted",
                "AttemptSettled",
                "RunEnded",
                "AttemptStarted",
                "AttemptAbandoned",
                "RunEnded"
            ]
        );
    }
}
