//! What is told of one resource.

use std::time::{Duration, Instant};

use serde::ser::{Serialize, Serializer};

use super::words::{ago, word};
use crate::member::health::Health;
use crate::member::profile::Metadata;
use crate::report::quota_level::QuotaLevel;
use crate::report::snapshot::ResourceSnapshot;
use crate::report::stats::ResourceStats;

impl Serialize for Metadata {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl Serialize for Health {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Every field by name: one that is added later cannot be forgotten here.
        let Self {
            at,
            recent_successes,
            recent_failures,
            successes,
            failures,
            consecutive_failures,
            error_rate,
            grade,
            latency,
            peak_latency,
            last_success,
            last_failure,
        } = self;
        let seconds = |latency: &Option<Duration>| latency.map(|latency| latency.as_secs_f64());
        write_struct!(serializer, "Health", {
            recent_successes: recent_successes,
            recent_failures: recent_failures,
            successes: successes,
            failures: failures,
            consecutive_failures: consecutive_failures,
            error_rate: error_rate,
            grade: grade,
            latency_seconds: seconds(latency),
            peak_latency_seconds: seconds(peak_latency),
            last_success_seconds_ago: ago(*last_success, *at),
            last_failure_seconds_ago: ago(*last_failure, *at),
        })
    }
}

impl Serialize for QuotaLevel {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { quota, group, left } = self;
        write_struct!(serializer, "QuotaLevel", {
            dimension: **quota.dimension(),
            group: group.as_deref(),
            capacity: quota.capacity(),
            left: left,
            quota: quota.to_string(),
        })
    }
}

impl Serialize for ResourceSnapshot {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            id,
            at,
            status,
            since,
            until,
            basis,
            cause,
            attempt,
            in_flight,
            held,
            held_since,
            held_by,
            max_in_flight,
            limit,
            promised,
            pace,
            kept,
            group,
            spent_until,
            quotas,
            consecutive_cooldowns,
            last_acquired,
            metadata,
        } = self;
        let left = |until: Instant| until.saturating_duration_since(*at).as_secs_f64();
        write_struct!(serializer, "ResourceSnapshot", {
            resource_id: **id,
            status: status,
            eligible: self.is_eligible(),
            saturated: self.is_saturated(),
            since_seconds_ago: ago(*since, *at),
            cooldown_remaining_seconds: until.map_or(0.0, left),
            basis: basis.map(word),
            cause: cause,
            attempt: attempt,
            in_flight: in_flight,
            held: held,
            held_since_seconds_ago: ago(*held_since, *at),
            held_by: held_by.as_deref(),
            max_in_flight: max_in_flight,
            limit: limit,
            promised: promised,
            pace: pace,
            kept: kept.as_deref(),
            group: group.as_deref(),
            spent: self.is_spent(),
            spent_remaining_seconds: spent_until.map_or(0.0, left),
            quotas: quotas,
            consecutive_cooldown: consecutive_cooldowns,
            last_acquired_seconds_ago: ago(*last_acquired, *at),
            metadata: **metadata,
        })
    }
}

impl Serialize for ResourceStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            id,
            status,
            in_flight,
            held,
            longest_held,
            max_in_flight,
            consecutive_cooldowns,
            cooldown_remaining,
            basis,
            acquires,
            successes,
            failures,
            timeouts,
            cooldowns,
            circuit,
            circuit_trips,
            disables,
            sibling_cancels,
            group,
            spent_remaining,
            quotas,
            taken_back,
            streams_begun,
            streams,
            streamed,
            probes,
            probe_failures,
            health,
        } = self;
        write_struct!(serializer, "ResourceStats", {
            resource_id: **id,
            status: status,
            in_flight: in_flight,
            held: held,
            longest_held_seconds: longest_held.map(|held| held.as_secs_f64()),
            max_in_flight: max_in_flight,
            consecutive_cooldown: consecutive_cooldowns,
            cooldown_remaining_seconds: cooldown_remaining.as_secs_f64(),
            basis: basis.map(word),
            acquires: acquires,
            successes: successes,
            failures: failures,
            timeouts: timeouts,
            cooldowns: cooldowns,
            circuit: circuit.map(|circuit| circuit.to_string()),
            circuit_trips: circuit_trips,
            disables: disables,
            sibling_cancels: sibling_cancels,
            group: group.as_deref(),
            spent_remaining_seconds: spent_remaining.as_secs_f64(),
            quotas: quotas,
            taken_back: taken_back,
            streams_begun: streams_begun,
            streams: streams,
            streamed_seconds: streamed.as_secs_f64(),
            probes: probes,
            probe_failures: probe_failures,
            health: health,
        })
    }
}
