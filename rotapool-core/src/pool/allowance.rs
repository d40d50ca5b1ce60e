//! What a pool may spend on retries and hedges.

use std::time::{Duration, Instant};

use crate::protect::{Budget, RetryBudget};

/// The budget out of which retries are paid, or only hedges.
#[derive(Debug)]
pub(super) struct Allowance {
    pub(super) budget: Budget,
    limits_retries: bool,
}

impl Allowance {
    /// What the builder set. Rules that make no sense it has turned away.
    pub(super) fn for_retries(rules: RetryBudget, now: Instant) -> Option<Box<Self>> {
        let budget = Budget::new(rules, now).ok()?;
        Some(Box::new(Self { budget, limits_retries: true }))
    }

    /// What hedges get in a pool that has no budget: one for 20 of the runs of the last minute.
    pub(super) fn for_hedges(now: Instant) -> Option<Box<Self>> {
        const MINUTE: Duration = Duration::from_secs(60);
        let rules = RetryBudget::percent(5).min_per_second(0).window(MINUTE);
        Some(Box::new(Self { budget: Budget::new(rules, now).ok()?, limits_retries: false }))
    }

    /// The budget, if it limits retries.
    pub(super) fn of_retries(&mut self) -> Option<&mut Budget> {
        self.limits_retries.then_some(&mut self.budget)
    }
}
