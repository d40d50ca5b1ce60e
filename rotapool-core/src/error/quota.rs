//! What is wrong with a quota, a rate, a group that shares one, or the cost of a run.

use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

use crate::one_line::OneLine;

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
    /// One that slides had a burst.
    #[error(
        "that of `{}` slides and has a burst of {burst}; allowed is one of both: what slides never gives more than its \
         amount",
        OneLine(dimension)
    )]
    BurstOfSliding {
        /// The dimension.
        dimension: Arc<str>,
        /// The burst.
        burst: u64,
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

pub(super) fn named(known: &[Arc<str>]) -> String {
    let known: Vec<String> = known.iter().map(|name| OneLine(name).to_string()).collect();
    if known.is_empty() { "nothing".to_owned() } else { known.join(", ") }
}
