//! What a run tells of itself to those who follow. Without any, it looks at one flag and goes on.

use std::sync::Arc;
use std::time::Instant;

use super::{Attempts, Phase};
use crate::member::signal::Outcome;
use crate::pool::State;
use crate::report::event::{Event, RunOutcome};
use crate::report::refusal::ExhaustedReason;

impl Attempts {
    /// The attempt in flight has begun.
    pub(super) fn tell_started<A>(&mut self, pool: &mut State<A>, now: Instant) {
        if !pool.follows_runs() {
            return;
        }
        if let Phase::Attempting(ticket) = &self.phase {
            let id = pool.id_of(ticket);
            let (run, request_id) = self.told(pool);
            pool.tell(Event::AttemptStarted { at: now, run, request_id, id, attempt: self.made });
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

    /// The attempt in flight has ended. What follows from that is told next.
    #[cold]
    #[inline(never)]
    pub(super) fn tell_settled<A>(&mut self, pool: &mut State<A>, outcome: &Outcome, now: Instant) {
        let Phase::Attempting(ticket) = &self.phase else { return };
        let (id, latency) = (pool.id_of(ticket), pool.age(ticket, now));
        let ends = match outcome {
            Outcome::Success => Some(RunOutcome::Ok),
            Outcome::Error | Outcome::Failure | Outcome::Panic => Some(RunOutcome::Error),
            Outcome::Aborted
            | Outcome::Signal(_)
            | Outcome::TimedOut
            | Outcome::Stalled(_)
            | Outcome::DeadlinePassed => None,
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

    pub(super) fn ended<A>(&mut self, pool: &mut State<A>, outcome: RunOutcome, now: Instant) {
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

#[cfg(test)]
mod tests {
    use std::time::Duration;

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
