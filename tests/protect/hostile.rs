//! Foreign code that panics, calls back in, or drops in the wrong moment.

use std::cell::RefCell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use std::future::Future as _;
use std::pin::pin;

use rotapool::testing::VirtualClock;
use rotapool::{BreakerState, CircuitBreaker, FallbackChain, RateLimiter, Runtime, Sleep, Trip};

use crate::scene::{Fuse, Told, secs};

#[test]
fn an_operation_that_panics_gives_its_permit_back_and_is_ignored() {
    let fuse = Fuse::new();
    fuse.blow();
    fuse.pass(secs(10));
    let trial = || -> Result<(), String> { panic!("in the operation") };
    let panics = catch_unwind(AssertUnwindSafe(|| fuse.breaker.call_blocking(trial)));
    assert!(panics.is_err());
    assert_eq!(fuse.breaker.state(), BreakerState::HalfOpen);
    let polled = || async { panic!("when polled") };
    let call = fuse.breaker.call::<_, _, (), String>(polled);
    assert!(catch_unwind(AssertUnwindSafe(|| fuse.time.block_on(call))).is_err());
    fuse.breaker.try_acquire().expect("the permit is back").succeed();
    assert_eq!(fuse.breaker.stats().ignored, 2);
}

#[test]
fn a_judge_or_an_error_that_panics_gives_its_permit_back() {
    struct Unspeakable;
    impl fmt::Display for Unspeakable {
        fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
            panic!("in Display")
        }
    }
    let fuse = Fuse::new();
    let judge = fuse.breaker.ignore_if(|_: &String| panic!("in the judge"));
    let bad = || Err::<(), _>("bad".to_owned());
    assert!(catch_unwind(AssertUnwindSafe(|| judge.call_blocking(bad))).is_err());
    let silent = || Err::<(), _>(Unspeakable);
    assert!(catch_unwind(AssertUnwindSafe(|| fuse.breaker.call_blocking(silent))).is_err());
    let stats = fuse.breaker.stats();
    assert_eq!((stats.ignored, stats.failures), (2, 0));
}

#[test]
fn an_error_that_asks_the_breaker_while_it_is_written_does_not_deadlock() {
    #[derive(Debug)]
    struct Curious(CircuitBreaker);
    impl fmt::Display for Curious {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            write!(f, "it was {}", self.0.state())
        }
    }
    let fuse = Fuse::new();
    let curious = Curious(fuse.breaker.clone());
    let _ = fuse.breaker.call_blocking(|| Err::<(), _>(curious));
    let rejected = fuse.breaker.try_acquire().unwrap_err();
    assert_eq!(rejected.last_failure.as_deref(), Some("it was closed"));
}

#[test]
fn a_callback_may_call_the_breaker_and_its_panic_is_contained() {
    let own: Arc<OnceLock<CircuitBreaker>> = Arc::default();
    let (theirs, told) = (Arc::clone(&own), Told::default());
    let heard = told.clone();
    let fuse = Fuse::with(Trip::after_failures(1), |builder| {
        builder.on_change(move |change| {
            let breaker = theirs.get().expect("it is set");
            heard.push(format!("{}: {} is {}", change.sequence, change.new, breaker.state()));
            if change.new == BreakerState::Open {
                breaker.reset();
                panic!("in the callback");
            }
        })
    });
    own.set(fuse.breaker.clone()).unwrap();
    fuse.blow();
    assert_eq!(fuse.breaker.state(), BreakerState::Closed);
    assert_eq!(told.take(), ["1: open is open", "2: closed is closed"]);
}

#[test]
fn a_text_with_line_breaks_stays_on_its_line() {
    let fuse = Fuse::new();
    fuse.breaker.try_acquire().unwrap().fail("a\nb\u{1b}[31m");
    let rejected = fuse.breaker.try_acquire().unwrap_err().to_string();
    assert!(rejected.contains("`a\\nb\\u{1b}[31m`"), "{rejected}");
    let chain = FallbackChain::new().then("x\ny", 1);
    let error = chain.run_blocking(|_| Err::<(), _>("c\nd")).unwrap_err();
    assert_eq!(error.to_string(), "no alternative served: x\\ny: c\\nd");
}

#[test]
fn a_hook_of_a_chain_that_panics_stops_nothing() {
    let chain = FallbackChain::new()
        .then("a", 1)
        .then("b", 2)
        .on_fallback(|_, _: &String| panic!("in the hook"));
    let answer =
        chain.run_blocking(|value| if *value == 2 { Ok(()) } else { Err("one".to_owned()) });
    assert_eq!(answer, Ok(()));
}

/// A task's waker that uses the limiter when it is woken and when it is dropped.
struct Meddler(RateLimiter);

impl Wake for Meddler {
    fn wake(self: Arc<Self>) {
        let _ = self.0.stats();
        panic!("in the waker");
    }
}

impl Drop for Meddler {
    fn drop(&mut self) {
        let _ = self.0.try_acquire();
    }
}

#[test]
fn wakers_that_call_the_limiter_or_panic_harm_nobody() {
    let clock = VirtualClock::new();
    let limiter = RateLimiter::builder(1.0, secs(1)).runtime(clock.clone()).build().unwrap();
    limiter.try_acquire().unwrap();
    let poll = |acquire: std::pin::Pin<&mut rotapool::Acquire<'_>>| {
        let waker = Waker::from(Arc::new(Meddler(limiter.clone())));
        acquire.poll(&mut Context::from_waker(&waker))
    };
    let mut first = Box::pin(limiter.acquire());
    let mut second = Box::pin(limiter.acquire());
    for _ in 0..3 {
        assert!(poll(first.as_mut()).is_pending());
        assert!(poll(second.as_mut()).is_pending());
    }
    drop(first);
    limiter.reset();
    assert!(poll(second.as_mut()).is_ready());
    assert_eq!(limiter.stats().waiting, 0);
}

/// A timer that ends every sleep long before its time, and once in vain at every poll.
#[derive(Debug)]
struct Hasty(VirtualClock);

impl Runtime for Hasty {
    fn now(&self) -> Instant {
        self.0.now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let soon = self.0.now() + Duration::from_millis(10);
        self.0.sleep_until(at.min(soon))
    }
}

#[test]
fn a_timer_that_wakes_too_early_is_set_again() {
    let time = rotapool::testing::VirtualTime::new();
    let runtime = Hasty(time.clock());
    let limiter = RateLimiter::builder(1.0, secs(1)).runtime(runtime).build().unwrap();
    limiter.try_acquire().unwrap();
    time.block_on(limiter.acquire()).unwrap();
    assert_eq!(time.elapsed(), secs(1));
    let chain = FallbackChain::new().then("a", 1).runtime(Hasty(time.clock())).timeout(secs(2));
    let run = chain.run(|_| std::future::pending::<Result<(), String>>());
    assert!(time.block_on(run).is_err());
    assert_eq!(time.elapsed(), secs(3));
}

/// A clock that uses what goes by it.
#[derive(Debug, Default)]
struct Nosy(VirtualClock, OnceLock<CircuitBreaker>);

#[derive(Debug, Clone, Default)]
struct Shared(Arc<Nosy>);

impl Runtime for Shared {
    fn now(&self) -> Instant {
        // Once: it would ask itself for ever.
        thread_local!(static ASKING: RefCell<bool> = const { RefCell::new(false) });
        if !ASKING.replace(true) {
            if let Some(breaker) = self.0.1.get() {
                let _ = breaker.mode();
            }
            ASKING.set(false);
        }
        self.0.0.now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        self.0.0.sleep_until(at)
    }
}

#[test]
fn no_clock_is_read_under_the_lock() {
    let runtime = Shared::default();
    let switch = rotapool::BreakerSwitch::new();
    let builder = CircuitBreaker::builder(Trip::after_failures(1)).runtime(runtime.clone());
    let breaker = builder.switch(&switch).build().unwrap();
    runtime.0.1.set(breaker.clone()).unwrap();
    breaker.try_acquire().unwrap().fail("down");
    switch.isolate();
    drop(breaker.try_acquire());
    assert_eq!(breaker.state(), BreakerState::Open);
    let _ = format!("{breaker:?} {switch:?}");
}

#[test]
fn an_acquire_polled_after_its_end_panics_and_says_so() {
    let limiter = RateLimiter::new(1.0, secs(1)).unwrap();
    let mut acquire = pin!(limiter.acquire());
    let mut context = Context::from_waker(Waker::noop());
    assert!(matches!(acquire.as_mut().poll(&mut context), Poll::Ready(Ok(()))));
    let again = catch_unwind(AssertUnwindSafe(|| acquire.as_mut().poll(&mut context)));
    let panicked = again.unwrap_err();
    let message = panicked.downcast_ref::<&str>();
    assert_eq!(message, Some(&"`Acquire` was polled again after its end"));
}
