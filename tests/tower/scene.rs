//! A pool on a paused clock, and what its service does.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use rotapool::{Fault, Lease, Pool, PoolService, Resource, RunError, Runtime as _, TokioRuntime};
use tower::Service;

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What the service answers, or how long it takes to.
pub(crate) type Reply = Result<String, Fault<Infallible>>;

/// A pool of these resources, each with one place and without pauses.
pub(crate) fn pool(ids: &[&'static str]) -> Pool<&'static str> {
    Pool::builder()
        .resources(ids.iter().map(|&id| Resource::new(id, id).max_in_flight(1)))
        .retry_delay(Duration::ZERO)
        .runtime(TokioRuntime)
        .seed(1)
        .build()
        .unwrap()
}

/// Lets time pass by tokio's paused clock.
pub(crate) async fn virtually(time: Duration) {
    let until = TokioRuntime.now() + time;
    TokioRuntime.sleep_until(until).await;
}

/// Answers with who served after a second; one called `bad` cools down at once.
pub(crate) async fn ask(at: Lease<&'static str>, what: &'static str) -> Reply {
    if at.id() == "bad" {
        return Err(Fault::cooldown("429"));
    }
    virtually(secs(1)).await;
    Ok(format!("{what} by {}", at.id()))
}

pub(crate) fn in_flight(pool: &Pool<&'static str>) -> u64 {
    pool.snapshot().iter().map(|row| u64::from(row.in_flight)).sum()
}

/// What comes of a run.
pub(crate) type Served = Result<String, RunError<Infallible>>;

/// A service that takes a second for each answer, and waits in line.
pub(crate) fn waiting(
    pool: &Pool<&'static str>,
) -> impl Service<
    &'static str,
    Response = String,
    Error = RunError<Infallible>,
    Future = impl Future<Output = Served> + Send + 'static,
> + Clone
+ Send
+ 'static {
    PoolService::new(pool.request().wait(true), ask)
}
