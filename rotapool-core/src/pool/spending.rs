//! What runs spend of the pool's retry budget.

use std::time::Instant;

use super::State;
use crate::protect::BudgetSpent;

impl<A> State<A> {
    /// Whether a retry may be made now; if not, why. It is [paid](Self::count_attempt) when it begins.
    #[cold]
    pub(crate) fn refuses_retry(&mut self, now: Instant) -> Option<BudgetSpent> {
        self.budget.as_mut()?.allows(now).err()
    }

    /// Counts an attempt that begins: the first of its run, or one that `is_retry`.
    pub(crate) fn count_attempt(&mut self, is_first: bool, is_retry: bool, now: Instant) {
        let of_hedges = self.hedges.as_mut().and_then(|hedges| hedges.budget.as_mut());
        if is_first {
            self.budget.as_deref_mut().into_iter().chain(of_hedges).for_each(|it| it.add_run(now));
        } else if let Some(budget) = self.budget.as_mut().filter(|_| is_retry) {
            // Whoever began it has asked within this critical section.
            let _ = budget.withdraw(now);
        }
    }
}
