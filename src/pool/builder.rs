//! How a pool is made.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{BuildError, Config, HealthRules, Runtime, State, StateChange, Strategy};

use crate::drive::shared::{Hooks, Locked, Shared};
use crate::drive::timer::DefaultRuntime;
use crate::pool::handle::Pool;
use crate::pool::resource::Resource;
use crate::terms::options::Defaults;
use crate::terms::select::Select;

/// Collects what a pool is made of; [`build`](Self::build) checks it all.
///
/// Made by [`Pool::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct Builder<T> {
    resources: Vec<Resource<T>>,
    config: Config,
    defaults: Defaults,
    runtime: Arc<dyn Runtime>,
    hooks: Hooks,
    seed: Option<u64>,
    name: Arc<str>,
    allow_empty: bool,
}

impl<T> Pool<T> {
    /// Starts to describe a pool.
    pub fn builder() -> Builder<T> {
        Builder::new()
    }
}

impl<T> Builder<T> {
    fn new() -> Self {
        Self {
            resources: Vec::new(),
            config: Config::default(),
            defaults: Defaults::default(),
            runtime: Arc::new(DefaultRuntime),
            hooks: Hooks::default(),
            seed: None,
            name: "pool".into(),
            allow_empty: false,
        }
    }

    /// What metrics and traces call the pool. `pool` by default; not empty.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Adds a resource. The order counts for strategies that go by it.
    pub fn resource(mut self, resource: Resource<T>) -> Self {
        self.resources.push(resource);
        self
    }

    /// Whether the pool may begin without a resource, for whoever [adds](Pool::add) them later. Off by default: a
    /// pool without resources is more often a configuration that was not read.
    ///
    /// A run on an empty pool is exhausted at once.
    pub fn allow_empty(mut self, allow: bool) -> Self {
        self.allow_empty = allow;
        self
    }

    /// Adds several resources, in order.
    pub fn resources(mut self, resources: impl IntoIterator<Item = Resource<T>>) -> Self {
        self.resources.extend(resources);
        self
    }

    /// How to choose among the eligible resources. [`Strategy::LeastInFlight`] by default.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.config.strategy = strategy;
        self
    }

    /// Chooses by code of your own instead; the strategy serves when that fails.
    pub fn select(mut self, select: impl Select) -> Self {
        self.config.foreign_choice = true;
        self.hooks.select = Some(Box::new(select));
        self
    }

    /// Whether a retry prefers resources that its run has not tried, and falls back to the tried ones
    /// when nothing else is eligible.
    ///
    /// On by default, except for [`Strategy::LeastInFlight`] and [`Strategy::PrimaryBackup`] without a
    /// [`select`](Self::select), which behave as in the Python package: there a run may try the same
    /// resource again at once.
    pub fn avoid_tried(mut self, avoid: bool) -> Self {
        self.config.avoid_tried = Some(avoid);
        self
    }

    /// How health is measured: the window of the error rate, its grades, the decay of latencies.
    ///
    /// The measures change nothing by themselves. [`Strategy::LeastLatency`] and
    /// [`Strategy::LeastErrors`] go by them, and [`stats`](Pool::stats) shows them.
    pub fn health(mut self, rules: HealthRules) -> Self {
        self.config.health = rules;
        self
    }

    /// How long the first, second, third… cooldown since a resource's last success lasts; the last
    /// entry serves for all that follow. 30 s, 120 s, 300 s, 600 s by default; at least one entry.
    ///
    /// A signal that states its own duration replaces the entry, not the step.
    pub fn cooldown_table(mut self, table: impl IntoIterator<Item = Duration>) -> Self {
        self.config.cooldown_table = table.into_iter().collect();
        self
    }

    /// Whether a cooldown or disable signal aborts the younger operations on the same resource, so
    /// that they are tried elsewhere. On by default.
    ///
    /// An aborted operation may have reached the upstream already: switch this off if your
    /// operations must not happen twice. An abort costs the run it hits one attempt, so a burst on a
    /// failing resource wants a budget with some slack.
    pub fn cancel_siblings(mut self, cancel: bool) -> Self {
        self.config.cancel_siblings = cancel;
        self
    }

    /// Whether a resource back from a cooldown serves one operation at a time until one succeeds.
    /// Off by default: it comes back with its full cap.
    ///
    /// This is the half-open state of a circuit breaker. A probe that its caller drops gives the
    /// place back; one that fails cools the resource down again, a step further.
    pub fn probe_on_recovery(mut self, probe: bool) -> Self {
        self.config.probe_on_recovery = probe;
        self
    }

    /// Whether operations that were in flight already when a resource was last sent away count as
    /// the same outage and escalate no further. Off by default.
    ///
    /// With it, four concurrent 429s are one step on the cooldown table; without it, as in the
    /// Python package, they can be four.
    pub fn one_trip_per_outage(mut self, one_trip: bool) -> Self {
        self.config.one_trip_per_outage = one_trip;
        self
    }

    /// The most attempts of a run that sets none of its own. 3 by default; at least 1.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.defaults.max_attempts = attempts;
        self
    }

    /// The mean pause between the attempts of a run that sets none of its own. 500 ms by default.
    ///
    /// The pause is drawn evenly from half to one and a half times the mean, so that runs which
    /// failed together do not come back together; zero stays zero. During a pause the run keeps the
    /// failed attempt's place on its resource. A pool whose resources do not share their limits
    /// can well do without pauses: the next attempt goes elsewhere.
    pub fn retry_delay(mut self, mean: Duration) -> Self {
        self.defaults.retry_delay = mean;
        self
    }

    /// The clock and timer to use. By default a timer that works under any executor:
    /// [`DefaultRuntime`](crate::DefaultRuntime).
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Calls `hook` after every change of a resource's status, and when a running cooldown is
    /// signalled again.
    ///
    /// A cooldown that has expired is noticed, and so reported, by the next selection: an idle pool
    /// reports nothing, although its snapshots show the resource healthy.
    ///
    /// The hook runs on the thread that caused the change, after the pool's lock was released, so it
    /// may call the pool. With several threads the calls may arrive out of order:
    /// [`StateChange::sequence`] tells. Keep it short; a panic in it is contained. For more than a few
    /// lines of code, [`Pool::events`] is the better place to listen.
    pub fn on_state_change(mut self, hook: impl Fn(&StateChange) + Send + Sync + 'static) -> Self {
        self.hooks.on_state_change = Some(Box::new(hook));
        self
    }

    /// Seeds the random numbers of the pool (jitter and draws), so that what it does can be repeated.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
    }

    /// Makes the pool.
    ///
    /// # Errors
    ///
    /// [`BuildError`] says which setting cannot work and what would: an empty name, no
    /// resource, an empty or duplicate id, a `max_in_flight` or `max_attempts` of 0, a weight out of range, a
    /// secret that is empty or in plain sight, an empty cooldown table, health rules out of range.
    pub fn build(self) -> Result<Pool<T>, BuildError> {
        if self.name.is_empty() {
            return Err(BuildError::EmptyName);
        }
        if self.resources.is_empty() && !self.allow_empty {
            return Err(BuildError::NoResources);
        }
        if self.defaults.max_attempts == 0 {
            return Err(BuildError::ZeroMaxAttempts);
        }
        if self.config.cooldown_table.is_empty() {
            return Err(BuildError::EmptyCooldownTable);
        }
        self.config.health.check()?;
        let random = self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let now = self.runtime.now();
        let mut locked = Locked::new(State::new(self.config, now), random);
        for resource in self.resources {
            let (profile, entry) = resource.enter()?;
            let slot = locked.state.add(profile, now)?;
            locked.put(slot, entry);
        }
        Ok(Pool::new(Shared::new(self.name, locked, self.runtime, self.defaults, self.hooks)))
    }
}

impl<T> fmt::Debug for Builder<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("name", &self.name)
            .field("resources", &self.resources)
            .field("config", &self.config)
            .field("defaults", &self.defaults)
            .field("runtime", &self.runtime)
            .finish_non_exhaustive()
    }
}
