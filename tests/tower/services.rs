//! Pools whose resources are services.

use std::convert::Infallible;
use std::future::{Ready, ready};
use std::task::{Context, Poll};

use rotapool::testing::VirtualTime;
use rotapool::{Meaning, Pool, PoolLayer, Resource, Signal};
use tower::buffer::Buffer;
use tower::{BoxError, Layer as _, Service, ServiceBuilder, ServiceExt as _, service_fn};

use crate::scene::{secs, virtually};

/// A service as strict as they may be: only who was polled ready may be called, and a clone was not. Ready on the second
/// poll.
#[derive(Debug, Default)]
struct Strict {
    answer: u16,
    polls: u32,
}

impl Strict {
    fn new(answer: u16) -> Self {
        Self { answer, polls: 0 }
    }
}

impl Clone for Strict {
    fn clone(&self) -> Self {
        Self::new(self.answer)
    }
}

impl Service<&'static str> for Strict {
    type Response = u16;
    type Error = String;
    type Future = Ready<Result<u16, String>>;

    fn poll_ready(&mut self, task: &mut Context<'_>) -> Poll<Result<(), String>> {
        self.polls += 1;
        match (self.answer, self.polls) {
            (0, _) => Poll::Ready(Err("broken for good".to_owned())),
            (_, 1) => {
                task.waker().wake_by_ref();
                Poll::Pending
            }
            _ => Poll::Ready(Ok(())),
        }
    }

    fn call(&mut self, _: &'static str) -> Self::Future {
        assert!(self.polls > 1, "called before it was ready");
        ready(Ok(self.answer))
    }
}

fn judge(result: &Result<u16, String>) -> Meaning {
    match result {
        Ok(429) => Signal::cooldown("429").into(),
        Ok(..=499) => Meaning::Fine,
        Ok(status) => Signal::retry(status.to_string()).into(),
        Err(broken) => Signal::disable(broken.clone()).into(),
    }
}

fn pool(answers: &[u16]) -> Pool<Strict> {
    let named =
        answers.iter().map(|&answer| Resource::new(answer.to_string(), Strict::new(answer)));
    Pool::builder().resources(named).retry_delay(secs(0)).seed(1).build().unwrap()
}

#[test]
fn a_pooled_service_is_cloned_waited_for_and_called_and_its_answer_judged() {
    let pool = pool(&[0, 429, 503, 200]);
    let service = ServiceBuilder::new().layer(PoolLayer::new(judge)).service(pool.clone());
    assert_eq!(VirtualTime::new().block_on(service.oneshot("hello")).unwrap(), 200);
    let stats = pool.stats();
    assert_eq!((stats.attempts, stats.disabled, stats.cooling_down), (4, 1, 1));
}

#[test]
fn a_layer_that_is_applied_for_every_request_forgets_nothing() {
    let pool = pool(&[429, 200]);
    let layer = PoolLayer::new(judge);
    for _ in 0..5 {
        let service = layer.layer(pool.clone());
        assert_eq!(VirtualTime::new().block_on(service.oneshot("hello")).unwrap(), 200);
    }
    assert_eq!(pool.stats().cooldowns, 1);
}

#[test]
fn a_layer_takes_a_request_with_options_and_requests_that_are_no_clones() {
    struct Parcel(&'static str);
    let pool = pool(&[503, 200]);
    let layer = PoolLayer::remaking(|parcel: &Parcel| parcel.0, judge);
    let service = layer.layer(pool.request().max_attempts(1));
    let error = VirtualTime::new().block_on(service.oneshot(Parcel("hello"))).unwrap_err();
    assert!(error.is_exhausted());
    assert_eq!(pool.stats().attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn services_of_a_stack_of_their_own_are_pooled_with_their_limits() {
    let slow = service_fn(|_: &'static str| async {
        virtually(secs(5)).await;
        Ok::<_, Infallible>("too late")
    });
    let fast = service_fn(|_: &'static str| async { Ok::<_, Infallible>("in time") });
    // Each is of its own type until it is boxed, and a box is no clone until it is buffered.
    let slow = ServiceBuilder::new().timeout(secs(1)).service(slow).boxed();
    let fast = ServiceBuilder::new().timeout(secs(1)).service(fast).boxed();
    let pool = Pool::builder()
        .resource(Resource::new("slow", Buffer::new(slow, 8)))
        .resource(Resource::new("fast", Buffer::new(fast, 8)))
        .build()
        .unwrap();
    let judge = |result: &Result<&str, BoxError>| {
        result.as_ref().err().map(|error| Signal::retry(error.to_string()))
    };
    let service = PoolLayer::new(judge).layer(pool.clone());
    assert_eq!(service.oneshot("hello").await.unwrap(), "in time");
    assert_eq!(pool.stats().failures, 1);
}
