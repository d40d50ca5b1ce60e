//! What stands alone: a limiter and a breaker, each beside a crate that does nothing else.

use std::convert::Infallible;
use std::future::ready;
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use failsafe::futures::CircuitBreaker as _;
use governor::Quota;
use rotapool::{CircuitBreaker, RateLimiter, Trip, Window};
use rotapool_benches::now;
use rotapool_benches::table::Case;

use crate::suite::Suite;

pub(crate) fn measure(suite: &mut Suite) {
    limiters(suite);
    breakers(suite);
}

/// Beyond reach, so that it is never waited for.
const RATE: u32 = 1_000_000_000;

fn limiters(suite: &mut Suite) {
    let quota = Quota::per_second(NonZeroU32::new(RATE).expect("it is not zero"));
    let governor = governor::RateLimiter::direct(quota);
    suite.case(Case::new("protect", "governor_check"), |b| {
        b.iter(|| governor.check().expect("the quota is beyond reach"));
    });

    let limiter = RateLimiter::new(RATE, Duration::from_secs(1)).expect("it is a rate");
    let case = Case::new("protect", "limiter_try_acquire");
    suite.case(case.against("protect/governor_check"), |b| {
        b.iter(|| limiter.try_acquire().expect("the rate is beyond reach"));
    });
    let case = Case::new("protect", "limiter_acquire");
    suite.case(case.against("protect/governor_check"), |b| {
        b.iter(|| now(limiter.acquire()).expect("the rate is beyond reach"));
    });
}

fn breakers(suite: &mut Suite) {
    let failsafe = failsafe::Config::new().build();
    suite.case(Case::new("protect", "failsafe_call"), |b| {
        b.iter(|| now(failsafe.call(ready(Ok::<_, Infallible>(black_box(1))))).is_ok());
    });

    let rate = Trip::after_failures(5).or_failure_rate(50);
    let rules = [
        ("breaker_call", Trip::after_failures(5)),
        ("breaker_call_rate_by_time", rate.clone()),
        ("breaker_call_rate_by_calls", rate.window(Window::Calls(100))),
    ];
    for (row, trip) in rules {
        let breaker = CircuitBreaker::new(trip).expect("the rules make sense");
        suite.case(Case::new("protect", row).against("protect/failsafe_call"), |b| {
            b.iter(|| now(breaker.call(|| ready(Ok::<_, Infallible>(black_box(1))))).is_ok());
        });
    }
}
