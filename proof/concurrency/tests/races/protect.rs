//! Breaker and limiter where threads meet: no token and no permit is lost or doubled, and nobody in line
//! is forgotten.

use std::future::Future as _;
use std::task::{Context, Waker};
use std::time::Duration;

use loom::future::block_on;
use loom::thread;
use rotapool::{BreakerState, BreakerSwitch, CircuitBreaker, RateLimiter, Runtime as _, Trip};

use crate::clock::{Leaping, Still};
use crate::scene::explore;

const SECOND: Duration = Duration::from_secs(1);

/// One token, which comes back only by a refund.
fn one_token() -> RateLimiter {
    RateLimiter::builder(1, SECOND).runtime(Still::new()).build().unwrap()
}

fn assert_one_token(limiter: &RateLimiter) {
    let stats = limiter.stats();
    assert_eq!((stats.waiting, stats.available), (0, 1.0));
}

#[test]
fn a_token_goes_from_hand_to_hand_and_everybody_has_it_once() {
    explore(|| {
        let limiter = one_token();
        let take = |limiter: &RateLimiter| {
            block_on(limiter.acquire()).unwrap();
            limiter.refund(1);
        };
        let others =
            [limiter.clone(), limiter.clone()].map(|limiter| thread::spawn(move || take(&limiter)));
        take(&limiter);
        for other in others {
            other.join().unwrap();
        }
        assert_one_token(&limiter);
        assert_eq!(limiter.stats().acquired, 3);
    });
}

#[test]
fn who_gives_up_while_its_token_comes_leaves_it_to_the_next() {
    explore(|| {
        let limiter = one_token();
        limiter.try_acquire().unwrap();
        let next = {
            let limiter = limiter.clone();
            thread::spawn(move || block_on(limiter.acquire()).unwrap())
        };
        let gives_back = {
            let limiter = limiter.clone();
            thread::spawn(move || limiter.refund(1))
        };
        let mut gives_up = Box::pin(limiter.acquire());
        let served = gives_up.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        drop(gives_up);
        if served {
            limiter.refund(1);
        }
        gives_back.join().unwrap();
        next.join().unwrap();
        limiter.refund(1);
        assert_one_token(&limiter);
    });
}

#[test]
fn a_newcomer_who_will_not_wait_takes_no_token_of_who_does() {
    explore(|| {
        let limiter = one_token();
        let waits = {
            let limiter = limiter.clone();
            thread::spawn(move || {
                block_on(limiter.acquire()).unwrap();
                limiter.refund(1);
            })
        };
        if limiter.try_acquire().is_ok() {
            limiter.refund(1);
        }
        waits.join().unwrap();
        assert_one_token(&limiter);
    });
}

/// A breaker whose open time has just ended.
fn half_open() -> CircuitBreaker {
    let clock = Leaping::new();
    let trip = Trip::after_failures(1).open_for(SECOND);
    let breaker = CircuitBreaker::builder(trip).runtime(clock.clone()).build().unwrap();
    breaker.try_acquire().unwrap().fail("down");
    block_on(clock.sleep_until(clock.now() + SECOND));
    breaker
}

#[test]
fn one_permit_is_never_two_and_comes_back_when_it_is_dropped() {
    explore(|| {
        let breaker = half_open();
        let other = {
            let breaker = breaker.clone();
            thread::spawn(move || drop(breaker.try_acquire()))
        };
        if let Ok(mine) = breaker.try_acquire() {
            assert!(breaker.try_acquire().is_err(), "the permit is mine");
            drop(mine);
        }
        other.join().unwrap();
        breaker.try_acquire().expect("the permit is back").succeed();
        assert_eq!(breaker.state(), BreakerState::Closed);
        let stats = breaker.stats();
        assert_eq!(stats.calls, stats.successes + stats.failures + stats.ignored + stats.rejected);
    });
}

#[test]
fn a_late_result_and_a_trial_that_ends_at_once_leave_it_to_the_trial() {
    explore(|| {
        let breaker = half_open();
        breaker.reset();
        let late = breaker.try_acquire().unwrap();
        breaker.reset();
        let other = thread::spawn(move || late.fail("late"));
        breaker.try_acquire().unwrap().succeed();
        other.join().unwrap();
        assert_eq!(breaker.state(), BreakerState::Closed);
        assert_eq!((breaker.stats().failures, breaker.stats().failures_in_a_row), (2, 0));
    });
}

#[test]
fn of_two_who_throw_a_switch_one_comes_last_for_all() {
    explore(|| {
        let switch = BreakerSwitch::new();
        let held = || {
            let builder = CircuitBreaker::builder(Trip::default()).runtime(Still::new());
            builder.switch(&switch).build().unwrap()
        };
        let breakers = [held(), held()];
        let other = {
            let switch = switch.clone();
            thread::spawn(move || switch.isolate())
        };
        switch.force_close();
        other.join().unwrap();
        assert_eq!(breakers[0].mode(), breakers[1].mode());
    });
}
