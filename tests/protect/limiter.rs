//! A rate limiter as its users meet it.

use std::time::Duration;

use rotapool::{RateLimited, RateLimiter};

use crate::scene::{Line, millis, secs};

fn not_yet(retry_after: Duration) -> Result<(), RateLimited> {
    Err(RateLimited::NotYet { retry_after })
}

#[test]
fn a_full_bucket_serves_its_burst_at_once_and_then_one_at_a_time() {
    let line = Line::of(10.0);
    let served = (0..20).filter(|_| line.limiter.try_acquire().is_ok()).count();
    assert_eq!(served, 10);
    assert_eq!(line.limiter.try_acquire(), not_yet(millis(100)));
    line.pass(millis(99));
    assert_eq!(line.limiter.try_acquire(), not_yet(millis(1)));
    line.pass(millis(1));
    assert_eq!(line.limiter.try_acquire(), Ok(()));
}

#[test]
fn a_rate_below_one_a_period_works() {
    let line = Line::of(0.5);
    assert_eq!(line.limiter.try_acquire(), Ok(()));
    let waits = line.comes("a", 1);
    line.pass(millis(1_999));
    assert!(!waits.is_finished());
    line.pass(millis(1));
    assert_eq!(waits.take_result(), Some(Ok(())));
}

#[test]
fn more_than_the_capacity_is_refused_on_arrival_and_for_ever() {
    let line = Line::with(10.0, |builder| builder.burst(3));
    let refused = line.comes("a", 4).take_result().unwrap().unwrap_err();
    assert_eq!(refused.retry_after(), None);
    assert_eq!(
        refused.to_string(),
        "4 tokens are more than there can be at once, which is 3; take fewer, or raise the burst"
    );
    assert_eq!(line.limiter.time_until(4), None);
    line.assert_at_rest();
}

#[test]
fn what_is_there_is_taken_at_once_however_short_the_deadline() {
    let line = Line::of(1.0);
    let acquire = line.limiter.acquire().timeout(Duration::ZERO);
    // Every real clock moves on before the first poll.
    line.pass(Duration::from_nanos(1));
    assert_eq!(acquire.blocking(), Ok(()));
    let late = line.limiter.acquire().timeout(Duration::ZERO);
    line.pass(millis(1));
    assert!(late.blocking().is_err(), "nothing is there, and it does not wait");
}

#[test]
fn who_cannot_be_served_by_the_deadline_is_refused_on_arrival_and_told_when() {
    let line = Line::drained(1.0);
    let ahead = line.comes("ahead", 1);
    let late = line.comes_until("late", 1, Some(millis(1_999)));
    assert_eq!(late.take_result(), Some(not_yet(secs(2))), "no time is lost");
    let just = line.comes_until("just", 1, Some(secs(2)));
    line.pass(secs(2));
    assert_eq!((ahead.take_result(), just.take_result()), (Some(Ok(())), Some(Ok(()))));
}

#[test]
fn a_timeout_of_zero_takes_what_is_there_at_once() {
    let line = Line::of(1.0);
    assert_eq!(line.comes_until("a", 1, Some(Duration::ZERO)).take_result(), Some(Ok(())));
    let refused = line.comes_until("b", 1, Some(Duration::ZERO)).take_result();
    assert_eq!(refused, Some(not_yet(secs(1))));
}

#[test]
fn nothing_is_there_for_whoever_wants_it() {
    let line = Line::drained(1.0);
    let _waits = line.comes("first", 1);
    line.limiter.spend(5);
    assert_eq!(line.comes("nothing", 0).take_result(), Some(Ok(())));
    assert_eq!(line.limiter.try_acquire_many(0), Ok(()));
    assert_eq!(line.limiter.time_until(0), Some(Duration::ZERO));
}

#[test]
fn what_was_not_used_goes_back_and_serves_who_waits() {
    let line = Line::drained(2.0);
    let waits = line.comes("a", 2);
    line.limiter.refund(2);
    line.pass(Duration::ZERO);
    assert_eq!(waits.take_result(), Some(Ok(())));
    line.limiter.refund(99);
    assert_eq!(line.limiter.available(), 2.0, "no more than it holds");
    line.assert_at_rest();
}

#[test]
fn a_debt_grows_back_first() {
    let line = Line::of(10.0);
    line.limiter.spend(25);
    assert_eq!(line.limiter.available(), -15.0);
    assert_eq!(line.limiter.time_until(1), Some(millis(1_600)));
    line.pass(millis(1_600));
    assert_eq!(line.limiter.try_acquire(), Ok(()));
    assert_eq!(line.limiter.available(), 0.0);
}

#[test]
fn a_debt_refuses_who_waits_and_cannot_be_in_time_any_more_and_nobody_else() {
    let line = Line::drained(1.0);
    let patient = line.comes("patient", 1);
    let hasty = line.comes_until("hasty", 1, Some(secs(2)));
    let just = line.comes_until("just", 1, Some(secs(5)));
    line.limiter.spend(3);
    line.pass(Duration::ZERO);
    let refused = hasty.take_result().unwrap().unwrap_err();
    assert_eq!(refused.retry_after(), Some(secs(6)), "behind the others");
    line.pass(secs(4));
    assert_eq!(patient.take_result(), Some(Ok(())));
    line.pass(secs(1));
    assert_eq!(just.take_result(), Some(Ok(())));
    line.assert_at_rest();
}

#[test]
fn at_another_rate_the_level_stays_and_who_waits_is_served_by_it() {
    let line = Line::drained(1.0);
    let waits = line.comes("a", 1);
    line.pass(millis(500));
    line.limiter.set_rate(10.0, secs(1)).unwrap();
    assert_eq!(line.limiter.available(), 0.5);
    line.pass(millis(50));
    assert_eq!(waits.take_result(), Some(Ok(())));
    line.assert_at_rest();
}

#[test]
fn who_wants_more_than_the_bucket_holds_at_another_rate_is_refused_then() {
    let line = Line::drained(10.0);
    let waits = line.comes("a", 8);
    let behind = line.comes("b", 1);
    line.limiter.set_rate(5.0, secs(1)).unwrap();
    line.pass(Duration::ZERO);
    let refused = waits.take_result().unwrap().unwrap_err();
    assert_eq!(refused.retry_after(), None);
    line.pass(millis(200));
    assert_eq!(behind.take_result(), Some(Ok(())));
}

#[test]
fn a_rate_that_makes_no_sense_changes_nothing() {
    let line = Line::of(10.0);
    assert!(line.limiter.set_rate(f64::NAN, secs(1)).is_err());
    assert!(line.limiter.set_rate(1.0, Duration::ZERO).is_err());
    assert_eq!(line.limiter.available(), 10.0);
}

#[test]
fn what_the_upstream_says_beats_what_was_counted() {
    let line = Line::of(60.0);
    line.limiter.correct(1, secs(30));
    assert_eq!(line.limiter.try_acquire(), Ok(()));
    assert_eq!(line.limiter.time_until(1), Some(secs(30)), "spent until a known instant");
    let waits = line.comes("a", 1);
    line.pass(secs(29));
    assert!(!waits.is_finished());
    line.pass(secs(1));
    assert_eq!(waits.take_result(), Some(Ok(())));
    assert_eq!(line.limiter.available(), 59.0, "and then it is full");
}

#[test]
fn a_reset_of_zero_says_nothing_of_when() {
    let line = Line::of(60.0);
    line.limiter.correct(0, Duration::ZERO);
    line.pass(millis(500));
    assert_eq!(line.limiter.available(), 30.0);
}

#[test]
fn a_reset_fills_the_bucket_and_serves_who_waits() {
    let line = Line::drained(2.0);
    line.limiter.spend(100);
    let waits = line.comes("a", 1);
    line.limiter.reset();
    line.pass(Duration::ZERO);
    assert_eq!(waits.take_result(), Some(Ok(())));
    assert_eq!(line.limiter.available(), 1.0);
}

#[test]
fn a_wrapped_operation_waits_for_a_token_with_every_call() {
    let line = Line::of(1.0);
    let clock = line.clock.clone();
    let stamp = line.limiter.wrap(|name: &'static str| {
        let at = clock.elapsed();
        async move { (name, at) }
    });
    assert_eq!(line.time.block_on(stamp.call("a")), ("a", secs(0)));
    assert_eq!(line.time.block_on(stamp.call("b")), ("b", secs(1)));
    assert_eq!(line.time.block_on(stamp.call("c")), ("c", secs(2)));
}

#[test]
fn its_figures_tell_who_was_served_who_refused_and_how_long_they_waited() {
    let line = Line::drained(1.0);
    let _first = line.comes("a", 1);
    let _second = line.comes("b", 1);
    let _ = line.limiter.try_acquire();
    assert_eq!(line.limiter.stats().waiting, 2);
    line.pass(secs(2));
    let stats = line.limiter.stats();
    assert_eq!((stats.acquired, stats.refused, stats.waiting), (3, 1, 0));
    assert_eq!(stats.waited, secs(3));
    assert_eq!(
        format!("{:?}", line.limiter),
        "RateLimiter { name: \"limiter\", stats: LimiterStats { acquired: 3, refused: 1, \
         waiting: 0, waited: 3s, available: 0.0 } }"
    );
}

#[test]
fn waiting_on_a_thread_needs_no_executor() {
    // The default runtime: real time, but little of it.
    let limiter = RateLimiter::builder(1_000.0, secs(1)).burst(1).build().unwrap();
    for _ in 0..3 {
        limiter.acquire_blocking().unwrap();
    }
    assert_eq!(limiter.acquire_many(2).blocking().unwrap_err().retry_after(), None);
    let refused = limiter.acquire().timeout(Duration::ZERO).blocking();
    assert!(refused.is_err() || limiter.stats().acquired == 4);
}

#[test]
fn threads_that_wait_are_all_served() {
    let limiter = RateLimiter::builder(100_000.0, secs(1)).burst(1).build().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| (0..50).for_each(|_| limiter.acquire_blocking().unwrap()));
        }
    });
    let stats = limiter.stats();
    assert_eq!((stats.acquired, stats.waiting), (400, 0));
}
