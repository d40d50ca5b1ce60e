//! What else there is to reach for, each doing the least that it is for.

use std::convert::Infallible;
use std::fmt::Debug;
use std::future::{poll_fn, ready};
use std::hint::black_box;
use std::num::NonZeroU32;
use std::time::Duration;

use backon::{ConstantBuilder, Retryable as _};
use failsafe::futures::CircuitBreaker as _;
use governor::{Quota, RateLimiter};
use rotapool_benches::now;
use rotapool_benches::table::Case;
use tokio::task::yield_now;
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, Load, PeakEwma, PendingRequests};
use tower::{Service, ServiceExt as _, service_fn};

use crate::contention::{RUNS_OF_A_TASK, TASKS, TASKS_SIZES, time_tasks, two_workers};
use crate::suite::Suite;

const CHECKOUT_SIZES: [usize; 2] = [3, 100];
const BALANCE_SIZES: [usize; 4] = [3, 100, 1_000, 10_000];

pub(crate) fn measure(suite: &mut Suite) {
    checkout(suite);
    balance(suite, "tower_p2c_pending_requests", |n| {
        let service = service_fn(move |()| ready(Ok::<_, Infallible>(n)));
        PendingRequests::new(service, CompleteOnResponse::default())
    });
    balance(suite, "tower_p2c_peak_ewma", |n| {
        let service = service_fn(move |()| ready(Ok::<_, Infallible>(n)));
        let (rtt, decay_ns) = (Duration::from_millis(1), 10e9);
        PeakEwma::new(service, rtt, decay_ns, CompleteOnResponse::default())
    });
    buffered_balance(suite);
    wrappers(suite);
}

/// Exclusive checkout: what is out is nobody else's.
fn checkout(suite: &mut Suite) {
    for size in CHECKOUT_SIZES {
        let pool = deadpool::unmanaged::Pool::from((0..size).collect::<Vec<usize>>());
        let case = Case::new("peers", "deadpool_unmanaged_get_and_drop").at(size);
        suite.case(case.against("run/least_in_flight"), |b| {
            b.iter(|| *now(pool.get()).expect("one is free"));
        });
    }
}

/// A balancer as one task owns it: by `&mut`, ready then call.
fn balance<S>(suite: &mut Suite, name: &str, endpoint: impl Fn(usize) -> S)
where
    S: Service<(), Response = usize, Error = Infallible> + Load,
    S::Metric: Debug,
{
    for size in BALANCE_SIZES {
        let mut balance = None;
        let case = Case::new("peers", name).at(size).against("run/least_in_flight");
        suite.case(case, |b| {
            let balance = balance.get_or_insert_with(|| {
                let mut balance = Balance::new(ServiceList::new((0..size).map(&endpoint)));
                now(poll_fn(|context| balance.poll_ready(context))).expect("it cannot fail");
                assert_eq!(balance.len(), size);
                balance
            });
            b.iter(|| {
                now(poll_fn(|context| balance.poll_ready(context))).expect("it cannot fail");
                now(balance.call(())).expect("it cannot fail")
            });
        });
    }
}

/// A balancer as many tasks share it: behind a channel to a task that owns it.
fn buffered_balance(suite: &mut Suite) {
    let runtime = two_workers();
    for size in TASKS_SIZES {
        let mut buffer = None;
        let case = Case::new("tasks", "tower_p2c_buffered").at(size).against("tasks/rotapool");
        suite.long_case(case.operations(TASKS * RUNS_OF_A_TASK), |b| {
            let buffer = buffer.get_or_insert_with(|| {
                let services = (0..size).map(|n| {
                    let service = service_fn(move |()| async move {
                        yield_now().await;
                        Ok::<_, Infallible>(n)
                    });
                    PendingRequests::new(service, CompleteOnResponse::default())
                });
                let _inside = runtime.enter();
                Buffer::new(Balance::new(ServiceList::new(services)), TASKS as usize)
            });
            b.iter_custom(|iterations| {
                time_tasks(&runtime, iterations, |runs| {
                    let mut buffer = buffer.clone();
                    async move {
                        for _ in 0..runs {
                            let service = buffer.ready().await.expect("its task is alive");
                            black_box(service.call(()).await.expect("it cannot fail"));
                        }
                    }
                })
            });
        });
    }
}

/// What stands around one resource and chooses nothing.
fn wrappers(suite: &mut Suite) {
    let base = "run/least_in_flight/3";

    let limiter = RateLimiter::direct(Quota::per_second(NonZeroU32::MAX));
    suite.case(Case::new("wrappers", "governor_check").against(base), |b| {
        b.iter(|| limiter.check().expect("the quota is beyond reach"));
    });

    let breaker = failsafe::Config::new().build();
    suite.case(Case::new("wrappers", "failsafe_call").against(base), |b| {
        b.iter(|| now(breaker.call(ready(Ok::<_, Infallible>(black_box(1))))).is_ok());
    });

    suite.case(Case::new("wrappers", "backon_retry").against(base), |b| {
        b.iter(|| {
            let operation = || ready(Ok::<_, Infallible>(black_box(1)));
            now(operation.retry(ConstantBuilder::default()).sleep(|_| ready(())))
        });
    });
}
