//! A rate limiter that stands alone.

use std::fmt;
use std::sync::{Arc, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};

use rotapool_core::{Limiter, LimiterStats, Rate, RateError, RateLimited, Runtime};

use crate::drive::timer::DefaultRuntime;
use crate::shield::wake;
use crate::sync::Mutex;

/// Lets so much pass in so much time: a token bucket with a line before it, first come, first served.
///
/// The bucket is full at first and grows continuously, whole numbers all the way: nothing is lost to
/// rounding. Whoever finds it too empty waits in line or goes away; nobody overtakes, and a large request at
/// the head is not starved by small ones. Whoever leaves the line wakes the next.
///
/// A handle: clones are the same limiter.
///
/// ```
/// use std::time::Duration;
/// use rotapool::{RateLimited, RateLimiter};
///
/// # futures::executor::block_on(async {
/// let limiter = RateLimiter::builder(100, Duration::from_secs(1)).burst(2).build()?;
///
/// limiter.acquire().await?;
/// limiter.acquire().await?;
/// let refused = limiter.try_acquire();
/// assert!(matches!(refused, Err(RateLimited::NotYet { .. })));
///
/// limiter.acquire().timeout(Duration::from_secs(1)).await?; // 10 ms later
/// assert_eq!(limiter.stats().acquired, 3);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
///
/// Waiting needs no task: the future of whoever is first holds the only timer, and all others sleep until they
/// are woken.
#[derive(Clone)]
pub struct RateLimiter {
    shared: Arc<Shared>,
}

struct Shared {
    name: Arc<str>,
    runtime: Arc<dyn Runtime>,
    locked: Mutex<Limiter<Waker>>,
}

impl RateLimiter {
    /// Lets `rate` tokens pass in every `per`, and as many at once; less than one a period is as good.
    /// [`builder`](Self::builder) sets more.
    ///
    /// # Errors
    ///
    /// [`RateError`] if `rate` is not a number from 0.000001 to 10¹², or `per` is zero or above a hundred
    /// years. A fraction is kept to the millionth.
    pub fn new(rate: impl Into<f64>, per: Duration) -> Result<Self, RateError> {
        Self::builder(rate, per).build()
    }

    /// Starts to make a limiter of `rate` tokens in every `per`.
    pub fn builder(rate: impl Into<f64>, per: Duration) -> LimiterBuilder {
        let rate = rate.into();
        let (name, runtime) = ("limiter".into(), Arc::new(DefaultRuntime));
        LimiterBuilder { rate, per, burst: None, name, runtime }
    }

    /// Takes a token if one is there and nobody is in line.
    ///
    /// # Errors
    ///
    /// [`RateLimited`], with the time after which one would be.
    #[inline]
    pub fn try_acquire(&self) -> Result<(), RateLimited> {
        self.try_acquire_many(1)
    }

    /// Takes so many tokens if they are there and nobody is in line.
    ///
    /// # Errors
    ///
    /// [`RateLimited`].
    #[inline]
    pub fn try_acquire_many(&self, tokens: u64) -> Result<(), RateLimited> {
        self.with(|limiter, now| limiter.try_take(tokens, now))
    }

    /// Gives tokens back that were not used. What the bucket cannot hold is lost.
    pub fn refund(&self, tokens: u64) {
        self.with(|limiter, now| limiter.refund(tokens, now));
    }

    /// Takes tokens whether they are there or not: for what something took beyond what was thought. What is not
    /// there is a debt, which grows back first.
    ///
    /// Whoever is in line with a deadline that cannot be met any more is refused now.
    pub fn spend(&self, tokens: u64) {
        self.with(|limiter, now| limiter.spend(tokens, now));
    }

    /// Fills the bucket.
    pub fn reset(&self) {
        self.with(Limiter::reset);
    }

    /// Lets another rate pass from now on. The level stays, unless the bucket holds less now: without a
    /// [burst](LimiterBuilder::burst) of its own it holds one period's worth.
    ///
    /// Whoever is in line and cannot be served any more, in time or at all, is refused now.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new); then nothing changes.
    pub fn set_rate(&self, rate: impl Into<f64>, per: Duration) -> Result<(), RateError> {
        let rate = Rate::new(rate.into(), per)?;
        self.with(|limiter, now| limiter.set_rate(rate, now));
        Ok(())
    }

    /// Believes what the upstream says, in a header for example, over what was counted here: `remaining` tokens
    /// are left, no more come before `reset` is over, and then the bucket is full.
    ///
    /// A `reset` of zero says nothing of when: then the bucket grows on from there as ever.
    ///
    /// What others have acquired and is on its way to the upstream is not in its word, and no limiter knows of it: with
    /// many calls at once, take it off first, or let a pool's [quotas](crate::Quota) do so
    /// ([`Lease::correct`](crate::Lease::correct)).
    pub fn correct(&self, remaining: u64, reset: Duration) {
        self.with(|limiter, now| limiter.correct(remaining, reset, now));
    }

    /// The tokens that are there. A fraction is what has grown of the next; below zero is a debt.
    #[must_use]
    pub fn available(&self) -> f64 {
        self.with(Limiter::available)
    }

    /// After how long a newcomer would get so many, if nobody else came; none if never.
    #[must_use]
    pub fn time_until(&self, tokens: u64) -> Option<Duration> {
        self.with(|limiter, now| limiter.time_until(tokens, now))
    }

    /// The figures now, of one moment.
    #[must_use]
    pub fn stats(&self) -> LimiterStats {
        self.with(Limiter::stats)
    }

    /// The name that metrics call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    pub(super) fn runtime(&self) -> &dyn Runtime {
        &*self.shared.runtime
    }

    /// Acts under the lock, and outside of it wakes whose turn it is.
    #[inline]
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Limiter<Waker>, Instant) -> R) -> R {
        let now = self.shared.runtime.now();
        let mut limiter = self.shared.locked.lock().unwrap_or_else(PoisonError::into_inner);
        let result = act(&mut limiter, now);
        let woken = limiter.take_woken();
        drop(limiter);
        woken.into_iter().for_each(wake);
        result
    }
}

impl fmt::Debug for RateLimiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, stats) = (self.name(), self.stats());
        f.debug_struct("RateLimiter").field("name", &name).field("stats", &stats).finish()
    }
}

/// Collects what a rate limiter is made of; [`build`](Self::build) checks it all.
///
/// Made by [`RateLimiter::builder`].
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct LimiterBuilder {
    rate: f64,
    per: Duration,
    burst: Option<u64>,
    name: Arc<str>,
    runtime: Arc<dyn Runtime>,
}

impl LimiterBuilder {
    /// How many tokens the bucket holds, so how many can pass at once: one period's worth by default, and at
    /// least 1. From 1 to 10¹².
    pub fn burst(mut self, tokens: u64) -> Self {
        self.burst = Some(tokens);
        self
    }

    /// What metrics call the limiter. `limiter` by default; not empty.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// Whose clock and timer it goes by: [`DefaultRuntime`](crate::DefaultRuntime) unless set.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Makes the limiter, its bucket full.
    ///
    /// # Errors
    ///
    /// [`RateError`] if the rate, the period or the burst is out of its range, or the name is empty.
    pub fn build(self) -> Result<RateLimiter, RateError> {
        let Self { rate, per, burst, name, runtime } = self;
        if name.is_empty() {
            return Err(RateError::EmptyName);
        }
        let limiter = Limiter::new(Rate::new(rate, per)?, burst, runtime.now())?;
        let shared = Shared { name, runtime, locked: Mutex::new(limiter) };
        Ok(RateLimiter { shared: Arc::new(shared) })
    }
}
