//! What is asked of a limiter of 100 a second, 10 at once.

use std::cell::RefCell;
use std::num::NonZeroU32;
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures::FutureExt as _;
use futures::future::BoxFuture;
use governor::{DefaultDirectRateLimiter, Quota};
use tokio::task::{LocalSet, yield_now};
use tokio::time::{sleep, timeout};

use crate::table::{Cell, Table};

const NEVER: Duration = Duration::from_secs(3);

trait Limit: Send + Sync {
    fn acquire(&self, tokens: u32) -> BoxFuture<'_, ()>;
}

impl Limit for rotapool::RateLimiter {
    fn acquire(&self, tokens: u32) -> BoxFuture<'_, ()> {
        async move { self.acquire_many(tokens.into()).await.expect("it holds so many") }.boxed()
    }
}

impl Limit for DefaultDirectRateLimiter {
    fn acquire(&self, tokens: u32) -> BoxFuture<'_, ()> {
        let tokens = NonZeroU32::new(tokens).expect("some");
        async move { self.until_n_ready(tokens).await.expect("it holds so many") }.boxed()
    }
}

impl Limit for leaky_bucket::RateLimiter {
    fn acquire(&self, tokens: u32) -> BoxFuture<'_, ()> {
        self.acquire(tokens as usize).boxed()
    }
}

const PEERS: [&str; 3] = ["rotapool", "governor", "leaky-bucket"];

/// The limiter of a peer, its bucket empty.
async fn limiter(peer: &str) -> Arc<dyn Limit> {
    let limiter: Arc<dyn Limit> = match peer {
        "rotapool" => {
            let builder = rotapool::RateLimiter::builder(100, Duration::from_secs(1));
            Arc::new(builder.burst(10).build().expect("it makes sense"))
        }
        "governor" => {
            let quota = Quota::per_second(NonZeroU32::new(100).expect("some"));
            let quota = quota.allow_burst(NonZeroU32::new(10).expect("some"));
            Arc::new(governor::RateLimiter::direct(quota))
        }
        _ => {
            let mut builder = leaky_bucket::RateLimiter::builder();
            builder.max(10).initial(10).refill(1).interval(Duration::from_millis(10));
            Arc::new(builder.fair(true).build())
        }
    };
    limiter.acquire(10).await;
    limiter
}

type Experiment = fn(Arc<dyn Limit>) -> futures::future::LocalBoxFuture<'static, Cell>;

pub async fn table() -> Table {
    let mut table = Table::new("Rate limiters, 100 a second and 10 at once", &PEERS);
    let experiments: [(&str, Experiment); 4] = [
        ("50 who come one after the other: pairs out of order, of 1,225", |limit| {
            fifty(limit).boxed_local()
        }),
        ("10 tokens beside 8 loops of 1: served after", |limit| {
            beside_loops(limit, 10).boxed_local()
        }),
        ("a newcomer beside 8 loops: served after", |limit| beside_loops(limit, 1).boxed_local()),
        ("behind 10 tokens that left: served after", |limit| {
            behind_one_that_left(limit).boxed_local()
        }),
    ];
    for (what, experiment) in experiments {
        let mut cells = Vec::new();
        for peer in PEERS {
            let limit = limiter(peer).await;
            cells.push(Some(LocalSet::new().run_until(experiment(limit)).await));
        }
        table.row(what, cells);
    }
    table
}

async fn fifty(limit: Arc<dyn Limit>) -> Cell {
    let served = Rc::new(RefCell::new(Vec::new()));
    let mut tasks = Vec::new();
    for number in 0..50 {
        let (limit, served) = (Arc::clone(&limit), Rc::clone(&served));
        tasks.push(tokio::task::spawn_local(async move {
            limit.acquire(1).await;
            served.borrow_mut().push(number);
        }));
        // It has its place in line before the next comes.
        yield_now().await;
    }
    for task in tasks {
        let _ = timeout(NEVER, task).await;
    }
    let served = served.borrow();
    let pairs = (0..served.len())
        .flat_map(|first| (first + 1..served.len()).map(move |next| (first, next)));
    let turned = pairs.filter(|(first, next)| served[*first] > served[*next]).count();
    Cell::new(turned == 0 && served.len() == 50, turned)
}

/// After how long somebody is served, or whether ever.
async fn time(turn: BoxFuture<'_, ()>, at_most: Duration) -> Cell {
    let began = Instant::now();
    match timeout(NEVER, turn).await {
        Ok(()) => {
            Cell::new(began.elapsed() <= at_most, format!("{} ms", began.elapsed().as_millis()))
        }
        Err(_) => Cell::new(false, "never"),
    }
}

async fn beside_loops(limit: Arc<dyn Limit>, tokens: u32) -> Cell {
    let loops: Vec<_> = (0..8)
        .map(|_| {
            let limit = Arc::clone(&limit);
            tokio::task::spawn_local(async move {
                loop {
                    limit.acquire(1).await;
                }
            })
        })
        .collect();
    sleep(Duration::from_millis(200)).await;
    // Eight before it, and its own: 180 ms for ten. A second forgives a busy machine.
    let cell = time(limit.acquire(tokens), Duration::from_secs(1)).await;
    loops.iter().for_each(tokio::task::JoinHandle::abort);
    cell
}

async fn behind_one_that_left(limit: Arc<dyn Limit>) -> Cell {
    let mut first = limit.acquire(10);
    assert!(first.as_mut().now_or_never().is_none(), "it waits");
    let mut second = limit.acquire(1);
    assert!(second.as_mut().now_or_never().is_none(), "and so does this");
    drop(first);
    time(second, Duration::from_millis(500)).await
}
