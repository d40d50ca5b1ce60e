//! Trying a resource before the end that somebody said, where the pool's owner wants that.

use std::time::Instant;

use super::Attempts;
use super::step::Step;
use crate::pool::State;

impl Attempts {
    /// Whom the run is to try first although it is out: only if a failure there leaves it another attempt and somebody
    /// else to make it with.
    #[cold]
    pub(super) fn whom_to_probe<A>(&self, pool: &mut State<A>, now: Instant) -> Option<usize> {
        let is_chosen_for = self.history.0.as_ref().is_some_and(|history| history.choice.is_some());
        if !self.can_fail() || is_chosen_for {
            return None;
        }
        pool.early_probe(&self.wish, now).filter(|_| pool.refuses_retry(now).is_none())
    }

    /// Whether the run has another attempt should the next one fail.
    pub(super) fn can_fail(&self) -> bool {
        let budget = self.budget.unwrap_or(self.max_attempts);
        self.history.spent().saturating_add(1) < budget
    }

    /// Tries it, for half of the time that is left at most.
    #[cold]
    pub(super) fn probe_early<A>(
        &mut self,
        pool: &mut State<A>,
        key: usize,
        now: Instant,
        handle: impl FnOnce() -> A,
    ) -> Step {
        let ticket = pool.enter(key, &self.wish, pool.tick(now), handle());
        pool.note_early_probe(&ticket, now);
        pool.pass_on(None);
        let step = self.begin(pool, ticket, now);
        if let Some(deadline) = self.deadline {
            let half = now + deadline.saturating_duration_since(now) / 2;
            self.end_no_later_than(half);
        }
        step
    }
}
