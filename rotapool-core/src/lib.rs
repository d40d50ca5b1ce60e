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
//! 2. [`Attempts::step`] says what to do now: [`Step::Attempt`], [`Step::Wait`] (in line, to pause or for a place) or
//!    [`Step::Exhausted`]; [`Step::Pause`] under the recorded rules, [`Step::Judge`] and [`Step::Choose`] if it is told to ask. After any pause or wait, however it ended, ask again.
//! 3. After an attempt, [`Attempts::succeed`], or [`Attempts::settle`] with its [`Outcome`]; then step again unless
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
//! `serde`, off by default: `Serialize` for [`PoolStats`], [`ResourceStats`], [`ResourceSnapshot`], [`Explanation`], [`Notice`] and what
//! is in them. Keys are called as the fields are; durations are seconds, and instants are ages (`…_seconds_ago`), both
//! by the clock at the moment when the value was taken.
//!
//! `http`, off by default: `hints`, what an upstream's status, headers and body say of a resource.
#![forbid(unsafe_code)]
#![cfg_attr(
    test,
    allow(clippy::disallowed_methods, reason = "a test needs some instant to count from")
)]

mod error;
#[cfg(feature = "http")]
pub mod hints;
pub mod lifecycle;
mod member;
mod one_line;
mod pool;
mod problems;
mod protect;
mod rare;
mod report;
mod run;
mod runtime;
mod select;
mod time;

pub use error::{
    BudgetError, BuildError, CostError, GroupError, ListError, QuotaError, RateError,
    ResourceError, TripError,
};
pub use member::basis::Basis;
pub use member::fingerprint::fingerprint;
pub use member::group::Group;
pub use member::health::{Grade, Health};
pub use member::health_rules::HealthRules;
pub use member::outcome::Outcome;
pub use member::profile::{Metadata, Profile};
pub use member::quota::Quota;
pub use member::reason::{HIDDEN, chain, without_url_secrets};
pub use member::recovery::{Recovery, Trial};
pub use member::rules::Rules;
pub use member::signal::Signal;
pub use member::slot::SlotIndex;
pub use member::standing::{Cause, Status};
pub use member::usage::UsageKey;
pub use one_line::OneLine;
pub use pool::State;
pub use pool::config::Config;
pub use pool::effects::Effects;
pub use pool::membership::Places;
pub use pool::posts::Lookout;
pub use pool::probe_rules::{ProbeError, ProbeRules};
pub use pool::probes::{Probe, Prober};
pub use problems::{ConfigError, ConfigProblem};
pub use protect::{
    Admission, Breaker, BreakerCause, BreakerChange, BreakerMode, BreakerState, BreakerStats,
    Budget, BudgetSpent, CallOutcome, Hedge, Joined, Limiter, LimiterStats, Rate, RateLimited,
    Rejected, RetryBudget, Ticket, Trip, Turn, Window,
};
pub use report::admin_call::{AdminCall, Applied, Rotation};
pub use report::change::StateChange;
pub use report::command::{CommandEnd, CommandReport};
pub use report::drain::{DrainReport, StillRunning};
pub use report::event::Event;
pub use report::exhausted::{Exhausted, ExhaustedTable};
pub use report::explanation::{Explanation, Outlook};
pub use report::notice::{Edge, Notice};
pub use report::quota_level::QuotaLevel;
pub use report::refusal::ExhaustedReason;
pub use report::run_outcome::RunOutcome;
pub use report::snapshot::ResourceSnapshot;
pub use report::stats::{PoolStats, ResourceStats};
pub use run::Attempts;
pub use run::hedging::Overdue;
pub use run::step::{RunOptions, Step};
pub use runtime::{Runtime, Sleep, Spawn};
pub use select::candidate::Candidate;
pub use select::strategy::{Strategy, UnknownStrategy};
pub use select::wish::Preferences;
pub use time::after;
