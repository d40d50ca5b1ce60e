//! What runs spend of the pool's allowance.

use std::time::Instant;

use super::State;
use super::allowance::Allowance;
use crate::protect::BudgetSpent;

impl<A> State<A> {
    /// Whether a retry may be made now; if not, why. It is [paid](Self::count_attempt) when it begins.
    #[cold]
    pub(crate) fn refuses_retry(&mut self, now: Instant) -> Option<BudgetSpent> {
        self.allowance.as_mut()?.of_retries()?.allows(now).err()
    }

    /// Counts an attempt that begins: the first of its run, or one that `is_retry`.
    pub(crate) fn count_attempt(&mut self, is_first: bool, is_retry: bool, now: Instant) {
        let Some(allowance) = &mut self.allowance else { return };
        if is_first {
            allowance.budget.add_run(now);
        } else if is_retry {
            // Whoever began it has asked within this critical section.
            allowance.of_retries().map(|budget| budget.withdraw(now));
        }
    }

    /// Pays for a hedge, an attempt beside the one that its run has in flight, if the pool can afford it.
    ///
    /// Hedges are paid like retries, out of the [retry budget](crate::Config::retry_budget). In a pool without one they
    /// have a budget of their own, one hedge for 20 runs of the last minute, which counts the runs from the first
    /// question on.
    ///
    /// # Errors
    ///
    /// The budget is spent: there is to be no hedge, and nothing was paid.
    pub fn pay_for_hedge(&mut self, now: Instant) -> Result<(), BudgetSpent> {
        if self.allowance.is_none() {
            self.allowance = Allowance::for_hedges(now);
            self.attend_runs();
        }
        self.allowance.as_mut().map_or(Ok(()), |allowance| allowance.budget.withdraw(now))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::profile::Profile;
    use crate::pool::config::Config;
    use crate::protect::RetryBudget;
    use crate::run::Attempts;
    use crate::run::step::{RunOptions, Step};

    fn serve(pool: &mut State<()>, runs: u32, now: Instant) {
        for _ in 0..runs {
            let mut run = Attempts::new(RunOptions::default());
            let Step::Attempt(_) = run.step(pool, now, || 0.5, || ()) else { panic!("it is free") };
            run.succeed(pool, now);
        }
    }

    fn pool(budget: Option<RetryBudget>, now: Instant) -> State<()> {
        let config = Config { retry_budget: budget, ..Config::default() };
        let mut pool = State::new(config, now);
        pool.add(Profile::new("a"), now).unwrap();
        pool
    }

    #[test]
    fn hedges_get_a_twentieth_of_the_runs_where_no_budget_was_set() {
        let now = Instant::now();
        let mut pool = pool(None, now);
        serve(&mut pool, 100, now);
        assert!(pool.pay_for_hedge(now).is_err(), "from here on runs are counted");
        serve(&mut pool, 40, now);
        assert_eq!([(); 3].map(|()| pool.pay_for_hedge(now).is_ok()), [true, true, false]);
        assert_eq!(pool.refuses_retry(now), None, "retries are not limited by it");
    }

    #[test]
    fn hedges_and_retries_are_paid_out_of_the_budget_that_was_set() {
        let now = Instant::now();
        let mut pool = pool(Some(RetryBudget::percent(50).min_per_second(0)), now);
        serve(&mut pool, 4, now);
        assert_eq!([(); 3].map(|()| pool.pay_for_hedge(now).is_ok()), [true, true, false]);
        let spent = pool.refuses_retry(now).unwrap();
        assert_eq!((spent.runs, spent.retries), (4, 2));
    }
}
