//! What is wrong with settings: all of it at once, in the words of whoever refuses it, each with its path.

#[cfg(feature = "http")]
use std::time::Duration;
use std::time::Instant;

#[cfg(feature = "http")]
use rotapool_core::hints::Reaction;
use rotapool_core::{
    BuildError, Config, ConfigError, ConfigProblem, GroupError, HealthRules, Rate, State, Trip,
};

use super::parts::{BreakerConfig, HeartbeatConfig, LimiterConfig, ShutdownConfig, WatchdogConfig};
use super::pool::{BoundsConfig, HealthConfig, PoolConfig, RetryBudgetConfig, TrialConfig, set};
#[cfg(feature = "http")]
use super::reactions::ReactionsConfig;
use super::resources::{GroupConfig, QuotaConfig, ResourceConfig};
use super::whole::Settings;

/// What is wrong so far.
#[derive(Default)]
struct Wrong(Vec<ConfigProblem>);

impl Wrong {
    fn at(&mut self, path: impl Into<String>, why: Option<impl ToString>) {
        let why = why.map(|why| ConfigProblem { path: path.into(), message: why.to_string() });
        self.0.extend(why);
    }

    /// What is wrong with a part.
    fn under(&mut self, path: &str, part: Option<Result<(), ConfigError>>) {
        if let Some(Err(error)) = part {
            self.0.extend(error.under(path).problems);
        }
    }

    /// Which of the quotas there has no amount.
    fn amounts(&mut self, path: &str, quotas: &[QuotaConfig]) {
        for quota in QuotaConfig::without_an_amount(quotas) {
            self.at(format!("{path}quotas[{quota}].amount"), Some("it is missing: how much"));
        }
    }

    fn answer(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError::new(self.0)) }
    }
}

/// Why a pool would be refused that is as usual but for this.
fn refused(change: impl FnOnce(&mut Config)) -> Option<BuildError> {
    let mut config = Config::default();
    change(&mut config);
    config.check().err()
}

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

impl GroupConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        wrong.amounts("", self.quotas.as_deref().unwrap_or_default());
        let now = Instant::now();
        let mut pool = State::<()>::new(Config::default(), now);
        // What it is called is told by the path.
        if let Err(GroupError::Quota { error, .. }) = pool.add_group(&self.group("group"), now) {
            wrong.at("quotas", Some(error));
        }
        wrong.answer()
    }
}

impl BoundsConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let (mut least, mut most) = Config::default().cooldown_bounds.into_inner();
        set(&mut least, self.least.as_ref());
        set(&mut most, self.most.as_ref());
        let mut wrong = Wrong::default();
        wrong.at("", refused(|config| config.cooldown_bounds = least..=most));
        wrong.answer()
    }
}

#[cfg(feature = "http")]
impl ReactionsConfig {
    /// Whether a table can be made of the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        let none = |reaction: &Reaction| {
            let is_none = *reaction == Reaction::CoolDownOr(Duration::ZERO);
            is_none.then_some("0s; a guessed cooldown has to take some time")
        };
        for (name, _, reaction) in self.classes() {
            wrong.at(name, reaction.as_ref().and_then(none));
        }
        for (status, reaction) in self.statuses.iter().flatten() {
            let is_one = (100..1000).contains(status);
            wrong.at(
                format!("statuses.{status}"),
                (!is_one).then_some("it is no status: 100 to 999"),
            );
            wrong.at(format!("statuses.{status}"), none(reaction));
        }
        wrong.answer()
    }
}

impl TrialConfig {
    #[cfg(feature = "serde")]
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // The pool's own check has all of it.
        Ok(())
    }
}

impl RetryBudgetConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        match self.budget() {
            None => wrong.at("percent", Some("it is missing: 1 to 100, of the runs")),
            Some(budget) => wrong.at("", budget.check().err()),
        }
        wrong.answer()
    }
}

impl HealthConfig {
    pub(super) fn check(&self) -> Result<(), ConfigError> {
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

/// Whether these resources can be in one pool.
fn check_list(resources: &[ResourceConfig]) -> Result<(), ConfigError> {
    let now = Instant::now();
    let mut pool = State::<()>::new(Config::default(), now);
    let mut wrong = Wrong::default();
    for (place, resource) in resources.iter().enumerate() {
        wrong.amounts(&format!("[{place}]."), resource.quotas.as_deref().unwrap_or_default());
        // Which groups there are besides, only the builder knows.
        let mut profile = resource.profile();
        profile.group = None;
        match resource.id {
            None => wrong.at(format!("[{place}].id"), Some("it is missing: unique in its pool")),
            Some(_) => wrong.at(format!("[{place}]"), pool.add(profile, now).err()),
        }
        #[cfg(feature = "http")]
        wrong.under(
            &format!("[{place}].reactions"),
            resource.reactions.as_ref().map(ReactionsConfig::check),
        );
    }
    wrong.answer()
}

impl ResourceConfig {
    #[cfg(feature = "serde")]
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        check_list(std::slice::from_ref(self)).map_err(|error| error.within("[0]"))
    }
}

impl QuotaConfig {
    #[cfg(feature = "serde")]
    #[expect(clippy::unused_self, reason = "as of the other parts")]
    pub(super) fn check(&self) -> Result<(), ConfigError> {
        // The pool's own check has all of it.
        Ok(())
    }
}

impl BreakerConfig {
    fn check_in_a_pool(&self) -> Result<(), ConfigError> {
        self.check()?;
        let mut wrong = Wrong::default();
        wrong.at("", refused(|config| config.circuit_breaker = Some(self.trip())));
        wrong.answer()
    }

    /// Whether a breaker can be made of the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        let both = self.window.is_some() && self.window_calls.is_some();
        let both = both.then_some("window is there too; say one of them");
        wrong.at("window_calls", both);
        let from = self.slow_percent.is_some() && self.slow_from.is_none();
        wrong.at("slow_from", from.then_some("it is missing beside slow_percent"));
        let percent = self.slow_from.is_some() && self.slow_percent.is_none();
        wrong.at("slow_percent", percent.then_some("it is missing beside slow_from"));
        wrong.at("", Trip::check(&self.trip()).err());
        wrong.answer()
    }
}

impl LimiterConfig {
    /// Whether a limiter can be made of the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        let is_empty = self.name.as_ref().is_some_and(String::is_empty);
        wrong.at("name", is_empty.then_some("the name is empty"));
        match self.rate {
            None => wrong.at("rate", Some("it is missing: so many tokens in every `per`")),
            Some(rate) => wrong.at("rate", Rate::new(rate, self.period()).err()),
        }
        wrong.at("burst", (self.burst == Some(0)).then_some("0 tokens; allowed is 1 or more"));
        wrong.answer()
    }
}

impl ShutdownConfig {
    /// Whether a shutdown can keep to the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        let none = self.deadline.is_some_and(|deadline| deadline.is_zero());
        wrong.at("deadline", none.then_some("0s; allowed is more than that"));
        wrong.answer()
    }
}

impl HeartbeatConfig {
    /// Whether a heart can beat by the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        use std::time::Duration;

        let range = Duration::from_millis(10)..=Duration::from_secs(24 * 60 * 60);
        let mut wrong = Wrong::default();
        let interval = self.interval.filter(|interval| !range.contains(interval));
        let interval = interval.map(|it| format!("{it:?}; allowed is 10 ms to a day"));
        wrong.at("interval", interval);
        let is_empty = self.path.as_ref().is_some_and(String::is_empty);
        wrong.at("path", is_empty.then_some("the path is empty"));
        wrong.answer()
    }
}

impl WatchdogConfig {
    /// Whether a watchdog can look by the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        use std::time::Duration;

        let mut wrong = Wrong::default();
        for (path, duration) in [("limit", self.limit), ("check_every", self.check_every)] {
            let short = duration.filter(|it| *it < Duration::from_millis(1));
            wrong.at(path, short.map(|it| format!("{it:?}; allowed is 1 ms or more")));
        }
        wrong.answer()
    }
}

impl Settings {
    /// Whether all of the settings can work.
    ///
    /// # Errors
    ///
    /// All that is wrong, each with its path: `pools.keys.cooldown_table[2]`.
    pub fn check(&self) -> Result<(), ConfigError> {
        // Each part was checked where it was read; made by hand, here.
        let mut wrong = Wrong::default();
        for (name, pool) in self.pools.iter().flatten() {
            wrong.under(&format!("pools.{name}"), Some(pool.check()));
        }
        for (name, resources) in self.resources.iter().flatten() {
            wrong.under(&format!("resources.{name}"), Some(check_list(resources)));
        }
        for (name, breaker) in self.breakers.iter().flatten() {
            wrong.under(&format!("breakers.{name}"), Some(breaker.check()));
        }
        for (name, limiter) in self.limiters.iter().flatten() {
            wrong.under(&format!("limiters.{name}"), Some(limiter.check()));
        }
        wrong.under("shutdown", self.shutdown.as_ref().map(ShutdownConfig::check));
        wrong.under("heartbeat", self.heartbeat.as_ref().map(HeartbeatConfig::check));
        wrong.under("watchdog", self.watchdog.as_ref().map(WatchdogConfig::check));
        wrong.answer()
    }
}
