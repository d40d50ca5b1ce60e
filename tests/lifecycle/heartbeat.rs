//! Proving life.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Barrier, Mutex};
use std::thread;
use std::time::{Duration, SystemTime};

use futures::FutureExt as _;
use rotapool::lifecycle::{
    Beat, Heartbeat, HeartbeatBuilder, HeartbeatError, Liveness, LoopProgress, NotAlive, Target,
    Unreadable,
};
use rotapool::testing::{Answer, Script, VirtualClock, VirtualTime};
use rotapool::{Pool, Resource};

use crate::child::{Process, next_order, say};
use crate::directory::Directory;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// When virtual time begins.
fn dawn() -> SystemTime {
    SystemTime::UNIX_EPOCH + s(1_700_000_000)
}

/// A heart that beats and writes in virtual time.
fn heart(path: &Path, clock: &VirtualClock) -> HeartbeatBuilder {
    let wall = clock.clone();
    Heartbeat::builder(path)
        .runtime(clock.clone())
        .wall_clock(move || dawn() + wall.elapsed())
        .write_by(|write| write())
}

/// What hooks were told.
type Told = Arc<Mutex<Vec<String>>>;

/// The writes that wait for the disk.
type Disk = Arc<Mutex<Vec<Box<dyn FnOnce() + Send>>>>;

#[test]
fn the_first_beat_comes_at_once_and_the_others_at_whole_intervals() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let path = directory.file("beat");
    let heart = heart(&path, &time.clock()).interval(s(10)).build().unwrap();
    assert_eq!(directory.names(), [""; 0], "the door leaves nothing behind");
    let run = time.spawn(heart.run());
    let mut seen = Vec::new();
    for _ in 0..4 {
        time.advance(Duration::ZERO);
        let beat = Heartbeat::read(&path).unwrap();
        seen.push((beat.sequence, beat.time.duration_since(dawn()).unwrap().as_secs()));
        time.advance(s(7));
    }
    assert_eq!(seen, [(1, 0), (1, 0), (2, 10), (3, 20)]);
    assert_eq!(directory.names(), ["beat"], "no temporary file is left");
    assert!(!run.is_finished() && heart.stats().running);
    run.abort();
    assert!(!heart.stats().running);
    assert!(path.exists(), "its age is the news");
}

/// kstlib 3.8.2: the period was the interval and the work. Here the loop is away for a while.
#[test]
fn a_loop_that_comes_round_late_misses_beats_and_tells_how_late_it_was() {
    let (directory, clock) = (Directory::new(), VirtualClock::new());
    let path = directory.file("beat");
    let missed = Told::default();
    let tell = Arc::clone(&missed);
    let heart = heart(&path, &clock)
        .interval(s(10))
        .on_missed_beat(move |error| tell.lock().unwrap().push(error.to_string()))
        .build()
        .unwrap();
    let mut run = Box::pin(heart.run());
    let mut come_round = |after: u64| {
        clock.advance(s(after));
        assert!(run.as_mut().now_or_never().is_none());
        let beat = Heartbeat::read(&path).unwrap();
        (beat.event_loop.unwrap(), beat.writer.missed)
    };
    let progress = |ticks, late, worst| LoopProgress { ticks, late: s(late), worst_late: s(worst) };
    assert_eq!(come_round(0), (progress(1, 0, 0), 0));
    assert_eq!(come_round(13), (progress(2, 3, 3), 0));
    // Due at 20, 30, 40.
    assert_eq!(come_round(32), (progress(3, 25, 25), 2));
    assert_eq!(come_round(5), (progress(4, 0, 25), 2), "at 50, as if nothing had been");
    assert_eq!(come_round(11), (progress(5, 1, 25), 2));
    assert_eq!(*missed.lock().unwrap(), ["2 beats were missed: the loop came round 25.0 s late"]);
    assert_eq!((heart.stats().beats, heart.stats().missed), (5, 2));
}

#[test]
fn a_blocked_loop_beats_no_more_and_its_file_grows_old() {
    let (directory, clock) = (Directory::new(), VirtualClock::new());
    let path = directory.file("beat");
    let heart = heart(&path, &clock).interval(s(10)).build().unwrap();
    let mut run = Box::pin(heart.run());
    assert!(run.as_mut().now_or_never().is_none());
    clock.advance(s(31)); // nobody polls
    let beat = Heartbeat::read(&path).unwrap();
    let judged = Liveness::within(s(30)).judge(&beat, dawn() + clock.elapsed());
    assert_eq!(judged, Err(NotAlive::Stale { age: s(31), max_age: s(30) }));
}

#[test]
fn missed_beats_are_told_when_they_begin_and_again_after_a_good_one() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let home = directory.file("home");
    fs::create_dir(&home).unwrap();
    let missed = Told::default();
    let tell = Arc::clone(&missed);
    let heart = heart(&home.join("beat"), &time.clock())
        .interval(s(10))
        .on_missed_beat(move |error| tell.lock().unwrap().push(error.to_string()))
        .build()
        .unwrap();
    let _run = time.spawn(heart.run());
    let away = directory.file("away");
    time.advance(s(5));
    for _ in 0..2 {
        fs::rename(&home, &away).unwrap();
        time.advance(s(20));
        fs::rename(&away, &home).unwrap();
        time.advance(s(10));
    }
    let missed = missed.lock().unwrap();
    assert_eq!(missed.len(), 2, "{missed:?}");
    assert!(missed[0].contains("home/beat` cannot be written: No such file"), "{missed:?}");
    let stats = heart.stats();
    assert_eq!((stats.beats, stats.missed), (3, 4));
    assert!(matches!(stats.last_error, Some(HeartbeatError::Write { .. })));
    assert_eq!(stats.since_beat, Some(s(5)));
}

#[test]
fn a_beat_that_cannot_take_its_place_leaves_nothing_beside_it() {
    let directory = Directory::new();
    let path = directory.file("beat");
    let heart = Heartbeat::builder(&path).build().unwrap();
    fs::create_dir(&path).unwrap();
    assert!(matches!(heart.beat(), Err(HeartbeatError::Write { .. })));
    assert_eq!(directory.names(), ["beat"]);
}

#[test]
fn a_disk_that_hangs_costs_beats_and_holds_nobody_up() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let path = directory.file("beat");
    let disk = Disk::default();
    let missed = Told::default();
    let (queue, tell) = (Arc::clone(&disk), Arc::clone(&missed));
    let heart = heart(&path, &time.clock())
        .interval(s(10))
        .write_by(move |write| queue.lock().unwrap().push(write))
        .on_missed_beat(move |error| tell.lock().unwrap().push(error.to_string()))
        .build()
        .unwrap();
    let _run = time.spawn(heart.run());
    time.advance(s(35));
    assert_eq!(disk.lock().unwrap().len(), 1, "one at a time");
    assert_eq!(
        *missed.lock().unwrap(),
        ["a beat was missed: the one before is still being written"]
    );
    assert_eq!((heart.stats().beats, heart.stats().missed), (0, 3));

    disk.lock().unwrap().pop().unwrap()();
    let beat = Heartbeat::read(&path).unwrap();
    assert_eq!(beat.time, dawn(), "the stamp is the loop's");
    assert_eq!(beat.writer.written, dawn() + s(35));
    time.advance(s(5));
    drop(disk.lock().unwrap().pop().unwrap());
    assert_eq!(heart.stats().last_error, Some(HeartbeatError::NotWritten));
    time.advance(s(10));
    disk.lock().unwrap().pop().unwrap()();
    assert_eq!((heart.stats().beats, heart.stats().missed), (2, 4));
}

#[test]
fn a_beat_by_hand_that_overtakes_stays_in_the_file() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let path = directory.file("beat");
    let disk = Disk::default();
    let queue = Arc::clone(&disk);
    let heart = heart(&path, &time.clock())
        .write_by(move |write| queue.lock().unwrap().push(write))
        .build()
        .unwrap();
    let _run = time.spawn(heart.run());
    time.advance(s(3));
    heart.beat().unwrap();
    disk.lock().unwrap().pop().unwrap()();
    assert_eq!(Heartbeat::read(&path).unwrap().time, dawn() + s(3));
    assert_eq!((heart.stats().beats, heart.stats().missed), (2, 0));
    // One that was made at the same time is no older.
    time.advance(s(7));
    heart.beat().unwrap();
    disk.lock().unwrap().pop().unwrap()();
    assert_eq!(Heartbeat::read(&path).unwrap().sequence, 3);
}

/// kstlib 3.8.2 told it at every beat, and its loop died of a check that failed.
#[test]
fn the_death_of_the_target_is_told_once_and_to_every_reader() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let path = directory.file("beat");
    let told = Told::default();
    let (clock, tell) = (time.clock(), Arc::clone(&told));
    let heart = heart(&path, &time.clock())
        .interval(s(10))
        .target(move || match clock.elapsed().as_secs() / 10 {
            2 | 3 => Err("the worker is gone"),
            5 => panic!("no such worker"),
            _ => Ok(()),
        })
        .on_target_dead(move |reason| tell.lock().unwrap().push(reason.to_owned()))
        .build()
        .unwrap();
    let _run = time.spawn(heart.run());
    let mut targets = Vec::new();
    for _ in 0..7 {
        time.advance(Duration::ZERO);
        let beat = Heartbeat::read(&path).unwrap();
        let alive = Liveness::within(s(30)).judge(&beat, beat.time).is_ok();
        assert_eq!(alive, beat.target == Some(Target::Alive));
        targets.push(alive);
        time.advance(s(10));
    }
    assert_eq!(targets, [true, true, false, false, true, false, true]);
    assert_eq!(*told.lock().unwrap(), ["the worker is gone", "its check panicked: no such worker"]);
    assert_eq!(heart.stats().hook_panics, 0, "a check that panics is an answer");
}

#[test]
fn the_progress_of_pools_is_told() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let path = directory.file("beat");
    let script = Script::<()>::new(time.clock()).on(
        "key-1",
        [Answer::ok(()).after(s(2)), Answer::cooldown_for(s(1), "429"), Answer::hang()],
    );
    let pool = Pool::builder()
        .name("keys")
        .runtime(time.clock())
        .resource(Resource::new("key-1", ()))
        .retry_delay(Duration::ZERO)
        .build()
        .unwrap();
    let heart = heart(&path, &time.clock()).pool(&pool).build().unwrap();
    let progress = || {
        heart.beat().unwrap();
        let beat = Heartbeat::read(&path).unwrap();
        let pool = beat.pools.into_iter().next().unwrap();
        let last = pool.last_settled.map(|last| last.duration_since(dawn()).unwrap().as_secs());
        (pool.name, pool.settled, pool.in_flight, last)
    };
    assert_eq!(progress(), ("keys".to_owned(), 0, 0, None));
    time.block_on(pool.run(|key| script.play(key))).unwrap();
    time.advance(s(3));
    assert_eq!(progress(), ("keys".to_owned(), 1, 0, Some(2)));
    let request = pool.request().wait(true);
    let hanging = time.spawn(async move { request.run(|key| script.play(key)).await });
    time.advance(s(2));
    assert_eq!(progress(), ("keys".to_owned(), 2, 1, Some(5)));
    hanging.abort();
}

#[test]
fn hooks_that_panic_harm_nobody() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let path = directory.file("beat");
    let heart = heart(&path, &time.clock())
        .interval(s(10))
        .target(|| Err::<(), _>("dead"))
        .on_target_dead(|_| panic!("in the hook"))
        .write_by(|_| panic!("no blocking pool here"))
        .on_missed_beat(|_| panic!("in the other hook"))
        .build()
        .unwrap();
    let run = time.spawn(heart.run());
    time.advance(s(25));
    assert!(!run.is_finished());
    let stats = heart.stats();
    assert_eq!((stats.beats, stats.missed), (0, 3));
    assert_eq!(stats.hook_panics, 1 + 3 + 1);
    heart.beat().unwrap();
}

#[test]
fn one_heart_beats_once_and_can_be_started_again() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let heart = heart(&directory.file("beat"), &time.clock()).build().unwrap();
    let first = time.spawn(heart.run());
    time.advance(s(1));
    let second = time.spawn(heart.run());
    time.advance(s(1));
    assert_eq!(second.take_result(), Some(Err(HeartbeatError::Beating)));
    first.abort();
    let third = time.spawn(heart.run());
    time.advance(s(1));
    assert!(!third.is_finished());
    assert_eq!(heart.stats().beats, 2);
}

#[test]
fn by_default_it_writes_on_a_thread_of_its_own() {
    let directory = Directory::new();
    let path = directory.file("beat");
    let heart = Heartbeat::builder(&path).metadata("version", "1.2").build().unwrap();
    let mut run = Box::pin(heart.run());
    assert!(run.as_mut().now_or_never().is_none());
    while heart.stats().beats == 0 {
        thread::yield_now();
    }
    let beat = Heartbeat::is_alive(&path, Liveness::within(s(60)).of_pid(std::process::id()));
    let beat = beat.unwrap();
    assert_eq!(beat.metadata, BTreeMap::from([("version".to_owned(), "1.2".to_owned())]));
    assert!(!beat.host.is_empty());
}

#[test]
fn what_makes_no_sense_is_refused_and_leaves_nothing_behind() {
    let directory = Directory::new();
    let refused = |builder: HeartbeatBuilder| builder.build().unwrap_err().to_string();
    let path = directory.file("beat");
    for interval in [Duration::ZERO, Duration::from_micros(9_999), s(86_401), Duration::MAX] {
        let error = Heartbeat::builder(&path).interval(interval).build().unwrap_err();
        assert_eq!(error, HeartbeatError::Interval { interval });
    }
    assert!(refused(Heartbeat::builder("/")).contains("ends in no name"));
    assert!(refused(Heartbeat::builder("")).contains("ends in no name"));
    fs::write(directory.file("file"), "").unwrap();
    for (bad, reason) in [
        (directory.path().to_owned(), "is a directory"),
        (directory.file("missing/beat"), "No such file or directory"),
        (directory.file("file/beat"), "Not a directory"),
    ] {
        let error = refused(Heartbeat::builder(&bad));
        assert!(
            error.contains(reason) && error.contains("its directory has to be there"),
            "{error}"
        );
    }
    let novel = |length: usize| {
        let builder = Heartbeat::builder(&path).wall_clock(dawn);
        builder.metadata("novel", "x".repeat(length)).build()
    };
    let long = novel(1 << 20).unwrap_err();
    let told = long.to_string();
    assert!(told.contains("allowed is 1048576: give it less metadata"), "{told}");
    let HeartbeatError::TooLong { length, limit } = long else { panic!("{told}") };
    let fits = (1 << 20) - (length - limit);
    assert!(novel(fits).is_ok() && novel(fits + 1).is_err(), "all that is allowed fits");
    let early = refused(Heartbeat::builder(&path).wall_clock(|| SystemTime::UNIX_EPOCH - s(1)));
    assert!(early.contains("before 1970"), "{early}");
    assert_eq!(directory.names(), ["file"]);
}

#[test]
fn whatever_is_in_the_file_is_told_by_its_kind() {
    let directory = Directory::new();
    let path = directory.file("beat");
    let alive = || Heartbeat::is_alive(&path, s(30)).unwrap_err();
    assert_eq!(alive(), NotAlive::Unreadable(Unreadable::Missing));

    Heartbeat::builder(&path).build().unwrap().beat().unwrap();
    let whole = fs::read(&path).unwrap();
    for half in [&whole[..0], &whole[..whole.len() / 2]] {
        fs::write(&path, half).unwrap();
        assert_eq!(alive(), NotAlive::Unreadable(Unreadable::Half));
    }
    for garbage in [b"null".as_slice(), b"[]", b"\xff\x00\xfe", b"{}", &b"[".repeat(100_000)] {
        fs::write(&path, garbage).unwrap();
        assert!(
            matches!(alive(), NotAlive::Unreadable(Unreadable::Garbage { .. })),
            "{:?}",
            alive()
        );
    }
    fs::File::create(&path).unwrap().set_len(64 << 20).unwrap();
    let read = allocation_counter::measure(|| {
        assert_eq!(alive(), NotAlive::Unreadable(Unreadable::TooLong { limit: 1 << 20 }));
    });
    assert!(read.bytes_max < 4 << 20, "no more is read than a beat may have: {read:?}");
    let longest = fs::File::create(&path).unwrap().set_len(1 << 20).map(|()| alive());
    let read = matches!(longest.unwrap(), NotAlive::Unreadable(Unreadable::Garbage { .. }));
    assert!(read, "so long it may be");
    assert_eq!(Heartbeat::read(directory.path()), Err(Unreadable::NotAFile));
    fs::write(&path, &whole).unwrap();
    assert!(Heartbeat::is_alive(&path, s(30)).is_ok());
    let another = Heartbeat::is_alive(&path, Liveness::within(s(30)).of_pid(1));
    let pid = std::process::id();
    assert_eq!(another, Err(NotAlive::AnotherProcess { pid, expected: 1 }));

    let ahead = || SystemTime::now() + s(3600);
    Heartbeat::builder(&path).wall_clock(ahead).build().unwrap().beat().unwrap();
    assert!(matches!(alive(), NotAlive::FromTheFuture { .. }));
}

#[cfg(unix)]
#[test]
fn a_pipe_or_a_device_in_its_place_is_no_trap() {
    let directory = Directory::new();
    let pipe = directory.file("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    assert_eq!(Heartbeat::read(&pipe), Err(Unreadable::NotAFile));
    assert_eq!(Heartbeat::read("/dev/zero"), Err(Unreadable::NotAFile));
}

/// In a child: beats, as often as it is told, into the file that it is told.
pub(crate) fn play(words: &[&str]) -> u8 {
    let &[path, times] = words else { panic!("a path and a number, not {words:?}") };
    let heart = Heartbeat::builder(path).build().unwrap();
    say("ready");
    let _ = next_order();
    let beaten = (0..times.parse().unwrap()).filter(|_| heart.beat().is_ok()).count();
    say(beaten);
    let _ = next_order();
    0
}

#[test]
fn a_file_of_another_process_proves_its_life_and_not_ours() {
    let directory = Directory::new();
    let path = directory.file("beat");
    let mut child = Process::start(&format!("beats {} 1", path.display()));
    child.must_say("ready");
    child.order("go");
    child.must_say("1");
    let pid = child.id();
    let beat = Heartbeat::is_alive(&path, Liveness::within(s(60)).of_pid(pid)).unwrap();
    assert_eq!(beat.pid, pid);
    let ours = Heartbeat::is_alive(&path, Liveness::within(s(60)).of_pid(std::process::id()));
    assert_eq!(ours, Err(NotAlive::AnotherProcess { pid, expected: std::process::id() }));
}

/// kstlib 3.8.2: of 8000 beats by writers that shared a temporary name, 4063 failed.
#[test]
fn of_8000_beats_by_eight_threads_and_eight_processes_at_once_none_is_lost_or_torn() {
    const EACH: usize = 500;
    let directory = Directory::in_memory();
    let path = directory.file("beat");
    let heart = Heartbeat::builder(&path).build().unwrap();
    heart.beat().unwrap();
    let part = format!("beats {} {EACH}", path.display());
    let mut children: Vec<Process> = (0..8).map(|_| Process::start(&part)).collect();
    children.iter_mut().for_each(|child| child.must_say("ready"));

    let (over, start) = (AtomicBool::new(false), Barrier::new(9));
    let beaten = thread::scope(|scope| {
        let reading = scope.spawn(|| {
            let mut last: BTreeMap<u32, u64> = BTreeMap::new();
            let mut read = 0;
            while !over.load(Ordering::Acquire) {
                let Beat { pid, sequence, .. } =
                    Heartbeat::read(&path).expect("whole, at all times");
                let last = last.entry(pid).or_default();
                assert!(*last <= sequence, "process {pid} went back from {last} to {sequence}");
                *last = sequence;
                read += 1;
            }
            read
        });
        let threads: Vec<_> = (0..8)
            .map(|_| {
                scope.spawn(|| {
                    start.wait();
                    (0..EACH).filter(|_| heart.beat().is_ok()).count()
                })
            })
            .collect();
        children.iter_mut().for_each(|child| child.order("go"));
        start.wait();
        let here: usize = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
        let there: usize =
            children.iter_mut().map(|child| child.says().unwrap().parse::<usize>().unwrap()).sum();
        over.store(true, Ordering::Release);
        assert!(reading.join().unwrap() > 0);
        here + there
    });

    assert_eq!(beaten, 8000);
    assert_eq!(heart.stats().beats, 4001);
    assert_eq!(heart.stats().missed, 0);
    assert_eq!(directory.names(), ["beat"], "no temporary file is left");
}
