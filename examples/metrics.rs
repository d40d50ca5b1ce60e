//! What Prometheus sees of a pool after some traffic: `cargo run --example metrics`.

use std::io;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::{Fault, Lease, Pool, PoolCollector, Resource, TokioRuntime};

/// An upstream that limits the first key at every third call, and has revoked the second.
async fn call(calls: &AtomicU32, key: Lease<&str>) -> Result<(), Fault<io::Error>> {
    let call = calls.fetch_add(1, Ordering::Relaxed);
    match *key {
        "sk-aaa" if call % 3 == 2 => {
            Err(Fault::cooldown_for(Duration::from_secs(7), "429 from upstream"))
        }
        "sk-bbb" => Err(Fault::disable("key revoked")),
        _ => Ok(()),
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let pool = Pool::builder()
        .name("keys")
        .resource(Resource::new("key-1", "sk-aaa").max_in_flight(4))
        .resource(Resource::new("key-2", "sk-bbb"))
        .resource(Resource::new("key-3", "sk-ccc"))
        .runtime(TokioRuntime)
        .build()?;

    // Once, where the program starts. More pools go into the same collector.
    let collector = PoolCollector::new();
    collector.add(&pool)?;
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));

    let calls = AtomicU32::new(0);
    for _ in 0..20 {
        pool.run(|key| call(&calls, key)).await?;
    }

    // At every request of `/metrics`. The content type is
    // `application/openmetrics-text; version=1.0.0; charset=utf-8`.
    let mut page = String::new();
    encode(&mut page, &registry)?;
    print!("{page}");

    assert!(page.contains("rotapool_runs_total{pool=\"keys\",outcome=\"ok\"} 20\n"));
    assert!(page.contains("rotapool_resources{pool=\"keys\",status=\"disabled\"} 1\n"));
    Ok(())
}
