//! What is wrong with a resource, a list of them, or an admin call.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use super::quota::{QuotaError, named};
use crate::one_line::OneLine;

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
        "resource `{}` belongs to group `{}`, which the pool does not have (it has: {}); declare it first, with \
         `Builder::group` or, in a running pool, `Pool::add_group`, or leave it out",
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
