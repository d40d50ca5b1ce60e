//! Attempts that begin beside others: when, where, and whether the pool can afford them.

use std::time::{Duration, Instant};

use super::State;
use super::hedges::Hedges;
use crate::member::usage::Ticket;
use crate::protect::Hedge;
use crate::select::wish::Wish;

impl<A> State<A> {
    /// A run may be hedged: from now on the pool knows how long answers take, and counts what hedges are paid out of.
    pub(crate) fn expect_hedges(&mut self, now: Instant) {
        if self.hedges.is_none() {
            self.hedges = Some(Box::new(Hedges::new(self.budget.is_some(), now)));
            self.attend_runs();
        }
    }

    /// Whether any run may be hedged.
    #[inline]
    pub(crate) fn hedges(&self) -> bool {
        self.hedges.is_some()
    }

    /// After how long an attempt is hedged that begins now: as its run was told, or as the pool is.
    pub(crate) fn hedge_delay(&self, own: Option<Hedge>) -> Option<Duration> {
        match own.or(self.config.hedge)? {
            Hedge::Never => None,
            Hedge::After(after) => Some(after),
            Hedge::P95 => self.hedges.as_ref()?.latencies.p95(),
        }
    }

    /// How long an attempt took: to its answer, or at least, if another one was faster.
    pub(crate) fn learn_latency(&mut self, ticket: &Ticket, now: Instant) {
        let took = self.age(ticket, now);
        if let Some(hedges) = &mut self.hedges {
            hedges.latencies.record(took);
        }
    }

    /// Where a second attempt may begin beside one: on what its run has not tried and may have, within its pace. It is taken
    /// and paid for, unless somebody is in line, or the budget is spent.
    ///
    /// Hedges are paid like retries, out of the [retry budget](crate::Config::retry_budget). In a pool without one they
    /// have a budget of their own, one hedge for 20 runs of the last minute.
    pub(crate) fn take_beside(
        &mut self,
        first: &Ticket,
        wish: &Wish,
        now: Instant,
        chance: &mut impl FnMut() -> f64,
    ) -> Option<usize> {
        let tick = self.tick(now);
        self.expire(tick);
        if self.in_line() > 0 {
            return None;
        }
        let (index, first) = (&self.index, first.slot());
        let key = index.find_beside(first, wish, &self.roster, &self.yardstick, tick, chance)?;
        let hedges = self.hedges.as_deref_mut()?;
        let budget = self.budget.as_deref_mut().or(hedges.budget.as_mut());
        if budget.is_some_and(|budget| budget.withdraw(now).is_err()) {
            self.counters.hedges_refused += 1;
            return None;
        }
        hedges.under_way += 1;
        self.counters.hedges += 1;
        Some(key)
    }

    /// One of the two attempts of a run is about to end, and the other one is the only one.
    pub(crate) fn leaves_one(&mut self) {
        if let Some(hedges) = &mut self.hedges {
            hedges.under_way -= 1;
        }
    }

    /// The runs that have two attempts in flight.
    pub(super) fn hedged_runs(&self) -> u64 {
        self.hedges.as_ref().map_or(0, |hedges| hedges.under_way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::profile::Profile;
    use crate::pool::config::Config;
    use crate::protect::RetryBudget;
    use crate::run::Attempts;
    use crate::run::hedging::Overdue;
    use crate::run::step::{RunOptions, Step};

    const DELAY: Duration = Duration::from_secs(2);

    fn pool(budget: Option<RetryBudget>, now: Instant) -> State<()> {
        let hedge = Some(Hedge::After(DELAY));
        let config = Config { retry_budget: budget, hedge, ..Config::default() };
        let mut pool = State::new(config, now);
        for id in ["a", "b"] {
            pool.add(Profile::new(id), now).unwrap();
        }
        pool
    }

    fn begin(pool: &mut State<()>, now: Instant) -> Attempts {
        let mut run = Attempts::new(RunOptions::default());
        let Step::Attempt(_) = run.step(pool, now, || 0.5, || ()) else { panic!("it is free") };
        run
    }

    /// How many of so many runs that do not answer are hedged, after so many that do.
    fn hedged(pool: &mut State<()>, served: u32, slow: u32, now: Instant) -> usize {
        (0..served).for_each(|_| begin(pool, now).succeed(pool, now));
        let mut runs: Vec<_> = (0..slow).map(|_| begin(pool, now)).collect();
        let later = now + DELAY;
        let hedged = runs.iter_mut().filter_map(|run| {
            let overdue = run.overdue(pool, later, || 0.5, || ());
            run.cancel(pool, later);
            matches!(overdue, Overdue::Begin(_)).then_some(())
        });
        hedged.count()
    }

    #[test]
    fn whoever_is_slower_counts_among_the_answers_with_what_it_took_so_far() {
        let now = Instant::now();
        let mut pool = pool(Some(RetryBudget::percent(100).min_per_second(100)), now);
        pool.config.hedge = Some(Hedge::P95);
        // As many winners after 1 s as losers after 3 s: a hundred in all.
        for nth in 0..50 {
            let began = now + 10 * DELAY * nth;
            let mut run = Attempts::new(RunOptions::default());
            run.hedge(&mut pool, Hedge::After(DELAY), began);
            let Step::Attempt(_) = run.step(&mut pool, began, || 0.5, || ()) else { panic!() };
            let overdue = run.overdue(&mut pool, began + DELAY, || 0.5, || ());
            assert!(matches!(overdue, Overdue::Begin(_)));
            assert_eq!(pool.hedge_delay(None), None, "too few are known");
            run.swap_hedge();
            run.succeed(&mut pool, began + DELAY * 3 / 2);
        }
        let p95 = pool.hedge_delay(None).unwrap();
        assert!(p95 >= DELAY * 3 / 2 && p95 < DELAY * 8 / 5, "{p95:?}");
        assert_eq!(pool.counters.hedge_wins, 50);
    }

    #[test]
    fn hedges_get_a_twentieth_of_the_runs_where_no_budget_was_set() {
        let now = Instant::now();
        let mut pool = pool(None, now);
        assert_eq!(hedged(&mut pool, 35, 5, now), 2);
        assert_eq!(pool.counters.hedges_refused, 3);
        assert_eq!(pool.refuses_retry(now), None, "retries are not limited by it");
    }

    #[test]
    fn hedges_and_retries_are_paid_out_of_the_budget_that_was_set() {
        let now = Instant::now();
        let mut pool = pool(Some(RetryBudget::percent(50).min_per_second(0)), now);
        assert_eq!(hedged(&mut pool, 1, 3, now), 2);
        let spent = pool.refuses_retry(now + DELAY).unwrap();
        assert_eq!((spent.runs, spent.retries), (4, 2));
    }
}
