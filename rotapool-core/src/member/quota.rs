//! How much of something a resource gives in how much time.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::level::Level;
use crate::error::QuotaError;
use crate::one_line::OneLine;
use crate::protect::Rate;
use crate::protect::bucket::Bucket;
use crate::protect::sliding::Sliding;
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
/// to the nanosecond. For an upstream that counts in windows instead, it [slides](Self::sliding). What is counted is the *dimension*, a word of your own; `requests`, the default, is one an
/// attempt without a word from anybody. Whoever takes a quota checks it: an amount of 1 to 10¹² in up to a hundred
/// years, a burst of 1 to 10¹², a dimension that is not empty.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    dimension: Arc<str>,
    amount: u64,
    per: Duration,
    burst: Option<u64>,
    slides: bool,
}

impl Quota {
    /// So many in every `per`.
    #[must_use]
    pub fn per(amount: u64, per: Duration) -> Self {
        Self { dimension: REQUESTS.into(), amount, per, burst: None, slides: false }
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

    /// Never more than the amount in any period, for an upstream that counts in windows (so many a minute by its clock, an
    /// hour from the first request on, the last minute) and refuses what is above.
    ///
    /// What is taken is back a whole period later, where a bucket that was full gives almost twice the amount within its
    /// first. What is taken within a 64th of a period is back together. When an upstream says when its window ends
    /// (`Lease::correct`), all is back then. It has no [`burst`](Self::burst): whoever takes
    /// the quota refuses that.
    #[must_use]
    pub fn sliding(mut self) -> Self {
        self.slides = true;
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

    /// Whether it gives no more than the amount in any period.
    #[must_use]
    pub fn slides(&self) -> bool {
        self.slides
    }

    /// How many it holds at most, and so the most that one attempt can cost.
    #[must_use]
    pub fn capacity(&self) -> u64 {
        self.burst.unwrap_or(self.amount)
    }

    /// All of it.
    pub(crate) fn level(&self, epoch: Epoch, now: Instant) -> Result<Level, QuotaError> {
        let dimension = || Arc::clone(&self.dimension);
        if let (true, Some(burst)) = (self.slides, self.burst) {
            return Err(QuotaError::BurstOfSliding { dimension: dimension(), burst });
        }
        let out_of_range = |error| QuotaError::OutOfRange { dimension: dimension(), error };
        let rate = Rate::new(self.amount as f64, self.per).map_err(out_of_range)?;
        match self.slides {
            true => Ok(Level::Sliding(Sliding::new(rate, epoch, now))),
            false => {
                let bucket = Bucket::new(rate, self.burst, epoch, now);
                bucket.map(Level::Steady).map_err(out_of_range)
            }
        }
    }
}

/// As in `90000 tokens a minute`, or `90000 tokens in any minute` of one that slides.
impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} ", self.amount, OneLine(&self.dimension))?;
        match (self.per, self.slides) {
            (SECOND, false) => f.write_str("a second"),
            (MINUTE, false) => f.write_str("a minute"),
            (HOUR, false) => f.write_str("an hour"),
            (DAY, false) => f.write_str("a day"),
            (per, false) => write!(f, "in {per:?}"),
            (SECOND, true) => f.write_str("in any second"),
            (MINUTE, true) => f.write_str("in any minute"),
            (HOUR, true) => f.write_str("in any hour"),
            (DAY, true) => f.write_str("in any day"),
            (per, true) => write!(f, "in any {per:?}"),
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
            (Quota::per_second(5).sliding(), "5 requests in any second"),
            (Quota::per_minute(60).sliding(), "60 requests in any minute"),
            (Quota::per_hour(9).of("tokens").sliding(), "9 tokens in any hour"),
            (Quota::per_day(1).sliding(), "1 requests in any day"),
            (Quota::per(5, Duration::from_millis(2_500)).sliding(), "5 requests in any 2.5s"),
        ] {
            assert_eq!(quota.to_string(), told);
        }
        let periods =
            [Quota::per_second(1), Quota::per_minute(1), Quota::per_hour(1), Quota::per_day(1)];
        assert_eq!(periods.map(|quota| quota.period().as_secs()), [1, 60, 3_600, 86_400]);
        assert_eq!(Quota::per_minute(60).capacity(), 60);
        assert_eq!(Quota::per_minute(60).burst(5).capacity(), 5);
    }
}
