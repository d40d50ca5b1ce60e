//! A builder that is given a configuration, and a pool that says what is in force.

use std::collections::BTreeMap;
use std::sync::Arc;

use rotapool_core::{BuildError, Config, Group};

use crate::config::BreakerConfig;
use crate::config::Settings;
use crate::config::in_force::InForce;
use crate::config::pool::{BoundsConfig, HealthConfig, PoolConfig, RetryBudgetConfig};
#[cfg(feature = "http")]
use crate::config::reactions::ReactionsConfig;
use crate::config::resources::{GroupConfig, ResourceConfig};
use crate::pool::builder::Builder;
use crate::pool::handle::Pool;
use crate::pool::resource::Resource;
#[cfg(feature = "http")]
use crate::terms::table::Table;

impl<T> Builder<T> {
    /// Takes what a configuration sets, as read from a file. **What a call sets wins over it, whatever the order of the
    /// calls**; what neither sets has its default.
    ///
    /// A later configuration is laid over an earlier one.
    pub fn config(mut self, config: &PoolConfig) -> Self {
        self.file = config.clone().or(&self.file);
        self
    }

    /// A call has set this.
    pub(super) fn say(&mut self, setting: &'static str) {
        self.said.insert(setting);
    }

    /// Takes over what the file sets and no call has.
    pub(super) fn take_from_file(&mut self) -> Result<(), BuildError> {
        self.file.check()?;
        let Self { file, said, config, defaults, .. } = self;
        // Every field by name: one that is added later cannot be forgotten here.
        let PoolConfig {
            name,
            strategy,
            max_attempts,
            retry_delay,
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
            cancel_siblings,
            cancel_streams,
            circuit_breaker,
            keep_available,
            degrade,
            allow_empty,
            probe_early,
            retry_budget,
            health,
            groups: _, // Beside those of calls: see `all_groups`.
            #[cfg(feature = "http")]
            reactions,
        } = file.clone();
        let free = |setting| !said.contains(setting);
        if let Some(name) = name.filter(|_| free("name")) {
            self.name = name.into();
        }
        if let Some(strategy) = strategy.filter(|_| free("strategy")) {
            config.strategy = strategy;
        }
        if let Some(attempts) = max_attempts.filter(|_| free("max_attempts")) {
            defaults.max_attempts = attempts;
        }
        if let Some(mean) = retry_delay.filter(|_| free("retry_delay")) {
            defaults.retry_delay = mean;
        }
        if let Some(timeout) = attempt_timeout.filter(|_| free("attempt_timeout")) {
            defaults.attempt_timeout = Some(timeout);
        }
        if let Some(hedge) = hedge.filter(|_| free("hedge")) {
            config.hedge = Some(hedge);
        }
        if let Some(timeout) = stall_timeout.filter(|_| free("stall_timeout")) {
            defaults.stall_timeout = Some(timeout);
        }
        if let Some(timeout) = stream_timeout.filter(|_| free("stream_timeout")) {
            defaults.stream_timeout = Some(timeout);
        }
        if let Some(cancel) = cancel_streams.filter(|_| free("cancel_streams")) {
            config.cancel_streams = cancel;
        }
        if let Some(bound) = held_bound.filter(|_| free("held_bound")) {
            defaults.held_bound = Some(bound);
        }
        if let Some(table) = cooldown_table.filter(|_| free("cooldown_table")) {
            config.cooldown_table = table;
        }
        if let Some(bounds) = cooldown_bounds.filter(|_| free("cooldown_bounds")) {
            let usual = if self.python_rules { Config::recorded() } else { Config::default() };
            let (least, most) = usual.cooldown_bounds.into_inner();
            let bounds = bounds.least.unwrap_or(least)..=bounds.most.unwrap_or(most);
            self.cooldown_bounds = Some(bounds);
        }
        if let Some(successes) = step_down_after.filter(|_| free("step_down_after")) {
            self.step_down_after = Some(successes);
        }
        if let Some(recovery) = recovery.filter(|_| free("recovery")) {
            self.recovery = Some(recovery);
        }
        if let Some(runs) = max_waiting.filter(|_| free("max_waiting")) {
            self.max_waiting = Some(runs);
        }
        if let Some(cancel) = cancel_siblings.filter(|_| free("cancel_siblings")) {
            config.cancel_siblings = cancel;
        }
        if let Some(breaker) = circuit_breaker.filter(|_| free("circuit_breaker")) {
            config.circuit_breaker = Some(breaker.trip());
        }
        if let Some(healthy) = keep_available.filter(|_| free("keep_available")) {
            self.keep_available = Some(healthy);
        }
        if let Some(degrade) = degrade.filter(|_| free("degrade")) {
            config.degrade = degrade;
        }
        if let Some(allow) = allow_empty.filter(|_| free("allow_empty")) {
            config.allow_empty = allow;
        }
        if let Some(every) = probe_early.filter(|_| free("probe_early")) {
            config.probe_early = Some(every);
        }
        if let Some(budget) = retry_budget.filter(|_| free("retry_budget")) {
            config.retry_budget = budget.budget();
        }
        if let Some(health) = health.filter(|_| free("health")) {
            health.apply(&mut config.health);
        }
        #[cfg(feature = "http")]
        if let Some(reactions) = reactions.filter(|_| free("reactions")) {
            self.hooks.table = Table::new(reactions.reactions());
        }
        Ok(())
    }

    /// The groups that calls have declared, and those of the file that have another name.
    pub(super) fn all_groups(&self) -> Vec<Group> {
        let is_said = |name: &str| self.groups.iter().any(|said| **said.name() == *name);
        let listed = self.file.groups.iter().flatten().filter(|(name, _)| !is_said(name));
        let listed = listed.map(|(name, group)| group.group(name));
        self.groups.iter().cloned().chain(listed).collect()
    }

    /// What is in force, once everything has been brought together.
    pub(super) fn in_force(&self) -> InForce {
        let Self { config, defaults, name, file, said, groups, .. } = self;
        let bounds = &config.cooldown_bounds;
        let settings = PoolConfig {
            name: Some(name.to_string()),
            strategy: Some(config.strategy),
            max_attempts: Some(defaults.max_attempts),
            retry_delay: Some(defaults.retry_delay),
            attempt_timeout: defaults.attempt_timeout,
            hedge: config.hedge,
            stall_timeout: defaults.stall_timeout,
            stream_timeout: defaults.stream_timeout,
            held_bound: defaults.held_bound,
            cooldown_table: Some(config.cooldown_table.clone()),
            cooldown_bounds: Some(BoundsConfig {
                least: Some(*bounds.start()),
                most: Some(*bounds.end()),
            }),
            step_down_after: config.decay.map(|successes| successes.get()),
            recovery: Some(config.recovery),
            max_waiting: Some(config.max_waiting),
            cancel_siblings: Some(config.cancel_siblings),
            cancel_streams: Some(config.cancel_streams),
            circuit_breaker: config.circuit_breaker.as_ref().map(BreakerConfig::of),
            keep_available: config.circuit_breaker.as_ref().map(|_| config.keep_available),
            degrade: Some(config.degrade),
            allow_empty: Some(config.allow_empty),
            probe_early: config.probe_early,
            retry_budget: config.retry_budget.as_ref().map(RetryBudgetConfig::of),
            health: Some(HealthConfig::of(&config.health)),
            groups: Some(self.all_groups().iter().map(written).collect())
                .filter(|groups: &BTreeMap<_, _>| !groups.is_empty()),
            #[cfg(feature = "http")]
            reactions: Some(ReactionsConfig::of(self.hooks.table.reactions())),
        };
        let said_groups = groups.iter().map(|group| group.name().to_string()).collect();
        let said = said.clone();
        InForce { settings, file: file.clone(), said, said_groups }
    }
}

fn written(group: &Group) -> (String, GroupConfig) {
    (group.name().to_string(), GroupConfig::of(group))
}

impl Settings {
    /// The resources of the pool of this name, each with the value that it is given; none if there is no such list.
    ///
    /// For [`Builder::resources`].
    ///
    /// ```
    /// # #[cfg(feature = "serde")] {
    /// use rotapool::Pool;
    /// use rotapool::config::Settings;
    ///
    /// let file = r#"{ "resources": { "keys": [
    ///     { "id": "key-1", "max_in_flight": 4 },
    ///     { "id": "key-2", "quotas": [{ "amount": 60, "per": "1m" }], "metadata": { "region": "eu" } }
    /// ] } }"#;
    /// let settings: Settings = serde_json::from_str(file)?;
    /// let keys = settings.resources_of("keys", |id| format!("sk-{id}")); // from wherever you keep secrets
    /// let pool = Pool::builder().config(&settings.pool("keys")).resources(keys).build()?;
    /// assert_eq!(pool.snapshot()[0].max_in_flight, Some(4));
    /// # }
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn resources_of<T>(
        &self,
        pool: &str,
        mut value: impl FnMut(&str) -> T,
    ) -> Vec<Resource<T>> {
        let listed = self.resources.as_ref().and_then(|pools| pools.get(pool));
        let resource = |config: &ResourceConfig| {
            let profile = config.profile();
            let mut resource = Resource::new(Arc::clone(&profile.id), value(&profile.id));
            resource.profile = profile;
            #[cfg(feature = "http")]
            if let Some(reactions) = &config.reactions {
                let of_pool = self.pool(pool).reactions.unwrap_or_default();
                resource = resource.reactions(reactions.over(&of_pool).reactions());
            }
            resource
        };
        listed.into_iter().flatten().map(resource).collect()
    }
}

impl<T> Pool<T> {
    /// The settings in force, and where each comes from: a call of the builder, its
    /// [configuration](Builder::config), or the default.
    ///
    /// ```
    /// use rotapool::config::{PoolConfig, Source};
    /// # use rotapool::{Pool, Resource};
    ///
    /// let file = PoolConfig { max_attempts: Some(5), max_waiting: Some(10), ..PoolConfig::default() };
    /// let pool = Pool::builder()
    ///     .max_attempts(2)
    ///     .config(&file)
    ///     .resource(Resource::new("key-1", "sk-aaa"))
    ///     .build()?;
    ///
    /// let config = pool.config();
    /// assert_eq!(config.settings().max_attempts, Some(2));
    /// assert_eq!(config.source("max_attempts"), Some(Source::Argument));
    /// assert_eq!(config.source("max_waiting"), Some(Source::File));
    /// assert_eq!(config.source("strategy"), Some(Source::Default));
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    #[must_use]
    pub fn config(&self) -> InForce {
        InForce::clone(&self.shared.in_force)
    }
}
