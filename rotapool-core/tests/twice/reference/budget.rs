//! What retries and hedges are paid out of: when each run and each of these began, all of them written down.

use rotapool_core::RetryBudget;

use super::Reference;
use crate::twice::observed::{Moment, Why};

#[derive(Debug)]
pub(super) struct Spending {
    budget: RetryBudget,
    /// Since when it is counted.
    since: Moment,
    runs: Vec<Moment>,
    retries: Vec<Moment>,
}

impl Spending {
    pub(super) fn new(budget: RetryBudget, since: Moment) -> Self {
        Self { budget, since, runs: Vec::new(), retries: Vec::new() }
    }

    pub(super) fn count_run(&mut self, now: Moment) {
        self.runs.push(now);
    }

    pub(super) fn pay(&mut self, now: Moment) {
        self.retries.push(now);
    }

    pub(super) fn has_one_left(&self, now: Moment) -> bool {
        self.has_one_left_in(self.step_of(now))
    }

    fn has_one_left_in(&self, step: u64) -> bool {
        let (runs, retries) = self.spent_by(step);
        let next = retries + 1;
        let RetryBudget { percent, min_per_second, window, .. } = self.budget;
        let least = u128::from(min_per_second) * window.as_nanos();
        next * 100 <= u64::from(percent) * runs || u128::from(next) * 1_000_000_000 <= least
    }

    /// The runs and the retries in the window that ends with this step.
    fn spent_by(&self, step: u64) -> (u64, u64) {
        let count = |all: &[Moment]| {
            all.iter().filter(|&&then| self.step_of(then) + 10 > step).count() as u64
        };
        (count(&self.runs), count(&self.retries))
    }

    fn step_of(&self, moment: Moment) -> u64 {
        (moment - self.since).as_nanos() as u64 / self.length()
    }

    fn length(&self) -> u64 {
        self.budget.window.as_nanos() as u64 / 10
    }

    /// How many of both there are in each step that still counts.
    pub(super) fn essence(&self, now: Moment) -> Vec<(u64, u64)> {
        let present = self.step_of(now);
        let mut left: Vec<_> = (present..present + 10).map(|step| self.spent_by(step)).collect();
        // How far it is to the next step.
        left.push(((now - self.since).as_nanos() as u64 % self.length(), 0));
        left
    }
}

impl Reference {
    /// Why a run may make no attempt now, as far as the budget has a say.
    pub(super) fn over_budget(&mut self, run: usize, now: Moment) -> Option<Why> {
        let spending = self.spending.as_ref().filter(|_| self.runs[run].retries)?;
        if spending.has_one_left(now) {
            return None;
        }
        let present = spending.step_of(now);
        let (runs, retries) = spending.spent_by(present);
        let step = (present + 1..=present + 10).find(|&step| spending.has_one_left_in(step));
        let starts = |step| spending.since + Moment::from_nanos(step * spending.length());
        let allows_at = step.map(starts);
        self.counted.retries_refused += 1;
        Some(Why::RetryBudget { runs, retries, allows_at })
    }

    pub(super) fn has_a_retry_left(&self, now: Moment) -> bool {
        self.spending.as_ref().is_none_or(|spending| spending.has_one_left(now))
    }

    /// An attempt of the run begins.
    pub(super) fn pay(&mut self, run: usize, now: Moment) {
        let is_first = self.runs[run].made == 1;
        if is_first {
            self.count_run_for_hedges(now);
        }
        let is_retry = self.runs[run].retries;
        let Some(spending) = &mut self.spending else { return };
        if is_first {
            spending.count_run(now);
        } else if is_retry {
            spending.pay(now);
            self.note("a retry paid for");
        } else {
            self.note("no retry");
        }
    }
}
