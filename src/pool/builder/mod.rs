//! Of what a pool is made. What else can be set is in `outages` and `runs`; `build` checks it and makes the pool.

mod build;
mod outages;
mod runs;

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Config, Group, Recovery, Runtime, StateChange, Strategy};

use crate::config::pool::PoolConfig;
use crate::drive::shared::Hooks;
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
    pub(super) config: Config,
    pub(super) defaults: Defaults,
    runtime: Arc<dyn Runtime>,
    pub(super) hooks: Hooks,
    seed: Option<u64>,
    pub(super) name: Arc<str>,
    // What has a default of its own under each of the two rule sets.
    pub(super) python_rules: bool,
    pub(super) cooldown_bounds: Option<RangeInclusive<Duration>>,
    pub(super) recovery: Option<Recovery>,
    pub(super) max_waiting: Option<usize>,
    pub(super) step_down_after: Option<u32>,
    pub(super) keep_available: Option<usize>,
    pub(super) groups: Vec<Group>,
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
    /// [say](Resource::group) to which they belong. One without members does nothing. Those of a
    /// [configuration](Self::config) are beside those of calls, which win by their name;
    /// [`Pool::add_group`](Pool::add_group) declares one later.
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
        self.say("groups");
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
    /// | a cooldown signal | aborts the siblings that began after the first half of its own call's time | aborts all that began after its own call |
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
        self.say("reactions");
        self.hooks.table = crate::terms::table::Table::new(reactions);
        self
    }

    /// Seeds the random numbers of the pool (jitter and draws), so that what it does can be repeated.
    pub fn seed(mut self, seed: u64) -> Self {
        self.seed = Some(seed);
        self
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
