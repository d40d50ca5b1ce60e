//! What the door turns away: bad configuration, and admin calls that make no sense.

mod quota;
mod resource;

use std::time::Duration;

use thiserror::Error;

pub use self::quota::{CostError, GroupError, QuotaError, RateError};
pub use self::resource::{ListError, ResourceError};
use crate::problems::ConfigError;

/// Why a pool could not be built.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The builder got no resource.
    #[error(
        "the pool has no resources; give it at least one, or `allow_empty` if they are added later"
    )]
    NoResources,
    /// One of the resources was refused.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// One of the groups was refused.
    #[error(transparent)]
    Group(#[from] GroupError),
    /// What a configuration sets cannot work: all of it.
    #[error("the configuration: {0}")]
    Config(#[from] ConfigError),
    /// `max_attempts` was 0.
    #[error("max_attempts is 0; a run needs at least 1 attempt")]
    ZeroMaxAttempts,
    /// The cooldown table was empty.
    #[error("the cooldown table is empty; give it at least one duration")]
    EmptyCooldownTable,
    /// An entry of the cooldown table was zero.
    #[error(
        "entry {entry} of the cooldown table, counted from 0, is zero; a guessed cooldown has to take some time"
    )]
    ZeroCooldown {
        /// Which entry, counted from 0.
        entry: usize,
    },
    /// The bounds of stated cooldowns were empty, reversed, or began at zero.
    #[error(
        "the cooldown bounds are {least:?} to {most:?}; allowed is more than zero, up to the same or more"
    )]
    CooldownBounds {
        /// The lower bound.
        least: Duration,
        /// The upper bound.
        most: Duration,
    },
    /// `max_waiting` was 0.
    #[error(
        "max_waiting is 0; allowed is 1 or more (runs that should not wait are those without `wait` and time-out)"
    )]
    ZeroMaxWaiting,
    /// `step_down_after` was 0.
    #[error("step_down_after is 0; allowed is 1 success or more")]
    ZeroStepDownAfter,
    /// A term of the trial after a cooldown was zero.
    #[error("{term} of the trial is 0; allowed is more than that")]
    ZeroInTrial {
        /// Which term.
        term: &'static str,
    },
    /// `attempt_timeout` was zero.
    #[error("attempt_timeout is zero; allowed is more than that, or none for no limit")]
    ZeroAttemptTimeout,
    /// `stall_timeout` was zero.
    #[error("stall_timeout is zero; allowed is more than that, or none for no limit")]
    ZeroStallTimeout,
    /// `stream_timeout` was zero.
    #[error("stream_timeout is zero; allowed is more than that, or none for no limit")]
    ZeroStreamTimeout,
    /// `held_bound` was zero.
    #[error("held_bound is zero; allowed is more than that, or none for no limit")]
    ZeroHeldBound,
    /// The delay of hedges was zero.
    #[error("the delay of hedges is zero; allowed is more than that, or none for no hedges")]
    ZeroHedge,
    /// Attempts end before they would be hedged.
    #[error(
        "hedges begin after {hedge:?}, but attempts end after {attempt_timeout:?}; allowed is less than that"
    )]
    HedgeAfterTimeout {
        /// The delay of hedges.
        hedge: Duration,
        /// `attempt_timeout`.
        attempt_timeout: Duration,
    },
    /// The pool's name was the empty string.
    #[error(
        "the pool's name is empty; give it one of one character or more, or leave it at `pool`"
    )]
    EmptyName,
    /// A rule of the circuit breaker was out of range, or is the pool's own to set.
    #[error(transparent)]
    CircuitBreaker(#[from] TripError),
    /// `keep_available` was set, and no circuit breaker that it could hold back.
    #[error(
        "keep_available is {healthy} and the pool has no circuit_breaker that it could hold back; set one, or leave it alone"
    )]
    NothingToHoldBack {
        /// What it was set to.
        healthy: usize,
    },
    /// `probe_early` was zero.
    #[error("probe_early is zero; allowed is more than that, or none for no early probes")]
    ZeroProbeEarly,
    /// `probe_early` was set beside rules by which every failure prolongs the outage.
    #[error(
        "probe_early is {every:?} and the rules are the Python package's, by which a failed probe prolongs the outage; set one of the two"
    )]
    NoEarlyProbes {
        /// What it was set to.
        every: Duration,
    },
    /// A rule of the retry budget was out of range.
    #[error(transparent)]
    RetryBudget(#[from] BudgetError),
    /// A rule of how health is measured was out of range.
    #[error("{rule} of the health rules is {value}; allowed is {allowed}")]
    HealthRule {
        /// Which rule.
        rule: &'static str,
        /// What it was.
        value: String,
        /// What it may be.
        allowed: &'static str,
    },
}

/// A rule of a [`Trip`](crate::Trip) was out of range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{rule} of the circuit breaker is {value}; allowed is {allowed}")]
pub struct TripError {
    /// Which rule.
    pub rule: &'static str,
    /// What it was.
    pub value: String,
    /// What it may be.
    pub allowed: &'static str,
}

/// A rule of a [`RetryBudget`](crate::RetryBudget) was out of range.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{rule} of the retry budget is {value}; allowed is {allowed}")]
pub struct BudgetError {
    /// Which rule.
    pub rule: &'static str,
    /// What it was.
    pub value: String,
    /// What it may be.
    pub allowed: &'static str,
}
