//! The load, and the four ways to send it.

use std::cell::{Cell, OnceCell};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures::stream::{self, StreamExt as _};
use rotapool::Pool;
use tokio::time::sleep;

use crate::client::{Client, Refusal, fault};
use crate::upstream::Secret;
use crate::{KEYS, dice};

pub(crate) const REQUESTS: usize = 400;
/// How many requests are under way at once.
pub(crate) const CONCURRENCY: usize = 48;

/// How long a request may take through the pool, and each of its attempts.
const PATIENCE: Duration = Duration::from_secs(10);
pub(crate) const ATTEMPT: Duration = Duration::from_secs(1);

/// What the loops without a pool grant themselves: attempts, and a pause between two of them.
const ATTEMPTS: u32 = 10;
const PAUSE: Duration = Duration::from_millis(20);

#[derive(Clone)]
pub(crate) enum Way {
    Pool(Pool<Secret>),
    OneKey(Secret),
    RandomKeys,
    /// With the count of all calls so far.
    KeysInTurn(Arc<AtomicUsize>),
}

impl Way {
    /// The pool to watch, if there is one.
    pub(crate) fn pool(&self) -> Option<&Pool<Secret>> {
        match self {
            Self::Pool(pool) => Some(pool),
            Self::OneKey(_) | Self::RandomKeys | Self::KeysInTurn(_) => None,
        }
    }

    async fn send(self, client: Client, number: u64) -> Result<(), String> {
        match self {
            Self::Pool(pool) => through_the_pool(&pool, &client).await,
            Self::OneKey(secret) => with_one_key(secret, &client, number).await,
            Self::RandomKeys => with_random_keys(&client, number).await,
            Self::KeysInTurn(calls) => with_keys_in_turn(&calls, &client, number).await,
        }
    }
}

/// The pool picks the key, remembers which ones are out and until when, and tries elsewhere. With every
/// key over its limit the run stands in line, for it has time left.
async fn through_the_pool(pool: &Pool<Secret>, client: &Client) -> Result<(), String> {
    pool.request()
        .timeout(PATIENCE)
        .run(|key| async move { client.ask(&key).await.map_err(fault) })
        .await
        .map_err(|error| error.to_string())
}

/// What you do without a pool: retry, and wait as long as the upstream asks.
async fn with_one_key(secret: Secret, client: &Client, number: u64) -> Result<(), String> {
    for attempt in 1..=ATTEMPTS {
        match client.ask(secret).await {
            Ok(()) => return Ok(()),
            Err(Refusal::OverLimit { retry_after }) => sleep(retry_after.unwrap_or_default()).await,
            Err(_) => {}
        }
        sleep(pause(number, attempt)).await;
    }
    Err(format!("{ATTEMPTS} attempts failed"))
}

/// What one writes first with several keys: pick any, and pick again if that failed.
///
/// There is nowhere to note which keys are out, so each request finds out by itself. To sleep for
/// `Retry-After` here would lose no request, but idle in front of keys that are free.
async fn with_random_keys(client: &Client, number: u64) -> Result<(), String> {
    for attempt in 1..=ATTEMPTS {
        let pick = dice::roll(throw(number, attempt), KEYS.len() as u64);
        if client.ask(KEYS[pick as usize].secret).await.is_ok() {
            return Ok(());
        }
        sleep(pause(number, attempt)).await;
    }
    Err(format!("{ATTEMPTS} attempts failed"))
}

/// What one writes next: keys in turn. It spreads the load, but comes by the keys that are out as often as
/// by the others.
async fn with_keys_in_turn(
    calls: &AtomicUsize,
    client: &Client,
    number: u64,
) -> Result<(), String> {
    for attempt in 1..=ATTEMPTS {
        let pick = calls.fetch_add(1, Ordering::Relaxed) % KEYS.len();
        if client.ask(KEYS[pick].secret).await.is_ok() {
            return Ok(());
        }
        sleep(pause(number, attempt)).await;
    }
    Err(format!("{ATTEMPTS} attempts failed"))
}

/// From half to one and a half times [`PAUSE`], as the pool draws its own.
fn pause(number: u64, attempt: u32) -> Duration {
    let percent = 50 + dice::roll(throw(number, attempt), 100);
    PAUSE * percent as u32 / 100
}

fn throw(number: u64, attempt: u32) -> u64 {
    number * u64::from(ATTEMPTS) + u64::from(attempt)
}

/// How the requests of a round ended so far.
#[derive(Default)]
pub(crate) struct Tally {
    pub(crate) served: Cell<usize>,
    pub(crate) failed: Cell<usize>,
    pub(crate) first_failure: OnceCell<String>,
}

impl Tally {
    fn count(&self, outcome: Result<(), String>) {
        match outcome {
            Ok(()) => self.served.set(self.served.get() + 1),
            Err(failure) => {
                self.failed.set(self.failed.get() + 1);
                let _ = self.first_failure.set(failure);
            }
        }
    }
}

/// Sends every request, each in a task of its own, and says how long it took.
pub(crate) async fn send(way: &Way, client: Client, tally: &Tally) -> Duration {
    let started = Instant::now();
    stream::iter(0..REQUESTS as u64)
        .map(|number| tokio::spawn(way.clone().send(client.clone(), number)))
        .buffer_unordered(CONCURRENCY)
        .for_each(async |outcome| tally.count(outcome.expect("a request never panics")))
        .await;
    started.elapsed()
}
