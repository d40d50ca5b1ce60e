//! Every future of the lifecycle, given up at each of its polls.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use rotapool::lifecycle::{CleanUp, Heartbeat, Shutdown, Watchdog};
use rotapool::testing::{VirtualClock, VirtualTime};
use rotapool::{Fault, Pool, Resource};

use crate::directory::Directory;

/// A task that counts who holds its waker. A waker may ask the shutdown as it is dropped.
struct Pulse(Shutdown);

impl Wake for Pulse {
    fn wake(self: Arc<Self>) {}
}

impl Drop for Pulse {
    fn drop(&mut self) {
        let _ = self.0.report();
        let _ = self.0.token().is_triggered();
    }
}

/// Polls a future while time passes, and drops it before its poll number `at`, counting from 0; answers
/// whether it got that far. Afterwards nobody holds the waker.
fn give_up<R>(
    future: Pin<Box<dyn Future<Output = R> + Send>>,
    shutdown: &Shutdown,
    clock: &VirtualClock,
    at: usize,
) -> bool {
    let pulse = Arc::new(Pulse(shutdown.clone()));
    let watch: Weak<Pulse> = Arc::downgrade(&pulse);
    let waker = Waker::from(pulse);
    let mut future = future;
    let mut got_there = true;
    for _ in 0..at {
        if future.as_mut().poll(&mut Context::from_waker(&waker)).is_ready() {
            got_there = false;
            break;
        }
        clock.advance(Duration::from_secs(1));
    }
    drop(future);
    drop(waker);
    assert_eq!(watch.strong_count(), 0, "somebody keeps the waker of who gave up at poll {at}");
    got_there
}

/// Three clean-ups of two seconds each, counted as they begin.
fn scene(time: &VirtualTime, side_by_side: bool) -> (Shutdown, Arc<AtomicUsize>) {
    let builder = Shutdown::builder().side_by_side(side_by_side).runtime(time.clock());
    let shutdown = builder.build().unwrap();
    let begun = Arc::new(AtomicUsize::new(0));
    for name in ["a", "b", "c"] {
        let (clock, begun) = (time.clock(), Arc::clone(&begun));
        let work = move || async move {
            begun.fetch_add(1, Ordering::SeqCst);
            clock.sleep(Duration::from_secs(2)).await;
        };
        shutdown.register(CleanUp::new(name, work)).unwrap();
    }
    (shutdown, begun)
}

fn at_every_poll<R>(
    make: impl Fn(&Shutdown) -> Pin<Box<dyn Future<Output = R> + Send>>,
    side_by_side: bool,
    polls: usize,
) {
    for at in 0.. {
        let time = VirtualTime::new();
        let (shutdown, begun) = scene(&time, side_by_side);
        let got_there = give_up(make(&shutdown), &shutdown, &time.clock(), at);
        let report = time.block_on(shutdown.run());
        assert!(report.is_clean(), "given up at poll {at}: {report}");
        assert_eq!(begun.load(Ordering::SeqCst), 3, "given up at poll {at}");
        assert_eq!(time.clock().sleeps(), [], "given up at poll {at}: a sleep lives on");
        if !got_there {
            assert!(at >= polls, "over after {at} polls");
            return;
        }
    }
}

#[test]
fn a_shutdown_that_is_given_up_at_any_poll_is_seen_through_by_the_next() {
    at_every_poll(|shutdown| Box::pin(shutdown.run()), false, 7);
    at_every_poll(|shutdown| Box::pin(shutdown.run()), true, 3);
}

#[test]
fn a_wait_that_is_given_up_before_the_trigger_leaves_nothing_behind() {
    let time = VirtualTime::new();
    let (shutdown, begun) = scene(&time, false);
    for at in 0..5 {
        assert!(give_up(Box::pin(shutdown.wait()), &shutdown, &time.clock(), at));
        assert!(give_up(Box::pin(shutdown.token().triggered()), &shutdown, &time.clock(), at));
    }
    assert!(shutdown.report().is_none());
    assert_eq!(begun.load(Ordering::SeqCst), 0);
}

#[cfg(unix)]
#[test]
fn listening_to_signals_may_be_given_up_at_any_poll_as_well() {
    let started = |shutdown: &Shutdown| -> Pin<Box<dyn Future<Output = _> + Send>> {
        let (listening, shutdown) = (shutdown.on_signals(), shutdown.clone());
        Box::pin(async move {
            shutdown.trigger();
            listening.await.unwrap()
        })
    };
    at_every_poll(started, false, 7);
}

#[test]
fn a_heart_that_is_given_up_at_any_poll_can_be_driven_again() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let shutdown = Shutdown::builder().build().unwrap();
    let heart = Heartbeat::builder(directory.file("beat"))
        .interval(Duration::from_secs(1))
        .runtime(time.clock())
        .write_by(|write| write())
        .build()
        .unwrap();
    for at in 0..5 {
        let before = heart.stats().beats;
        assert!(give_up(Box::pin(heart.run()), &shutdown, &time.clock(), at));
        let stats = heart.stats();
        assert_eq!((stats.beats - before, stats.running), (at as u64, false), "at poll {at}");
        assert_eq!(time.clock().sleeps(), [], "given up at poll {at}: a sleep lives on");
    }
    assert_eq!(directory.names(), ["beat"]);
}

#[test]
fn a_watch_or_a_guard_that_is_given_up_at_any_poll_leaves_nothing_behind() {
    let time = VirtualTime::new();
    let shutdown = Shutdown::builder().build().unwrap();
    let watchdog = Watchdog::builder(Duration::from_secs(2))
        .runtime(time.clock())
        .on_silence(|_| ())
        .build()
        .unwrap();
    for at in 0..5 {
        assert!(give_up(Box::pin(watchdog.watch()), &shutdown, &time.clock(), at));
        assert!(!watchdog.stats().watching, "given up at poll {at}");
        let guarded = watchdog.guard(std::future::pending::<()>());
        assert_eq!(give_up(Box::pin(guarded), &shutdown, &time.clock(), at), at < 3);
        assert_eq!(time.clock().sleeps(), [], "given up at poll {at}: a sleep lives on");
    }
}

#[test]
fn a_drain_that_is_given_up_at_any_poll_aborts_nobody_and_another_sees_it_through() {
    let shutdown = Shutdown::builder().build().unwrap();
    for at in 0..4 {
        let time = VirtualTime::new();
        let pool = Pool::builder()
            .resource(Resource::new("a", ()))
            .resource(Resource::new("b", ()))
            .runtime(time.clock())
            .build()
            .unwrap();
        let hangs = |_| std::future::pending::<Result<(), Fault<()>>>();
        let runs = [pool.request(), pool.request()].map(|request| time.spawn(request.run(hangs)));
        time.advance(Duration::ZERO);
        pool.remove("b").unwrap();
        for drained in [pool.drained("b"), pool.drained("b")] {
            assert!(give_up(Box::pin(drained), &shutdown, &time.clock(), at));
        }
        let drain = pool.drain(Duration::from_secs(60));
        assert!(give_up(Box::pin(drain), &shutdown, &time.clock(), at));
        assert_eq!(pool.is_closed(), at > 0, "given up at poll {at}");
        assert!(!runs[0].is_finished() && !runs[1].is_finished(), "given up at poll {at}");
        assert_eq!(time.clock().sleeps(), [], "given up at poll {at}: a sleep lives on");
        let report = time.block_on(pool.drain(Duration::ZERO));
        assert_eq!((report.aborted, report.is_complete()), (2, true), "given up at poll {at}");
        time.block_on(pool.drained("b"));
    }
}
