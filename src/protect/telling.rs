//! What a circuit breaker tells of its changes: its operator's callback, and the crate `tracing` with the
//! feature of that name. Nothing is told under a lock.

use rotapool_core::BreakerChange;

#[cfg(feature = "tracing")]
pub(super) fn trace(name: &str, change: &BreakerChange) {
    use rotapool_core::BreakerState;

    const TARGET: &str = "rotapool";
    let BreakerChange { sequence, cause, mode, .. } = change;
    let seconds =
        change.until.map(|until| until.saturating_duration_since(change.at).as_secs_f64());
    let last_failure = change.last_failure.as_deref();
    match change.new {
        BreakerState::Open => tracing::warn!(
            target: TARGET,
            breaker = name, sequence, old = %change.old, seconds, %cause, %mode, last_failure,
            "circuit open"
        ),
        BreakerState::HalfOpen => tracing::info!(
            target: TARGET,
            breaker = name, sequence, old = %change.old, %cause, %mode,
            "circuit half open"
        ),
        _ => tracing::info!(
            target: TARGET,
            breaker = name, sequence, old = %change.old, %cause, %mode,
            "circuit closed"
        ),
    }
}

#[cfg(not(feature = "tracing"))]
pub(super) fn trace(_name: &str, _change: &BreakerChange) {}
