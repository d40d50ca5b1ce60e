//! The budget of retries: when each run and each retry began, all of them written down.

use rotapool_core::RetryBudget;

use super::Reference;
use crate::twice::observed::{Moment, Why};

#[derive(Debug, Default)]
pub(super) struct Spending {
    runs: Vec<Moment>,
    retries: Vec<Moment>,
}

impl Reference {
    /// Why a run may make no attempt now, as far as the budget has a say.
    pub(super) fn over_budget(&mut self, run: usize, now: Moment) -> Option<Why> {
        let budget = self.rules.retry_budget.filter(|_| self.runs[run].retries)?;
        let (runs, retries) = self.spent_by(budget, step_of(budget, now));
        if is_affordable(budget, runs, retries) {
            return None;
        }
        let present = step_of(budget, now);
        let step = (present + 1..=present + 10).find(|&step| {
            let (runs, retries) = self.spent_by(budget, step);
            is_affordable(budget, runs, retries)
        });
        self.counted.retries_refused += 1;
        let allows_at = step.map(|step| Moment::from_nanos(step * length(budget)));
        Some(Why::RetryBudget { runs, retries, allows_at })
    }

    pub(super) fn has_a_retry_left(&self, now: Moment) -> bool {
        self.rules.retry_budget.is_none_or(|budget| {
            let (runs, retries) = self.spent_by(budget, step_of(budget, now));
            is_affordable(budget, runs, retries)
        })
    }

    /// An attempt of the run begins.
    pub(super) fn pay(&mut self, run: usize, now: Moment) {
        if self.rules.retry_budget.is_none() {
            return;
        }
        if self.runs[run].made == 1 {
            self.spending.runs.push(now);
        } else if self.runs[run].retries {
            self.spending.retries.push(now);
            self.note("a retry paid for");
        } else {
            self.note("no retry");
        }
    }

    /// The runs and the retries in the window that ends with this step.
    fn spent_by(&self, budget: RetryBudget, step: u64) -> (u64, u64) {
        let count = |all: &[Moment]| {
            all.iter().filter(|&&then| step_of(budget, then) + 10 > step).count() as u64
        };
        (count(&self.spending.runs), count(&self.spending.retries))
    }

    /// How many of both there are in each step that still counts.
    pub(super) fn essence_of_spending(&self, now: Moment) -> Vec<(u64, u64)> {
        let Some(budget) = self.rules.retry_budget else { return Vec::new() };
        let present = step_of(budget, now);
        let mut left: Vec<_> =
            (present..present + 10).map(|step| self.spent_by(budget, step)).collect();
        // How far it is to the next step.
        left.push((now.as_nanos() as u64 % length(budget), 0));
        left
    }
}

fn length(budget: RetryBudget) -> u64 {
    budget.window.as_nanos() as u64 / 10
}

fn step_of(budget: RetryBudget, moment: Moment) -> u64 {
    moment.as_nanos() as u64 / length(budget)
}

fn is_affordable(budget: RetryBudget, runs: u64, retries: u64) -> bool {
    let next = retries + 1;
    let least = u128::from(budget.min_per_second) * budget.window.as_nanos();
    next * 100 <= u64::from(budget.percent) * runs || u128::from(next) * 1_000_000_000 <= least
}
