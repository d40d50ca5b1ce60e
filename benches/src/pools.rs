//! The pools of rotapool that are measured.

use std::convert::Infallible;
use std::hint::black_box;
use std::time::Duration;

use rotapool::{Builder, Fault, Pool, Quota, Resource, Strategy, Trip};

use crate::now;

/// Every strategy by the name that it has in the tables and on the command line.
pub const STRATEGIES: &[(&str, Strategy)] = &[
    ("least_in_flight", Strategy::LeastInFlight),
    ("round_robin", Strategy::RoundRobin),
    ("primary_backup", Strategy::PrimaryBackup),
    ("priority", Strategy::Priority),
    ("weighted", Strategy::Weighted),
    ("sticky", Strategy::Sticky),
    ("random", Strategy::Random),
    ("least_latency", Strategy::LeastLatency),
    ("least_errors", Strategy::LeastErrors),
    ("affinity", Strategy::Affinity),
];

/// How long what is cooling down stays away: longer than any measurement.
pub const COOLDOWN: Duration = Duration::from_secs(3600);

/// A pool of healthy resources without caps, of weights from 1 to 5 and of three priorities.
///
/// # Panics
///
/// Without resources.
#[must_use]
pub fn healthy(strategy: Strategy, resources: usize) -> Pool<usize> {
    Pool::builder()
        .resources((0..resources).map(|n| {
            let (weight, priority) = ([1.0, 2.0, 3.0, 4.0, 5.0][n % 5], [0, 1, 2][n % 3]);
            Resource::new(format!("key-{n}"), n).weight(weight).priority(priority)
        }))
        .strategy(strategy)
        .retry_delay(Duration::ZERO)
        .seed(1)
        .build()
        .expect("the resources are some and distinct")
}

/// A pool of the default strategy of which every resource has two quotas, which no measurement uses up.
///
/// # Panics
///
/// Without resources.
#[must_use]
pub fn metered(resources: usize) -> Pool<usize> {
    with_quotas(resources).build().expect("the resources are some and distinct")
}

/// The same with a circuit breaker too.
///
/// # Panics
///
/// Without resources.
#[must_use]
pub fn protected(resources: usize) -> Pool<usize> {
    let pool = with_quotas(resources).circuit_breaker(Trip::after_failures(5));
    pool.build().expect("the resources are some and distinct")
}

fn with_quotas(resources: usize) -> Builder<usize> {
    Pool::builder()
        .resources((0..resources).map(|n| {
            Resource::new(format!("key-{n}"), n)
                .quota(Quota::per_second(1_000_000_000))
                .quota(Quota::per_second(1_000_000_000).of("tokens"))
        }))
        .retry_delay(Duration::ZERO)
        .seed(1)
}

/// A pool of the default strategy, 90 % of it cooling down for an hour.
///
/// # Panics
///
/// Without resources.
#[must_use]
pub fn cooling(resources: usize) -> Pool<usize> {
    let pool = healthy(Strategy::default(), resources);
    // One a run, which another resource serves: a run that goes on and on lets others have their turn, and is not ready at once.
    // By a request: what `run_ready` measures is to stay the only run of its kind in its program.
    for _ in 0..resources / 10 * 9 {
        let run = pool.request().run(|resource| async move {
            match resource.attempt() {
                1 => Err(Fault::<Infallible>::cooldown_for(COOLDOWN, "429 from upstream")),
                _ => Ok(*resource),
            }
        });
        now(run).expect("a tenth of the pool is healthy");
    }
    assert_eq!(pool.stats().cooling_down, resources / 10 * 9);
    pool
}

/// One run of an operation that is ready at once: what the pool itself costs.
///
/// # Panics
///
/// When no resource is eligible.
pub fn run_ready(pool: &Pool<usize>) -> usize {
    let run = pool.run(|resource| async move { Ok::<_, Fault<Infallible>>(*resource) });
    black_box(now(run)).expect("some resource is eligible")
}

/// The same with an affinity key.
///
/// # Panics
///
/// When no resource is eligible.
pub fn run_keyed(pool: &Pool<usize>, key: u64) -> usize {
    let request = pool.request().affinity(key.to_le_bytes());
    let run = request.run(|resource| async move { Ok::<_, Fault<Infallible>>(*resource) });
    black_box(now(run)).expect("some resource is eligible")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pool_that_is_measured_serves_a_run_at_once() {
        for (_, strategy) in STRATEGIES {
            run_ready(&healthy(*strategy, 100));
            run_keyed(&healthy(*strategy, 100), 7);
        }
        for pool in [metered(100), protected(100), cooling(100)] {
            run_ready(&pool);
        }
    }
}
