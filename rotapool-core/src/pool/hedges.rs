//! What hedges of a pool go by and are paid out of.

use std::time::{Duration, Instant};

use crate::protect::{Budget, Latencies, RetryBudget};

/// The share of the runs that may be hedged where no retry budget says so.
const SHARE: RetryBudget =
    RetryBudget { percent: 5, min_per_second: 0, window: Duration::from_secs(60) };

/// How long answers take, and what may be spent.
#[derive(Debug)]
pub(super) struct Hedges {
    pub(super) latencies: Latencies,
    /// Of hedges alone, in a pool without a budget of retries.
    pub(super) budget: Option<Budget>,
    /// The runs that have two attempts in flight.
    pub(super) under_way: u64,
}

impl Hedges {
    pub(super) fn new(is_budget_set: bool, now: Instant) -> Self {
        let budget = (!is_budget_set).then(|| Budget::new(SHARE, now).ok()).flatten();
        Self { latencies: Latencies::new(), budget, under_way: 0 }
    }
}
