//! What is told of a pool as a whole.

use serde::ser::{Serialize, Serializer};

use super::words::ago;
use crate::report::drain::{DrainReport, StillRunning};
use crate::report::explanation::{Explanation, Outlook};
use crate::report::notice::Notice;
use crate::report::stats::PoolStats;

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
        let Self { took, finished, aborted, left, still_running, between_attempts } = self;
        write_struct!(serializer, "DrainReport", {
            complete: self.is_complete(),
            took_seconds: took.as_secs_f64(),
            finished: finished,
            aborted: aborted,
            left: left,
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
