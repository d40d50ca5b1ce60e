//! What is left of what is allowed, in one dimension.

use std::borrow::Cow;
use std::time::Duration;

/// What an upstream reports of one dimension of its limits.
///
/// Each part is there only where the upstream stated it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Allowance {
    /// What is counted: the name of the policy (`RateLimit: "burst";r=0`), or that in the header's name with
    /// `_` for `-` (`input_tokens`, `req_10_second`). Headers that name nothing count `requests`.
    pub dimension: Cow<'static, str>,
    /// How much is allowed.
    pub limit: Option<u64>,
    /// How much is left.
    pub remaining: Option<u64>,
    /// The time to the reset; zero if it has passed. What happens then, [`refill`](Self::refill) says.
    pub reset: Option<Duration>,
    /// How what was used comes back.
    pub refill: Refill,
}

/// How an allowance comes back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Refill {
    /// All at once, at the reset.
    AtOnce,
    /// Bit by bit, and all of it is there at the reset: a leaky or token bucket, as of OpenAI, Groq and Anthropic.
    Gradual,
}

impl Allowance {
    /// How long until `amount` is left, by what is reported; `None` if that does not say, or if `amount` is more
    /// than is ever allowed.
    ///
    /// A gradual refill takes `reset × missing / used`: the reset is when the bucket is full.
    ///
    /// ```
    /// # use std::time::{Duration, UNIX_EPOCH};
    /// # use rotapool_core::hints::Verdict;
    /// # let mut headers = http::HeaderMap::new();
    /// # headers.insert("x-ratelimit-limit-requests", http::HeaderValue::from_static("60"));
    /// # headers.insert("x-ratelimit-remaining-requests", http::HeaderValue::from_static("0"));
    /// # headers.insert("x-ratelimit-reset-requests", http::HeaderValue::from_static("1m0s"));
    /// // limit 60, remaining 0, and full again in `1m0s`
    /// let verdict = Verdict::read(200_u16, &headers, None, UNIX_EPOCH);
    /// assert_eq!(verdict.allowances[0].ready_in(1), Some(Duration::from_secs(1)));
    /// ```
    #[must_use]
    pub fn ready_in(&self, amount: u64) -> Option<Duration> {
        let remaining = self.remaining?;
        if remaining >= amount {
            return Some(Duration::ZERO);
        }
        let reset = self.reset?;
        match (self.limit, self.refill) {
            (Some(limit), _) if amount > limit => None,
            (Some(limit), Refill::Gradual) => {
                let (missing, used) =
                    (u128::from(amount - remaining), u128::from(limit - remaining));
                // At most `reset`, since `amount` is at most `limit`.
                let nanos = reset.as_nanos().checked_mul(missing).map(|all| all.div_ceil(used));
                Some(nanos.map_or(reset, super::number::duration))
            }
            _ => Some(reset),
        }
    }

    /// Whether nothing is left.
    #[must_use]
    pub fn is_spent(&self) -> bool {
        self.remaining == Some(0)
    }

    pub(super) fn says_nothing(&self) -> bool {
        self.limit.is_none()
            && self.remaining.is_none()
            && self.reset.unwrap_or_default() == Duration::ZERO
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn a_gradual_refill_is_ready_before_it_is_full() {
        let mut one = Allowance {
            dimension: "tokens".into(),
            limit: Some(100),
            remaining: Some(40),
            reset: Some(S(60)),
            refill: Refill::Gradual,
        };
        assert_eq!(one.ready_in(40), Some(Duration::ZERO));
        assert_eq!(one.ready_in(50), Some(S(10)));
        assert_eq!(one.ready_in(100), Some(S(60)));
        assert_eq!(one.ready_in(101), None);
        one.reset = None;
        assert_eq!((one.ready_in(40), one.ready_in(41)), (Some(Duration::ZERO), None));
        one.reset = Some(S(60));
        one.refill = Refill::AtOnce;
        assert_eq!(one.ready_in(50), Some(S(60)));
        (one.refill, one.limit, one.remaining) = (Refill::Gradual, Some(u64::MAX), Some(0));
        one.reset = Some(Duration::MAX);
        assert_eq!(one.ready_in(u64::MAX), Some(Duration::MAX));
    }
}
