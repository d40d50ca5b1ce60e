//! Under and around what tower itself has.

use std::convert::Infallible;
use std::future::Ready;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use futures::future::join_all;
use rotapool::{Fault, Lease, Pool, PoolLayer, PoolService, Resource, RunError, Signal};
use tower::balance::p2c::Balance;
use tower::buffer::Buffer;
use tower::discover::ServiceList;
use tower::load::{CompleteOnResponse, PendingRequests};
use tower::retry::Policy;
use tower::timeout::error::Elapsed;
use tower::{BoxError, Layer as _, Service, ServiceBuilder, ServiceExt as _};

use crate::scene::{ask, in_flight, pool, secs, waiting};

#[tokio::test(start_paused = true)]
async fn a_buffer_around_it_holds_nobody_up() {
    let pool = pool(&["a", "b"]);
    let service = Buffer::new(waiting(&pool), 1);
    let all = (0..6).map(|_| service.clone().oneshot("hello"));
    let began = tokio::time::Instant::now();
    let all = join_all(all).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(began.elapsed(), secs(3), "two at a time, six of a second each");
}

#[tokio::test(start_paused = true)]
async fn a_time_out_around_it_ends_the_run_and_blames_nobody() {
    let pool = pool(&["a"]);
    let slow =
        |_: Lease<&'static str>, (): ()| std::future::pending::<Result<(), Fault<io::Error>>>();
    let service = ServiceBuilder::new().timeout(secs(2)).service(PoolService::new(&pool, slow));
    let error = service.oneshot(()).await.unwrap_err();
    assert!(error.is::<Elapsed>(), "{error}");
    assert_eq!((in_flight(&pool), pool.stats().runs_cancelled, pool.stats().healthy), (0, 1, 1));
}

#[tokio::test(start_paused = true)]
async fn a_limit_around_it_lets_its_number_in() {
    let pool = pool(&["a", "b", "c"]);
    let service = ServiceBuilder::new().concurrency_limit(1).service(waiting(&pool));
    let began = tokio::time::Instant::now();
    join_all((0..3).map(|_| service.clone().oneshot("hello"))).await;
    assert_eq!(began.elapsed(), secs(3));
}

#[tokio::test(start_paused = true)]
async fn its_errors_go_through_layers_that_box_them() {
    let pool = pool(&["bad"]);
    let service = Buffer::new(PoolService::new(&pool, ask), 1);
    let error = service.oneshot("hello").await.unwrap_err();
    let error = error.downcast_ref::<RunError<Infallible>>().unwrap();
    assert!(error.is_exhausted());
}

#[tokio::test(start_paused = true)]
async fn an_error_that_is_boxed_already_is_taken_out_first() {
    let pool = pool(&["a"]);
    let fail =
        |_: Lease<&'static str>, (): ()| async { Err::<(), _>(Fault::from(BoxError::from("no"))) };
    let service = PoolService::new(&pool, fail).map_err(RunError::flatten);
    let error = Buffer::new(service, 1).oneshot(()).await.unwrap_err();
    assert_eq!(error.to_string(), "no");
}

#[tokio::test(start_paused = true)]
async fn two_pools_are_balanced() {
    let (one, other) = (pool(&["a"]), pool(&["b"]));
    let services = [waiting(&one), waiting(&other)]
        .map(|service| PendingRequests::new(service, CompleteOnResponse::default()));
    let mut balance = Balance::new(ServiceList::new::<&'static str>(services));
    let mut responses = Vec::new();
    for _ in 0..4 {
        responses.push(balance.ready().await.unwrap().call("hello"));
    }
    assert!(join_all(responses).await.iter().all(Result::is_ok));
    assert_eq!(one.stats().attempts + other.stats().attempts, 4);
    assert!(one.stats().attempts > 0 && other.stats().attempts > 0, "by the requests under way");
}

#[tokio::test(start_paused = true)]
async fn a_balanced_set_is_pooled() {
    let pools = [pool(&["a"]), pool(&["b"])];
    let services = pools
        .each_ref()
        .map(|pool| PendingRequests::new(waiting(pool), CompleteOnResponse::default()));
    let balance = Balance::new(ServiceList::new::<&'static str>(services));
    let set =
        Pool::builder().resource(Resource::new("set", Buffer::new(balance, 4))).build().unwrap();
    let judge = |result: &Result<String, BoxError>| {
        result.as_ref().err().map(|error| Signal::retry(error.to_string()))
    };
    let service = PoolLayer::new(judge).layer(set.clone());
    let served = join_all((0..4).map(|_| service.clone().oneshot("hello"))).await;
    assert!(served.iter().all(Result::is_ok), "{served:?}");
    assert_eq!(
        (set.stats().successes, pools[0].stats().attempts + pools[1].stats().attempts),
        (4, 4)
    );
}

/// Sends what was not served once more.
#[derive(Clone)]
struct Once(Arc<AtomicU32>);

impl<R, E> Policy<&'static str, R, RunError<E>> for Once {
    type Future = Ready<()>;

    fn retry(
        &mut self,
        _: &mut &'static str,
        result: &mut Result<R, RunError<E>>,
    ) -> Option<Ready<()>> {
        let again = result.is_err() && self.0.fetch_add(1, Ordering::Relaxed) == 0;
        again.then(|| std::future::ready(()))
    }

    fn clone_request(&mut self, request: &&'static str) -> Option<&'static str> {
        Some(request)
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_around_it_makes_another_run() {
    let pool = pool(&["bad"]);
    let retries = Arc::new(AtomicU32::new(0));
    let service = ServiceBuilder::new()
        .retry(Once(Arc::clone(&retries)))
        .service(PoolService::new(&pool, ask));
    assert!(service.oneshot("hello").await.unwrap_err().is_exhausted());
    assert_eq!((pool.stats().runs_exhausted, retries.load(Ordering::Relaxed)), (2, 2));
}
