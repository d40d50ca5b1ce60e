//! Where most stories begin: virtual time, and what goes by it.

use std::cell::RefCell;
use std::future::Future;
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rotapool::testing::{Task, VirtualClock, VirtualTime};
use rotapool::{
    BreakerBuilder, BreakerChange, CircuitBreaker, LimiterBuilder, RateLimited, RateLimiter, Trip,
};

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(crate) fn millis(millis: u64) -> Duration {
    Duration::from_millis(millis)
}

/// A limiter in virtual time, and those who wait for it.
pub(crate) struct Line {
    pub(crate) limiter: RateLimiter,
    pub(crate) clock: VirtualClock,
    pub(crate) time: VirtualTime,
    served: Rc<RefCell<Vec<String>>>,
}

impl Line {
    /// So many tokens a second.
    pub(crate) fn of(rate: f64) -> Self {
        Self::with(rate, |builder| builder)
    }

    pub(crate) fn with(rate: f64, set_up: impl FnOnce(LimiterBuilder) -> LimiterBuilder) -> Self {
        let time = VirtualTime::new();
        let builder = RateLimiter::builder(rate, secs(1)).runtime(time.clock());
        let limiter = set_up(builder).build().unwrap();
        Self { limiter, clock: time.clock(), time, served: Rc::default() }
    }

    /// The same, with its bucket empty.
    pub(crate) fn drained(rate: f64) -> Self {
        let line = Self::of(rate);
        line.drain();
        line
    }

    pub(crate) fn drain(&self) {
        self.limiter.try_acquire_many(self.limiter.available() as u64).unwrap();
    }

    /// Somebody comes for so many tokens and waits.
    pub(crate) fn comes(&self, name: &str, tokens: u64) -> Task<Result<(), RateLimited>> {
        self.comes_until(name, tokens, None)
    }

    /// The same, but no longer than so.
    pub(crate) fn comes_until(
        &self,
        name: &str,
        tokens: u64,
        timeout: Option<Duration>,
    ) -> Task<Result<(), RateLimited>> {
        let (limiter, served, name) = (self.limiter.clone(), self.served.clone(), name.to_owned());
        let task = self.time.spawn(async move {
            let acquire = limiter.acquire_many(tokens);
            let acquire = match timeout {
                Some(timeout) => acquire.timeout(timeout),
                None => acquire,
            };
            let answer = acquire.await;
            served.borrow_mut().push(if answer.is_ok() { name } else { format!("not {name}") });
            answer
        });
        self.pass(Duration::ZERO);
        task
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.time.advance(time);
    }

    /// Who was served or refused since this was asked last, in order.
    pub(crate) fn served(&self) -> Vec<String> {
        self.served.take()
    }

    /// Nobody in line, nobody asleep.
    pub(crate) fn assert_at_rest(&self) {
        assert_eq!(self.limiter.stats().waiting, 0, "somebody left in line");
        assert!(self.clock.sleeps().is_empty(), "sleeps left behind");
    }
}

/// Changes as words, in the order in which they were told.
#[derive(Clone, Default)]
pub(crate) struct Told(Arc<Mutex<Vec<String>>>);

impl Told {
    pub(crate) fn hook(&self) -> impl Fn(&BreakerChange) + Send + Sync + 'static {
        let told = self.clone();
        move |change| told.push(format!("{}: {} > {}", change.sequence, change.old, change.new))
    }

    pub(crate) fn push(&self, words: String) {
        self.0.lock().unwrap().push(words);
    }

    pub(crate) fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

/// A breaker in virtual time that trips on the first failure and is open for 10 s.
pub(crate) struct Fuse {
    pub(crate) breaker: CircuitBreaker,
    pub(crate) time: VirtualTime,
    pub(crate) told: Told,
}

impl Fuse {
    pub(crate) fn new() -> Self {
        Self::of(Trip::after_failures(1).open_for(secs(10)))
    }

    pub(crate) fn of(trip: Trip) -> Self {
        Self::with(trip, |builder| builder)
    }

    pub(crate) fn with(trip: Trip, set_up: impl FnOnce(BreakerBuilder) -> BreakerBuilder) -> Self {
        let (time, told) = (VirtualTime::new(), Told::default());
        let builder = CircuitBreaker::builder(trip).runtime(time.clock()).on_change(told.hook());
        Self { breaker: set_up(builder).build().unwrap(), time, told }
    }

    pub(crate) fn blow(&self) {
        self.breaker.try_acquire().unwrap().fail("blown");
    }

    pub(crate) fn pass(&self, time: Duration) {
        self.time.advance(time);
    }

    pub(crate) fn spawn<R: 'static>(&self, call: impl Future<Output = R> + 'static) -> Task<R> {
        let task = self.time.spawn(call);
        self.pass(Duration::ZERO);
        task
    }
}
