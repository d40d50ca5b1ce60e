//! A run in progress, which ends exactly once however its future ends.

use std::sync::Arc;
use std::time::Instant;

use event_listener::EventListener;
use futures_util::future::{AbortHandle, AbortRegistration};
use rotapool_core::{Attempts, Exhausted, Outcome, RunOptions, Sleep, Step};

use crate::lease::Lease;
use crate::shared::Shared;

/// What the shell has to do now.
pub(crate) enum Next<T> {
    Attempt(Lease<T>, AbortRegistration),
    Pause(Instant),
    Wait(Instant, EventListener),
    Exhausted(Box<Exhausted>),
}

/// A run in progress. Dropped before it is over, it counts as cancelled and gives back its usage.
pub(crate) struct Run<'a, T> {
    shared: &'a Shared<T>,
    attempts: Attempts,
    request_id: Option<Arc<str>>,
}

impl<'a, T> Run<'a, T> {
    pub(crate) fn begin(
        shared: &'a Shared<T>,
        options: RunOptions,
        request_id: Option<Arc<str>>,
    ) -> Self {
        Self { shared, attempts: Attempts::new(options), request_id }
    }

    /// Asks the core what to do now.
    pub(crate) fn step(&mut self) -> Next<T> {
        let Self { shared, attempts, request_id } = self;
        let now = shared.runtime.now();
        let (abort, registration) = AbortHandle::new_pair();
        shared.with(|locked| {
            let chance = || locked.random.f64();
            match attempts.step(&mut locked.state, now, chance, || abort) {
                Step::Attempt(slot) => {
                    let entry = locked.entry(slot);
                    let lease = Lease::new(entry, attempts.made(), request_id.clone());
                    Next::Attempt(lease, registration)
                }
                Step::Pause { until } => Next::Pause(until),
                // Listening before the lock is released: no change can slip in between.
                Step::Wait { until } => Next::Wait(until, shared.changed.listen()),
                Step::Exhausted(why) => Next::Exhausted(why),
            }
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
            shared.with(|locked| attempts.cancel(&mut locked.state));
        }
    }
}
