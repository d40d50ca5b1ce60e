//! What is told of a pool: what happened, how it stands, what was counted, and why a run was refused.

pub(crate) mod admin_call;
pub(crate) mod change;
pub(crate) mod command;
pub(crate) mod counters;
pub(crate) mod drain;
pub(crate) mod event;
mod event_line;
pub(crate) mod exhausted;
pub(crate) mod explanation;
pub(crate) mod notice;
pub(crate) mod quota_level;
pub(crate) mod refusal;
pub(crate) mod run_outcome;
#[cfg(feature = "serde")]
mod serialize;
pub(crate) mod snapshot;
pub(crate) mod stats;
