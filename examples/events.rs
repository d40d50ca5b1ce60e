//! A live log of an outage: three keys, two of which go out, and what the pool tells of it meanwhile.
//!
//! The log is a plain future beside the work: it reads the stream of events and prints each as a line. In
//! between, the pool explains which key it would pick.

use std::time::{Duration, Instant};

use rotapool::{Event, Events, Fault, Lease, Pool, Resource, RunError, TokioRuntime};
use tokio::task::yield_now;
use tokio::time::sleep;

type Reply = Result<&'static str, Fault<String>>;

/// An upstream that limits `key-1` at first, and has revoked `key-2`.
async fn call(key: Lease<&'static str>, since: tokio::time::Instant) -> Reply {
    let first = key.request_id() == Some("req-1");
    sleep(Duration::from_millis(if first { 20 } else { 30 })).await;
    match key.id() {
        "key-1" if since.elapsed() < Duration::from_millis(300) => {
            Err(Fault::cooldown_for(Duration::from_secs(1), "429 from upstream"))
        }
        "key-2" => Err(Fault::disable("401: key revoked")),
        _ => Ok("hello"),
    }
}

async fn log(mut events: Events, start: Instant) {
    let mut runs = 0;
    while let Some(event) = events.next().await {
        let mark = match event {
            Event::PoolExhausted { .. } => '!',
            Event::StateChanged { .. } | Event::PoolRecovered { .. } => '*',
            Event::ResourceAdded { .. } | Event::ResourceRemoved { .. } => '*',
            _ => ' ',
        };
        println!("{:>7.3} s {mark} {event}", event.at().duration_since(start).as_secs_f64());
        runs += usize::from(matches!(event, Event::RunEnded { .. }));
    }
    println!("\nThe pool is gone, and so the log ends: {runs} runs.");
}

async fn work(pool: Pool<&'static str>) {
    let since = tokio::time::Instant::now();
    let ask = |request: &'static str| {
        let request = pool.request().request_id(request);
        request.run(|key| call(key, since))
    };
    // Four at once on three keys: what the first signals aborts the fourth, on the same key.
    let served = tokio::join!(ask("req-1"), ask("req-2"), ask("req-3"), ask("req-4"));
    assert_eq!(served, (Ok("hello"), Ok("hello"), Ok("hello"), Ok("hello")));
    yield_now().await;
    println!("\n{}\n", pool.explain());

    pool.disable("key-3").expect("it is in the pool");
    let refused = ask("req-5").await;
    yield_now().await;
    if let Err(RunError::Exhausted(exhausted)) = refused {
        println!("\n{}\n", exhausted.table());
    }

    sleep(Duration::from_secs(1)).await;
    assert_eq!(ask("req-6").await, Ok("hello"));
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), rotapool::BuildError> {
    let pool = Pool::builder()
        .resources(["key-1", "key-2", "key-3"].map(|id| Resource::new(id, id)))
        .runtime(TokioRuntime)
        .build()?;
    let (events, start) = (pool.events(), pool.now());
    tokio::join!(work(pool), log(events, start));
    Ok(())
}
