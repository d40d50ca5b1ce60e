//! The rules of the [`rotapool`](https://docs.rs/rotapool) crate as pure state machines.
//!
//! If you found this page while looking for a pool, `rotapool` is the crate you want: it re-exports
//! every type of this one that its users have to name. This crate is for those who drive the same
//! rules from something else than a future: a simulation, a model checker, another language.
//!
//! Nothing in here reads a clock, draws a random number, takes a lock, awaits, or knows the type of
//! the pooled values. Time and chance are arguments. What has to be done outside (operations to
//! abort, waiters to wake, events to report) is handed back as [`Effects`].
//!
//! # How a run is driven
//!
//! 1. [`Attempts::new`] with the run's [`RunOptions`].
//! 2. [`Attempts::step`] says what to do now: [`Step::Attempt`], [`Step::Pause`], [`Step::Wait`] or
//!    [`Step::Exhausted`]. After any pause or wait, however it ended, ask again.
//! 3. After an attempt, [`Attempts::settle`] with its [`Outcome`]; then step again unless
//!    [`Attempts::is_over`].
//! 4. A run that its caller gave up ends with [`Attempts::cancel`].
//! 5. After every call that changes the [`State`], act on [`State::take_effects`] and drop what
//!    [`State::take_retired`] hands out, both outside whatever lock guards the state.
//!
//! Among the effects are [`Event`]s: what happened, in order. Of attempts and runs they tell if
//! [`State::follow_runs`] says so.
//!
//! # Features
//!
//! `serde`, off by default: `Serialize` for [`PoolStats`], [`ResourceStats`], [`ResourceSnapshot`] and what is in
//! them. Keys are called as the fields are; durations are seconds, and instants are ages (`…_seconds_ago`), both
//! by the clock at the moment when the value was taken.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test needs some instant to count from")
)]

mod attempts;
mod candidate;
mod config;
mod cooldown;
mod counters;
mod edge;
mod effects;
mod error;
mod event;
mod exhausted;
mod explanation;
mod health;
mod health_rules;
pub mod lifecycle;
mod one_line;
mod profile;
mod roster;
mod runtime;
mod select;
#[cfg(feature = "serde")]
mod serialize;
mod signal;
mod slot;
mod snapshot;
mod standing;
mod state;
mod stats;
mod step;
mod time;
mod usage;

pub use attempts::Attempts;
pub use candidate::Candidate;
pub use config::Config;
pub use effects::{Effects, StateChange};
pub use error::{BuildError, ResourceError};
pub use event::{Event, RunOutcome};
pub use exhausted::{Exhausted, ExhaustedReason, ExhaustedTable};
pub use explanation::Explanation;
pub use health::{Grade, Health};
pub use health_rules::HealthRules;
pub use one_line::OneLine;
pub use profile::{Metadata, Profile};
pub use runtime::{Runtime, Sleep, Spawn};
pub use select::{Preferences, Strategy};
pub use signal::{Outcome, Signal};
pub use slot::SlotIndex;
pub use snapshot::ResourceSnapshot;
pub use standing::{Cause, Status};
pub use state::State;
pub use stats::{PoolStats, ResourceStats};
pub use step::{RunOptions, Step};
pub use time::after;

/// The number that stands for an affinity key: the same on every machine and in every version.
#[must_use]
pub fn fingerprint(key: &[u8]) -> u64 {
    select::fingerprint(key)
}
