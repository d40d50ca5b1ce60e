//! What becomes of an attempt that outlives its call.

use std::time::{Duration, Instant};

use rotapool_core::Outcome;

use crate::drive::caller::Caller;
use crate::drive::guard::Guard;
use crate::drive::shared::Locked;

impl<C: Caller> Guard<C> {
    /// How long a checkout may be held.
    pub(crate) fn held_bound(&self) -> Option<Duration> {
        self.caller.shared().defaults.held_bound
    }

    /// From here on the attempt in flight outlives its call, until then if that is given: see
    /// [`Attempts::hold`].
    #[cold]
    pub(crate) fn hold(&mut self, until: Option<Instant>) {
        let Self { caller, attempts, .. } = self;
        let shared = caller.shared();
        let now = shared.runtime.now();
        shared.with(|locked| attempts.hold(&mut locked.state, until, now));
    }

    /// The attempt in flight is a stream that has begun: it is held from here on.
    #[cold]
    pub(super) fn commit(&mut self, until: Option<Instant>) {
        self.unwatch();
        let Self { caller, attempts, target, .. } = self;
        let shared = caller.shared();
        let now = shared.runtime.now();
        // By the one before a sibling has called, in vain.
        let mut fresh = None;
        shared.with(|Locked { state, pairs, .. }| {
            attempts.commit(state, until, now, || {
                let (trigger, end) = pairs.take();
                fresh = Some(end);
                trigger
            });
        });
        if fresh.is_some() {
            *target = fresh;
        }
    }

    /// Whether what is held was taken back, which is noticed by this.
    #[cold]
    pub(crate) fn is_taken_back(&self) -> bool {
        let Self { caller, attempts, .. } = self;
        let shared = caller.shared();
        let now = shared.runtime.now();
        shared.with(|locked| attempts.is_taken_back(&mut locked.state, now))
    }

    /// Ends what is held, and the run with it; `false` if it was taken back before.
    #[cold]
    pub(crate) fn conclude(&mut self, outcome: Outcome) -> bool {
        let mut was_held = true;
        self.end(|attempts, state, now, _| was_held = attempts.conclude(state, outcome, now));
        was_held
    }
}
