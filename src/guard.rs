//! A run in progress, which ends exactly once however its future ends.

use std::sync::Arc;
use std::time::Instant;

use event_listener::EventListener;
use futures_util::future::{AbortHandle, AbortRegistration};
use rotapool_core::{Attempts, Candidate, Exhausted, Metadata, Outcome, RunOptions, Sleep, Step};

use crate::lease::Lease;
use crate::options::{Only, Options};
use crate::select;
use crate::shared::Shared;

/// What the shell has to do now.
pub(crate) enum Next<T> {
    Attempt(Lease<T>, AbortRegistration),
    Pause(Instant),
    Wait(Instant, EventListener),
    Exhausted(Box<Exhausted>),
}

enum Asked<T> {
    Next(Next<T>),
    Judge(Vec<(u64, Arc<Metadata>)>),
    Choose(Vec<Candidate>),
}

/// A run in progress. Dropped before it is over, it counts as cancelled and gives back its usage.
pub(crate) struct Run<'a, T> {
    shared: &'a Shared<T>,
    attempts: Attempts,
    /// What its caller set, if anything.
    options: Option<&'a Options>,
}

impl<'a, T> Run<'a, T> {
    pub(crate) fn begin(
        shared: &'a Shared<T>,
        options: RunOptions,
        set: Option<&'a Options>,
    ) -> Self {
        Self { shared, attempts: Attempts::new(options), options: set }
    }

    /// What the pool and the run are called.
    #[cfg(feature = "tracing")]
    pub(crate) fn names(&self) -> (&'a str, Option<&'a str>) {
        let request_id = self.options.and_then(|options| options.request_id.as_deref());
        (&self.shared.name, request_id)
    }

    /// Asks the core what to do now, and meanwhile the caller's own code what it wants of the choice.
    pub(crate) fn step(&mut self) -> Next<T> {
        loop {
            match self.ask() {
                Asked::Next(next) => return next,
                Asked::Judge(members) => {
                    let only = self.options.and_then(|options| options.only.as_ref());
                    let admits = |data: &Metadata| only.is_none_or(|Only(filter)| filter(data));
                    let verdicts = members.iter().map(|(number, data)| (*number, admits(data)));
                    self.attempts.judge(verdicts);
                }
                Asked::Choose(candidates) => {
                    let Self { shared, attempts, .. } = self;
                    let choice = shared.hooks.select.as_deref();
                    let choice = choice.and_then(|select| select::ask(select, candidates));
                    shared.with(|locked| attempts.choose(&mut locked.state, choice));
                }
            }
        }
    }

    fn ask(&mut self) -> Asked<T> {
        let Self { shared, attempts, options } = self;
        let now = shared.runtime.now();
        let (abort, registration) = AbortHandle::new_pair();
        shared.with(|locked| {
            let chance = || locked.random.f64();
            Asked::Next(match attempts.step(&mut locked.state, now, chance, || abort) {
                Step::Attempt(slot) => {
                    let entry = locked.entry(slot);
                    let request_id = options.and_then(|options| options.request_id.clone());
                    let lease = Lease::new(entry, attempts.made(), request_id);
                    Next::Attempt(lease, registration)
                }
                Step::Judge(members) => return Asked::Judge(members),
                Step::Choose(candidates) => return Asked::Choose(candidates),
                Step::Pause { until } => Next::Pause(until),
                // Listening before the lock is released: no change can slip in between.
                Step::Wait { until } => Next::Wait(until, shared.changed.listen()),
                Step::Exhausted(why) => Next::Exhausted(why),
            })
        })
    }

    /// A sleep on the pool's runtime.
    pub(crate) fn sleep_until(&self, at: Instant) -> Sleep {
        self.shared.runtime.sleep_until(at)
    }

    /// Ends the attempt in flight with its outcome.
    pub(crate) fn settle(&mut self, outcome: Outcome) {
        let Self { shared, attempts, .. } = self;
        let now = shared.runtime.now();
        shared.with(|locked| {
            let chance = || locked.random.f64();
            attempts.settle(&mut locked.state, outcome, now, chance);
        });
    }
}

impl<T> Drop for Run<'_, T> {
    fn drop(&mut self) {
        let Self { shared, attempts, .. } = self;
        if !attempts.is_over() {
            let now = shared.runtime.now();
            shared.with(|locked| attempts.cancel(&mut locked.state, now));
        }
    }
}
