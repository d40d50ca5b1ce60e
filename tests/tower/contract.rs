//! What tower asks of a service, and the mistakes that others made with it.

use std::cell::Cell;
use std::pin::pin;
use std::rc::Rc;

use futures::FutureExt as _;
use rotapool::{
    ExhaustedReason, Fault, Lease, OptionsError, Pool, PoolService, Resource, RunError,
};
use tower::{Service, ServiceExt as _};

use crate::scene::{ask, in_flight, pool, secs, waiting};

#[tokio::test(start_paused = true)]
async fn ready_clones_that_nobody_calls_keep_nobody_out() {
    let pool = pool(&["a"]);
    let service = waiting(&pool);
    let mut idle: Vec<_> = (0..100).map(|_| service.clone()).collect();
    for clone in &mut idle {
        assert!(clone.ready().now_or_never().is_some(), "it is always ready");
    }
    assert_eq!(in_flight(&pool), 0);
    assert_eq!(service.oneshot("hello").await.unwrap(), "hello by a");
}

#[tokio::test(start_paused = true)]
async fn its_request_says_whom_it_asks() {
    let pool = pool(&["a", "b", "c"]);
    let best = |profile: &mut rotapool::Profile| {
        std::sync::Arc::make_mut(&mut profile.metadata).set("tier", "best");
    };
    pool.update("c", best).unwrap();
    let of_the_best = pool.request().only(|metadata| metadata.get("tier") == Some("best"));
    let mut service = PoolService::new(of_the_best, ask);
    assert_eq!(service.call("hello").await.unwrap(), "hello by c");
}

#[tokio::test(start_paused = true)]
async fn it_is_ready_while_every_place_is_taken_and_the_response_waits_in_line() {
    let pool = pool(&["a"]);
    let mut service = waiting(&pool);
    let first = tokio::spawn(service.call("first"));
    tokio::task::yield_now().await;
    assert_eq!(in_flight(&pool), 1);
    assert!(service.ready().now_or_never().is_some());
    let second = tokio::spawn(service.call("second"));
    assert_eq!(first.await.unwrap().unwrap(), "first by a");
    assert_eq!(second.await.unwrap().unwrap(), "second by a");
}

#[tokio::test(start_paused = true)]
async fn a_fresh_clone_may_be_called_without_being_asked() {
    let pool = pool(&["a"]);
    assert_eq!(waiting(&pool).clone().call("hello").await.unwrap(), "hello by a");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_was_never_polled_has_not_begun() {
    let pool = pool(&["a"]);
    let mut service = waiting(&pool);
    drop(service.call("nobody waits for this"));
    let (stats, row) = (pool.stats(), &pool.snapshot()[0]);
    assert_eq!((stats.attempts, stats.runs_cancelled, row.in_flight), (0, 0, 0));
    assert_eq!(service.call("hello").await.unwrap(), "hello by a");
}

#[tokio::test(start_paused = true)]
async fn a_response_that_is_dropped_gives_its_place_back_and_says_nothing_of_the_resource() {
    let pool = pool(&["a"]);
    let mut service = waiting(&pool);
    {
        let mut response = pin!(service.call("given up"));
        assert!(futures::poll!(&mut response).is_pending());
        assert_eq!(in_flight(&pool), 1);
    }
    assert_eq!((in_flight(&pool), pool.stats().runs_cancelled), (0, 1));
    assert_eq!(service.call("hello").await.unwrap(), "hello by a");
}

#[tokio::test(start_paused = true)]
async fn clones_share_what_the_pool_has_learnt() {
    let pool = pool(&["bad", "good"]);
    let service = waiting(&pool);
    for _ in 0..3 {
        assert_eq!(service.clone().oneshot("hello").await.unwrap(), "hello by good");
    }
    assert_eq!(pool.stats().cooldowns, 1);
}

#[tokio::test(start_paused = true)]
async fn a_run_that_the_pool_cannot_serve_says_why() {
    let pool = pool(&["bad"]);
    let error = PoolService::new(&pool, ask).oneshot("hello").await.unwrap_err();
    let exhausted = error.exhausted().expect("the pool was exhausted");
    assert_eq!(exhausted.reason, ExhaustedReason::NoEligibleResource);
    assert!(error.retry_after().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_time_out_counts_from_the_call_on() {
    let pool = pool(&["a"]);
    let mut service = PoolService::new(pool.request().timeout(secs(3)), ask);
    let late = service.call("late");
    tokio::time::advance(secs(5)).await;
    let error = late.await.unwrap_err();
    let reason = error.exhausted().map(|why| &why.reason);
    assert!(matches!(reason, Some(ExhaustedReason::Deadline { .. })), "{reason:?}");
    assert_eq!(service.call("in time").await.unwrap(), "in time by a");
}

#[tokio::test(start_paused = true)]
async fn options_that_make_no_sense_are_the_responses_error() {
    let pool = pool(&["a"]);
    let mut service = PoolService::new(pool.request().max_attempts(0), ask);
    let error = service.ready().await.unwrap().call("hello").await.unwrap_err();
    assert_eq!(error, RunError::Options(OptionsError::ZeroMaxAttempts));
    assert_eq!(pool.stats().attempts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_no_clone_is_made_anew_for_each_attempt() {
    struct Parcel(u32);
    let pool = pool(&["bad", "worse", "good"]);
    let remake = |parcel: &Parcel| Parcel(parcel.0 + 1);
    let deliver = |at: Lease<&'static str>, parcel: Parcel| async move {
        match at.id() {
            "good" => Ok::<_, Fault<String>>(parcel.0),
            id => Err(Fault::retry(id.to_owned())),
        }
    };
    let service = PoolService::remaking(&pool, remake, deliver);
    assert_eq!(service.oneshot(Parcel(41)).await.unwrap(), 42);
    assert_eq!(pool.stats().attempts, 3);
}

#[test]
fn work_that_is_not_send_is_served_and_nothing_need_be_static() {
    let calls = Rc::new(Cell::new(0));
    let text = String::from("borrowed");
    let pool = Pool::builder().resource(Resource::new("a", 1)).build().unwrap();
    let count = |at: Lease<i32>, what: &str| {
        let (calls, length) = (Rc::clone(&calls), what.len());
        async move {
            calls.set(calls.get() + *at);
            Ok::<_, Fault<String>>(length)
        }
    };
    let mut service = PoolService::new(&pool, count);
    assert_eq!(futures::executor::block_on(service.call(text.as_str())).unwrap(), 8);
    assert_eq!(calls.get(), 1);
}
