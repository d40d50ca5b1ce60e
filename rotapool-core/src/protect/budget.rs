//! A budget of retries: a share of the runs of late, counted in whole numbers.

use std::fmt;
use std::time::{Duration, Instant};

use super::steps::Steps;
use crate::error::BudgetError;

/// How many retries a pool makes at most: a share of the runs of late, or a few a second if that is more.
///
/// A plain value: whoever is given it checks it. [`percent`](Self::percent()) is where it begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
#[must_use = "a budget does nothing until a pool is given it"]
pub struct RetryBudget {
    /// As many retries as this percentage of the runs: 1 to 100.
    pub percent: u32,
    /// How many retries a second there may be in any case: 1,000,000 at most.
    pub min_per_second: u32,
    /// Over how much time runs and retries are counted: 1 s to 1 h.
    pub window: Duration,
}

impl RetryBudget {
    /// As many retries as this percentage of the runs: 1 to 100. Or one a second if that is more, over 10 s.
    pub fn percent(percent: u32) -> Self {
        Self { percent, min_per_second: 1, window: Duration::from_secs(10) }
    }

    /// How many retries a second there may be in any case, however few runs there are: 1 by default, 1,000,000 at most;
    /// 0 leaves it all to the percentage.
    ///
    /// They are counted over the [`window`](Self::window()) too: with 1 a second and 10 s, ten at once are fine.
    pub fn min_per_second(mut self, retries: u32) -> Self {
        self.min_per_second = retries;
        self
    }

    /// Over how much time runs and retries are counted: 10 s by default, 1 s to 1 h. It slides in steps of a tenth.
    pub fn window(mut self, window: Duration) -> Self {
        self.window = window;
        self
    }

    /// Whether the rules make sense.
    ///
    /// # Errors
    ///
    /// The first that does not.
    pub fn check(&self) -> Result<(), BudgetError> {
        let Self { percent, min_per_second, window } = *self;
        let rules = [
            (
                (1..=100).contains(&percent),
                "the percentage",
                format!("{percent} percent"),
                "1 to 100 percent",
            ),
            (
                min_per_second <= 1_000_000,
                "min_per_second",
                min_per_second.to_string(),
                "0 to 1,000,000",
            ),
            (
                (Duration::from_secs(1)..=Duration::from_secs(60 * 60)).contains(&window),
                "the window",
                format!("{window:?}"),
                "1 s to 1 h",
            ),
        ];
        match rules.into_iter().find(|(sensible, ..)| !sensible) {
            None => Ok(()),
            Some((_, rule, value, allowed)) => Err(BudgetError { rule, value, allowed }),
        }
    }

    /// How many retries go with so many runs.
    fn most(&self, runs: u64) -> u128 {
        let share = u128::from(runs) * u128::from(self.percent) / 100;
        let least = u128::from(self.min_per_second) * self.window.as_nanos() / 1_000_000_000;
        share.max(least)
    }
}

impl fmt::Display for RetryBudget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} % of the runs", self.percent)?;
        if self.min_per_second > 0 {
            write!(f, " or {} a second", self.min_per_second)?;
        }
        write!(f, ", over {:?}", self.window)
    }
}

/// Why a budget allows no retry now, and from when on it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct BudgetSpent {
    /// The budget.
    pub budget: RetryBudget,
    /// The runs in its window.
    pub runs: u64,
    /// The retries in its window.
    pub retries: u64,
    /// When it allows the next one if nothing else happens; `None` if only more runs bring it about.
    pub allows_at: Option<Instant>,
}

/// A [`RetryBudget`] with what has been counted. It stands alone: it is told of runs, and asked for retries.
#[derive(Debug, Clone)]
pub struct Budget {
    rules: RetryBudget,
    window: Steps<Count>,
    sum: Count,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Count {
    runs: u64,
    retries: u64,
}

impl Budget {
    /// A budget that counts from `now` on.
    ///
    /// # Errors
    ///
    /// Rules that make no sense.
    pub fn new(rules: RetryBudget, now: Instant) -> Result<Self, BudgetError> {
        rules.check()?;
        Ok(Self { rules, window: Steps::new(rules.window, now), sum: Count::default() })
    }

    /// A run has begun.
    pub fn add_run(&mut self, now: Instant) {
        self.slide(now);
        self.window.present().runs += 1;
        self.sum.runs += 1;
    }

    /// Whether a retry may be made now. It is not counted yet.
    ///
    /// # Errors
    ///
    /// The budget is spent.
    pub fn allows(&mut self, now: Instant) -> Result<(), BudgetSpent> {
        self.slide(now);
        match self.allows_one_more(self.sum) {
            true => Ok(()),
            false => Err(self.spent()),
        }
    }

    /// Makes a retry, if there may be one.
    ///
    /// # Errors
    ///
    /// The budget is spent, and nothing was counted.
    pub fn withdraw(&mut self, now: Instant) -> Result<(), BudgetSpent> {
        self.allows(now)?;
        self.window.present().retries += 1;
        self.sum.retries += 1;
        Ok(())
    }

    fn allows_one_more(&self, count: Count) -> bool {
        u128::from(count.retries) < self.rules.most(count.runs)
    }

    fn slide(&mut self, now: Instant) {
        let sum = &mut self.sum;
        self.window.slide(now, |gone| sum.remove(gone));
    }

    fn spent(&self) -> BudgetSpent {
        let mut left = self.sum;
        let mut ahead = self.window.ahead();
        let allows_at = ahead.find_map(|(at, goes)| {
            left.remove(goes);
            at.filter(|_| self.allows_one_more(left))
        });
        let Count { runs, retries } = self.sum;
        BudgetSpent { budget: self.rules, runs, retries, allows_at }
    }
}

impl Count {
    fn remove(&mut self, other: Self) {
        self.runs -= other.runs;
        self.retries -= other.retries;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn withdrawn(budget: &mut Budget, now: Instant) -> u64 {
        (0..).find(|_| budget.withdraw(now).is_err()).unwrap()
    }

    #[test]
    fn every_percentage_is_exact_for_every_number_of_runs() {
        let now = Instant::now();
        for percent in 1..=100 {
            for runs in [0, 1, 2, 3, 19, 99, 100, 101, 1_000] {
                let rules = RetryBudget::percent(percent).min_per_second(0);
                let mut budget = Budget::new(rules, now).unwrap();
                (0..runs).for_each(|_| budget.add_run(now));
                let retries = withdrawn(&mut budget, now);
                let share = u64::from(percent) * runs;
                assert!(retries * 100 <= share && share < (retries + 1) * 100, "{percent} {runs}");
            }
        }
    }

    #[test]
    fn the_share_of_the_runs_or_the_least_holds_whichever_is_more() {
        let now = Instant::now();
        let rules = RetryBudget::percent(10).min_per_second(2).window(3 * SECOND);
        for (runs, most) in [(0, 6), (60, 6), (69, 6), (70, 7), (100, 10)] {
            let mut budget = Budget::new(rules, now).unwrap();
            (0..runs).for_each(|_| budget.add_run(now));
            assert_eq!(withdrawn(&mut budget, now), most, "{runs} runs");
        }
    }

    #[test]
    fn what_slides_out_of_the_window_is_allowed_again_when_the_refusal_said() {
        let start = Instant::now();
        let rules = RetryBudget::percent(50).min_per_second(1).window(2 * SECOND);
        let mut budget = Budget::new(rules, start).unwrap();
        let early = start + SECOND / 2;
        (0..6).for_each(|_| budget.add_run(start));
        assert_eq!(withdrawn(&mut budget, early), 3);
        let spent = budget.allows(early).unwrap_err();
        // Without the runs it is two, and the three retries go two seconds after the step that they came in.
        let at = start + SECOND * 24 / 10;
        assert_eq!((spent.runs, spent.retries, spent.allows_at), (6, 3, Some(at)));
        assert!(budget.allows(at - Duration::from_nanos(1)).is_err());
        assert_eq!(withdrawn(&mut budget, at), 2);
    }

    #[test]
    fn where_only_runs_bring_retries_no_time_does() {
        let now = Instant::now();
        let rules = RetryBudget::percent(50).min_per_second(0);
        let mut budget = Budget::new(rules, now).unwrap();
        budget.add_run(now);
        let spent = budget.withdraw(now).unwrap_err();
        assert_eq!((spent.runs, spent.retries, spent.allows_at), (1, 0, None));
        budget.add_run(now);
        assert_eq!(budget.withdraw(now), Ok(()));
    }

    #[test]
    fn a_clock_that_seems_to_go_back_loses_nothing() {
        let start = Instant::now();
        let rules = RetryBudget::percent(100).min_per_second(0).window(SECOND);
        let mut budget = Budget::new(rules, start).unwrap();
        budget.add_run(start + SECOND * 5);
        budget.add_run(start);
        assert_eq!(withdrawn(&mut budget, start + SECOND * 5), 2);
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_what_is_allowed() {
        let some = RetryBudget::percent(20);
        for (rules, told) in [
            (
                RetryBudget::percent(0),
                "the percentage of the retry budget is 0 percent; allowed is 1 to 100 percent",
            ),
            (
                RetryBudget::percent(101),
                "the percentage of the retry budget is 101 percent; allowed is 1 to 100 percent",
            ),
            (
                some.min_per_second(1_000_001),
                "min_per_second of the retry budget is 1000001; allowed is 0 to 1,000,000",
            ),
            (
                some.window(Duration::ZERO),
                "the window of the retry budget is 0ns; allowed is 1 s to 1 h",
            ),
            (
                some.window(SECOND * 3601),
                "the window of the retry budget is 3601s; allowed is 1 s to 1 h",
            ),
        ] {
            assert_eq!(rules.check().unwrap_err().to_string(), told);
        }
        for rules in [
            RetryBudget::percent(1),
            RetryBudget::percent(100).min_per_second(0).window(SECOND),
            some.min_per_second(1_000_000).window(SECOND * 3600),
        ] {
            assert_eq!(rules.check(), Ok(()));
        }
    }

    #[test]
    fn a_budget_reads_as_a_sentence() {
        let budget = RetryBudget::percent(20);
        assert_eq!(budget.to_string(), "20 % of the runs or 1 a second, over 10s");
        assert_eq!(budget.min_per_second(0).to_string(), "20 % of the runs, over 10s");
    }
}
