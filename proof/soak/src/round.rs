//! A round of load on one executor: laps on a pool, then on another one with other rules. After each lap
//! everything comes to rest and the books are checked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use fastrand::Rng;
use futures::channel::oneshot;
use futures::future::{Either, select};
use rotapool::{Fault, Pool, RunError};

use crate::callers::{Callers, TASKS};
use crate::deeds::Value;
use crate::executor::Executor;
use crate::members::{Members, administer, pool};
use crate::memory::Level;
use crate::progress;
use crate::tally::{Counted, Tally};
use crate::watch::watch;

const LAP: Duration = Duration::from_millis(600);
/// How many resources a pool has; so few, now and then, that most runs have to wait or give up.
const SIZES: [u32; 4] = [6, 48, 96, 64];
const LAPS_OF_A_POOL: u32 = 4;
/// One small thing that leaks at every run, call or change of the members is more than this soon.
const SLACK: usize = 96 * 1024;
/// Whoever takes longer than this to come to rest hangs.
const PATIENCE: Duration = Duration::from_secs(20);

/// Plays laps for this long and answers what happened.
pub(crate) async fn play<X: Executor>(executor: X, lasts: Duration, seed: u64) -> Tally {
    let mut random = Rng::with_seed(seed);
    let (end, sum) = (Instant::now() + lasts, Tally::default());
    let mut between = Level::new("between pools", SLACK);
    for turn in 0.. {
        if Instant::now() >= end {
            break;
        }
        let tally = Arc::<Tally>::default();
        // The pool's own rules and the Python package's, one after the other, and then as it comes.
        let python_rules = turn == 1 || turn > 1 && random.bool();
        let size = SIZES[turn % SIZES.len()];
        let (pool, mut members) = pool(executor, size, python_rules, &tally, &mut random);
        let values = Arc::clone(&members.values);
        let mut at_rest = Level::new("at rest", SLACK);
        for _ in 0..LAPS_OF_A_POOL {
            let (stop, calm) = Default::default();
            let callers = Callers {
                executor,
                pool: pool.clone(),
                tally: Arc::clone(&tally),
                deadlines_hold: !python_rules,
                stop,
                calm,
            };
            members = lap(&callers, members, &mut random).await;
            drop(callers);
            at_rest.assert_flat();
            let doing =
                format_args!("{} runs of this pool, {} before", tally.runs.get(), sum.runs.get());
            progress::beat(X::NAME, doing);
        }
        // It closes under load and drains; the next pool is its successor.
        close(executor, &pool).await;
        let stats = pool.stats();
        tally.sibling_cancels.add(stats.sibling_cancels);
        tally.timeouts.add(stats.timeouts);
        tally.deadlines.add(stats.deadlines);
        drop((pool, members));
        assert_eq!(values.get(), 0, "values that outlived their pool");
        sum.take_in(&tally);
        drop((tally, values));
        between.assert_flat();
    }
    sum
}

/// That a pool which closes under load drains, and that whoever it let in was served.
async fn close<X: Executor>(executor: X, pool: &Pool<Value>) {
    let call = |_| {
        let request = pool.request().wait(true).timeout(PATIENCE);
        let run = request.run(move |lease| async move {
            executor.sleep(Duration::from_millis(2)).await;
            drop(lease);
            Ok::<_, Fault<String>>(())
        });
        spawn(executor, run)
    };
    let calls: Vec<_> = (0..TASKS).map(call).collect();
    executor.sleep(Duration::from_millis(1)).await;
    let left = pool.stats().in_flight;
    let report = pool.drain(PATIENCE).await;
    assert!(report.is_complete() && report.aborted == 0, "{report}");
    let mut served = 0;
    for call in calls {
        match within(executor, "a call as the pool closes", call).await {
            Ok(()) => served += 1,
            Err(RunError::Exhausted(_)) => {}
            Err(other) => panic!("{other}"),
        }
    }
    assert!(served >= left && served >= report.finished, "{served} of {left}: {report}");
    assert_eq!(pool.stats().in_flight, 0, "{report}");
}

async fn lap<X: Executor>(callers: &Callers<X>, members: Members, random: &mut Rng) -> Members {
    let Callers { executor, ref pool, ref tally, .. } = *callers;
    let work: Vec<_> =
        (0..TASKS).map(|_| spawn(executor, callers.clone().work(random.u64(..)))).collect();
    let admin = spawn(executor, administer(callers.clone(), members, random.u64(..)));
    let watched = spawn(executor, watch(callers.clone()));
    executor.sleep(LAP).await;

    callers.calm.store(true, Ordering::SeqCst);
    callers.stop.store(true, Ordering::SeqCst);
    let mut members = within(executor, "the administrator", admin).await;
    within(executor, "the watch", watched).await;
    // Now only those are left who wait; one call each for them, so that a wake-up that is lost is seen.
    let begun = Instant::now();
    while pool.stats().in_flight > 0 {
        assert!(begun.elapsed() < PATIENCE, "calls never end: {:#?}", pool.stats());
        executor.sleep(Duration::from_millis(1)).await;
    }
    members.enable_all(pool);
    for one in work {
        within(executor, "a caller", one).await;
    }
    tally.assert_agrees(&pool.stats());
    members.assert_agrees(pool);
    fill_every_place(pool, &members, tally);
    tally.assert_agrees(&pool.stats());
    members.churn(pool, random);
    members.assert_agrees(pool);
    tally.laps.up();
    members
}

/// That every place on every resource can be had, all at once, and not one more.
fn fill_every_place(pool: &Pool<Value>, members: &Members, tally: &Arc<Tally>) {
    members.enable_all(pool);
    let open = Arc::<AtomicBool>::default();
    let mut held = Vec::new();
    for number in 0..=members.places() {
        let (open, counted) = (Arc::clone(&open), Arc::clone(tally));
        let request = pool.request().max_attempts(1).attempt_timeout(2 * PATIENCE);
        let run = request.run(move |lease| {
            let (open, counted) = (Arc::clone(&open), Arc::clone(&counted));
            counted.calls.up();
            async move {
                let _lease = lease;
                futures::future::poll_fn(|_| match open.load(Ordering::SeqCst) {
                    true => Poll::Ready(()),
                    false => Poll::Pending,
                })
                .await;
                counted.values.up();
                Ok::<_, Fault<_>>(())
            }
        });
        let mut run = Counted::new(Box::pin(run), tally);
        let over = poll(&mut run).is_ready();
        assert_eq!(over, number == members.places(), "place {number}: {:#?}", pool.stats());
        held.push(run);
    }
    open.store(true, Ordering::SeqCst);
    held.pop();
    for mut run in held {
        assert!(poll(&mut run).is_ready());
    }
}

fn poll<R>(future: &mut (impl Future<Output = R> + Unpin)) -> Poll<R> {
    std::pin::Pin::new(future).poll(&mut Context::from_waker(Waker::noop()))
}

/// A task that somebody else polls, and its result.
fn spawn<X: Executor, R: Send + 'static>(
    executor: X,
    work: impl Future<Output = R> + Send + 'static,
) -> oneshot::Receiver<R> {
    let (done, result) = oneshot::channel();
    executor.spawn(Box::pin(async move {
        let _ = done.send(work.await);
    }));
    result
}

async fn within<X: Executor, R>(executor: X, who: &str, result: oneshot::Receiver<R>) -> R {
    match select(result, Box::pin(executor.sleep(PATIENCE))).await {
        Either::Left((result, _)) => {
            result.unwrap_or_else(|_| panic!("{who} has failed, see above"))
        }
        Either::Right(_) => panic!("{who} hangs: it did not end within {PATIENCE:?}"),
    }
}
