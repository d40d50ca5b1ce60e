//! Whether a pool can be built of its settings.

use rotapool_core::{BuildError, Config, ConfigError, GroupError, HealthRules};

use super::wrong::{Wrong, refused};
use crate::config::parts::BreakerConfig;
use crate::config::pool::{
    BoundsConfig, HealthConfig, PoolConfig, RetryBudgetConfig, TrialConfig, set,
};
#[cfg(feature = "http")]
use crate::config::reactions::ReactionsConfig;

impl PoolConfig {
    /// Whether a pool can be built of the settings.
    ///
    /// Reading a file does this, and so does the builder.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Self {
            name,
            strategy: _,
            max_attempts,
            retry_delay: _,
            attempt_timeout,
            hedge,
            stall_timeout,
            stream_timeout,
            held_bound,
            cooldown_table,
            cooldown_bounds,
            step_down_after,
            recovery,
            max_waiting,
            cancel_siblings: _,
            cancel_streams: _,
            circuit_breaker,
            keep_available: _,
            degrade: _,
            allow_empty: _,
            probe_early,
            retry_budget,
            health,
            groups,
            #[cfg(feature = "http")]
            reactions,
        } = self;
        let mut wrong = Wrong::default();
        let is_empty = name.as_ref().is_some_and(String::is_empty);
        wrong.at("name", is_empty.then_some(BuildError::EmptyName));
        let none = *max_attempts == Some(0);
        wrong.at("max_attempts", none.then_some(BuildError::ZeroMaxAttempts));
        let none = attempt_timeout.is_some_and(|timeout| timeout.is_zero());
        wrong.at("attempt_timeout", none.then_some(BuildError::ZeroAttemptTimeout));
        wrong.at("hedge", hedge.and_then(|hedge| refused(|config| config.hedge = Some(hedge))));
        let none = stall_timeout.is_some_and(|timeout| timeout.is_zero());
        wrong.at("stall_timeout", none.then_some(BuildError::ZeroStallTimeout));
        let none = stream_timeout.is_some_and(|timeout| timeout.is_zero());
        wrong.at("stream_timeout", none.then_some(BuildError::ZeroStreamTimeout));
        let none = held_bound.is_some_and(|bound| bound.is_zero());
        wrong.at("held_bound", none.then_some(BuildError::ZeroHeldBound));
        if let Some(table) = cooldown_table {
            let none = table.is_empty().then_some(BuildError::EmptyCooldownTable);
            wrong.at("cooldown_table", none);
            for (entry, duration) in table.iter().enumerate() {
                let none =
                    duration.is_zero().then_some("0s; a guessed cooldown has to take some time");
                wrong.at(format!("cooldown_table[{entry}]"), none);
            }
        }
        wrong.under("cooldown_bounds", cooldown_bounds.as_ref().map(BoundsConfig::check));
        let none = *step_down_after == Some(0);
        wrong.at("step_down_after", none.then_some(BuildError::ZeroStepDownAfter));
        let recovery = recovery.and_then(|recovery| refused(|config| config.recovery = recovery));
        wrong.at("recovery", recovery);
        let waiting = max_waiting.and_then(|most| refused(|config| config.max_waiting = most));
        wrong.at("max_waiting", waiting);
        wrong
            .under("circuit_breaker", circuit_breaker.as_ref().map(BreakerConfig::check_in_a_pool));
        let probe =
            probe_early.and_then(|every| refused(|config| config.probe_early = Some(every)));
        wrong.at("probe_early", probe);
        wrong.under("retry_budget", retry_budget.as_ref().map(RetryBudgetConfig::check));
        wrong.under("health", health.as_ref().map(HealthConfig::check));
        for (name, group) in groups.iter().flatten() {
            wrong.at("groups", name.is_empty().then_some(GroupError::EmptyName));
            wrong.under(&format!("groups.{name}"), Some(group.check()));
        }
        #[cfg(feature = "http")]
        wrong.under("reactions", reactions.as_ref().map(ReactionsConfig::check));
        wrong.answer()
    }
}

impl BoundsConfig {
    pub(in crate::config) fn check(&self) -> Result<(), ConfigError> {
        let (mut least, mut most) = Config::default().cooldown_bounds.into_inner();
        set(&mut least, self.least.as_ref());
        set(&mut most, self.most.as_ref());
        let mut wrong = Wrong::default();
        wrong.at("", refused(|config| config.cooldown_bounds = least..=most));
        wrong.answer()
    }
}

impl TrialConfig {
    #[cfg(feature = "serde")]
    pub(in crate::config) fn check(&self) -> Result<(), ConfigError> {
        // The pool's own check has all of it.
        Ok(())
    }
}

impl RetryBudgetConfig {
    pub(in crate::config) fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        match self.budget() {
            None => wrong.at("percent", Some("it is missing: 1 to 100, of the runs")),
            Some(budget) => wrong.at("", budget.check().err()),
        }
        wrong.answer()
    }
}

impl HealthConfig {
    pub(in crate::config) fn check(&self) -> Result<(), ConfigError> {
        let Self { window, min_sample, degraded, unhealthy, latency_decay, failure_latency } =
            *self;
        let none = Self::default;
        let mut wrong = Wrong::default();
        for (path, alone) in [
            ("window", Self { window, ..none() }),
            ("min_sample", Self { min_sample, ..none() }),
            ("degraded", Self { degraded, unhealthy: degraded.map(|_| 1.0), ..none() }),
            ("unhealthy", Self { unhealthy, degraded, ..none() }),
            ("latency_decay", Self { latency_decay, ..none() }),
            ("failure_latency", Self { failure_latency, ..none() }),
        ] {
            let mut rules = HealthRules::default();
            alone.apply(&mut rules);
            let is_known = path == "unhealthy" && wrong.0.iter().any(|it| it.path == "degraded");
            wrong.at(path, rules.check().err().filter(|_| !is_known));
        }
        wrong.answer()
    }
}
