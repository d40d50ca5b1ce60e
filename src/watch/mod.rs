//! How others follow what happens in a pool: events, traces, metrics.

pub(crate) mod events;
#[cfg(feature = "prometheus")]
pub(crate) mod metrics;
pub(crate) mod trace;
