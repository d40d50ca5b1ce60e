//! Noticing silence.

use std::fs;
use std::future::pending;
use std::sync::{Arc, Mutex, mpsc};
use std::thread;
use std::time::{Duration, SystemTime};

use futures::FutureExt as _;
use rotapool::lifecycle::{
    Ending, Heartbeat, NotAlive, Silence, Unreadable, Watchdog, WatchdogBuilder, WatchdogError,
};
use rotapool::testing::{VirtualClock, VirtualTime};

use crate::child::{Process, next_order, say};
use crate::directory::Directory;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What was barked at.
#[derive(Clone, Default)]
struct Barks(Arc<Mutex<Vec<String>>>);

impl Barks {
    fn write(&self, what: impl std::fmt::Display) {
        self.0.lock().unwrap().push(what.to_string());
    }

    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().unwrap())
    }
}

fn watchdog(limit: u64, time: &VirtualTime) -> (WatchdogBuilder, Barks) {
    let barks = Barks::default();
    let (bark, clock) = (barks.clone(), time.clock());
    let builder = Watchdog::builder(s(limit)).runtime(time.clock()).on_silence(move |silence| {
        bark.write(format!("at {}s: {silence}", clock.elapsed().as_secs_f64()));
    });
    (builder, barks)
}

#[test]
fn it_barks_when_the_silence_is_as_long_as_allowed_and_once() {
    let time = VirtualTime::new();
    let (builder, barks) = watchdog(30, &time);
    let watchdog = builder.name("loop").build().unwrap();
    let _watch = time.spawn(watchdog.watch());
    time.advance(s(29));
    assert_eq!(barks.take(), [""; 0]);
    time.advance(s(1));
    assert_eq!(barks.take(), ["at 30s: loop: silent for 30.0s, allowed is 30.0s"]);
    time.advance(s(600));
    assert_eq!(barks.take(), [""; 0]);
    assert_eq!(watchdog.stats().silences, 1);
    assert_eq!(watchdog.stats().since_ping, None);
}

/// kstlib 3.8.2: after its first bark it never barked again.
#[test]
fn the_next_ping_arms_it_again() {
    let time = VirtualTime::new();
    let (builder, barks) = watchdog(30, &time);
    let watchdog = builder.build().unwrap();
    let _watch = time.spawn(watchdog.watch());
    time.advance(s(40));
    watchdog.ping();
    time.advance(s(29));
    watchdog.ping();
    assert_eq!(barks.take().len(), 1);
    time.advance(s(31));
    assert_eq!(barks.take(), ["at 99s: watchdog: silent for 30.0s, allowed is 30.0s"]);
}

#[test]
fn pings_keep_it_quiet_and_wake_nobody() {
    let time = VirtualTime::new();
    let (builder, barks) = watchdog(30, &time);
    let watchdog = builder.build().unwrap();
    let _watch = time.spawn(watchdog.watch());
    for _ in 0..100 {
        time.advance(s(29));
        watchdog.ping();
        assert_eq!(time.clock().sleeps().len(), 1);
    }
    assert_eq!(barks.take(), [""; 0]);
    assert_eq!(watchdog.stats().since_ping, Some(Duration::ZERO));
}

#[test]
fn one_watches_at_a_time_and_it_can_begin_again() {
    let time = VirtualTime::new();
    let (builder, barks) = watchdog(30, &time);
    let watchdog = builder.build().unwrap();
    let first = time.spawn(watchdog.watch());
    time.advance(s(20));
    let refused = Err(WatchdogError::Watching { name: "watchdog".into() });
    assert_eq!(time.block_on(watchdog.watch()), refused);
    assert!(watchdog.start().is_err());
    first.abort();
    assert!(!watchdog.stats().watching);
    let _again = time.spawn(watchdog.watch());
    time.advance(s(29));
    assert_eq!(barks.take(), [""; 0], "a new watch begins with a whole limit");
    time.advance(s(1));
    assert_eq!(barks.take().len(), 1);
}

#[test]
fn what_makes_no_sense_is_refused() {
    for limit in [Duration::ZERO, Duration::from_micros(999)] {
        let refused = Watchdog::builder(limit).name("a\n").build().unwrap_err();
        assert_eq!(refused, WatchdogError::Limit { name: "a\n".into(), limit });
        let refused = Watchdog::from_heartbeat("beat", limit).build().unwrap_err();
        assert!(matches!(refused, WatchdogError::Limit { .. }));
    }
    let looks = Watchdog::from_heartbeat("beat", s(1)).check_every(Duration::ZERO).build();
    assert_eq!(
        looks.unwrap_err().to_string(),
        "watchdog `watchdog` is to look at the file every 0ns; allowed is 1 ms or more"
    );
    let dumb = Watchdog::builder(s(30)).build().unwrap();
    let refused = WatchdogError::NoAlarm { name: "watchdog".into() };
    assert_eq!(dumb.start().unwrap_err(), refused);
    assert_eq!(dumb.watch().now_or_never(), Some(Err(refused)));
    assert!(!dumb.stats().watching, "nothing half-started is left behind");
    assert!(Watchdog::builder(Duration::MAX).build().is_ok());
}

#[test]
fn alarms_that_fail_or_panic_are_told_and_the_watch_goes_on() {
    let time = VirtualTime::new();
    let (told, clock) = (Barks::default(), time.clock());
    let tell = told.clone();
    let watchdog = Watchdog::builder(s(10))
        .runtime(time.clock())
        .on_silence(move |_| match clock.elapsed().as_secs() {
            10 => Err("no route to the pager"),
            20 => panic!("out of paper"),
            _ => Ok(()),
        })
        .on_alarm_failure(move |silence, ending| tell.write(format!("{silence}; {ending}")))
        .build()
        .unwrap();
    let watch = time.spawn(watchdog.watch());
    for _ in 0..3 {
        time.advance(s(10));
        watchdog.ping();
    }
    assert_eq!(
        told.take(),
        [
            "watchdog: silent for 10.0s, allowed is 10.0s; failed: no route to the pager",
            "watchdog: silent for 10.0s, allowed is 10.0s; panicked: out of paper",
        ]
    );
    assert_eq!((watchdog.stats().silences, watchdog.stats().alarm_failures), (3, 2));
    assert!(!watch.is_finished());
}

#[test]
fn a_hook_for_failures_that_fails_itself_stops_nothing() {
    let time = VirtualTime::new();
    let watchdog = Watchdog::builder(s(10))
        .runtime(time.clock())
        .on_silence(|_| Err::<(), _>("it fails"))
        .on_alarm_failure(|_, _| panic!("so do I"))
        .build()
        .unwrap();
    let _watch = time.spawn(watchdog.watch());
    time.advance(s(10));
    watchdog.ping();
    time.advance(s(10));
    assert_eq!(watchdog.stats().alarm_failures, 2);
}

#[test]
fn alarms_may_await_where_they_are_spawned_and_their_failures_are_told_too() {
    let time = VirtualTime::new();
    let told = Barks::default();
    let (tell, done) = (told.clone(), told.clone());
    // An executor of another thread than that of the watch.
    let (queue, jobs) = mpsc::channel();
    let executor = thread::spawn(move || jobs.iter().for_each(futures::executor::block_on));
    let queue = Mutex::new(queue);
    let clock = time.clock();
    let watchdog = Watchdog::builder(s(10))
        .runtime(time.clock())
        .on_silence_spawn(
            move |job| queue.lock().unwrap().send(job).unwrap(),
            move |silence: Silence| {
                let (done, now) = (done.clone(), clock.elapsed().as_secs());
                assert_ne!(now, 40, "no future to be had");
                async move {
                    match now {
                        10 => done.write(silence),
                        20 => return Err("no route to the pager"),
                        _ => panic!("out of paper"),
                    }
                    Ok(())
                }
            },
        )
        .on_alarm_failure(move |_, ending| tell.write(ending))
        .build()
        .unwrap();
    let watch = time.spawn(watchdog.watch());
    for _ in 0..4 {
        time.advance(s(10));
        watchdog.ping();
    }
    watch.abort();
    assert_eq!(watchdog.stats().silences, 4);
    // The queue goes with the last handle of the watchdog.
    drop(watchdog);
    executor.join().unwrap();
    let mut told = told.take();
    told.sort();
    assert_eq!(told.len(), 4, "{told:?}");
    assert!(told[0].starts_with("failed: no route to the pager"), "{told:?}");
    assert!(told[1].starts_with("panicked: assertion"), "{told:?}");
    assert_eq!(
        told[2..],
        ["panicked: out of paper", "watchdog: silent for 10.0s, allowed is 10.0s"]
    );
}

#[test]
fn a_guard_bounds_the_silence_of_an_operation_and_not_its_length() {
    let time = VirtualTime::new();
    let watchdog = Watchdog::builder(s(10)).runtime(time.clock()).build().unwrap();
    let (ping, clock) = (watchdog.clone(), time.clock());
    let long = async move {
        for _ in 0..10 {
            clock.sleep(s(9)).await;
            ping.ping();
        }
        "all of it"
    };
    assert_eq!(time.block_on(watchdog.guard(long)), Ok("all of it"));
    assert_eq!(time.elapsed(), s(90));

    let (ping, clock) = (watchdog.clone(), time.clock());
    let stalling = async move {
        clock.sleep(s(4)).await;
        ping.ping();
        pending::<()>().await;
    };
    let silence = time.block_on(watchdog.guard(stalling)).unwrap_err();
    assert_eq!(time.elapsed(), s(104));
    assert_eq!(silence.to_string(), "watchdog: silent for 10.0s, allowed is 10.0s");
    assert_eq!(time.clock().sleeps(), []);
}

/// kstlib 3.8.2: the error was raised in the monitor's thread, and the block never saw it.
#[test]
fn the_operation_that_a_guard_ends_is_dropped_by_then() {
    let time = VirtualTime::new();
    let watchdog = Watchdog::builder(s(10)).runtime(time.clock()).build().unwrap();
    let held = Arc::new(());
    let (holding, left) = (Arc::clone(&held), Arc::downgrade(&held));
    drop(held);
    let stalling = async move {
        let _holding = holding;
        pending::<()>().await;
    };
    let guarded = watchdog.guard(stalling);
    time.block_on(async {
        assert!(guarded.await.is_err());
        assert_eq!(left.strong_count(), 0);
    });
}

fn dawn() -> SystemTime {
    SystemTime::UNIX_EPOCH + s(1_700_000_000)
}

/// A watchdog over a file, and the heart that beats into it by hand.
fn over_a_file(
    directory: &Directory,
    time: &VirtualTime,
    check: u64,
) -> (Watchdog, Heartbeat, Barks) {
    let (path, barks) = (directory.file("beat"), Barks::default());
    let wall = |clock: VirtualClock| move || dawn() + clock.elapsed();
    let (bark, clock) = (barks.clone(), time.clock());
    let watchdog = Watchdog::from_heartbeat(&path, s(30))
        .check_every(s(check))
        .runtime(time.clock())
        .wall_clock(wall(time.clock()))
        .on_silence(move |silence: &Silence| {
            let (at, file) = (clock.elapsed().as_secs(), silence.file.as_ref().unwrap());
            bark.write(format!("at {at}s: {file}"));
        })
        .build()
        .unwrap();
    let heart = Heartbeat::builder(&path).wall_clock(wall(time.clock())).build().unwrap();
    (watchdog, heart, barks)
}

/// kstlib 3.8.2: a file that was not there yet was a silence at the first look.
#[test]
fn a_first_beat_has_its_time_to_come() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let (watchdog, heart, barks) = over_a_file(&directory, &time, 5);
    let _watch = time.spawn(watchdog.watch());
    time.advance(s(29));
    heart.beat().unwrap();
    time.advance(s(30));
    assert_eq!(barks.take(), [""; 0]);
    time.advance(s(1));
    assert_eq!(barks.take(), ["at 60s: the last beat is 31.0 s old; allowed is 30.0 s"]);
}

#[test]
fn a_first_beat_that_never_comes_is_a_silence_and_so_is_that_of_a_former_life() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let (watchdog, heart, barks) = over_a_file(&directory, &time, 5);
    let watch = time.spawn(watchdog.watch());
    time.advance(s(30));
    assert_eq!(barks.take(), [format!("at 30s: {}", Unreadable::Missing)]);
    watch.abort();
    heart.beat().unwrap();
    time.advance(s(100));
    let _watch = time.spawn(watchdog.watch());
    time.advance(s(29));
    assert_eq!(barks.take(), [""; 0]);
    time.advance(s(1));
    assert_eq!(barks.take(), ["at 160s: the last beat is 130.0 s old; allowed is 30.0 s"]);
}

/// kstlib 3.8.2: it looked every second, whatever it was told.
#[test]
fn it_looks_at_the_file_as_often_as_it_was_told_and_not_more_often() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let (watchdog, heart, barks) = over_a_file(&directory, &time, 7);
    heart.beat().unwrap();
    let _watch = time.spawn(watchdog.watch());
    let mut looks = Vec::new();
    for _ in 0..6 {
        time.advance(Duration::ZERO);
        looks.extend(time.clock().sleeps());
        time.advance(s(7));
    }
    assert_eq!(looks, [7, 14, 21, 28, 35, 42].map(s));
    assert_eq!(barks.take(), ["at 35s: the last beat is 35.0 s old; allowed is 30.0 s"]);
}

#[test]
fn untold_it_looks_at_the_file_four_times_in_the_age_that_a_beat_may_have() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let watchdog = Watchdog::from_heartbeat(directory.file("beat"), s(28))
        .runtime(time.clock())
        .on_silence(|_| ())
        .build()
        .unwrap();
    let _watch = time.spawn(watchdog.watch());
    time.advance(Duration::ZERO);
    assert_eq!(time.clock().sleeps(), [s(7)]);
}

#[test]
fn a_fresh_beat_arms_it_again_and_whatever_else_is_in_the_file_does_not() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let (watchdog, heart, barks) = over_a_file(&directory, &time, 5);
    heart.beat().unwrap();
    let _watch = time.spawn(watchdog.watch());
    time.advance(s(40));
    assert_eq!(barks.take(), ["at 30s: the last beat is 30.0 s old; allowed is 30.0 s"]);
    fs::write(directory.file("beat"), "garbage").unwrap();
    time.advance(s(60));
    assert_eq!(barks.take(), [""; 0]);
    heart.beat().unwrap();
    time.advance(s(20));
    fs::write(directory.file("beat"), "{").unwrap();
    time.advance(s(20));
    assert_eq!(barks.take(), ["at 130s: the file holds only the beginning of a beat"]);
}

#[test]
fn a_beat_from_the_future_is_no_sign_of_life() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let (watchdog, _, barks) = over_a_file(&directory, &time, 5);
    let ahead = || dawn() + s(3600);
    Heartbeat::builder(directory.file("beat")).wall_clock(ahead).build().unwrap().beat().unwrap();
    let _watch = time.spawn(watchdog.watch());
    time.advance(s(30));
    let ahead = NotAlive::FromTheFuture { ahead: s(3570), allowed: s(5) };
    assert_eq!(barks.take(), [format!("at 30s: {ahead}")]);
}

/// Waits until the thread of a watchdog sleeps until then, and only then.
fn until_it_sleeps(clock: &VirtualClock, until: u64) {
    while clock.sleeps() != [s(until)] {
        thread::yield_now();
    }
}

#[test]
fn its_thread_barks_and_can_be_stopped_and_started_again() {
    let clock = VirtualClock::new();
    let (bark, barks) = mpsc::channel();
    let bark = Mutex::new(bark);
    let watchdog = Watchdog::builder(s(30))
        .runtime(clock.clone())
        .on_silence(move |silence| {
            let here = thread::current().name().map(str::to_owned);
            bark.lock().unwrap().send((here, silence.silent_for)).unwrap();
        })
        .build()
        .unwrap();
    let thread = watchdog.start().unwrap();
    assert!(watchdog.start().is_err());
    until_it_sleeps(&clock, 30);
    clock.advance(s(30));
    assert_eq!(barks.recv().unwrap(), (Some("rotapool-watch".to_owned()), s(30)));
    until_it_sleeps(&clock, 60);
    watchdog.ping();
    clock.advance(s(29));
    drop(thread);
    assert!(!watchdog.stats().watching);
    let again = watchdog.start().unwrap();
    until_it_sleeps(&clock, 89);
    clock.advance(s(30));
    assert_eq!(barks.recv().unwrap().1, s(30));
    until_it_sleeps(&clock, 119);
    assert!(barks.try_recv().is_err());
    drop(again);
}

#[test]
fn a_timer_for_other_threads_alone_is_refused_at_the_door() {
    let watchdog = Watchdog::builder(s(30)).runtime(rotapool::TokioRuntime).on_silence(|_| ());
    let executor = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    let watchdog = executor.block_on(async { watchdog.build().unwrap() });
    let refused = watchdog.start().unwrap_err();
    assert!(matches!(refused, WatchdogError::Runtime { .. }), "{refused}");
    assert!(!watchdog.stats().watching);
    executor.block_on(async { assert!(watchdog.watch().now_or_never().is_none()) });
}

#[test]
fn it_may_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Watchdog>();
    crosses::<Ending>();
    fn sendable(_: impl Send + 'static) {}
    let watchdog = Watchdog::builder(s(30)).build().unwrap();
    sendable((watchdog.watch(), watchdog.guard(async {})));
}

/// In a child: a loop that is alive until it blocks, again and again; its watchdog says how long it took to
/// notice.
pub(crate) fn play() -> u8 {
    let watchdog = Watchdog::builder(LIMIT)
        .on_silence(|silence| say(silence.silent_for.as_micros()))
        .build()
        .unwrap();
    let executor = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let _watching = watchdog.start().unwrap();
    say("watching");
    executor.block_on(async {
        while next_order().is_some() {
            // The loop is alive once, and then blocked until the next order.
            let ping = watchdog.clone();
            tokio::spawn(async move { ping.ping() }).await.unwrap();
        }
    });
    0
}

const LIMIT: Duration = Duration::from_secs(1);

/// kstlib 3.8.2: on the loop it watched over, it could not bark while the loop was blocked.
#[test]
fn a_loop_that_blocks_is_noticed_within_the_limit_and_five_percent() {
    let mut child = Process::start("watchdog");
    child.must_say("watching");
    let mut noticed = Vec::new();
    for _ in 0..3 {
        child.order("live");
        let after = Duration::from_micros(child.says().unwrap().parse().unwrap());
        assert!(after >= LIMIT, "{after:?}");
        noticed.push(after);
    }
    // Time is real here, and the machine may be busy: one of three has to be as it should.
    assert!(noticed.iter().any(|after| *after <= LIMIT.mul_f64(1.05)), "{noticed:?}");
    println!("a blocked loop was noticed after {noticed:?}; allowed was {LIMIT:?}");
}
