//! How much of something a resource gives in how much time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::error::RateError;
use crate::one_line::OneLine;
use crate::protect::Rate;
use crate::protect::bucket::Bucket;
use crate::time::Epoch;

/// The dimension of which every attempt takes one, unless its run says otherwise.
pub(crate) const REQUESTS: &str = "requests";

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);
const HOUR: Duration = Duration::from_secs(60 * 60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// So much of something in so much time: 60 requests a minute, 90,000 tokens a minute.
///
/// It is a token bucket: full at first, it holds one period's worth (or [`burst`](Self::burst)) and refills evenly,
/// to the nanosecond. What is counted is the *dimension*, a word of your own; `requests`, the default, is one an
/// attempt without a word from anybody. Whoever takes a quota checks it: an amount of 1 to 10¹² in up to a hundred
/// years, a burst of 1 to 10¹², a dimension that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    dimension: Arc<str>,
    amount: u64,
    per: Duration,
    burst: Option<u64>,
}

impl Quota {
    /// So many in every `per`.
    #[must_use]
    pub fn per(amount: u64, per: Duration) -> Self {
        Self { dimension: REQUESTS.into(), amount, per, burst: None }
    }

    /// So many a second.
    #[must_use]
    pub fn per_second(amount: u64) -> Self {
        Self::per(amount, SECOND)
    }

    /// So many a minute.
    #[must_use]
    pub fn per_minute(amount: u64) -> Self {
        Self::per(amount, MINUTE)
    }

    /// So many an hour.
    #[must_use]
    pub fn per_hour(amount: u64) -> Self {
        Self::per(amount, HOUR)
    }

    /// So many in 24 hours.
    #[must_use]
    pub fn per_day(amount: u64) -> Self {
        Self::per(amount, DAY)
    }

    /// What is counted, such as `tokens`; `requests` by default.
    #[must_use]
    pub fn of(mut self, dimension: impl Into<Arc<str>>) -> Self {
        self.dimension = dimension.into();
        self
    }

    /// How many it holds at most, and so how many may be taken at once; one period's worth by default.
    #[must_use]
    pub fn burst(mut self, burst: u64) -> Self {
        self.burst = Some(burst);
        self
    }

    /// What is counted.
    #[must_use]
    pub fn dimension(&self) -> &Arc<str> {
        &self.dimension
    }

    /// How many there are in a period.
    #[must_use]
    pub fn amount(&self) -> u64 {
        self.amount
    }

    /// How long the period is.
    #[must_use]
    pub fn period(&self) -> Duration {
        self.per
    }

    /// How many it holds at most, and so the most that one attempt can cost.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.burst.unwrap_or(self.amount)
    }

    /// A full bucket of it.
    pub(crate) fn bucket(&self, epoch: Epoch, now: Instant) -> Result<Bucket, RateError> {
        Bucket::new(Rate::new(self.amount as f64, self.per)?, self.burst, epoch, now)
    }
}

/// As in `90000 tokens a minute`.
impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.amount, OneLine(&self.dimension))?;
        match self.per {
            SECOND => f.write_str("a second"),
            MINUTE => f.write_str("a minute"),
            HOUR => f.write_str("an hour"),
            DAY => f.write_str("a day"),
            per => write!(f, "in {per:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_says_of_what_how_much_and_in_which_time() {
        for (quota, told) in [
            (Quota::per_minute(60), "60 requests a minute"),
            (Quota::per_hour(90_000).of("tokens"), "90000 tokens an hour"),
            (Quota::per_day(1), "1 requests a day"),
            (Quota::per_second(5), "5 requests a second"),
            (Quota::per(5, Duration::from_millis(2_500)), "5 requests in 2.5s"),
        ] {
            assert_eq!(quota.to_string(), told);
        }
        assert_eq!(Quota::per_minute(60).capacity(), 60);
        assert_eq!(Quota::per_minute(60).burst(5).capacity(), 5);
    }
}
