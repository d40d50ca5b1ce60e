//! A round over real HTTP on loopback: every request is answered, or it is said why not.

mod client;
mod replies;
pub(crate) mod streams;
mod upstream;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use rotapool::{Exhausted, ExhaustedReason, Pool, Resource, RunError, TokioRuntime};
use tokio::time::{sleep, timeout};

use crate::memory::Level;
use crate::progress;
use crate::tally::Count;
use client::{Client, NotFound};
use upstream::Upstream;

const CLIENTS: u64 = 64;
const KEYS: u64 = 24;
const LAP: Duration = Duration::from_secs(3);
/// The connections' buffers come and go.
const SLACK: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);

/// What the right answer to a number is.
fn body(number: u64, key: u64) -> String {
    format!("{number} for {key}")
}

/// Some numbers the upstream does not know.
fn is_unknown(number: u64) -> bool {
    number % 50 == 0
}

/// How the requests ended.
#[derive(Debug, Default)]
pub(crate) struct Ends {
    pub(crate) asked: Count,
    pub(crate) answered: Count,
    pub(crate) not_found: Count,
    pub(crate) explained: Count,
    pub(crate) given_up: Count,
    pub(crate) attempts: Count,
}

/// What came of the round, as a line.
pub(crate) async fn play(lasts: Duration, seed: u64) -> io::Result<String> {
    let upstream = Upstream::start(seed).await?;
    let mut random = Rng::with_seed(seed);
    let builder = Pool::builder()
        .resources((0..KEYS).map(|key| Resource::new(format!("key-{key}"), key).max_in_flight(8)))
        .retry_delay(Duration::from_millis(2))
        .runtime(TokioRuntime)
        .seed(seed);
    let builder = if random.bool() { builder.python_rules() } else { builder };
    let pool = builder.build().expect("the rules are sound");
    let (ends, end) = (Arc::<Ends>::default(), Instant::now() + lasts);
    let mut at_rest = Level::new("at rest, over HTTP", SLACK);
    while Instant::now() < end {
        let client = Client::new(upstream.address);
        lap(&pool, &client, &ends, &mut random).await;
        check(&pool, &ends);
        recover(&pool, &client, &upstream, &ends).await;
        check(&pool, &ends);
        // Its idle connections go with it, and the last ones that stall are cut by then.
        drop(client);
        sleep(2 * upstream::STALL).await;
        at_rest.assert_flat();
    }
    let (stats, book) = (pool.stats(), &upstream.book);
    let kinds = [&book.limited, &book.revoked, &book.unavailable, &book.cut, &book.stalled];
    assert!(kinds.into_iter().all(|kind| kind.get() > 0), "some weather never was: {book:?}");
    assert!(book.garbage.get() > 0 && book.received.get() >= book.served.get(), "{book:?}");
    assert!(book.served.get() >= ends.answered.get(), "answers from nowhere: {book:?} {ends:?}");
    let aborts = stats.sibling_cancels;
    Ok(format!("{ends:?}\n           {aborts} aborted by siblings; upstream: {book:?}"))
}

async fn lap(pool: &Pool<u64>, client: &Client, ends: &Arc<Ends>, random: &mut Rng) {
    let stop = Arc::<AtomicBool>::default();
    let clients: Vec<_> = (0..CLIENTS)
        .map(|_| {
            let (pool, client, ends) = (pool.clone(), client.clone(), Arc::clone(ends));
            let (stop, mut random) = (Arc::clone(&stop), random.fork());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    request(&pool, &client, &ends, &mut random).await;
                }
            })
        })
        .collect();
    let end = Instant::now() + LAP;
    while Instant::now() < end {
        // Revoked keys are renewed.
        let id = format!("key-{}", random.u64(..KEYS));
        pool.enable(&id).expect("it is a member");
        let stats = pool.stats();
        assert!(stats.in_flight <= CLIENTS && stats.waiting as u64 <= CLIENTS, "{stats:#?}");
        progress::beat("http", format_args!("{} answered", ends.answered.get()));
        sleep(Duration::from_millis(5)).await;
    }
    stop.store(true, Ordering::SeqCst);
    for client in clients {
        let ended = timeout(PATIENCE, client).await;
        ended.expect("a client hangs").expect("a client has failed, see above");
    }
}

async fn request(pool: &Pool<u64>, client: &Client, ends: &Arc<Ends>, random: &mut Rng) {
    let number = random.u64(..1_000_000);
    let run =
        pool.request().max_attempts(6).wait(random.bool()).timeout(Duration::from_secs(2)).run(
            |key| {
                ends.attempts.up();
                async move {
                    let answer = client.ask(number, *key).await;
                    if let Ok(text) = &answer {
                        assert_eq!(*text, body(number, *key), "somebody else's answer");
                    }
                    answer
                }
            },
        );
    ends.asked.up();
    let patience = if random.u32(..10) == 0 { random.u64(..40) } else { 10_000 };
    match timeout(Duration::from_millis(patience), run).await {
        Err(_) => {
            assert!(patience < 10_000, "request {number} got neither an answer nor a reason");
            ends.given_up.up();
        }
        Ok(Ok(_)) => ends.answered.up(),
        Ok(Err(RunError::Operation(NotFound))) => {
            assert!(is_unknown(number), "{number} was not found");
            ends.not_found.up();
        }
        Ok(Err(RunError::Exhausted(why))) => {
            assert_explained(&why);
            ends.explained.up();
        }
        Ok(Err(other)) => panic!("request {number} ended by {other:?}"),
    }
}

/// That an exhausted run says what went wrong, and where everybody stands.
fn assert_explained(why: &Exhausted) {
    let text = why.to_string();
    assert_eq!(why.explanation.resources.len() as u64, KEYS, "{text}");
    // What the deadline ended has said nothing.
    let is_late = matches!(why.reason, ExhaustedReason::Deadline { .. });
    assert!(why.attempts > 0 || why.last_signal.is_none(), "{text}");
    assert!(why.attempts == 0 || why.last_signal.is_some() || is_late, "{text}");
    assert!(text.contains("24 resources"), "{text}");
    if let Some(signal) = &why.last_signal {
        assert!(!signal.reason().is_empty(), "{text}");
    }
}

/// The weather clears up, and then everybody is served.
async fn recover(pool: &Pool<u64>, client: &Client, upstream: &Upstream, ends: &Arc<Ends>) {
    upstream.clear_up(true);
    for key in 0..KEYS {
        pool.enable(&format!("key-{key}")).expect("it is a member");
    }
    for number in 1..50 {
        // A connection that was cut in the bad times may fail one attempt more.
        let run = pool.request().max_attempts(6).retry_delay(Duration::ZERO).run(|key| {
            ends.attempts.up();
            client.ask(number, *key)
        });
        ends.asked.up();
        let answer = run.await;
        assert!(answer.is_ok(), "in fair weather request {number} ended by {answer:?}");
        ends.answered.up();
    }
    upstream.clear_up(false);
}

/// That nothing is left in flight and the pool has counted what happened.
fn check(pool: &Pool<u64>, ends: &Ends) {
    let stats = pool.stats();
    let equal = [
        ("in flight", stats.in_flight, 0),
        ("waiting", stats.waiting as u64, 0),
        ("answered", stats.runs_ok, ends.answered.get()),
        ("not found", stats.runs_error, ends.not_found.get()),
        ("explained", stats.runs_exhausted, ends.explained.get()),
        ("given up", stats.runs_cancelled, ends.given_up.get()),
        ("attempts", stats.attempts, ends.attempts.get()),
        (
            "asked",
            stats.runs_ok + stats.runs_error + stats.runs_exhausted + stats.runs_cancelled,
            ends.asked.get(),
        ),
    ];
    for (what, counted, happened) in equal {
        assert_eq!(counted, happened, "at rest, over HTTP: {what}; {stats:#?}; {ends:?}");
    }
}
