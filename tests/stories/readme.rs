//! What the README shows is what compiles, and works where people put it.

use std::convert::Infallible;
use std::io;

use rotapool::{Blame, Fault, Pool, Resource, Strategy, TokioRuntime};

use crate::scene::secs;

#[test]
fn its_examples_hide_nothing() {
    let mut is_rust = false;
    let mut examples = 0;
    for line in include_str!("../../README.md").lines() {
        if let Some(language) = line.strip_prefix("```") {
            is_rust = !is_rust && language.starts_with("rust");
            examples += usize::from(is_rust);
        }
        assert!(!is_rust || !(line == "#" || line.starts_with("# ")), "hidden: {line}");
    }
    assert!(examples >= 5, "the README is read");
}

/// A client that is owned, shared by reference, and fails as clients do.
struct Client(&'static str);

impl Client {
    async fn post(&self, key: &str) -> io::Result<u16> {
        tokio::task::yield_now().await;
        match key {
            key if key == self.0 => Err(io::ErrorKind::ConnectionRefused.into()),
            _ => Ok(200),
        }
    }
}

fn pool() -> Pool<&'static str> {
    Pool::builder()
        .resource(Resource::new("key-1", "sk-aaa"))
        .resource(Resource::new("key-2", "sk-bbb"))
        .retry_delay(secs(0))
        .runtime(TokioRuntime)
        .build()
        .unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn its_first_example_works_with_an_owned_client_and_in_a_spawned_task() {
    let (pool, client) = (pool(), Client("sk-aaa"));
    let reply = pool
        .run(async |key| {
            let status = client.post(*key).await.or_retry()?;
            match status {
                429 => Err(Fault::cooldown("429 from upstream")),
                200 => Ok("200".parse::<u16>().map_err(io::Error::other)?),
                _ => Err(io::Error::other("upstream"))?,
            }
        })
        .await;
    assert_eq!(reply.unwrap(), 200);

    let clone = pool.clone();
    let spawned = tokio::spawn(async move {
        clone.run(async |key| Ok::<_, Fault<Infallible>>(client.post(*key).await.or_retry()?)).await
    });
    assert_eq!(spawned.await.unwrap().unwrap(), 200);

    let run = pool
        .request()
        .run(|key| async move { Client("sk-aaa").post(*key).await.or_retry::<Infallible>() });
    assert_eq!(tokio::spawn(run).await.unwrap().unwrap(), 200);
    assert_eq!(pool.stats().runs_ok, 3);
}

#[test]
fn a_strategy_comes_from_a_configuration_file_by_its_name() {
    let strategy: Strategy = "least_latency".parse().unwrap();
    assert_eq!(strategy, Strategy::LeastLatency);
    assert_eq!(pool().stats().resources[0].health.grade.to_string(), "healthy");
}
