//! The pools' metrics for Prometheus: the collector; the metrics themselves are in `families` and `own`.

mod families;
mod own;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use rotapool_core::PoolStats;
use thiserror::Error;

/// Shows one or more pools to Prometheus, under the metric names of the Python package, and under names of our own
/// what that does not have.
///
/// A collector of the crate [`prometheus-client`](prometheus_client): register it once, and every scrape
/// samples the pools' [`stats`](crate::Pool::stats). Nothing is counted twice and nothing runs between scrapes. It is a
/// handle: clones show the same pools, so a pool may be [added](Self::add) after the registration. It keeps
/// its pools alive until they are [removed](Self::remove).
///
/// One registry takes one `PoolCollector`, for all pools: a second would print the same families again, which
/// Prometheus refuses. Every sample has the label `pool`, the pool's [name](crate::Pool::name).
///
/// ```
/// use prometheus_client::encoding::text::encode;
/// use prometheus_client::registry::Registry;
/// use rotapool::{Pool, PoolCollector, Resource};
///
/// let keys = Pool::builder().name("keys").resource(Resource::new("key-1", "sk-aaa")).build()?;
/// let proxies = Pool::builder().name("proxies").resource(Resource::new("eu", 8080)).build()?;
///
/// let collector = PoolCollector::new();
/// collector.add(&keys)?;
/// collector.add(&proxies)?;
/// let mut registry = Registry::default();
/// registry.register_collector(Box::new(collector));
///
/// let mut page = String::new();
/// encode(&mut page, &registry)?;
/// assert!(page.contains("rotapool_runs_total{pool=\"keys\",outcome=\"ok\"} 0\n"));
/// assert!(page.contains("rotapool_eligible{pool=\"proxies\"} 1\n"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Serve the page as `application/openmetrics-text; version=1.0.0; charset=utf-8`.
///
/// # Metrics
///
/// Of a pool, with the label `pool`; the counters are those of its whole life:
///
/// | name | kind | |
/// |---|---|---|
/// | `rotapool_runs_total` | counter | runs that ended, by `outcome`: `ok`, `exhausted`, `error`, `cancelled` |
/// | `rotapool_attempts_total` | counter | attempts begun |
/// | `rotapool_successes_total` | counter | attempts that ended without a signal |
/// | `rotapool_cooldowns_total` | counter | cooldown signals that took effect |
/// | `rotapool_disables_total` | counter | times that a resource was disabled, by a signal or an admin call |
/// | `rotapool_sibling_cancels_total` | counter | operations that an older sibling's signal aborted |
/// | `rotapool_retries_total` | counter | retry signals |
/// | `rotapool_in_flight` | gauge | operations in flight on the present resources |
/// | `rotapool_eligible` | gauge | resources that could be picked now |
/// | `rotapool_saturated` | gauge | healthy resources at their cap |
/// | `rotapool_resources` | gauge | resources by `status`: `healthy`, `cooling_down`, `disabled` |
///
/// Of a resource, with the labels `pool` and `resource_id`; the counters begin at 0 when it is added, and
/// vanish when it is removed:
///
/// | name | kind | |
/// |---|---|---|
/// | `rotapool_resource_status` | gauge | 1 for the present `status`, 0 for the others |
/// | `rotapool_resource_in_flight` | gauge | operations in flight |
/// | `rotapool_resource_max_in_flight` | gauge | the cap; infinite without one |
/// | `rotapool_resource_consecutive_cooldown` | gauge | cooldowns since the last success |
/// | `rotapool_resource_cooldown_remaining_seconds` | gauge | how much longer it cools down; 0 if it does not |
/// | `rotapool_resource_acquires_total` | counter | times that it was picked |
/// | `rotapool_resource_successes_total` | counter | attempts that ended without a signal |
/// | `rotapool_resource_cooldowns_total` | counter | cooldown signals taken |
/// | `rotapool_resource_disables_total` | counter | times that it was disabled |
/// | `rotapool_resource_sibling_cancels_total` | counter | operations on it that an older sibling's signal aborted |
///
/// Those were the package's. Of our own, of a pool:
///
/// | name | kind | |
/// |---|---|---|
/// | `rotapool_failures_total` | counter | attempts that failed: by a signal, by a failure blamed on the resource, for want of an answer in time |
/// | `rotapool_timeouts_total` | counter | those of them that gave no answer in time |
/// | `rotapool_deadlines_total` | counter | attempts that the deadline of their run ended |
/// | `rotapool_choice_faults_total` | counter | choices of a [`Select`](crate::Select) that panicked or named no candidate |
/// | `rotapool_circuit_trips_total` | counter | cooldowns that the [circuit breaker](crate::Builder::circuit_breaker) began |
/// | `rotapool_kept_available_total` | counter | times that it did not, to keep the last healthy resources available |
/// | `rotapool_retries_refused_total` | counter | retries that the [retry budget](crate::Builder::retry_budget) refused |
/// | `rotapool_probes_total` | counter | calls that a [prober](crate::Pool::prober) made; they are in no other counter |
/// | `rotapool_probe_failures_total` | counter | those of them that failed |
/// | `rotapool_early_probes_total` | counter | attempts on resources that were out, to [see whether they still were](crate::Builder::probe_early) |
/// | `rotapool_early_returns_total` | counter | those of them that brought their resource back |
/// | `rotapool_taken_back_total` | counter | places that were [taken back](crate::Builder::held_bound) from who held them for too long |
/// | `rotapool_closed` | gauge | whether the pool is [closed](crate::Pool::close): 0 or 1 |
/// | `rotapool_parked` | gauge | resources that are out until an [operator's](crate::Pool::park) end |
/// | `rotapool_hedges_total` | counter | attempts that began [beside one](crate::Builder::hedge) that had not answered |
/// | `rotapool_hedge_wins_total` | counter | those of them whose value was their run's |
/// | `rotapool_hedges_refused_total` | counter | hedges that the retry budget refused |
/// | `rotapool_waiting` | gauge | runs in line for a resource |
/// | `rotapool_spent` | gauge | healthy resources whose [quotas](crate::Quota) are spent |
/// | `rotapool_oldest_wait_seconds` | gauge | how long the run has been in line that came first; 0 if nobody is |
///
/// Of a resource, its [`Health`](rotapool_core::Health) among them. What is not known yet has no sample:
///
/// | name | kind | |
/// |---|---|---|
/// | `rotapool_resource_failures_total` | counter | attempts that failed |
/// | `rotapool_resource_timeouts_total` | counter | those of them that gave no answer in time |
/// | `rotapool_resource_circuit_trips_total` | counter | cooldowns of it that the circuit breaker began |
/// | `rotapool_resource_streams_begun_total` | counter | [streams](crate::Pool::run_stream) that had a first item |
/// | `rotapool_resource_streams_total` | counter | those of them that came to their end |
/// | `rotapool_resource_streamed_seconds_total` | counter | how long these took in all, from the call of the operation on |
/// | `rotapool_resource_probes_total` | counter | calls that a [prober](crate::Pool::prober) made on it |
/// | `rotapool_resource_probe_failures_total` | counter | those of them that failed |
/// | `rotapool_resource_held` | gauge | [checkouts](crate::Held) that are out, and streams that have begun |
/// | `rotapool_resource_longest_held_seconds` | gauge | how long the one has been held that is held longest; 0 if none is |
/// | `rotapool_resource_parked` | gauge | 1 if it is out until an operator's end, else 0 |
/// | `rotapool_resource_circuit` | gauge | 1 for the present `state` of its circuit, 0 for the others: `closed`, `open`, `half_open`; only with a breaker |
/// | `rotapool_resource_grade` | gauge | 1 for the present `grade` of its error rate, 0 for the others: `healthy`, `degraded`, `unhealthy` |
/// | `rotapool_resource_consecutive_failures` | gauge | failures since the last success |
/// | `rotapool_resource_recent_successes` | gauge | successes in the window of the error rate |
/// | `rotapool_resource_recent_failures` | gauge | failures in the window of the error rate |
/// | `rotapool_resource_error_rate` | gauge | the share of failures in the window, 0 to 1; none below the minimum sample |
/// | `rotapool_resource_latency_seconds` | gauge | the weighted mean of how long attempts take |
/// | `rotapool_resource_peak_latency_seconds` | gauge | the same, but up at once with any that is slower |
/// | `rotapool_resource_since_success_seconds` | gauge | how long ago an attempt succeeded |
/// | `rotapool_resource_since_failure_seconds` | gauge | how long ago an attempt failed |
///
/// And of those that have [quotas](crate::Quota):
///
/// | name | kind | |
/// |---|---|---|
/// | `rotapool_resource_spent_remaining_seconds` | gauge | how much longer its quotas are spent; 0 if they are not |
/// | `rotapool_resource_quota_left` | gauge | what is left of its quota, by `dimension` and the `group` that has it; below 0 is a debt |
/// | `rotapool_resource_quota_capacity` | gauge | the most that its quota holds, by `dimension` and `group` |
///
/// A scrape takes time and space in proportion to the resources, 12 lines for each, up to 25 of our own, and a few for
/// its quotas: 3 ms or so for 1,000 of them, on the thread that encodes the page.
#[derive(Clone, Default)]
pub struct PoolCollector {
    pools: Arc<Mutex<Vec<Arc<dyn Sampled>>>>,
}

/// Why a pool was not added to a [`PoolCollector`], or not removed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CollectorError {
    /// A pool of this name is shown already, perhaps the same.
    #[error(
        "a pool named `{}` is in the collector already; every pool needs a name of its own: see `Builder::name`",
        name.escape_debug()
    )]
    DuplicateName {
        /// The name.
        name: Arc<str>,
    },
    /// No pool of this name is shown.
    #[error("no pool named `{}` is in the collector: see `Pool::name`", name.escape_debug())]
    UnknownName {
        /// The name.
        name: Arc<str>,
    },
}

impl PoolCollector {
    /// A collector that shows no pool yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Shows what is sampled under its name from the next scrape on.
    pub(crate) fn show(&self, sampled: Arc<dyn Sampled>) -> Result<(), CollectorError> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        if pools.iter().any(|shown| shown.name() == sampled.name()) {
            return Err(CollectorError::DuplicateName { name: sampled.name().into() });
        }
        pools.push(sampled);
        Ok(())
    }

    /// Shows the pool of this name no longer, from the next scrape on, and lets go of it.
    ///
    /// # Errors
    ///
    /// [`CollectorError::UnknownName`] if none of that name is shown.
    pub fn remove(&self, name: &str) -> Result<(), CollectorError> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = pools.iter().position(|shown| shown.name() == name) else {
            return Err(CollectorError::UnknownName { name: name.into() });
        };
        let removed = pools.remove(place);
        // It may be the last to hold the pool, and so the user's values: not dropped under the lock.
        drop(pools);
        drop(removed);
        Ok(())
    }

    fn pools(&self) -> Vec<Arc<dyn Sampled>> {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl fmt::Debug for PoolCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.pools().iter().map(|pool| pool.name())).finish()
    }
}

/// A pool of whatever it is, as the collector needs it.
pub(crate) trait Sampled: Send + Sync {
    fn name(&self) -> &str;
    fn stats(&self) -> PoolStats;
}

impl Collector for PoolCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        // Outside the lock: the pools' clocks are foreign code.
        let pools = self.pools();
        let taken: Vec<_> = pools.iter().map(|pool| (pool.name(), pool.stats())).collect();
        families::write(&mut encoder, &taken)?;
        own::write(&mut encoder, &taken)
    }
}
