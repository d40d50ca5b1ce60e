//! Wakers are foreign code: they may panic, and they may poll or call the pool there and then.

use std::cell::Cell;
use std::future::{Future, pending, poll_fn};
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use rotapool::testing::VirtualClock;
use rotapool::{Fault, Pool, Resource, RunError};

type Answer = Result<(), Fault<()>>;
type Run = Pin<Box<dyn Future<Output = Result<(), RunError<()>>> + Send>>;

/// A waker that does this.
struct Does<F>(F);

impl<F: Fn() + Send + Sync + 'static> Wake for Does<F> {
    fn wake(self: Arc<Self>) {
        (self.0)();
    }
}

fn waker(does: impl Fn() + Send + Sync + 'static) -> Waker {
    Waker::from(Arc::new(Does(does)))
}

fn panics() -> Waker {
    waker(|| panic!("a waker that panics (this message is expected)"))
}

fn counts(wakes: &Arc<AtomicUsize>) -> Waker {
    let wakes = Arc::clone(wakes);
    waker(move || {
        wakes.fetch_add(1, Ordering::SeqCst);
    })
}

fn poll(run: &mut Run, waker: &Waker) -> Poll<Result<(), RunError<()>>> {
    run.as_mut().poll(&mut Context::from_waker(waker))
}

/// All runs go to `a` while it is there to be had.
fn pool() -> Pool<()> {
    Pool::builder()
        .resources(["a", "b"].map(|id| Resource::new(id, ())))
        .strategy(rotapool::Strategy::PrimaryBackup)
        .retry_delay(Duration::ZERO)
        .runtime(VirtualClock::new())
        .build()
        .unwrap()
}

/// A run that waits, for `a` and `b` are out.
fn waits(pool: &Pool<()>, waker: &Waker) -> Run {
    let request = pool.request().wait(true);
    let mut run: Run = Box::pin(request.run(|_| async { Answer::Ok(()) }));
    assert!(poll(&mut run, waker).is_pending());
    run
}

fn all_out() -> Pool<()> {
    let pool = pool();
    let cools = pool.run(|_| async { Answer::Err(Fault::cooldown("429")) });
    assert!(futures::executor::block_on(cools).is_err());
    assert_eq!(pool.stats().cooling_down, 2);
    pool
}

#[test]
fn a_waker_that_panics_keeps_no_other_run_that_waits_from_being_woken() {
    let pool = all_out();
    let woken = Arc::default();
    let _panicking = waits(&pool, &panics());
    let mut other = waits(&pool, &counts(&woken));

    pool.enable("a").unwrap();
    assert_eq!(woken.load(Ordering::SeqCst), 1);
    assert_eq!(poll(&mut other, Waker::noop()), Poll::Ready(Ok(())));
}

#[test]
fn a_waker_that_panics_keeps_no_other_sibling_from_being_aborted() {
    let pool = pool();
    let woken = Arc::default();
    let hangs = |waker: &Waker| {
        let pool = pool.clone();
        let mut run: Run = Box::pin(async move { pool.run(|_| pending::<Answer>()).await });
        assert!(poll(&mut run, waker).is_pending());
        run
    };
    let signals = &Cell::new(false);
    let mut oldest = Box::pin(pool.run(move |_| {
        poll_fn(move |_| match signals.replace(true) {
            true => Poll::Ready(Answer::Err(Fault::disable("revoked"))),
            false => Poll::Pending,
        })
    }));
    let mut context = Context::from_waker(Waker::noop());
    assert!(oldest.as_mut().poll(&mut context).is_pending());
    let _panicking = hangs(&panics());
    let _other = hangs(&counts(&woken));

    assert!(oldest.as_mut().poll(&mut context).is_ready());
    assert_eq!(woken.load(Ordering::SeqCst), 1);
}

#[test]
fn a_waker_may_change_the_pool_while_others_wait() {
    let pool = all_out();
    let woken = Arc::default();
    let busy = pool.clone();
    let _changing = waits(&pool, &waker(move || busy.enable("b").unwrap()));
    let _other = waits(&pool, &counts(&woken));

    pool.enable("a").unwrap();
    assert_eq!(pool.stats().healthy, 2);
    assert_eq!(woken.load(Ordering::SeqCst), 1);
}

#[test]
fn a_waker_may_poll_the_run_that_waits_there_and_then() {
    let pool = all_out();
    let run: Arc<Mutex<Option<Run>>> = Arc::default();
    let polled = Arc::clone(&run);
    let polls = waker(move || {
        let run = polled.lock().unwrap().take();
        assert_eq!(poll(&mut run.unwrap(), Waker::noop()), Poll::Ready(Ok(())));
    });
    *run.lock().unwrap() = Some(waits(&pool, &polls));

    pool.enable("a").unwrap();
    assert_eq!(pool.stats().runs_ok, 1);
}

#[test]
fn the_waker_of_a_task_that_the_run_has_left_may_drop_a_run_that_waits() {
    /// As the waker of a task does that was cancelled and that nobody else holds any more.
    struct Holds(#[allow(dead_code, reason = "it is there to be dropped")] Mutex<Run>);
    impl Wake for Holds {
        fn wake(self: Arc<Self>) {}
    }
    let pool = all_out();
    let held = waits(&pool, Waker::noop());
    let mut moved = waits(&pool, &Waker::from(Arc::new(Holds(Mutex::new(held)))));

    assert!(poll(&mut moved, Waker::noop()).is_pending());
    assert_eq!(pool.stats().waiting, 1);
    drop(moved);
    assert_eq!(pool.stats().waiting, 0);
}
