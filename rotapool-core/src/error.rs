//! What the door turns away: bad configuration, and admin calls that make no sense.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::one_line::OneLine;
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
    /// `held_bound` was zero.
    #[error("held_bound is zero; allowed is more than that, or none for no limit")]
    ZeroHeldBound,
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

/// Why a resource could not be added, or an admin call could not be carried out.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// The id was the empty string.
    #[error("a resource id is empty; give every resource a name of one character or more")]
    EmptyId,
    /// `max_in_flight` was 0.
    #[error(
        "max_in_flight of resource `{}` is 0; allowed is 1 or more, or none for no limit (to take \
         a resource out of use, disable it)",
        OneLine(id)
    )]
    ZeroMaxInFlight {
        /// The resource.
        id: Arc<str>,
    },
    /// The weight was not a number in the allowed range.
    #[error(
        "the weight of resource `{}` is {weight}; allowed is 0.001 to 10000 (to take a resource \
         out of use, disable it)",
        OneLine(id)
    )]
    Weight {
        /// The resource.
        id: Arc<str>,
        /// Its weight.
        weight: f64,
    },
    /// The id belongs to another resource of the pool.
    #[error(
        "resource `{}` is in the pool already; ids are unique, so remove it first or use another id",
        OneLine(id)
    )]
    DuplicateResource {
        /// The id.
        id: Arc<str>,
    },
    /// One of the resource's secrets was the empty string.
    #[error(
        "a secret of resource `{}` is empty; give the text that no reason may show, or none",
        OneLine(id)
    )]
    EmptySecret {
        /// The resource.
        id: Arc<str>,
    },
    /// A secret is part of what is shown of its resource. Which, is not said here: it would be shown.
    #[error(
        "the {place} of a resource contains one of its secrets; it is shown in errors, events and metrics, so \
         choose another that tells nothing"
    )]
    SecretInSight {
        /// Where: `id` or `metadata`.
        place: &'static str,
    },
    /// The quotas of the resource made no sense.
    #[error("the quotas of resource `{}`: {error}", OneLine(id))]
    Quota {
        /// The resource.
        id: Arc<str>,
        /// What is wrong with them, and what is allowed.
        error: QuotaError,
    },
    /// The pool has no group of the name that the resource gives.
    #[error(
        "resource `{}` belongs to group `{}`, which the pool does not have; declare it (there are: {}), or leave it out",
        OneLine(id),
        OneLine(group),
        named(known)
    )]
    UnknownGroup {
        /// The resource.
        id: Arc<str>,
        /// The group that it names.
        group: Arc<str>,
        /// Those that the pool has.
        known: Vec<Arc<str>>,
    },
    /// A resource was to be parked for no time, or for ever.
    #[error(
        "resource `{}` is to be parked for {period:?}; allowed is more than zero, up to 365 days (to take it out of \
         use until further notice, disable it)",
        OneLine(id)
    )]
    ParkedFor {
        /// The resource.
        id: Arc<str>,
        /// For how long.
        period: Duration,
    },
    /// A resource was to be parked that is disabled, and so has no end to be moved.
    #[error("resource `{}` is disabled; enable it before you park it", OneLine(id))]
    Disabled {
        /// The resource.
        id: Arc<str>,
    },
    /// There is no resource to rotate away from: none is in use.
    #[error(
        "none of the {members} resources is in use, or could be: there is none to rotate away from"
    )]
    NothingInUse {
        /// How many resources the pool has.
        members: usize,
    },
    /// There is no resource to rotate to: the pool is as it was.
    #[error(
        "no resource but `{}` is healthy, so there is none to rotate to; to take it out all the same, park it",
        OneLine(id)
    )]
    NothingElseHealthy {
        /// The resource in use.
        id: Arc<str>,
    },
    /// An update changed the id.
    #[error(
        "the update of resource `{}` makes `{}` of it; an id stays: remove the one and add the other",
        OneLine(id),
        OneLine(to)
    )]
    IdChanged {
        /// The resource.
        id: Arc<str>,
        /// What its id was to be.
        to: Arc<str>,
    },
    /// The id is more than once on a list.
    #[error("resource `{}` is on the list more than once; ids are unique", OneLine(id))]
    ListedTwice {
        /// The id.
        id: Arc<str>,
    },
    /// The list of a pool's resources was empty.
    #[error(
        "the list is empty, and would remove all {members} resources; give it at least one, or build the pool with \
         `allow_empty`"
    )]
    EmptyList {
        /// How many resources the pool has.
        members: usize,
    },
    /// No resource of the pool has this id.
    #[error("the pool has no resource `{}`; {}", OneLine(id), listed(known, *members))]
    UnknownResource {
        /// The id that was asked for.
        id: Arc<str>,
        /// The first ids of the pool, in order, ten at most.
        known: Vec<Arc<str>>,
        /// How many resources the pool has.
        members: usize,
    },
}

/// Why a group of resources was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum GroupError {
    /// The name was the empty string.
    #[error("the name of a group is empty; give every group one of one character or more")]
    EmptyName,
    /// The name belongs to another group of the pool.
    #[error("the pool has a group `{}` already; names are unique", OneLine(name))]
    Duplicate {
        /// The name.
        name: Arc<str>,
    },
    /// The quotas of the group made no sense.
    #[error("the quotas of group `{}`: {error}", OneLine(name))]
    Quota {
        /// The group.
        name: Arc<str>,
        /// What is wrong with them, and what is allowed.
        error: QuotaError,
    },
}

/// What is wrong with the quotas of a resource or a group.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum QuotaError {
    /// One was of a dimension without a name.
    #[error("one is of a dimension without a name; allowed is one of one character or more")]
    EmptyDimension,
    /// Two were of one dimension.
    #[error("two are of `{}`; allowed is one a dimension", OneLine(dimension))]
    Duplicate {
        /// The dimension.
        dimension: Arc<str>,
    },
    /// The amount, period or burst of one was out of range.
    #[error("that of `{}`: {error}", OneLine(dimension))]
    OutOfRange {
        /// The dimension.
        dimension: Arc<str>,
        /// What is wrong with it, and what is allowed.
        error: RateError,
    },
}

/// Why a rate, or the burst of a limiter, was refused.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum RateError {
    /// The number of tokens was no number, or out of range.
    #[error("the rate is {rate} tokens in a period; allowed is 0.000001 to 1000000000000")]
    Rate {
        /// What it was.
        rate: f64,
    },
    /// The period was out of range.
    #[error("the period of the rate is {per:?}; allowed is 1 ns to a hundred years")]
    Per {
        /// What it was.
        per: Duration,
    },
    /// The limiter's name was the empty string.
    #[error(
        "the limiter's name is empty; give it one of one character or more, or leave it at `limiter`"
    )]
    EmptyName,
    /// The burst was out of range.
    #[error("the burst is {burst} tokens; allowed is 1 to 1000000000000")]
    Burst {
        /// What it was.
        burst: u64,
    },
}

/// Why a run may not cost what it states.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CostError {
    /// The cost was 0.
    #[error(
        "the run's cost of `{}` is 0; allowed is 1 or more (an attempt that took nothing says so: `Lease::unspent`)",
        OneLine(dimension)
    )]
    Zero {
        /// The dimension.
        dimension: Arc<str>,
    },
    /// No resource of the pool ever had a quota of the dimension.
    #[error(
        "the run states a cost of `{}`, of which no resource has a quota; there are quotas of: {}",
        OneLine(dimension),
        named(known)
    )]
    UnknownDimension {
        /// The dimension.
        dimension: Arc<str>,
        /// Those of which there are or were quotas.
        known: Vec<Arc<str>>,
    },
    /// The cost was more than any resource's quota can ever hold.
    #[error(
        "the run's cost of `{}` is {cost}; allowed is up to {capacity}, which is the most that any resource's quota \
         holds",
        OneLine(dimension)
    )]
    AboveCapacity {
        /// The dimension.
        dimension: Arc<str>,
        /// The cost.
        cost: u64,
        /// The most that fits into any.
        capacity: u64,
    },
}

fn named(known: &[Arc<str>]) -> String {
    let known: Vec<String> = known.iter().map(|name| OneLine(name).to_string()).collect();
    if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
}

/// All that is wrong with a list of resources. Its `Display` has a line for each.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct ListError {
    /// At least one, in the order of the list.
    pub errors: Vec<ResourceError>,
}

impl From<ResourceError> for ListError {
    fn from(error: ResourceError) -> Self {
        vec![error].into()
    }
}

impl From<Vec<ResourceError>> for ListError {
    fn from(errors: Vec<ResourceError>) -> Self {
        Self { errors }
    }
}

impl fmt::Display for ListError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let errors: Vec<String> = self.errors.iter().map(ToString::to_string).collect();
        f.write_str(&errors.join("\n"))
    }
}

impl std::error::Error for ListError {}

fn listed(known: &[Arc<str>], members: usize) -> String {
    if members == 0 {
        return "it is empty".to_owned();
    }
    let more = if members > known.len() { ", …" } else { "" };
    let known: Vec<String> = known.iter().map(|id| OneLine(id).to_string()).collect();
    format!("it has {members}: {}{more}", known.join(", "))
}
