//! The pools that are measured by the same cases.

use std::convert::Infallible;
use std::future::Future;
use std::hint::black_box;

use rotapool::{Fault, Pool, Strategy};
use rotapool_benches::naive::{self, Failure};
use rotapool_benches::{now, pools};
use tokio::task::yield_now;

pub(crate) trait Subject: Clone + Send + Sync + 'static {
    /// A pool of so many healthy resources.
    fn of(resources: usize) -> Self;
    /// One run of an operation that is ready at once.
    fn ready(&self) -> usize;
    /// One run of an operation that yields once.
    fn yielding(&self) -> impl Future<Output = usize> + Send;
}

#[derive(Clone)]
pub(crate) struct Rotapool(Pool<usize>);

impl Subject for Rotapool {
    fn of(resources: usize) -> Self {
        Self(pools::healthy(Strategy::default(), resources))
    }

    fn ready(&self) -> usize {
        pools::run_ready(&self.0)
    }

    async fn yielding(&self) -> usize {
        let run = self.0.run(|resource| async move {
            yield_now().await;
            Ok::<_, Fault<Infallible>>(*resource)
        });
        run.await.expect("some resource is eligible")
    }
}

#[derive(Clone)]
pub(crate) struct Naive(naive::Pool<usize>);

impl Naive {
    /// A pool, 90 % of it cooling down.
    pub(crate) fn cooling(resources: usize) -> Self {
        let Self(pool) = Self::of(resources);
        let mut left = resources / 10 * 9;
        let patient = pool.max_attempts(resources);
        let run = patient.run(|resource| {
            let served = match left.checked_sub(1) {
                Some(rest) => {
                    left = rest;
                    Err(Failure::<Infallible>::Cooldown(pools::COOLDOWN))
                }
                None => Ok(*resource),
            };
            async move { served }
        });
        now(run).expect("a tenth of the pool is healthy");
        assert_eq!(left, 0);
        Self(pool)
    }
}

impl Subject for Naive {
    fn of(resources: usize) -> Self {
        Self(naive::Pool::new(0..resources))
    }

    fn ready(&self) -> usize {
        let run = self.0.run(|resource| async move { Ok::<_, Failure<Infallible>>(*resource) });
        black_box(now(run)).expect("some resource is healthy")
    }

    async fn yielding(&self) -> usize {
        let run = self.0.run(|resource| async move {
            yield_now().await;
            Ok::<_, Failure<Infallible>>(*resource)
        });
        run.await.expect("some resource is healthy")
    }
}
