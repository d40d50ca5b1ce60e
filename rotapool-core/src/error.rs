//! What the door turns away: bad configuration, and admin calls that make no sense.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::one_line::OneLine;

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
    /// The pool's name was the empty string.
    #[error(
        "the pool's name is empty; give it one of one character or more, or leave it at `pool`"
    )]
    EmptyName,
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

fn listed(known: &[Arc<str>], members: usize) -> String {
    if members == 0 {
        return "it is empty".to_owned();
    }
    let more = if members > known.len() { ", …" } else { "" };
    let known: Vec<String> = known.iter().map(|id| OneLine(id).to_string()).collect();
    format!("it has {members}: {}{more}", known.join(", "))
}
