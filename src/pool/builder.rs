//! How a pool is made.

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU32;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{
    BuildError, Config, Group, HealthRules, Recovery, RetryBudget, Runtime, State, StateChange,
    Strategy, Trip,
};

use crate::config::pool::PoolConfig;
use crate::drive::shared::{Hooks, Locked, Shared};
use crate::drive::timer::DefaultRuntime;
use crate::pool::handle::Pool;
use crate::pool::resource::Resource;
use crate::terms::options::{Defaults, Wait};
use crate::terms::select::Select;

/// Collects what a pool is made of; [`build`](Self::build) checks it all.
///
/// Made by [`Pool::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct Builder<T> {
    resources: Vec<Resource<T>>,
    pub(super) config: Config,
    pub(super) defaults: Defaults,
    runtime: Arc<dyn Runtime>,
    hooks: Hooks,
    seed: Option<u64>,
    pub(super) name: Arc<str>,
    // What has a default of its own under each of the two rule sets.
    pub(super) python_rules: bool,
    pub(super) cooldown_bounds: Option<RangeInclusive<Duration>>,
    pub(super) recovery: Option<Recovery>,
    pub(super) max_waiting: Option<usize>,
    pub(super) step_down_after: Option<u32>,
    pub(super) keep_available: Option<usize>,
    groups: Vec<Group>,
    /// What configurations set, and which settings calls have set, by name.
    pub(super) file: PoolConfig,
    pub(super) said: BTreeSet<&'static str>,
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
            python_rules: false,
            cooldown_bounds: None,
            recovery: None,
            max_waiting: None,
            step_down_after: None,
            keep_available: None,
            groups: Vec::new(),
            file: PoolConfig::default(),
            said: BTreeSet::new(),
        }
    }

    /// What metrics and traces call the pool. `pool` by default; not empty.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.say("name");
        self.name = name.into();
        self
    }

    /// Adds a resource. The order counts for strategies that go by it.
    pub fn resource(mut self, resource: Resource<T>) -> Self {
        self.resources.push(resource);
        self
    }

    /// Whether the pool may begin without a resource, for whoever [adds](Pool::add) them later, and be left without
    /// one by a [list](Pool::apply). Off by default: a
    /// pool without resources is more often a configuration that was not read.
    ///
    /// A run on an empty pool is exhausted at once.
    pub fn allow_empty(mut self, allow: bool) -> Self {
        self.say("allow_empty");
        self.config.allow_empty = allow;
        self
    }

    /// Adds several resources, in order.
    pub fn resources(mut self, resources: impl IntoIterator<Item = Resource<T>>) -> Self {
        self.resources.extend(resources);
        self
    }

    /// Declares a group of resources that share a limit, such as the keys of one organisation; resources
    /// [say](Resource::group) to which they belong. One without members does nothing.
    ///
    /// ```
    /// use rotapool::{Group, Pool, Quota, Resource};
    ///
    /// let pool = Pool::builder()
    ///     .group(Group::new("org-1").quota(Quota::per_minute(90_000).of("tokens")))
    ///     .resource(Resource::new("key-1", "sk-aaa").group("org-1").quota(Quota::per_minute(60)))
    ///     .resource(Resource::new("key-2", "sk-bbb").group("org-1").quota(Quota::per_minute(60)))
    ///     .build()?;
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    pub fn group(mut self, group: Group) -> Self {
        self.groups.push(group);
        self
    }

    /// How to choose among the eligible resources. [`Strategy::LeastInFlight`] by default.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.say("strategy");
        self.config.strategy = strategy;
        self
    }

    /// Chooses by code of your own instead; the strategy serves when that fails.
    pub fn select(mut self, select: impl Select) -> Self {
        self.config.foreign_choice = true;
        self.hooks.select = Some(Box::new(select));
        self
    }

    /// How health is measured: the window of the error rate, its grades, the decay of latencies.
    ///
    /// The measures change nothing by themselves. [`Strategy::LeastLatency`] and
    /// [`Strategy::LeastErrors`] go by them, and [`stats`](Pool::stats) shows them.
    pub fn health(mut self, rules: HealthRules) -> Self {
        self.say("health");
        self.config.health = rules;
        self
    }

    /// How long the first, second, third… guessed cooldown since a resource's last success lasts; the last
    /// entry serves for all that follow. 30 s, 120 s, 300 s, 600 s by default; at least one entry, none of them
    /// zero.
    ///
    /// A signal that states its own duration is no guess, and takes no step. What was in flight already when the
    /// resource went out reports the same outage: it takes no step either, and moves no guessed end.
    pub fn cooldown_table(mut self, table: impl IntoIterator<Item = Duration>) -> Self {
        self.say("cooldown_table");
        self.config.cooldown_table = table.into_iter().collect();
        self
    }

    /// Within which bounds a stated cooldown is believed; beyond, the nearer bound holds, and
    /// [`explain`](Pool::explain) says so. 1 s to 24 h by default; the lower one more than zero.
    ///
    /// A stated cooldown of zero states nothing: the table decides.
    pub fn cooldown_bounds(mut self, bounds: RangeInclusive<Duration>) -> Self {
        self.say("cooldown_bounds");
        self.cooldown_bounds = Some(bounds);
        self
    }

    /// How many successes in a row take a resource one step down the cooldown table. By default one success takes it
    /// all the way down.
    ///
    /// For resources that flap: one that works every second time is as good as new after each success by default,
    /// and so is tried again after the shortest cooldown for ever.
    pub fn step_down_after(mut self, successes: u32) -> Self {
        self.say("step_down_after");
        self.step_down_after = Some(successes);
        self
    }

    /// Whether a run that would fail because all resources are out is served by one of them all the same. Off by
    /// default.
    ///
    /// It is the one that is back first: of those that an operator [parked](Pool::park) if there are any, else of those
    /// whose end is guessed, else of those whose end was stated; never a disabled one, none beyond its cap, and none that
    /// the run has tried. A run that waits in line waits as long as there is hope. The lease
    /// [says so](crate::Lease::is_degraded). What comes of the attempt changes no guess: it is of an outage that is
    /// known. A stated end that is later holds, as ever, and of a parked resource a failure is news.
    ///
    /// ```
    /// # use std::time::Duration;
    /// # use rotapool::{Fault, Pool, Resource};
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).degrade(true).build()?;
    /// pool.park("key-1", Duration::from_secs(300), "invoice unpaid")?;
    /// let degraded = pool.run(async |key| Ok::<_, Fault<()>>(key.is_degraded())).await;
    /// assert_eq!(degraded, Ok(true));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn degrade(mut self, degrade: bool) -> Self {
        self.say("degrade");
        self.config.degrade = degrade;
        self
    }

    /// How a resource comes back from a cooldown. [`Recovery::Ramp`] by default: one at a time at first, and one
    /// more with each success, so that a line of waiting runs does not fall on whoever comes back first.
    pub fn recovery(mut self, recovery: Recovery) -> Self {
        self.say("recovery");
        self.recovery = Some(recovery);
        self
    }

    /// Whether a cooldown or disable signal aborts the younger operations on the same resource, so
    /// that they are tried elsewhere. On by default.
    ///
    /// An aborted operation may have reached the upstream already: switch this off if your
    /// operations must not happen twice. An abort costs the run it hits no attempt, unless it had tried the same resource
    /// before.
    pub fn cancel_siblings(mut self, cancel: bool) -> Self {
        self.say("cancel_siblings");
        self.config.cancel_siblings = cancel;
        self
    }

    /// The most runs in [line](crate::Request::wait) when another one comes, which is refused then, unless a
    /// [ramp](Recovery::Ramp) is all that it would have waited for. 1,024 by default; at least 1.
    ///
    /// It bounds newcomers only. A run that comes back from an attempt is never refused: the line can be longer by as
    /// many as were in flight, and the refusal says how long it is. Runs that only [pause](Self::retry_delay) are in
    /// nobody's way and are not counted, here or in [`waiting`](crate::PoolStats::waiting).
    pub fn max_waiting(mut self, runs: usize) -> Self {
        self.say("max_waiting");
        self.max_waiting = Some(runs);
        self
    }

    /// The most attempts that may fail, of a run that sets none of its own. 3 by default; at least 1. See
    /// [`Request::max_attempts`](crate::Request::max_attempts) for what counts.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.say("max_attempts");
        self.defaults.max_attempts = attempts;
        self
    }

    /// The mean pause before a run repeats itself, of a run that sets none of its own. 500 ms by default.
    ///
    /// A run goes to what it has not tried without any pause. It pauses before it repeats itself, when it has tried
    /// all that is eligible; meanwhile it holds no place on any resource. The pause is drawn evenly from half to one
    /// and a half times the mean, so that runs which failed together do not come back together; zero stays zero.
    ///
    /// A run that pauses stands in [line](crate::Request::wait) for what it has not tried, whether it waits otherwise
    /// or not: that is handed to it at once, and what it has tried is for others until the pause is over. Time that it
    /// has to wait for a place is part of the pause. When the pause would outlast its deadline it fails at once, unless
    /// it waits and something that it has not tried is busy, or back before that.
    pub fn retry_delay(mut self, mean: Duration) -> Self {
        self.say("retry_delay");
        self.defaults.retry_delay = mean;
        self
    }

    /// When failures send a resource away, and for how long: a circuit breaker for each resource. None by default.
    ///
    /// Evidence are retry signals, failures, attempts that time out, and slow calls where the rules count them. Cooldown and disable
    /// signals are not: they act by themselves. Of one run only the first failure counts, so a request that fails
    /// everywhere takes nothing down; and what began before an outage counts no more.
    ///
    /// A trip is a cooldown with the cause [`Cause::Circuit`](crate::Cause::Circuit), as long as the rules say. It aborts nobody: it is a
    /// guess. The resource comes back as from any cooldown, by [`recovery`](Self::recovery), so permits, successes and bounds of trials
    /// are set there. Until it has succeeded once, each further failure sends it away again.
    /// [`keep_available`](Self::keep_available) holds the breaker back.
    ///
    /// ```
    /// use rotapool::{Pool, Resource, Trip};
    ///
    /// let pool = Pool::builder()
    ///     .resources(["a", "b", "c"].map(|id| Resource::new(id, id)))
    ///     .circuit_breaker(Trip::after_failures(5))
    ///     .build()?;
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    pub fn circuit_breaker(mut self, rules: Trip) -> Self {
        self.say("circuit_breaker");
        self.config.circuit_breaker = Some(rules);
        self
    }

    /// How many healthy resources the [circuit breaker](Self::circuit_breaker) leaves alone, for they may be all that there is: 1 by
    /// default, 0 for none. What is kept so is told by an event, and shown by [`explain`](Pool::explain).
    ///
    /// In a pool of one resource the breaker therefore acts only with 0 here. Signals of cooldown and disable always act.
    pub fn keep_available(mut self, healthy: usize) -> Self {
        self.say("keep_available");
        self.keep_available = Some(healthy);
        self
    }

    /// How many retries there may be, over the whole pool: a share of its runs. No limit by default.
    ///
    /// A retry is an attempt after a retry or cooldown signal or a time-out. One after a disable signal, or after an abort by a
    /// sibling, is none: the resource is gone, or the run was only in the way. A run that would retry beyond the budget
    /// ends as exhausted, with [`ExhaustedReason::RetryBudget`](crate::ExhaustedReason::RetryBudget) and its last signal.
    ///
    /// For when everything fails a little: without a budget three attempts a run are three times the load on
    /// upstreams that have too much of it.
    ///
    /// ```
    /// use rotapool::{Pool, Resource, RetryBudget};
    ///
    /// let pool = Pool::builder()
    ///     .resources(["a", "b"].map(|id| Resource::new(id, id)))
    ///     .retry_budget(RetryBudget::percent(20).min_per_second(2)) // of the last 10 s
    ///     .build()?;
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    pub fn retry_budget(mut self, budget: RetryBudget) -> Self {
        self.say("retry_budget");
        self.config.retry_budget = Some(budget);
        self
    }

    /// How long one attempt may take, of a run that sets nothing of its own; more than zero. No limit by default. See
    /// [`Request::attempt_timeout`](crate::Request::attempt_timeout).
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.say("attempt_timeout");
        self.defaults.attempt_timeout = Some(timeout);
        self
    }

    /// How long a [checkout](Pool::acquire) may be held; more than zero. No limit by default.
    ///
    /// For holders that forget. When it is over the place is taken back: the next in line gets it,
    /// [`Held::aborted`](crate::Held::aborted) is ready, an [event](crate::Event::TakenBack) tells whose it was, and whatever
    /// the holder says later is an error that changes nothing. Like the end of a cooldown it is noticed by whatever the
    /// pool is told next, and by who stands in line.
    pub fn held_bound(mut self, bound: Duration) -> Self {
        self.say("held_bound");
        self.defaults.held_bound = Some(bound);
        self
    }

    /// Plays by the rules of the Python package `rotapool` 0.6.0 instead of the pool's own, to the letter.
    ///
    /// For who moves a service over and wants one change at a time. What is set beside it holds, in whichever order.
    /// The rules differ in this:
    ///
    /// | | the pool's own rules | the Python package's |
    /// |---|---|---|
    /// | a retry | goes to what the run has not tried, then to the least recently tried | goes by the strategy, to the same resource too |
    /// | the budget | `max_attempts` as set | no more than there are resources when the run begins, unless it waits |
    /// | a cooldown or disable signal, a sibling's abort | cost an attempt only from the second time on the same resource | cost an attempt |
    /// | pauses | only before the run repeats itself, holding nothing, and none that outlasts the deadline | after every failed attempt, keeping its place |
    /// | deadlines | end an attempt in flight, and hold for who waited | gate attempts, pauses and waits |
    /// | waiting | [in line](crate::Request::wait), for whatever makes a resource eligible; with a deadline unless told otherwise | only for the next cooldown's end, plus some jitter; only if told |
    /// | after a cooldown | [`Recovery::Ramp`] by default | [`Recovery::AtOnce`] by default |
    /// | a trial | filled and judged by attempts younger than the outage, bounded, and over with any failure | one at a time, of any age, until one succeeds; only a cooldown signal ends it otherwise |
    /// | one outage | is one step on the table, and moves a guessed end once | as many steps as signals |
    /// | a stated cooldown | takes no step, keeps within bounds; zero states nothing | takes a step, unbounded; zero is no time |
    /// | the end of a cooldown | is there when its time has come | is there when a selection has noticed it |
    /// | evidence from before `enable` | changes counters only | counts as any |
    pub fn python_rules(mut self) -> Self {
        self.python_rules = true;
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
    /// The end of a cooldown is noticed, and so reported, by whatever the pool is told next: an idle pool
    /// reports nothing, although its snapshots show the resource healthy, unless a [monitor](Pool::monitor) looks
    /// at the clock for it.
    ///
    /// The hook runs on the thread that caused the change, after the pool's lock was released, so it
    /// may call the pool. With several threads the calls may arrive out of order:
    /// [`StateChange::sequence`] tells. Keep it short; a panic in it is contained. For more than a few
    /// lines of code, [`Pool::events`] is the better place to listen.
    pub fn on_state_change(mut self, hook: impl Fn(&StateChange) + Send + Sync + 'static) -> Self {
        self.hooks.on_state_change = Some(Box::new(hook));
        self
    }

    /// What [`Lease::judge`](crate::Lease::judge) makes of the upstream's answers, of a resource that has no table of
    /// [its own](crate::Resource::reactions). `Reactions::default()` by default.
    #[cfg(feature = "http")]
    #[cfg_attr(docsrs, doc(cfg(feature = "http")))]
    pub fn reactions(mut self, reactions: rotapool_core::hints::Reactions) -> Self {
        self.hooks.table = crate::terms::table::Table::new(reactions);
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
    /// [`BuildError`] says which setting cannot work and what would: an empty name, no resource, an empty or
    /// duplicate id, a `max_in_flight`, `max_attempts`, `max_waiting` or `step_down_after` of 0, a weight out of range,
    /// quotas that make no sense, a group that is declared twice, without a name or not at all, a secret that is empty or in plain sight,
    /// a cooldown table that is empty or has a zero in it, bounds that are reversed or begin at zero, a zero in the
    /// terms of a trial, an `attempt_timeout` or a `held_bound` of zero, rules of breaker, retry budget or health out of range, a `keep_available`
    /// without a breaker; or all that is wrong with a [configuration](Self::config).
    pub fn build(mut self) -> Result<Pool<T>, BuildError> {
        self.take_from_file()?;
        if self.name.is_empty() {
            return Err(BuildError::EmptyName);
        }
        if self.resources.is_empty() && !self.config.allow_empty {
            return Err(BuildError::NoResources);
        }
        if self.defaults.max_attempts == 0 {
            return Err(BuildError::ZeroMaxAttempts);
        }
        if self.defaults.attempt_timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(BuildError::ZeroAttemptTimeout);
        }
        if self.defaults.held_bound.is_some_and(|bound| bound.is_zero()) {
            return Err(BuildError::ZeroHeldBound);
        }
        self.apply_rules()?;
        self.config.check()?;
        let in_force = Arc::new(self.in_force());
        let random = self.seed.map_or_else(fastrand::Rng::new, fastrand::Rng::with_seed);
        let now = self.runtime.now();
        let mut locked = Locked::new(State::new(self.config, now), random);
        for group in &self.groups {
            locked.state.add_group(group, now)?;
        }
        for resource in self.resources {
            let (profile, entry) = resource.enter(&self.hooks.table)?;
            let slot = locked.state.add(profile, now)?;
            locked.put(slot, entry);
        }
        // Whoever subscribes hears of what happens from then on, and not of what the pool was built with.
        drop(locked.state.take_effects());
        Ok(Pool::new(Shared::new(
            self.name,
            locked,
            self.runtime,
            self.defaults,
            self.hooks,
            in_force,
        )))
    }
}

impl<T> Builder<T> {
    /// Brings together what was set and what the rule set has for the rest.
    fn apply_rules(&mut self) -> Result<(), BuildError> {
        let Config { rules, cooldown_bounds, recovery, max_waiting, .. } = match self.python_rules {
            true => Config::recorded(),
            false => Config::default(),
        };
        if self.python_rules {
            self.defaults.wait = Wait::Never;
        }
        let config = &mut self.config;
        config.rules = rules;
        config.cooldown_bounds = self.cooldown_bounds.take().unwrap_or(cooldown_bounds);
        config.recovery = self.recovery.unwrap_or(recovery);
        config.max_waiting = self.max_waiting.unwrap_or(max_waiting);
        if let Some(successes) = self.step_down_after {
            config.decay = Some(NonZeroU32::new(successes).ok_or(BuildError::ZeroStepDownAfter)?);
        }
        if let Some(healthy) = self.keep_available {
            if config.circuit_breaker.is_none() {
                return Err(BuildError::NothingToHoldBack { healthy });
            }
            config.keep_available = healthy;
        }
        Ok(())
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
