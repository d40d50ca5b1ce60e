//! The metric families of the Python package: their names, which dashboards rely on, and where their values come from.
//!
//! A family stands together, whatever the number of pools, and counters get their `_total` from the format.

use std::fmt;

use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::MetricType::{Counter, Gauge};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use rotapool_core::{PoolStats, ResourceStats, Status};

/// The value of a sample, out of the stats of a pool or a resource.
pub(super) type Value<S, V> = fn(&S) -> V;

/// A family's name, its help, and the values of its samples.
pub(super) type Family<S, V> = (&'static str, &'static str, Value<S, V>);

const POOL_COUNTERS: [Family<PoolStats, u64>; 6] = [
    ("rotapool_attempts", "Attempts begun.", |pool| pool.attempts),
    ("rotapool_successes", "Attempts that ended without a signal.", |pool| pool.successes),
    ("rotapool_cooldowns", "Cooldown signals that took effect.", |pool| pool.cooldowns),
    ("rotapool_disables", "Times that a resource was disabled.", |pool| pool.disables),
    ("rotapool_sibling_cancels", "Operations that an older sibling's signal aborted.", |pool| {
        pool.sibling_cancels
    }),
    ("rotapool_retries", "Retry signals.", |pool| pool.retries),
];

const POOL_GAUGES: [Family<PoolStats, u64>; 3] = [
    ("rotapool_in_flight", "Operations in flight on the present resources.", |pool| pool.in_flight),
    ("rotapool_eligible", "Resources that could be picked now.", |pool| pool.eligible as u64),
    ("rotapool_saturated", "Healthy resources at their cap.", |pool| pool.saturated as u64),
];

/// By outcome.
const RUNS: [(&str, Value<PoolStats, u64>); 4] = [
    ("ok", |pool| pool.runs_ok),
    ("exhausted", |pool| pool.runs_exhausted),
    ("error", |pool| pool.runs_error),
    ("cancelled", |pool| pool.runs_cancelled),
];

/// By status.
const RESOURCES: [(&str, Status, Value<PoolStats, u64>); 3] = [
    ("healthy", Status::Healthy, |pool| pool.healthy as u64),
    ("cooling_down", Status::CoolingDown, |pool| pool.cooling_down as u64),
    ("disabled", Status::Disabled, |pool| pool.disabled as u64),
];

const RESOURCE_COUNTERS: [Family<ResourceStats, u64>; 5] = [
    ("rotapool_resource_acquires", "Times that it was picked.", |resource| resource.acquires),
    ("rotapool_resource_successes", "Attempts on it that ended without a signal.", |resource| {
        resource.successes
    }),
    ("rotapool_resource_cooldowns", "Cooldown signals that it took.", |resource| {
        resource.cooldowns
    }),
    ("rotapool_resource_disables", "Times that it was disabled.", |resource| resource.disables),
    (
        "rotapool_resource_sibling_cancels",
        "Operations on it that an older sibling's signal aborted.",
        |resource| resource.sibling_cancels,
    ),
];

const RESOURCE_GAUGES: [Family<ResourceStats, f64>; 3] = [
    ("rotapool_resource_in_flight", "Operations in flight on it.", |resource| {
        resource.in_flight.into()
    }),
    ("rotapool_resource_max_in_flight", "Its cap; infinite without one.", |resource| {
        resource.max_in_flight.map_or(f64::INFINITY, f64::from)
    }),
    ("rotapool_resource_consecutive_cooldown", "Cooldowns since its last success.", |resource| {
        resource.consecutive_cooldowns.into()
    }),
];

/// Writes all families of these pools.
pub(super) fn write(
    encoder: &mut DescriptorEncoder<'_>,
    pools: &[(&str, PoolStats)],
) -> fmt::Result {
    let help = "Runs that ended, by outcome.";
    let mut family = encoder.encode_descriptor("rotapool_runs", help, None, Counter)?;
    for (pool, stats) in pools {
        for (outcome, runs) in RUNS {
            let labels = [("pool", *pool), ("outcome", outcome)];
            sample(&mut family, &labels, &ConstCounter::new(runs(stats)))?;
        }
    }
    for (name, help, value) in POOL_COUNTERS {
        let mut family = encoder.encode_descriptor(name, help, None, Counter)?;
        for (pool, stats) in pools {
            sample(&mut family, &[("pool", *pool)], &ConstCounter::new(value(stats)))?;
        }
    }
    for (name, help, value) in POOL_GAUGES {
        let mut family = encoder.encode_descriptor(name, help, None, Gauge)?;
        for (pool, stats) in pools {
            sample(&mut family, &[("pool", *pool)], &ConstGauge::new(value(stats)))?;
        }
    }
    let help = "Resources by status.";
    let mut family = encoder.encode_descriptor("rotapool_resources", help, None, Gauge)?;
    for (pool, stats) in pools {
        for (status, _, resources) in RESOURCES {
            let labels = [("pool", *pool), ("status", status)];
            sample(&mut family, &labels, &ConstGauge::new(resources(stats)))?;
        }
    }
    write_resources(encoder, pools)
}

fn write_resources(
    encoder: &mut DescriptorEncoder<'_>,
    pools: &[(&str, PoolStats)],
) -> fmt::Result {
    let help = "1 for its present status, 0 for the others.";
    let mut family = encoder.encode_descriptor("rotapool_resource_status", help, None, Gauge)?;
    for ([pool, id], resource) in resources(pools) {
        for (name, status, _) in RESOURCES {
            let labels = [pool, id, ("status", name)];
            let is_it = u32::from(resource.status == status);
            sample(&mut family, &labels, &ConstGauge::new(is_it))?;
        }
    }
    for (name, help, value) in RESOURCE_GAUGES {
        let mut family = encoder.encode_descriptor(name, help, None, Gauge)?;
        for (labels, resource) in resources(pools) {
            sample(&mut family, &labels, &ConstGauge::new(value(resource)))?;
        }
    }
    // The format appends the unit to the name.
    let (name, unit) = ("rotapool_resource_cooldown_remaining", Some(&Unit::Seconds));
    let help = "How much longer it cools down; 0 if it does not.";
    let mut family = encoder.encode_descriptor(name, help, unit, Gauge)?;
    for (labels, resource) in resources(pools) {
        let seconds = resource.cooldown_remaining.as_secs_f64();
        sample(&mut family, &labels, &ConstGauge::new(seconds))?;
    }
    for (name, help, value) in RESOURCE_COUNTERS {
        let mut family = encoder.encode_descriptor(name, help, None, Counter)?;
        for (labels, resource) in resources(pools) {
            sample(&mut family, &labels, &ConstCounter::new(value(resource)))?;
        }
    }
    Ok(())
}

/// Every resource of every pool, with its labels.
pub(super) fn resources<'a>(
    pools: &'a [(&'a str, PoolStats)],
) -> impl Iterator<Item = ([(&'static str, &'a str); 2], &'a ResourceStats)> {
    pools.iter().flat_map(|(pool, stats)| {
        stats
            .resources
            .iter()
            .map(|resource| ([("pool", *pool), ("resource_id", &*resource.id)], resource))
    })
}

pub(super) fn sample(
    family: &mut MetricEncoder<'_>,
    labels: &[(&str, &str)],
    metric: &impl EncodeMetric,
) -> fmt::Result {
    metric.encode(family.encode_family(&labels)?)
}
