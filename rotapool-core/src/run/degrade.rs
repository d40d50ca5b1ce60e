//! Serving a run by what is out rather than not at all, where the pool's owner wants that.

use std::time::Instant;

use super::Attempts;
use super::step::Step;
use crate::pool::State;

impl Attempts {
    /// Whether the attempt in flight is on a resource that is out, for want of any that is not: see
    /// [`Config::degrade`](crate::Config::degrade).
    #[must_use]
    #[inline]
    pub fn is_degraded(&self) -> bool {
        self.history.0.as_ref().is_some_and(|history| history.degraded == self.made)
    }

    /// Takes a resource that is out.
    #[cold]
    pub(super) fn take_degraded<A>(
        &mut self,
        pool: &mut State<A>,
        key: usize,
        now: Instant,
        handle: impl FnOnce() -> A,
    ) -> Step {
        let ticket = pool.enter(key, &self.wish, pool.tick(now), handle());
        pool.note_degraded(&ticket);
        self.history.write().degraded = self.made + 1;
        self.begin(pool, ticket, now)
    }
}
