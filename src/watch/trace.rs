//! What a pool tells the crate `tracing`, with the feature of that name. Without it, nothing of this is
//! compiled.
//!
//! A pool tells `tracing` the same [`Event`]s as its subscribers: recorded under the lock, told outside it.

#[cfg(feature = "tracing")]
pub(crate) use self::on::{TARGET, follows_runs, tell};

/// Whether anybody would hear of attempts and runs.
#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) fn follows_runs() -> bool {
    false
}

#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) fn tell(_pool: &str, _events: &[rotapool_core::Event]) {}

#[cfg(feature = "tracing")]
mod on {
    use rotapool_core::{Cause, Event, StateChange, Status};
    use tracing::Level;

    use crate::shield::contained;

    /// What all traces of this crate are filed under.
    pub(crate) const TARGET: &str = "rotapool";

    /// Whether anybody would hear of attempts and runs. It asks foreign code: not under the lock, and one that
    /// panics hears of nothing.
    #[inline]
    pub(crate) fn follows_runs() -> bool {
        contained(|| tracing::event_enabled!(target: TARGET, Level::DEBUG)).unwrap_or(false)
    }

    pub(crate) fn tell(pool: &str, events: &[Event]) {
        for event in events {
            contained(|| tell_one(pool, event));
        }
    }

    fn tell_one(pool: &str, event: &Event) {
        match event {
            // What outlives its call ends outside the span of its run: its id is told with it.
            Event::AttemptSettled {
                id: resource_id,
                request_id,
                attempt,
                outcome,
                latency,
                ..
            } => {
                let (request_id, latency) = (request_id.as_deref(), latency.as_secs_f64());
                tracing::debug!(
                    target: TARGET,
                    pool, resource_id = &**resource_id, request_id, attempt, %outcome, latency,
                    "attempt settled"
                );
            }
            Event::AttemptAbandoned { id: resource_id, request_id, attempt, latency, .. } => {
                let (request_id, latency) = (request_id.as_deref(), latency.as_secs_f64());
                tracing::debug!(
                    target: TARGET,
                    pool, resource_id = &**resource_id, request_id, attempt, outcome = "abandoned", latency,
                    "attempt abandoned"
                );
            }
            Event::ProbeSettled { id: resource_id, outcome, latency, .. } => {
                let latency = latency.as_secs_f64();
                tracing::debug!(
                    target: TARGET,
                    pool, resource_id = &**resource_id, %outcome, latency,
                    "probe settled"
                );
            }
            Event::TakenBack { id: resource_id, request_id, held_for, .. } => {
                let (request_id, held_for) = (request_id.as_deref(), held_for.as_secs_f64());
                tracing::warn!(
                    target: TARGET,
                    pool, resource_id = &**resource_id, request_id, held_for,
                    "place taken back"
                );
            }
            Event::RunInLine { waiting, oldest_wait, .. } => {
                let oldest_wait = oldest_wait.as_secs_f64();
                tracing::debug!(target: TARGET, pool, waiting, oldest_wait, "run in line");
            }
            Event::AttemptHedged { id: resource_id, attempt, latency, .. } => {
                let (resource_id, latency) = (&**resource_id, latency.as_secs_f64());
                tracing::debug!(target: TARGET, pool, resource_id, attempt, latency, "attempt hedged");
            }
            Event::AttemptCommitted { id: resource_id, attempt, latency, .. } => {
                let (resource_id, latency) = (&**resource_id, latency.as_secs_f64());
                tracing::debug!(target: TARGET, pool, resource_id, attempt, latency, "attempt committed");
            }
            Event::SiblingsAborted { id: resource_id, count, .. } => {
                let resource_id = &**resource_id;
                tracing::debug!(target: TARGET, pool, resource_id, count, "siblings aborted");
            }
            Event::KeptAvailable { id, evidence, .. } => {
                let resource_id = &**id;
                tracing::warn!(target: TARGET, pool, resource_id, evidence = &**evidence, "resource kept available");
            }
            Event::ProbedEarly { at, id: resource_id, until, .. } => {
                let left = until.saturating_duration_since(*at).as_secs_f64();
                tracing::debug!(target: TARGET, pool, resource_id = &**resource_id, left, "probed early");
            }
            Event::ResourceAdded { id, .. } => {
                tracing::info!(target: TARGET, pool, resource_id = &**id, "resource added");
            }
            Event::ResourceRemoved { id, .. } => {
                tracing::info!(target: TARGET, pool, resource_id = &**id, "resource removed");
            }
            Event::AdminCall { by, id, call, .. } => {
                let (by, resource_id, call) = (&**by, id.as_deref(), call.word());
                tracing::info!(target: TARGET, pool, by, call, resource_id, "admin call");
            }
            Event::RunEnded { request_id, outcome, attempts, .. } => {
                let request_id = request_id.as_deref();
                tracing::debug!(target: TARGET, pool, request_id, %outcome, attempts, "run ended");
            }
            Event::StateChanged { at, change, .. } => {
                let left = change.until.map(|until| until.saturating_duration_since(*at));
                tell_change(pool, change, left.map(|left| left.as_secs_f64()));
            }
            Event::PoolExhausted { at, retry_at, .. } => {
                let retry_after = retry_at.map(|retry_at| retry_at.saturating_duration_since(*at));
                let retry_after = retry_after.map(|after| after.as_secs_f64());
                tracing::error!(target: TARGET, pool, retry_after, "pool exhausted");
            }
            Event::PoolClosed { .. } => tracing::info!(target: TARGET, pool, "pool closed"),
            Event::CommandEnded { report, .. } => {
                let (program, seconds) = (&*report.program, report.took.as_secs_f64());
                match report.is_good() {
                    true => tracing::info!(target: TARGET, pool, program, seconds, "command ended"),
                    false => tracing::warn!(
                        target: TARGET,
                        pool, program, end = %report.end, seconds,
                        "command failed"
                    ),
                }
            }
            Event::PoolRecovered { .. } => {
                tracing::info!(target: TARGET, pool, "pool recovered");
            }
            _ => {}
        }
    }

    fn tell_change(pool: &str, change: &StateChange, seconds: Option<f64>) {
        let StateChange { sequence, id, cause, .. } = change;
        let resource_id = &**id;
        let cause_text = cause.as_ref().map(tracing::field::display);
        match (change.new, cause) {
            (Status::CoolingDown, _) => tracing::warn!(
                target: TARGET,
                pool, resource_id, sequence, seconds, cause = cause_text,
                "resource cools down"
            ),
            (Status::Disabled, Some(Cause::Admin)) => tracing::info!(
                target: TARGET,
                pool, resource_id, sequence, cause = cause_text,
                "resource disabled"
            ),
            (Status::Disabled, _) => tracing::error!(
                target: TARGET,
                pool, resource_id, sequence, cause = cause_text,
                "resource disabled"
            ),
            _ => tracing::info!(
                target: TARGET,
                pool, resource_id, sequence, old = %change.old,
                "resource healthy again"
            ),
        }
    }
}
