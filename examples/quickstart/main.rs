//! Four hundred requests, six keys of which none can be relied on, four ways to send them.
//!
//! `cargo run --example quickstart` needs no network and no set-up. The [`upstream`] is an HTTP
//! server on the loopback interface that limits every key to some requests a second, has revoked
//! one of them, and answers 503 now and then. The same [`load`] goes out through a rotapool, then
//! with one key and a retry loop, then with retries on keys picked at random, then on one key after
//! the other; the [`report`] compares.
//!
//! Here is how to read it: [`pool`] makes the pool, [`load`] runs requests through it, [`board`] and
//! [`report`] ask it how its keys are; the rest is scenery.

mod board;
mod client;
mod dice;
mod load;
mod report;
mod table;
mod upstream;

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use rotapool::{BuildError, Pool, Resource, TokioRuntime};

use crate::load::{CONCURRENCY, REQUESTS, Tally, Way};
use crate::report::Round;
use crate::upstream::{Key, Plan, Secret, Upstream};

const KEYS: [Key; 6] = [
    Key { id: "key-1", secret: "sk-5d1e", plan: per_second(60) },
    Key { id: "key-2", secret: "sk-a902", plan: per_second(60) },
    Key { id: "retired", secret: "sk-77b3", plan: Plan::Revoked },
    Key { id: "key-3", secret: "sk-c46f", plan: per_second(60) },
    Key { id: "trial", secret: "sk-08da", plan: per_second(10) },
    Key { id: "key-4", secret: "sk-e215", plan: per_second(60) },
];

const fn per_second(requests: u32) -> Plan {
    Plan::Limit { requests, seconds: 1 }
}

/// How long the upstream works on a request, at least.
const WORK: Duration = Duration::from_millis(20);

/// As in the README's first example: nothing is told but how long an attempt may take.
fn pool() -> Result<Pool<Secret>, BuildError> {
    Pool::builder()
        .resources(KEYS.iter().map(|key| Resource::new(key.id, key.secret)))
        .attempt_timeout(load::ATTEMPT)
        .runtime(TokioRuntime)
        .build()
}

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let pool = pool()?;
    let pooled = round("a pool of six keys", Way::Pool(pool.clone())).await?;
    let keys = report::keys(&pool, &pooled);
    let single = round("one key and retries", Way::OneKey(KEYS[0].secret)).await?;
    let random = round("random keys and retries", Way::RandomKeys).await?;
    let in_turn = round("keys in turn and retries", Way::KeysInTurn(Arc::default())).await?;

    println!("\nKey by key, as the pool counted and as the upstream answered\n{keys}");
    println!("Round by round\n{}", report::rounds(&[&pooled, &single, &random, &in_turn]));
    println!("{}", report::conclusion(&pooled, &[&single, &random, &in_turn]));
    match pooled.tally.first_failure.get() {
        None => Ok(ExitCode::SUCCESS),
        Some(failure) => {
            eprintln!("The pool should have served every request. The first failure: {failure}");
            Ok(ExitCode::FAILURE)
        }
    }
}

/// Sends the whole load one way, to an upstream of its own: no round inherits spent limits.
async fn round(name: &'static str, way: Way) -> Result<Round, Box<dyn Error>> {
    println!("\n{REQUESTS} requests, {CONCURRENCY} at a time, through {name}");
    let upstream = Upstream::start(&KEYS, WORK).await?;
    let tally = Tally::default();
    let work = load::send(&way, upstream.client(), &tally);
    let elapsed = board::watch(&tally, way.pool(), work).await?;
    Ok(Round { name, tally, elapsed, answers: upstream.answers() })
}
