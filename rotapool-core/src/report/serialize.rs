//! The plain values as `serde` writes them, for a page or a log that operators read.
//!
//! A key is called as the field is, or as the Prometheus metric where that has a name of its own. Time is
//! seconds: durations as they are, instants as they lie from the moment when the value was taken, because
//! an `Instant` means nothing outside its process.

use std::time::{Duration, Instant};

use serde::ser::{Serialize, SerializeStruct as _, Serializer};

use super::drain::{DrainReport, StillRunning};
use super::explanation::{Explanation, Outlook};
use super::notice::Notice;
use super::quota_level::QuotaLevel;
use super::snapshot::ResourceSnapshot;
use super::stats::{PoolStats, ResourceStats};
use crate::member::basis::Basis;
use crate::member::health::{Grade, Health};
use crate::member::profile::Metadata;
use crate::member::standing::{Cause, Status};

/// How long ago something was, in seconds.
fn ago(then: Option<Instant>, now: Instant) -> Option<f64> {
    then.map(|then| now.saturating_duration_since(then).as_secs_f64())
}

/// Writes a struct of these keys.
macro_rules! write_struct {
    ($serializer:expr, $name:literal, { $($key:ident: $value:expr,)+ }) => {{
        let mut fields = $serializer.serialize_struct($name, [$(stringify!($key)),+].len())?;
        $(fields.serialize_field(stringify!($key), &$value)?;)+
        fields.end()
    }};
}

impl Serialize for Status {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Grade {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Cause {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (by, reason, group) = match self {
            Self::Signal(reason) => ("signal", Some(&**reason), None),
            Self::Group { group, reason } => ("signal", Some(&**reason), Some(&**group)),
            Self::Circuit(evidence) => ("circuit", Some(&**evidence), None),
            Self::Admin => ("admin", None, None),
            Self::Parked { by, reason } => {
                return write_struct!(serializer, "Cause", {
                    by: "operator",
                    reason: **reason,
                    operator: by.as_deref(),
                });
            }
        };
        write_struct!(serializer, "Cause", { by: by, reason: reason, group: group, })
    }
}

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

fn word(basis: Basis) -> &'static str {
    match basis {
        Basis::Guessed => "guessed",
        Basis::Stated => "stated",
        Basis::Clamped { .. } => "clamped",
        Basis::Operator => "operator",
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
            streams: streams,
            streamed_seconds: streamed.as_secs_f64(),
            probes: probes,
            probe_failures: probe_failures,
            health: health,
        })
    }
}

impl Serialize for PoolStats {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            in_flight,
            held,
            waiting,
            oldest_wait,
            eligible,
            saturated,
            spent,
            healthy,
            cooling_down,
            parked,
            disabled,
            attempts,
            successes,
            failures,
            timeouts,
            deadlines,
            cooldowns,
            disables,
            sibling_cancels,
            retries,
            circuit_trips,
            kept_available,
            retries_refused,
            taken_back,
            hedges,
            hedge_wins,
            hedges_refused,
            choice_faults,
            probes,
            probe_failures,
            early_probes,
            early_returns,
            runs_ok,
            runs_exhausted,
            runs_error,
            runs_cancelled,
            closed,
            resources,
        } = self;
        write_struct!(serializer, "PoolStats", {
            in_flight: in_flight,
            held: held,
            waiting: waiting,
            oldest_wait_seconds: oldest_wait.map(|wait| wait.as_secs_f64()),
            eligible: eligible,
            saturated: saturated,
            spent: spent,
            healthy: healthy,
            cooling_down: cooling_down,
            parked: parked,
            disabled: disabled,
            attempts: attempts,
            successes: successes,
            failures: failures,
            timeouts: timeouts,
            deadlines: deadlines,
            cooldowns: cooldowns,
            disables: disables,
            sibling_cancels: sibling_cancels,
            retries: retries,
            circuit_trips: circuit_trips,
            kept_available: kept_available,
            retries_refused: retries_refused,
            taken_back: taken_back,
            hedges: hedges,
            hedge_wins: hedge_wins,
            hedges_refused: hedges_refused,
            choice_faults: choice_faults,
            probes: probes,
            probe_failures: probe_failures,
            early_probes: early_probes,
            early_returns: early_returns,
            runs_ok: runs_ok,
            runs_exhausted: runs_exhausted,
            runs_error: runs_error,
            runs_cancelled: runs_cancelled,
            closed: closed,
            resources: resources,
        })
    }
}

impl Serialize for DrainReport {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { took, finished, aborted, still_running, between_attempts } = self;
        write_struct!(serializer, "DrainReport", {
            complete: self.is_complete(),
            took_seconds: took.as_secs_f64(),
            finished: finished,
            aborted: aborted,
            still_running: still_running,
            between_attempts: between_attempts,
        })
    }
}

impl Serialize for StillRunning {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, runs } = self;
        write_struct!(serializer, "StillRunning", { resource_id: **id, runs: runs, })
    }
}

impl Serialize for Explanation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self {
            at,
            next,
            outlook,
            strategy,
            retry_at: _,
            resources,
            members,
            kept_out,
            in_line,
            closed_since,
        } = self;
        let (outlook, before, refused) = match outlook {
            Outlook::Served => ("served", None, None),
            Outlook::InLine { before } => ("in line", Some(before), None),
            Outlook::Refused(reason) => ("refused", None, Some(reason.at(self.at).to_string())),
        };
        write_struct!(serializer, "Explanation", {
            next: next.as_deref(),
            outlook: outlook,
            before: before,
            refused_because: refused,
            strategy: strategy.map(|strategy| strategy.name()),
            retry_after_seconds: self.retry_after().map(|after| after.as_secs_f64()),
            members: members,
            kept_out: kept_out,
            in_line: in_line,
            closed_seconds_ago: ago(*closed_since, *at),
            resources: resources,
        })
    }
}

impl Serialize for Notice {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { pool, edge: _, at: _, outage, explanation } = self;
        write_struct!(serializer, "Notice", {
            event: self.event(),
            pool: **pool,
            text: self.to_string(),
            outage_seconds: outage.map(|outage| outage.as_secs_f64()),
            explanation: explanation,
        })
    }
}
