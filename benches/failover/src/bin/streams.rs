//! What readers of streamed replies feel: `cargo run --release -p rotapool-failover --bin streams`.
//!
//! A real HTTP upstream on loopback sends replies of half a second to three seconds, piece by piece. One in twenty breaks off
//! in its middle, and one in twenty never begins. The same load is read through the pool without hedging and with it. Then a
//! table says how long the first piece took, and what became of the replies; and the upstream's own books are held against
//! the pool's.

use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::process::ExitCode;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures_util::future::join_all;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Empty, StreamBody};
use hyper::body::{Body, Bytes, Frame};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Response, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rotapool::{Fault, Pool, Resource, RetryBudget, TokioRuntime};
use tokio::net::TcpListener;

const LASTS: Duration = Duration::from_secs(20);
/// Replies asked for in a second.
const RATE: f64 = 40.0;
const KEYS: usize = 5;
const PIECE: Duration = Duration::from_millis(100);
const TROUBLE: f64 = 0.05;

/// What the upstream knows.
#[derive(Default)]
struct Books {
    received: AtomicU64,
    whole: AtomicU64,
    cut: AtomicU64,
    silent: AtomicU64,
    in_flight: AtomicI64,
}

/// A reply on its way: however it ends, it is under way no more.
struct UnderWay(Arc<Books>);

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Relaxed);
    }
}

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    println!(
        "{RATE} replies a second for {LASTS:?}, of 0.5 to 3 s each; of {KEYS} keys. 1 in 20 breaks off in its middle, 1 in 20 \
         never begins.\n"
    );
    println!(
        "{:<22} {:>6} {:>12} {:>12} {:>7} {:>7} {:>8}  books",
        "", "served", "first: p50", "first: p99", "whole", "cut", "requests"
    );
    let rows =
        [("without hedging", None), ("hedge after 150 ms", Some(Duration::from_millis(150)))];
    let mut agree = true;
    for (name, hedge) in rows {
        match measure(name, hedge).await {
            Ok(agrees) => agree &= agrees,
            Err(error) => {
                eprintln!("{error}");
                return ExitCode::FAILURE;
            }
        }
    }
    if agree { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// What a reader met.
enum Met {
    Whole { first: Duration },
    Cut { first: Duration },
    Nothing(String),
}

async fn measure(name: &str, hedge: Option<Duration>) -> io::Result<bool> {
    let (address, books) = upstream().await?;
    let builder = Pool::builder()
        .resources((0..KEYS).map(|key| Resource::new(format!("key-{key}"), key)))
        .stall_timeout(Duration::from_secs(1))
        .runtime(TokioRuntime);
    let builder = match hedge {
        Some(after) => builder.hedge(after).retry_budget(RetryBudget::percent(20)),
        None => builder,
    };
    let pool = builder.build().map_err(io::Error::other)?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let mut chance = Rng::with_seed(1);
    let mut at = Duration::ZERO;
    let arrivals = std::iter::from_fn(|| {
        at += Duration::from_secs_f64(-(1.0 - chance.f64()).ln() / RATE);
        (at < LASTS).then_some(at)
    });
    let start = tokio::time::Instant::now();
    let readers = arrivals.map(|at| {
        let (pool, client) = (pool.clone(), client.clone());
        tokio::spawn(async move {
            tokio::time::sleep_until(start + at).await;
            let begun = Instant::now();
            let uri: Uri = format!("http://{address}/").parse().expect("an address");
            let ask =
                async |_key| client.get(uri.clone()).await.map_err(Fault::<Infallible>::retry);
            let reply = pool.request().timeout(Duration::from_secs(5)).run_body(ask).await;
            let first = begun.elapsed();
            let mut body = match reply {
                Ok(reply) => reply.into_body(),
                Err(error) => return Met::Nothing(error.to_string()),
            };
            while let Some(frame) = body.frame().await {
                if frame.is_err() {
                    return Met::Cut { first };
                }
            }
            Met::Whole { first }
        })
    });
    let met = join_all(readers.collect::<Vec<_>>()).await;
    let mut firsts = Vec::new();
    let (mut whole, mut cut) = (0, 0);
    let arrived = met.len();
    for met in met {
        match met.map_err(io::Error::other)? {
            Met::Whole { first } => {
                firsts.push(first);
                whole += 1;
            }
            Met::Cut { first } => {
                firsts.push(first);
                cut += 1;
            }
            Met::Nothing(why) => eprintln!("not served: {why}"),
        }
    }
    firsts.sort_unstable();
    let quantile = |part: f64| firsts[((firsts.len() - 1) as f64 * part).round() as usize];
    let agrees = books_agree(&pool, &books, whole, cut).await;
    println!(
        "{name:<22} {:>5.1}% {:>12} {:>12} {whole:>7} {cut:>7} {:>8}  {}",
        firsts.len() as f64 / arrived as f64 * 100.0,
        format!("{:.0?}", quantile(0.5)),
        format!("{:.0?}", quantile(0.99)),
        books.received.load(Relaxed),
        if agrees { "agree" } else { "DIFFER" },
    );
    Ok(agrees)
}

/// Holds the upstream's books against the pool's, once the upstream has heard of who hung up.
async fn books_agree(pool: &Pool<usize>, books: &Books, whole: u64, cut: u64) -> bool {
    tokio::time::sleep(Duration::from_millis(200)).await;
    let stats = pool.stats();
    let streams: u64 = stats.resources.iter().map(|resource| resource.streams).sum();
    let told = |number: &AtomicU64| number.load(Relaxed);
    let pairs = [
        ("in flight", stats.in_flight as i64, books.in_flight.load(Relaxed)),
        ("attempts", stats.attempts as i64, told(&books.received) as i64),
        ("whole", streams as i64, whole as i64),
        ("successes", stats.successes as i64, whole as i64),
        // What never began was either given up after a second, or beaten by the attempt beside it.
        ("failures", (stats.failures - stats.timeouts) as i64, cut as i64),
    ];
    for (what, ours, theirs) in pairs {
        if ours != theirs {
            eprintln!("{what}: the pool says {ours}, the upstream {theirs}");
        }
    }
    told(&books.whole) >= whole
        && told(&books.cut) >= cut
        && stats.timeouts <= told(&books.silent)
        && pairs.iter().all(|(_, ours, theirs)| ours == theirs)
}

async fn upstream() -> io::Result<(SocketAddr, Arc<Books>)> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let (address, books) = (listener.local_addr()?, Arc::<Books>::default());
    let (kept, chance) = (Arc::clone(&books), Arc::new(Mutex::new(Rng::with_seed(2))));
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (books, chance) = (Arc::clone(&kept), Arc::clone(&chance));
            tokio::spawn(async move {
                let service = service_fn(|_| {
                    let (books, chance) = (Arc::clone(&books), fork(&chance));
                    async move { Ok::<_, Infallible>(Response::new(reply(books, chance).await)) }
                });
                // A client that hangs up is no news.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    });
    Ok((address, books))
}

fn fork(chance: &Mutex<Rng>) -> Rng {
    chance.lock().unwrap_or_else(PoisonError::into_inner).fork()
}

/// One reply: its head comes with its first piece.
async fn reply(
    books: Arc<Books>,
    mut chance: Rng,
) -> impl Body<Data = Bytes, Error = io::Error> + Send + 'static {
    books.received.fetch_add(1, Relaxed);
    books.in_flight.fetch_add(1, Relaxed);
    let under_way = UnderWay(Arc::clone(&books));
    let (fate, to_first) = (chance.f64(), Duration::from_millis(chance.u64(20..60)));
    let pieces = chance.usize(5..=30);
    if fate < TROUBLE {
        books.silent.fetch_add(1, Relaxed);
        std::future::pending::<()>().await;
    }
    tokio::time::sleep(to_first).await;
    let breaks_at = (fate < 2.0 * TROUBLE).then_some(pieces / 2);
    let sent = stream::iter(0..pieces).then(move |piece| {
        let (books, _keep) = (Arc::clone(&books), &under_way);
        async move {
            if piece > 0 {
                tokio::time::sleep(PIECE).await;
            }
            if Some(piece) == breaks_at {
                books.cut.fetch_add(1, Relaxed);
                return Err(io::Error::other("cut"));
            }
            if piece + 1 == pieces {
                books.whole.fetch_add(1, Relaxed);
            }
            Ok(Frame::data(Bytes::from_static(b"data: word\n\n")))
        }
    });
    StreamBody::new(sent)
}
