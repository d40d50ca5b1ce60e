//! The metric families that the Python package does not have, under names of our own: what `stats` knows beyond.
//!
//! What is not known, as the latency of a resource before its first attempt, has no sample.

use std::fmt;

use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType::{Counter, Gauge};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Unit;
use rotapool_core::{Basis, BreakerState, Grade, Health, PoolStats, QuotaLevel, ResourceStats};

use super::families::{Family, resources, sample};

const POOL_COUNTERS: [Family<PoolStats, u64>; 15] = [
    ("rotapool_failures", "Attempts that failed.", |pool| pool.failures),
    ("rotapool_timeouts", "Attempts that gave no answer in time.", |pool| pool.timeouts),
    ("rotapool_deadlines", "Attempts that the deadline of their run ended.", |pool| pool.deadlines),
    (
        "rotapool_choice_faults",
        "Choices of a Select that panicked or named no candidate.",
        |pool| pool.choice_faults,
    ),
    ("rotapool_circuit_trips", "Cooldowns that the circuit breaker began.", |pool| {
        pool.circuit_trips
    }),
    (
        "rotapool_kept_available",
        "Times that it did not, to keep the last healthy resources available.",
        |pool| pool.kept_available,
    ),
    ("rotapool_retries_refused", "Retries that the retry budget refused.", |pool| {
        pool.retries_refused
    }),
    ("rotapool_probes", "Calls that a prober made.", |pool| pool.probes),
    ("rotapool_probe_failures", "Probes that failed.", |pool| pool.probe_failures),
    (
        "rotapool_early_probes",
        "Attempts on resources that were out, to see whether they still were.",
        |pool| pool.early_probes,
    ),
    ("rotapool_early_returns", "Those of them that brought their resource back.", |pool| {
        pool.early_returns
    }),
    (
        "rotapool_taken_back",
        "Places that were taken back from who had held them for too long.",
        |pool| pool.taken_back,
    ),
    ("rotapool_hedges", "Attempts that began beside one that had not answered.", |pool| {
        pool.hedges
    }),
    ("rotapool_hedge_wins", "Hedges whose value was their run's.", |pool| pool.hedge_wins),
    ("rotapool_hedges_refused", "Hedges that the retry budget refused.", |pool| {
        pool.hedges_refused
    }),
];

const RESOURCE_COUNTERS: [Family<ResourceStats, u64>; 7] = [
    ("rotapool_resource_failures", "Attempts on it that failed.", |resource| resource.failures),
    ("rotapool_resource_timeouts", "Attempts on it that gave no answer in time.", |resource| {
        resource.timeouts
    }),
    (
        "rotapool_resource_circuit_trips",
        "Cooldowns of it that the circuit breaker began.",
        |resource| resource.circuit_trips,
    ),
    ("rotapool_resource_streams_begun", "Streams from it that had a first item.", |resource| {
        resource.streams_begun
    }),
    ("rotapool_resource_streams", "Streams from it that came to their end.", |resource| {
        resource.streams
    }),
    ("rotapool_resource_probes", "Calls that a prober made on it.", |resource| resource.probes),
    ("rotapool_resource_probe_failures", "Probes of it that failed.", |resource| {
        resource.probe_failures
    }),
];

const GRADES: [(&str, Grade); 3] =
    [("healthy", Grade::Healthy), ("degraded", Grade::Degraded), ("unhealthy", Grade::Unhealthy)];

const CIRCUITS: [(&str, BreakerState); 3] = [
    ("closed", BreakerState::Closed),
    ("open", BreakerState::Open),
    ("half_open", BreakerState::HalfOpen),
];

const HEALTH: [Family<Health, Option<f64>>; 4] = [
    ("rotapool_resource_consecutive_failures", "Failures since its last success.", |health| {
        Some(health.consecutive_failures.into())
    }),
    (
        "rotapool_resource_recent_successes",
        "Successes in the window of the error rate.",
        |health| Some(health.recent_successes.into()),
    ),
    ("rotapool_resource_recent_failures", "Failures in the window of the error rate.", |health| {
        Some(health.recent_failures.into())
    }),
    ("rotapool_resource_error_rate", "The share of failures in the window, 0 to 1.", |health| {
        health.error_rate
    }),
];

/// The format appends `_seconds` to the names.
const HEALTH_SECONDS: [Family<Health, Option<f64>>; 4] = [
    ("rotapool_resource_latency", "The weighted mean of how long attempts take.", |health| {
        Some(health.latency?.as_secs_f64())
    }),
    (
        "rotapool_resource_peak_latency",
        "The same, but up at once with any that is slower.",
        |health| Some(health.peak_latency?.as_secs_f64()),
    ),
    ("rotapool_resource_since_success", "How long ago an attempt on it succeeded.", |health| {
        Some(health.at.saturating_duration_since(health.last_success?).as_secs_f64())
    }),
    ("rotapool_resource_since_failure", "How long ago an attempt on it failed.", |health| {
        Some(health.at.saturating_duration_since(health.last_failure?).as_secs_f64())
    }),
];

/// Writes all families of these pools.
pub(super) fn write(
    encoder: &mut DescriptorEncoder<'_>,
    pools: &[(&str, PoolStats)],
) -> fmt::Result {
    for (name, help, value) in POOL_COUNTERS {
        let mut family = encoder.encode_descriptor(name, help, None, Counter)?;
        for (pool, stats) in pools {
            sample(&mut family, &[("pool", *pool)], &ConstCounter::new(value(stats)))?;
        }
    }
    let help = "Runs in line for a resource.";
    let mut family = encoder.encode_descriptor("rotapool_waiting", help, None, Gauge)?;
    for (pool, stats) in pools {
        sample(&mut family, &[("pool", *pool)], &ConstGauge::new(stats.waiting as u64))?;
    }
    let help = "Whether the pool is closed: 0 or 1.";
    let mut family = encoder.encode_descriptor("rotapool_closed", help, None, Gauge)?;
    for (pool, stats) in pools {
        sample(&mut family, &[("pool", *pool)], &ConstGauge::new(u64::from(stats.closed)))?;
    }
    let help = "Healthy resources whose quotas are spent.";
    let mut family = encoder.encode_descriptor("rotapool_spent", help, None, Gauge)?;
    for (pool, stats) in pools {
        sample(&mut family, &[("pool", *pool)], &ConstGauge::new(stats.spent as u64))?;
    }
    let help = "Resources that are out until an operator's end.";
    let mut family = encoder.encode_descriptor("rotapool_parked", help, None, Gauge)?;
    for (pool, stats) in pools {
        sample(&mut family, &[("pool", *pool)], &ConstGauge::new(stats.parked as u64))?;
    }
    let help = "How long the run has been in line that came first; 0 if nobody is.";
    let unit = Some(&Unit::Seconds);
    let mut family = encoder.encode_descriptor("rotapool_oldest_wait", help, unit, Gauge)?;
    for (pool, stats) in pools {
        let seconds = stats.oldest_wait.unwrap_or_default().as_secs_f64();
        sample(&mut family, &[("pool", *pool)], &ConstGauge::new(seconds))?;
    }
    for (name, help, value) in RESOURCE_COUNTERS {
        let mut family = encoder.encode_descriptor(name, help, None, Counter)?;
        for (labels, resource) in resources(pools) {
            sample(&mut family, &labels, &ConstCounter::new(value(resource)))?;
        }
    }
    let (name, unit) = ("rotapool_resource_streamed", Some(&Unit::Seconds));
    let help = "How long the streams took in all that came to their end.";
    let mut family = encoder.encode_descriptor(name, help, unit, Counter)?;
    for (labels, resource) in resources(pools) {
        sample(&mut family, &labels, &ConstCounter::new(resource.streamed.as_secs_f64()))?;
    }
    let help = "Checkouts that are out, and streams that have begun.";
    let mut family = encoder.encode_descriptor("rotapool_resource_held", help, None, Gauge)?;
    for (labels, resource) in resources(pools) {
        sample(&mut family, &labels, &ConstGauge::new(resource.held))?;
    }
    let help = "How long the one has been held that is held longest; 0 if none is.";
    let name = "rotapool_resource_longest_held";
    let mut family = encoder.encode_descriptor(name, help, Some(&Unit::Seconds), Gauge)?;
    for (labels, resource) in resources(pools) {
        let seconds = resource.longest_held.unwrap_or_default().as_secs_f64();
        sample(&mut family, &labels, &ConstGauge::new(seconds))?;
    }
    let help = "1 if it is out until an operator's end, else 0.";
    let mut family = encoder.encode_descriptor("rotapool_resource_parked", help, None, Gauge)?;
    for (labels, resource) in resources(pools) {
        let is_parked = u32::from(resource.basis == Some(Basis::Operator));
        sample(&mut family, &labels, &ConstGauge::new(is_parked))?;
    }
    let help = "1 for the present grade of its error rate, 0 for the others.";
    let mut family = encoder.encode_descriptor("rotapool_resource_grade", help, None, Gauge)?;
    for ([pool, id], resource) in resources(pools) {
        for (name, grade) in GRADES {
            let is_it = u32::from(resource.health.grade == grade);
            sample(&mut family, &[pool, id, ("grade", name)], &ConstGauge::new(is_it))?;
        }
    }
    write_quotas(encoder, pools)?;
    write_circuits(encoder, pools)?;
    write_health(encoder, pools, &HEALTH, None)?;
    write_health(encoder, pools, &HEALTH_SECONDS, Some(&Unit::Seconds))
}

/// Only of pools that have a breaker.
fn write_circuits(encoder: &mut DescriptorEncoder<'_>, pools: &[(&str, PoolStats)]) -> fmt::Result {
    let mut circuits = resources(pools)
        .filter_map(|(labels, resource)| Some((labels, resource.circuit?)))
        .peekable();
    if circuits.peek().is_none() {
        return Ok(());
    }
    let help = "1 for the present state of its circuit, 0 for the others.";
    let mut family = encoder.encode_descriptor("rotapool_resource_circuit", help, None, Gauge)?;
    for ([pool, id], circuit) in circuits {
        for (name, state) in CIRCUITS {
            let is_it = u32::from(circuit == state);
            sample(&mut family, &[pool, id, ("state", name)], &ConstGauge::new(is_it))?;
        }
    }
    Ok(())
}

/// Of resources that have quotas; pools without any have no such family.
fn write_quotas(encoder: &mut DescriptorEncoder<'_>, pools: &[(&str, PoolStats)]) -> fmt::Result {
    let metered = || resources(pools).filter(|(_, resource)| !resource.quotas.is_empty());
    if metered().next().is_none() {
        return Ok(());
    }
    let (name, unit) = ("rotapool_resource_spent_remaining", Some(&Unit::Seconds));
    let help = "How much longer its quotas are spent; 0 if they are not.";
    let mut family = encoder.encode_descriptor(name, help, unit, Gauge)?;
    for (labels, resource) in metered() {
        sample(&mut family, &labels, &ConstGauge::new(resource.spent_remaining.as_secs_f64()))?;
    }
    let families: [Family<QuotaLevel, i64>; 2] = [
        (
            "rotapool_resource_quota_left",
            "What is left of its quota of a dimension; below 0 is a debt.",
            |level| level.left,
        ),
        (
            "rotapool_resource_quota_capacity",
            "The most that its quota of a dimension holds.",
            // At most 10¹², as the door has it.
            |level| level.quota.capacity() as i64,
        ),
    ];
    for (name, help, value) in families {
        let mut family = encoder.encode_descriptor(name, help, None, Gauge)?;
        for ([pool, id], resource) in metered() {
            for level in &resource.quotas {
                // A resource and its group may both have a quota of one dimension. Empty is no group.
                let group = level.group.as_deref().unwrap_or_default();
                let labels =
                    [pool, id, ("dimension", &**level.quota.dimension()), ("group", group)];
                sample(&mut family, &labels, &ConstGauge::new(value(level)))?;
            }
        }
    }
    Ok(())
}

fn write_health(
    encoder: &mut DescriptorEncoder<'_>,
    pools: &[(&str, PoolStats)],
    families: &[Family<Health, Option<f64>>],
    unit: Option<&Unit>,
) -> fmt::Result {
    for (name, help, value) in families {
        let known = resources(pools)
            .filter_map(|(labels, resource)| Some((labels, value(&resource.health)?)));
        let mut known = known.peekable();
        if known.peek().is_none() {
            continue;
        }
        let mut family = encoder.encode_descriptor(name, help, unit, Gauge)?;
        for (labels, value) in known {
            sample(&mut family, &labels, &ConstGauge::new(value))?;
        }
    }
    Ok(())
}
