//! What the scenarios are made of.

use std::future::{Future, pending, poll_fn};
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rotapool::{Builder, Fault, Lease, Pool, Request, Resource, RunError, Strategy};

use crate::clock::Still;

/// Plays the scenario in every order and says how many there were.
#[track_caller]
pub(crate) fn explore(scenario: impl Fn() + Send + Sync + 'static) {
    let mut model = loom::model::Builder::new();
    model.preemption_bound.get_or_insert(2);
    // How often the checker looks at the clock.
    model.checkpoint_interval = 1_000;
    let (begun, orders) = (Instant::now(), Arc::new(AtomicU64::new(0)));
    let count = Arc::clone(&orders);
    model.check(move || {
        count.fetch_add(1, Ordering::Relaxed);
        scenario();
    });
    let (took, orders) = (begun.elapsed(), orders.load(Ordering::Relaxed));
    let all = model.max_duration.is_none_or(|most| took < most);
    println!(
        "{}: {orders} orders{} with up to {} preemptions, in {:.1} s",
        std::thread::current().name().unwrap_or("?"),
        if all { ", which are all" } else { ", not all," },
        model.preemption_bound.unwrap_or(usize::MAX),
        took.as_secs_f64(),
    );
}

pub(crate) type Ended = Result<Served, RunError<&'static str>>;
pub(crate) type Run = Pin<Box<dyn Future<Output = Ended> + Send>>;
pub(crate) type Call = Pin<Box<dyn Future<Output = Result<Served, Fault<&'static str>>> + Send>>;

/// Who served a run, and at which attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Served {
    pub(crate) id: String,
    pub(crate) attempt: u32,
}

pub(crate) fn served(id: &str, attempt: u32) -> Served {
    Served { id: id.into(), attempt }
}

/// A pool of these ids that takes the first while it can, with no pauses, in which sleeps never end.
pub(crate) fn pool(ids: &[&str]) -> Pool<()> {
    pool_with(ids, |builder| builder)
}

pub(crate) fn pool_with(ids: &[&str], set: impl FnOnce(Builder<()>) -> Builder<()>) -> Pool<()> {
    let builder = Pool::builder()
        .resources(ids.iter().map(|id| Resource::new(*id, ())))
        .strategy(Strategy::PrimaryBackup)
        .retry_delay(Duration::ZERO)
        .runtime(Still::new())
        .seed(7);
    set(builder).build().unwrap()
}

/// A pool of these ids, all of which cool down.
pub(crate) fn cooling(ids: &[&str]) -> Pool<()> {
    let pool = pool(ids);
    cool(&pool, ids.len() as u32);
    pool
}

/// Cools the first resources down.
pub(crate) fn cool(pool: &Pool<()>, count: u32) {
    let cools = |_| async { Err::<(), _>(Fault::<()>::cooldown("429")) };
    let mut run = Box::pin(pool.request().max_attempts(count).run(cools));
    assert!(poll(run.as_mut()).is_ready());
    assert_eq!(pool.stats().cooling_down, count as usize);
}

/// Polls without caring to be woken.
pub(crate) fn poll<F: Future + ?Sized>(future: Pin<&mut F>) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(Waker::noop()))
}

/// Begins a run and its first attempt, which is under way when this returns.
pub(crate) fn begin(pool: &Pool<()>, operation: fn(Lease<()>) -> Call) -> Run {
    begin_with(pool.request(), operation)
}

pub(crate) fn begin_with(request: Request<()>, operation: fn(Lease<()>) -> Call) -> Run {
    let mut run: Run = Box::pin(request.run(operation));
    assert!(poll(run.as_mut()).is_pending());
    run
}

/// A run that waits for a cooldown to end, or for whatever else may help. Not polled yet.
pub(crate) fn patient(pool: &Pool<()>) -> Run {
    Box::pin(pool.request().wait(true).max_attempts(9).run(fine))
}

/// A run that stands in line, behind all that did before.
pub(crate) fn in_line(pool: &Pool<()>) -> Run {
    let (mut run, before) = (patient(pool), pool.stats().waiting);
    assert!(poll(run.as_mut()).is_pending());
    assert_eq!(pool.stats().waiting, before + 1);
    run
}

/// Ends when it is polled once more, and asks for that.
pub(crate) async fn one_poll() {
    let mut polled = false;
    poll_fn(|context| match mem::replace(&mut polled, true) {
        true => Poll::Ready(()),
        false => {
            context.waker().wake_by_ref();
            Poll::Pending
        }
    })
    .await;
}

// Operations.

pub(crate) fn fine(lease: Lease<()>) -> Call {
    Box::pin(async move { Ok(served(lease.id(), lease.attempt())) })
}

pub(crate) fn fine_later(lease: Lease<()>) -> Call {
    Box::pin(async move {
        one_poll().await;
        fine(lease).await
    })
}

/// Hangs on `a`, so that only an abort can end it; fine elsewhere.
pub(crate) fn hangs_on_a(lease: Lease<()>) -> Call {
    match lease.id() {
        "a" => Box::pin(pending()),
        _ => fine_later(lease),
    }
}

/// Sends `a` away for a while, later; fine elsewhere.
pub(crate) fn cools_a(lease: Lease<()>) -> Call {
    faults_on_a(lease, Fault::cooldown("429"))
}

/// Sends `a` away for longer than the pool does, later; fine elsewhere.
pub(crate) fn cools_a_for_long(lease: Lease<()>) -> Call {
    faults_on_a(lease, Fault::cooldown_for(Duration::from_secs(600), "429"))
}

/// Disables `a`, later; fine elsewhere.
pub(crate) fn disables_a(lease: Lease<()>) -> Call {
    faults_on_a(lease, Fault::disable("revoked"))
}

/// Stumbles on `a`, later; fine elsewhere.
pub(crate) fn stumbles_on_a(lease: Lease<()>) -> Call {
    faults_on_a(lease, Fault::retry("503"))
}

fn faults_on_a(lease: Lease<()>, fault: Fault<&'static str>) -> Call {
    match lease.id() {
        "a" => Box::pin(async move {
            one_poll().await;
            Err(fault)
        }),
        _ => fine_later(lease),
    }
}
