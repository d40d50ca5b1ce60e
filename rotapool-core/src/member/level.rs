//! What is left of a quota: it grows steadily, or what was taken is back a period later.

use std::time::Instant;

use crate::protect::bucket::Bucket;
use crate::protect::sliding::Sliding;
use crate::time::Tick;

#[derive(Debug, Clone)]
pub(crate) enum Level {
    Steady(Bucket),
    Sliding(Sliding),
}

impl Level {
    pub(crate) fn capacity(&self) -> u64 {
        match self {
            Self::Steady(bucket) => bucket.capacity(),
            Self::Sliding(sliding) => sliding.capacity(),
        }
    }

    /// As of when it is.
    pub(crate) fn as_of(&self) -> Instant {
        match self {
            Self::Steady(bucket) => bucket.as_of(),
            Self::Sliding(sliding) => sliding.as_of(),
        }
    }

    /// How much there is, in whole numbers; less than none is a debt.
    pub(crate) fn whole(&self) -> i64 {
        match self {
            Self::Steady(bucket) => bucket.whole(),
            Self::Sliding(sliding) => sliding.whole(),
        }
    }

    /// Whether so much is there.
    pub(crate) fn has(&self, amount: u64) -> bool {
        match self {
            Self::Steady(bucket) => bucket.has(amount),
            Self::Sliding(sliding) => sliding.has(amount),
        }
    }

    /// When so much is there, if nobody takes any; `None` if that is never.
    pub(crate) fn ready_at(&self, amount: u64) -> Option<Instant> {
        match self {
            Self::Steady(bucket) => bucket.ready_at(amount),
            Self::Sliding(sliding) => sliding.ready_at(amount),
        }
    }

    /// Lets grow what has grown by now.
    pub(crate) fn refill(&mut self, now: Instant) {
        match self {
            Self::Steady(bucket) => bucket.refill(now),
            Self::Sliding(sliding) => sliding.refill(now),
        }
    }

    /// Takes one by now, whether it is there or not; answers whether there is another.
    #[inline]
    pub(crate) fn spend_one(&mut self, now: Tick) -> bool {
        match self {
            Self::Steady(bucket) => bucket.spend_one(now),
            Self::Sliding(sliding) => sliding.spend_one(now),
        }
    }

    /// Takes so much, whether it is there or not.
    pub(crate) fn spend(&mut self, amount: u64) {
        match self {
            Self::Steady(bucket) => bucket.spend(amount),
            Self::Sliding(sliding) => sliding.spend(amount),
        }
    }

    /// Puts back so much that was taken at `since`; what does not fit is lost.
    pub(crate) fn put(&mut self, amount: u64, since: Tick) {
        match self {
            Self::Steady(bucket) => bucket.put(amount),
            Self::Sliding(sliding) => sliding.put(amount, since),
        }
    }

    /// So much is left, and all of it is back at `full_at`.
    pub(crate) fn correct(&mut self, remaining: u64, full_at: Instant, now: Instant) {
        match self {
            Self::Steady(bucket) => bucket.correct(remaining, full_at, now),
            Self::Sliding(sliding) => sliding.correct(remaining, full_at, now),
        }
    }
}
