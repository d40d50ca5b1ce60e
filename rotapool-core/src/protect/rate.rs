//! So much in so much time.

use std::time::Duration;

use crate::error::RateError;
use crate::time::FAR;

/// So many tokens in so much time. A fraction is kept to the millionth of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rate {
    /// Millionths of a token in a period.
    millionths: u64,
    per: Duration,
}

/// The most tokens in a period, and in a bucket. With it, a bucket's sums fit 128 bits.
pub(super) const MOST: u64 = 1_000_000_000_000;

const MILLION: u64 = 1_000_000;

impl Rate {
    /// This many tokens in every `per`; less than one is as good.
    ///
    /// # Errors
    ///
    /// [`RateError`] if `tokens` is not a number from 0.000001 to 10¹², or `per` is zero or above a hundred
    /// years.
    pub fn new(tokens: f64, per: Duration) -> Result<Self, RateError> {
        // A number that is none lies in no range.
        if !(1.0 / MILLION as f64..=MOST as f64).contains(&tokens) {
            return Err(RateError::Rate { rate: tokens });
        }
        if per.is_zero() || per > FAR {
            return Err(RateError::Per { per });
        }
        let millionths = (tokens * MILLION as f64).round() as u64;
        Ok(Self { millionths, per })
    }

    /// How many tokens there are in a period.
    #[must_use]
    pub fn tokens(self) -> f64 {
        self.millionths as f64 / MILLION as f64
    }

    /// How long a period is.
    #[must_use]
    pub fn per(self) -> Duration {
        self.per
    }

    /// How many grains grow in a nanosecond; see [`Bucket`](super::bucket::Bucket).
    pub(super) fn speed(self) -> i128 {
        i128::from(self.millionths)
    }

    /// How many grains grow in so many nanoseconds.
    #[inline]
    pub(super) fn grown_in(self, nanos: u64) -> i128 {
        // 64 bits by 60.
        (u128::from(nanos) * u128::from(self.millionths)) as i128
    }

    /// How many grains make a token.
    pub(super) fn token(self) -> i128 {
        self.period() * i128::from(MILLION)
    }

    /// How many grains grow in a period.
    pub(super) fn worth(self) -> i128 {
        self.period() * self.speed()
    }

    fn period(self) -> i128 {
        // Up to a hundred years of nanoseconds: 62 bits.
        self.per.as_nanos() as i128
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn what_is_no_rate_is_refused_with_what_is_allowed() {
        for rate in [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 0.000_000_9, 1e13]
        {
            let refused = Rate::new(rate, SECOND).expect_err("it makes no sense").to_string();
            let told = format!(
                "the rate is {rate} tokens in a period; allowed is 0.000001 to 1000000000000"
            );
            assert_eq!(refused, told);
        }
        for per in [Duration::ZERO, Duration::MAX, FAR + Duration::from_nanos(1)] {
            let refused = Rate::new(1.0, per).expect_err("it makes no sense").to_string();
            let told =
                format!("the period of the rate is {per:?}; allowed is 1 ns to a hundred years");
            assert_eq!(refused, told);
        }
    }

    #[test]
    fn what_is_just_within_its_range_is_taken_as_it_is() {
        for (tokens, per) in [(0.000_001, FAR), (1e12, Duration::from_nanos(1)), (2.5, SECOND)] {
            let rate = Rate::new(tokens, per).unwrap();
            assert_eq!((rate.tokens(), rate.per()), (tokens, per));
        }
    }
}
