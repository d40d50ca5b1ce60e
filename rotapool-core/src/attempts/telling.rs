//! What a run tells of itself to those who follow. Without any, it looks at one flag and goes on.

use std::sync::Arc;
use std::time::Instant;

use super::{Attempts, Phase};
use crate::event::{Event, RunOutcome};
use crate::exhausted::ExhaustedReason;
use crate::signal::Outcome;
use crate::state::State;

impl Attempts {
    /// The attempt in flight has begun.
    #[inline]
    pub(super) fn tell_started<A>(&mut self, pool: &mut State<A>, now: Instant) {
        if pool.follows_runs() {
            self.started(pool, now);
        }
    }

    /// The run's caller is about to give it up.
    pub(super) fn tell_cancelled<A>(&mut self, pool: &mut State<A>, now: Instant) {
        if !pool.follows_runs() || self.is_over() {
            return;
        }
        if let Phase::Attempting(ticket) = &self.phase {
            let (id, latency) = (pool.id_of(ticket), pool.age(ticket, now));
            let (run, request_id) = self.told(pool);
            pool.tell(Event::AttemptAbandoned {
                at: now,
                run,
                request_id,
                id,
                attempt: self.made,
                latency,
            });
        }
        self.ended(pool, RunOutcome::Cancelled, now);
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

    #[cold]
    #[inline(never)]
    fn started<A>(&mut self, pool: &mut State<A>, now: Instant) {
        if let Phase::Attempting(ticket) = &self.phase {
            let id = pool.id_of(ticket);
            let (run, request_id) = self.told(pool);
            pool.tell(Event::AttemptStarted { at: now, run, request_id, id, attempt: self.made });
        }
    }

    /// The attempt in flight has ended. What follows from that is told next.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_settled<A>(&mut self, pool: &mut State<A>, outcome: &Outcome, now: Instant) {
        let Phase::Attempting(ticket) = &self.phase else { return };
        let (id, latency) = (pool.id_of(ticket), pool.age(ticket, now));
        let ends = match outcome {
            Outcome::Success => Some(RunOutcome::Ok),
            Outcome::Error | Outcome::Failure | Outcome::Panic => Some(RunOutcome::Error),
            Outcome::Aborted | Outcome::Signal(_) => None,
        };
        let (run, request_id) = self.told(pool);
        pool.tell(Event::AttemptSettled {
            at: now,
            run,
            request_id,
            id,
            attempt: self.made,
            outcome: outcome.clone(),
            latency,
        });
        if let Some(outcome) = ends {
            self.ended(pool, outcome, now);
        }
    }

    fn ended<A>(&mut self, pool: &mut State<A>, outcome: RunOutcome, now: Instant) {
        let (run, request_id) = self.told(pool);
        pool.tell(Event::RunEnded { at: now, run, request_id, outcome, attempts: self.made });
    }

    /// By what the run is told of: its number, which it gets the first time, and what its caller calls it.
    fn told<A>(&mut self, pool: &mut State<A>) -> (u64, Option<Arc<str>>) {
        if self.number == 0 {
            self.number = pool.number_run();
        }
        (self.number, self.request_id.clone())
    }
}
