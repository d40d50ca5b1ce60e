//! The settings of a pool.

use std::collections::BTreeMap;
use std::time::Duration;

use rotapool_core::{HealthRules, Hedge, Recovery, RetryBudget, Strategy, Trial};

use super::parts::BreakerConfig;
use super::resources::GroupConfig;

settings! {
    /// The settings of a pool: what its builder takes, but for what is code or a value.
    pub PoolConfig {
        /// What metrics and traces call the pool.
        name: String,
        /// How to choose among the eligible resources.
        strategy: Strategy,
        /// The most attempts of a run that may fail; at least 1.
        max_attempts: u32,
        /// The mean pause before a run repeats itself.
        retry_delay: Duration,
        /// How long one attempt may take; more than zero.
        attempt_timeout: Duration,
        /// When a second attempt begins beside one that has not answered: after so long, more than zero; after what 95 of 100
        /// answers took, p95; or never.
        hedge: Hedge,
        /// How long a stream may be silent; more than zero.
        stall_timeout: Duration,
        /// How long a stream may take as a whole; more than zero.
        stream_timeout: Duration,
        /// How long a checkout, or a stream that has begun, may be held; more than zero.
        held_bound: Duration,
        /// How long the first, second, third guessed cooldown lasts; the last entry serves for all that follow.
        cooldown_table: Vec<Duration>,
        /// Within which bounds a stated cooldown is believed.
        cooldown_bounds: BoundsConfig,
        /// How many successes in a row take a resource one step down the cooldown table; at least 1.
        step_down_after: u32,
        /// How a resource comes back from a cooldown: at_once, ramp, or trial, which may have terms.
        recovery: Recovery,
        /// The most runs in line; at least 1.
        max_waiting: usize,
        /// Whether a cooldown or disable signal aborts the younger operations on the same resource.
        cancel_siblings: bool,
        /// Whether it also ends the streams there that have begun.
        cancel_streams: bool,
        /// When failures send a resource away, and for how long. `permits`, `successes` and `trial_bound` are not for a pool: that
        /// is `recovery`.
        circuit_breaker: BreakerConfig,
        /// How many healthy resources the circuit breaker leaves alone.
        keep_available: usize,
        /// Whether a run that would fail because all resources are out is served by one of them all the same.
        degrade: bool,
        /// Whether the pool may begin without resources.
        allow_empty: bool,
        /// How often a run may try a resource that is out for long by what was stated or an operator set, before its end; more
        /// than zero.
        probe_early: Duration,
        /// How many retries there may be.
        retry_budget: RetryBudgetConfig,
        /// How health is measured.
        health: HealthConfig,
        /// The groups of resources that share a limit, by name. Those of calls are beside them, and win by their name.
        groups: BTreeMap<String, GroupConfig>,
        /// What becomes of an upstream's answers.
        reactions: super::reactions::ReactionsConfig where feature = "http",
    }
}

settings! {
    /// Two durations, the least and the most.
    pub BoundsConfig {
        /// The least; more than zero.
        least: Duration,
        /// The most; no less than the least.
        most: Duration,
    }
}

settings! {
    /// The terms of a trial.
    pub(crate) TrialConfig {
        /// How many at once; at least 1.
        at_once: u32,
        /// How many have to succeed; at least 1.
        successes: u32,
        /// After how long an attempt on trial is given up for lost; more than zero.
        bound: Duration,
    }
}

settings! {
    /// How many retries there may be.
    pub RetryBudgetConfig {
        /// As many retries as this percentage of the runs: 1 to 100. It has to be there.
        percent: u32,
        /// How many retries a second there may be in any case.
        min_per_second: u32,
        /// Over how much time runs and retries are counted: 1 s to 1 h.
        window: Duration,
    }
}

settings! {
    /// How health is measured.
    pub HealthConfig {
        /// How far back the error rate looks: 10 ms to 1 day.
        window: Duration,
        /// The fewest attempts in the window that make an error rate; at least 1.
        min_sample: u32,
        /// The error rate from which a resource is graded degraded: above 0, to 1.
        degraded: f64,
        /// The error rate from which a resource is graded unhealthy: the one for degraded to 1.
        unhealthy: f64,
        /// The time in which the weight of old latencies falls to 1/e: 1 ms to 1 day.
        latency_decay: Duration,
        /// The least latency that a failure counts as: to 1 day.
        failure_latency: Duration,
    }
}

/// Sets what is set.
pub(super) fn set<T: Clone>(to: &mut T, from: Option<&T>) {
    if let Some(value) = from {
        *to = value.clone();
    }
}

impl HealthConfig {
    /// Changes what is set.
    pub(crate) fn apply(&self, rules: &mut HealthRules) {
        let Self { window, min_sample, degraded, unhealthy, latency_decay, failure_latency } = self;
        set(&mut rules.window, window.as_ref());
        set(&mut rules.min_sample, min_sample.as_ref());
        set(&mut rules.degraded, degraded.as_ref());
        set(&mut rules.unhealthy, unhealthy.as_ref());
        set(&mut rules.latency_decay, latency_decay.as_ref());
        set(&mut rules.failure_latency, failure_latency.as_ref());
    }

    /// All of the rules.
    pub(crate) fn of(rules: &HealthRules) -> Self {
        Self {
            window: Some(rules.window),
            min_sample: Some(rules.min_sample),
            degraded: Some(rules.degraded),
            unhealthy: Some(rules.unhealthy),
            latency_decay: Some(rules.latency_decay),
            failure_latency: Some(rules.failure_latency),
        }
    }
}

impl TrialConfig {
    #[cfg_attr(not(feature = "serde"), expect(dead_code, reason = "only a file has one"))]
    pub(super) fn trial(&self) -> Trial {
        let mut trial = Trial::default();
        set(&mut trial.at_once, self.at_once.as_ref());
        set(&mut trial.successes, self.successes.as_ref());
        trial.bound = self.bound;
        trial
    }

    #[cfg_attr(not(feature = "serde"), expect(dead_code, reason = "only a file has one"))]
    pub(super) fn of(trial: &Trial) -> Self {
        let Trial { at_once, successes, bound, .. } = *trial;
        Self { at_once: Some(at_once), successes: Some(successes), bound }
    }
}

impl RetryBudgetConfig {
    /// The budget; `None` if it has no percentage.
    pub(crate) fn budget(&self) -> Option<RetryBudget> {
        let mut budget = RetryBudget::percent(self.percent?);
        set(&mut budget.min_per_second, self.min_per_second.as_ref());
        set(&mut budget.window, self.window.as_ref());
        Some(budget)
    }

    pub(crate) fn of(budget: &RetryBudget) -> Self {
        Self {
            percent: Some(budget.percent),
            min_per_second: Some(budget.min_per_second),
            window: Some(budget.window),
        }
    }
}
