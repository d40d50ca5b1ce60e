//! A round of streamed replies over HTTP: what breaks before its first byte is served elsewhere, what breaks later reaches the
//! reader, and some readers go away.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use fastrand::Rng;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rotapool::{Fault, HeldBody, Pool, Resource, RetryBudget, RunError, StreamError, TokioRuntime};
use tokio::time::{sleep, timeout};

use super::replies::{Replies, reply};
use crate::memory::Level;
use crate::progress;
use crate::tally::Count;

const READERS: u64 = 64;
const KEYS: u64 = 24;
const LAP: Duration = Duration::from_secs(1);
/// For how long a reply may be silent.
const SILENCE: Duration = Duration::from_millis(250);
const SLACK: usize = 1024 * 1024;
const PATIENCE: Duration = Duration::from_secs(20);

type Http = legacy::Client<HttpConnector, Empty<Bytes>>;
type Body = HeldBody<u64, Incoming, Infallible>;

/// How the requests ended.
#[derive(Debug, Default)]
struct Ends {
    asked: Count,
    attempts: Count,
    /// Read to their end.
    read: Count,
    broken: Count,
    silent: Count,
    /// Their reader went away in their middle.
    left: Count,
    /// The same before there was anything.
    given_up: Count,
}

/// What came of the round, as a line.
pub(crate) async fn play(lasts: Duration, seed: u64, hedged: bool) -> io::Result<String> {
    let upstream = Replies::start(seed).await?;
    let mut random = Rng::with_seed(seed);
    let builder = Pool::builder()
        .resources((0..KEYS).map(|key| Resource::new(format!("key-{key}"), key).max_in_flight(8)))
        .retry_delay(Duration::from_millis(2))
        .stall_timeout(SILENCE)
        .runtime(TokioRuntime)
        .seed(seed);
    let builder = match hedged {
        true => builder
            .hedge(Duration::from_millis(20))
            .retry_budget(RetryBudget::percent(50).min_per_second(100)),
        false => builder,
    };
    let pool = builder.build().expect("the rules are sound");
    let (ends, end) = (Arc::<Ends>::default(), Instant::now() + lasts);
    let mut at_rest = Level::new("at rest, with streams", SLACK);
    while Instant::now() < end {
        let http =
            legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(32).build_http();
        lap(&pool, &http, upstream.address, &ends, &mut random).await;
        drop(http);
        upstream_rests(&upstream).await;
        check(&pool, &ends, &upstream);
        at_rest.assert_flat();
    }
    let (stats, book) = (pool.stats(), &upstream.book);
    let kinds = [&book.cut, &book.stalled, &ends.broken, &ends.left, &ends.given_up, &ends.read];
    assert!(kinds.into_iter().all(|kind| kind.get() > 0), "something never was: {book:?} {ends:?}");
    assert_eq!(stats.hedges > 0, hedged, "{stats:#?}");
    let (hedges, wins) = (stats.hedges, stats.hedge_wins);
    Ok(format!("{ends:?}\n           {hedges} hedges, {wins} of which won; upstream: {book:?}"))
}

/// Whoever went away is noticed by the upstream too.
async fn upstream_rests(upstream: &Replies) {
    let rests = async {
        while upstream.book.open.get() > 0 {
            sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(PATIENCE, rests).await.expect("a reply is under way for ever");
}

async fn lap(
    pool: &Pool<u64>,
    http: &Http,
    address: SocketAddr,
    ends: &Arc<Ends>,
    random: &mut Rng,
) {
    let stop = Arc::<AtomicBool>::default();
    let readers: Vec<_> = (0..READERS)
        .map(|_| {
            let (pool, http, ends) = (pool.clone(), http.clone(), Arc::clone(ends));
            let (stop, mut random) = (Arc::clone(&stop), random.fork());
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    request(&pool, &http, address, &ends, &mut random).await;
                }
            })
        })
        .collect();
    let end = Instant::now() + LAP;
    while Instant::now() < end {
        let stats = pool.stats();
        // A hedged one has two places.
        assert!(stats.in_flight <= 2 * READERS, "{stats:#?}");
        progress::beat("streams", format_args!("{} read", ends.read.get()));
        sleep(Duration::from_millis(5)).await;
    }
    stop.store(true, Ordering::SeqCst);
    for reader in readers {
        let ended = timeout(PATIENCE, reader).await;
        ended.expect("a reader hangs").expect("a reader has failed, see above");
    }
}

async fn request(
    pool: &Pool<u64>,
    http: &Http,
    address: SocketAddr,
    ends: &Arc<Ends>,
    random: &mut Rng,
) {
    let number = random.u64(..1_000_000);
    let run = pool.request().max_attempts(12).wait(true).run_body(|key| {
        ends.attempts.up();
        let request = hyper::Request::get(format!("http://{address}/{number}"))
            .header(AUTHORIZATION, format!("Bearer {}", *key))
            .body(Empty::new())
            .expect("plain ASCII");
        let response = http.request(request);
        async move { response.await.map_err(Fault::<Infallible>::retry) }
    });
    ends.asked.up();
    let patience =
        if random.u32(..12) == 0 { random.u64(..10) } else { PATIENCE.as_millis() as u64 };
    match timeout(Duration::from_millis(patience), run).await {
        Err(_) => {
            assert!(patience < 10, "request {number} got neither a reply nor a reason");
            ends.given_up.up();
        }
        Ok(Ok(response)) => {
            let leaves = (random.u32(..10) == 0).then(|| random.usize(..3));
            read(response.into_body(), number, leaves, ends).await;
        }
        Ok(Err(RunError::Exhausted(why))) => panic!("{number} broke, and was not served: {why}"),
        Ok(Err(other)) => panic!("request {number} ended by {other:?}"),
    }
}

/// Reads a reply to its end, or goes away after so many frames.
async fn read(mut body: Body, number: u64, leaves: Option<usize>, ends: &Ends) {
    let key = body.id().strip_prefix("key-").and_then(|key| key.parse().ok()).expect("a key's id");
    let (whole, mut text, mut frames) = (reply(number, key), String::new(), 0);
    loop {
        if leaves == Some(frames) {
            return ends.left.up();
        }
        match body.frame().await {
            Some(Ok(frame)) => {
                let data = frame.into_data().expect("there are no trailers");
                text.push_str(std::str::from_utf8(&data).expect("plain ASCII"));
                assert!(whole.starts_with(&text), "somebody else's reply: {text}");
                frames += 1;
            }
            Some(Err(StreamError::Broken(_))) => {
                assert!(text.len() < whole.len() && !text.is_empty(), "broken at its end: {text}");
                return ends.broken.up();
            }
            Some(Err(StreamError::Stalled { .. })) => return ends.silent.up(),
            Some(Err(other)) => panic!("the reply to {number} ended by {other}"),
            None => {
                assert_eq!(text, whole, "the end came too early");
                return ends.read.up();
            }
        }
    }
}

/// That nothing is left in flight, and the pool has counted what happened, as has the upstream.
fn check(pool: &Pool<u64>, ends: &Ends, upstream: &Replies) {
    let (stats, book) = (pool.stats(), &upstream.book);
    let equal = [
        ("in flight", stats.in_flight, 0),
        ("waiting", stats.waiting as u64, 0),
        ("read", stats.runs_ok, ends.read.get()),
        ("successes", stats.successes, ends.read.get()),
        ("broken", stats.runs_error, ends.broken.get() + ends.silent.get()),
        ("failures", stats.failures, stats.retries + stats.timeouts),
        ("exhausted", stats.runs_exhausted, 0),
        ("gone", stats.runs_cancelled, ends.left.get() + ends.given_up.get()),
        ("attempts", stats.attempts, ends.attempts.get()),
        ("asked", stats.runs_ok + stats.runs_error + stats.runs_cancelled, ends.asked.get()),
    ];
    for (what, counted, happened) in equal {
        assert_eq!(counted, happened, "at rest, with streams: {what}; {stats:#?}; {ends:?}");
    }
    let at_most = [
        ("received", book.received.get(), stats.attempts),
        ("read", ends.read.get(), book.whole.get()),
        ("broken", ends.broken.get(), book.cut.get()),
        // Whose reply was cut or never began, and who was not told so, went away or was faster elsewhere.
        ("cut", book.cut.get(), ends.broken.get() + ends.left.get() + given_away(pool, ends)),
        ("stalled", book.stalled.get(), stats.timeouts + given_away(pool, ends)),
    ];
    for (what, one, most) in at_most {
        assert!(one <= most, "with streams: {what}: {one} > {most}; {stats:#?}; {ends:?} {book:?}");
    }
}

/// How many attempts may have been dropped before their first item.
fn given_away(pool: &Pool<u64>, ends: &Ends) -> u64 {
    pool.stats().hedges + 2 * ends.given_up.get()
}
