//! Leaving in order.

use std::future::pending;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Duration;

use futures::FutureExt as _;
use rotapool::lifecycle::{
    CleanUp, Ending, IntoEnding, Limit, Shutdown, ShutdownError, ShutdownReport,
};
use rotapool::testing::{VirtualClock, VirtualTime};

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// What happened, and when.
#[derive(Clone)]
struct Diary(Arc<Mutex<Vec<String>>>, VirtualClock);

impl Diary {
    fn of(time: &VirtualTime) -> Self {
        Self(Arc::default(), time.clock())
    }

    fn write(&self, what: &str) {
        let line = format!("{}s {what}", self.1.elapsed().as_secs());
        self.0.lock().unwrap().push(line);
    }

    fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }

    /// A clean-up that takes its time, and is written down as it begins and ends.
    fn clean_up(&self, name: &'static str, seconds: u64) -> CleanUp {
        let diary = self.clone();
        CleanUp::new(name, move || async move {
            diary.write(&format!("{name} begins"));
            diary.1.sleep(s(seconds)).await;
            diary.write(&format!("{name} ends"));
        })
    }
}

fn shutdown(time: &VirtualTime, deadline: u64) -> Shutdown {
    Shutdown::builder().deadline(s(deadline)).runtime(time.clock()).build().unwrap()
}

fn endings(report: &ShutdownReport) -> Vec<String> {
    report.clean_ups.iter().map(|one| format!("{}: {}", one.name, one.ending)).collect()
}

#[test]
fn lower_priorities_clean_up_first_and_ties_as_they_were_registered() {
    let time = VirtualTime::new();
    let (shutdown, diary) = (shutdown(&time, 30), Diary::of(&time));
    shutdown.register(diary.clean_up("by default", 1)).unwrap();
    shutdown.register(diary.clean_up("tie", 1).priority(100)).unwrap();
    shutdown.register(diary.clean_up("last", 1).priority(i32::MAX)).unwrap();
    shutdown.register(diary.clean_up("first", 2).priority(-5)).unwrap();
    shutdown.register(diary.clean_up("never", 1)).unwrap();
    assert!(shutdown.unregister("never"));
    assert!(!shutdown.unregister("never"));

    let report = time.block_on(shutdown.run());

    assert!(report.is_clean());
    assert_eq!(report.took, s(5));
    assert_eq!(
        diary.lines(),
        [
            "0s first begins",
            "2s first ends",
            "2s by default begins",
            "3s by default ends",
            "3s tie begins",
            "4s tie ends",
            "4s last begins",
            "5s last ends",
        ]
    );
}

#[test]
fn side_by_side_those_of_one_priority_share_their_time() {
    let time = VirtualTime::new();
    let builder = Shutdown::builder().side_by_side(true).runtime(time.clock());
    let (shutdown, diary) = (builder.build().unwrap(), Diary::of(&time));
    shutdown.register(diary.clean_up("a", 3).priority(1)).unwrap();
    shutdown.register(diary.clean_up("b", 2).priority(1)).unwrap();
    shutdown.register(diary.clean_up("c", 1).priority(2)).unwrap();

    time.block_on(shutdown.run());

    assert_eq!(
        diary.lines(),
        ["0s a begins", "0s b begins", "2s b ends", "3s a ends", "3s c begins", "4s c ends",]
    );
}

/// A future that panics when it is dropped.
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        if !thread::panicking() {
            panic!("dropped");
        }
    }
}

#[test]
fn who_fails_panics_or_is_late_does_not_stop_the_rest() {
    let time = VirtualTime::new();
    let (shutdown, diary) = (shutdown(&time, 30), Diary::of(&time));
    let fail = || async { Err("the disk is full") };
    let panic_at_once = || -> futures::future::Ready<()> { panic!("at once") };
    let number = 7;
    let panic_later = move || async move { assert_ne!(number, 7, "attempt {number}") };
    let panic_when_given_up = || async {
        let _spiteful = Spiteful;
        pending::<()>().await;
    };
    shutdown.register(CleanUp::new("fails", fail)).unwrap();
    shutdown.register(CleanUp::new("panics at once", panic_at_once)).unwrap();
    shutdown.register(CleanUp::new("panics later", panic_later)).unwrap();
    shutdown.register(CleanUp::new("is late", pending::<()>).limit(s(4))).unwrap();
    shutdown.register(CleanUp::new("is spiteful", panic_when_given_up).limit(s(1))).unwrap();
    shutdown.register(diary.clean_up("rest", 1)).unwrap();

    let report = time.block_on(shutdown.run());

    assert_eq!(
        endings(&report),
        [
            "fails: failed: the disk is full",
            "panics at once: panicked: at once",
            "panics later: panicked: assertion `left != right` failed: attempt 7\\n  left: 7\\n right: 7",
            "is late: timed out: its limit is 4.0s",
            "is spiteful: timed out: its limit is 1.0s",
            "rest: done",
        ]
    );
    assert!(report.clean_ups.iter().all(|clean_up| !clean_up.still_running), "they are dropped");
    assert_eq!(diary.lines(), ["5s rest begins", "6s rest ends"]);
    assert_eq!(
        report.to_string(),
        "shutdown took 6.0s of 30.0s: 1 of 6 clean-ups done, 1 failed (`fails`), 2 panicked (`panics at \
         once`, `panics later`), 2 timed out (`is late`, `is spiteful`)"
    );
}

#[test]
fn a_limit_that_ends_before_that_of_the_clean_up_before_it_is_kept() {
    let time = VirtualTime::new();
    let (shutdown, diary) = (shutdown(&time, 30), Diary::of(&time));
    shutdown.register(diary.clean_up("quick", 1).limit(s(9))).unwrap();
    shutdown.register(CleanUp::new("is late", pending::<()>).limit(s(2))).unwrap();
    assert_eq!(time.block_on(shutdown.run()).took, s(3));
}

#[test]
fn the_error_of_a_clean_up_is_in_the_report_as_it_was() {
    let time = VirtualTime::new();
    let shutdown = shutdown(&time, 30);
    let broken = || async { Err(std::io::Error::from(std::io::ErrorKind::BrokenPipe)) };
    shutdown.register(CleanUp::new("flush", broken)).unwrap();

    let report = time.block_on(shutdown.run());

    let Ending::Failed(error) = &report.of("flush").unwrap().ending else { panic!("it failed") };
    let error = error.downcast_ref::<std::io::Error>().unwrap();
    assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
}

/// kstlib 3.8.2: a time-out of 5 s for each made 10 s of two.
#[test]
fn the_deadline_is_that_of_all_together_and_tells_who_was_not_reached() {
    let time = VirtualTime::new();
    let (shutdown, diary) = (shutdown(&time, 10), Diary::of(&time));
    shutdown.register(diary.clean_up("a", 6)).unwrap();
    shutdown.register(diary.clean_up("b", 6).limit(s(60))).unwrap();
    shutdown.register(diary.clean_up("c", 6)).unwrap();

    let report = time.block_on(shutdown.run());

    assert_eq!(time.elapsed(), s(10));
    assert_eq!(
        endings(&report),
        ["a: done", "b: timed out: the deadline of all", "c: not reached"]
    );
    assert!(matches!(report.clean_ups[1].ending, Ending::TimedOut(Limit::Deadline)));
    assert_eq!(diary.lines(), ["0s a begins", "6s a ends", "6s b begins"]);
}

#[test]
fn it_begins_once_whoever_triggers_and_all_who_wait_get_the_same_report() {
    let time = VirtualTime::new();
    let (shutdown, diary) = (shutdown(&time, 30), Diary::of(&time));
    shutdown.register(diary.clean_up("once", 3)).unwrap();
    let early = time.spawn(shutdown.wait());
    time.advance(s(5));
    assert!(!early.is_finished());
    assert!(shutdown.report().is_none());

    assert!(shutdown.trigger());
    assert!(!shutdown.trigger());
    let again = time.spawn(shutdown.run());
    time.advance(s(1));
    assert!(
        !early.is_finished(),
        "the end of the wait is the end of the clean-ups, not the trigger"
    );
    let so_far = shutdown.report().unwrap();
    assert_eq!(endings(&so_far), ["once: under way"]);
    time.advance(s(2));
    let late = time.block_on(shutdown.wait());

    let reports = [early.take_result().unwrap(), again.take_result().unwrap(), late];
    assert!(reports.iter().all(|report| Arc::ptr_eq(report, &reports[0])));
    assert!(shutdown.report().unwrap().is_clean());
    assert_eq!(diary.lines(), ["5s once begins", "8s once ends"]);
}

#[test]
fn tokens_fire_when_it_begins_and_clean_ups_may_rely_on_it() {
    let time = VirtualTime::new();
    let (shutdown, diary) = (shutdown(&time, 30), Diary::of(&time));
    let token = shutdown.token();
    let worker = {
        let (token, diary) = (token.clone(), diary.clone());
        time.spawn(async move {
            token.triggered().await;
            diary.write("the worker stops");
        })
    };
    let seen = token.clone();
    let ask = move || async move { assert!(seen.is_triggered()) };
    shutdown.register(CleanUp::new("ask", ask)).unwrap();
    time.advance(s(1));
    assert!(!token.is_triggered() && !worker.is_finished());

    let report = time.block_on(shutdown.run());

    assert!(token.is_triggered() && worker.is_finished());
    assert!(report.is_clean());
    assert_eq!(token.triggered().now_or_never(), Some(()), "later, too");
    assert_eq!(diary.lines(), ["1s the worker stops"]);
}

#[test]
fn who_waits_and_is_dropped_passes_the_clean_ups_on() {
    let time = VirtualTime::new();
    let (shutdown, diary) = (shutdown(&time, 30), Diary::of(&time));
    shutdown.register(diary.clean_up("a", 4)).unwrap();
    shutdown.register(diary.clean_up("b", 4)).unwrap();
    let driver = time.spawn(shutdown.run());
    time.advance(s(1));
    let other = time.spawn(shutdown.wait());
    time.advance(s(1));
    driver.abort();

    time.advance(s(6));

    assert!(other.take_result().unwrap().is_clean());
    assert_eq!(diary.lines(), ["0s a begins", "4s a ends", "4s b begins", "8s b ends"]);
}

#[test]
fn while_nobody_waits_the_clean_ups_stand_still_and_the_clock_does_not() {
    let time = VirtualTime::new();
    let (shutdown, diary) = (shutdown(&time, 10), Diary::of(&time));
    shutdown.register(diary.clean_up("a", 4)).unwrap();
    shutdown.register(diary.clean_up("b", 4)).unwrap();
    let driver = time.spawn(shutdown.run());
    time.advance(s(1));
    driver.abort();
    time.advance(s(20));

    let report = time.block_on(shutdown.wait());

    // It had ended in time, if only somebody had looked.
    assert_eq!(endings(&report), ["a: done", "b: not reached"]);
    assert_eq!(report.took, s(21));
}

#[test]
fn what_makes_no_sense_is_refused_and_nothing_of_it_runs() {
    let time = VirtualTime::new();
    let zero = Shutdown::builder().deadline(Duration::ZERO).build();
    assert_eq!(zero.unwrap_err(), ShutdownError::ZeroDeadline);

    let (shutdown, diary) = (shutdown(&time, 30), Diary::of(&time));
    shutdown.register(diary.clean_up("flush", 1)).unwrap();
    let twice = shutdown.register(diary.clean_up("flush", 9)).unwrap_err();
    assert_eq!(twice, ShutdownError::DuplicateName { name: "flush".into() });
    let nameless = shutdown.register(diary.clean_up("", 9)).unwrap_err();
    assert_eq!(nameless, ShutdownError::EmptyName);
    let hasty = shutdown.register(diary.clean_up("hasty", 9).limit(Duration::ZERO)).unwrap_err();
    assert_eq!(hasty, ShutdownError::ZeroLimit { name: "hasty".into() });

    shutdown.trigger();
    let late = shutdown.register(diary.clean_up("late", 9)).unwrap_err();
    assert_eq!(late, ShutdownError::ShuttingDown { name: "late".into() });
    assert!(!shutdown.unregister("flush"));

    assert_eq!(endings(&time.block_on(shutdown.wait())), ["flush: done"]);
    assert_eq!(diary.lines(), ["0s flush begins", "1s flush ends"]);
}

#[test]
fn a_clean_up_may_ask_the_shutdown_that_it_is_part_of() {
    let time = VirtualTime::new();
    let shutdown = shutdown(&time, 10);
    let this = shutdown.clone();
    let meddle = move || async move {
        assert!(!this.trigger());
        assert!(this.register(CleanUp::new("more", || async {})).is_err());
        assert!(this.report().is_some());
        let _ = format!("{this:?}");
        this.wait().await; // for its own end: it has to time out
    };
    shutdown.register(CleanUp::new("meddles", meddle).limit(s(3))).unwrap();

    let report = time.block_on(shutdown.run());

    assert_eq!(endings(&report), ["meddles: timed out: its limit is 3.0s"]);
}

/// What the works of clean-ups hold is dropped outside the lock: it may ask the shutdown.
struct Nosy(Shutdown);

impl Drop for Nosy {
    fn drop(&mut self) {
        let _ = self.0.report();
        let _ = self.0.unregister("nobody");
    }
}

#[test]
fn what_a_clean_up_holds_may_ask_the_shutdown_as_it_is_dropped() {
    let time = VirtualTime::new();
    let shutdown = shutdown(&time, 10);
    let nosy = |name: &'static str| {
        let nosy = Nosy(shutdown.clone());
        CleanUp::new(name, move || async move {
            let _nosy = nosy;
            pending::<()>().await;
        })
    };
    shutdown.register(nosy("a")).unwrap();
    assert!(shutdown.register(nosy("a")).is_err());
    assert!(shutdown.unregister("a"));
    shutdown.register(nosy("b").limit(s(1))).unwrap();
    let report = time.block_on(shutdown.run());
    assert_eq!(endings(&report), ["b: timed out: its limit is 1.0s"]);
}

/// Drives a future whose other end is a real thread, while the virtual clock stands still.
struct Parked(Thread);

impl Wake for Parked {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

fn block_on<F: Future>(future: F) -> F::Output {
    let waker = Waker::from(Arc::new(Parked(thread::current())));
    let mut future = Box::pin(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return output;
        }
        thread::park();
    }
}

#[test]
fn blocking_clean_ups_have_threads_of_their_own() {
    let shutdown = Shutdown::builder().runtime(VirtualClock::new()).build().unwrap();
    let here = thread::current().id();
    let elsewhere = move || assert_ne!(thread::current().id(), here);
    shutdown.register(CleanUp::blocking("elsewhere", elsewhere)).unwrap();
    shutdown.register(CleanUp::blocking("fails", || Err::<(), _>("no such file"))).unwrap();
    let explode = || -> () { panic!("boom") };
    shutdown.register(CleanUp::blocking("panics", explode)).unwrap();

    let report = block_on(shutdown.run());

    assert_eq!(
        endings(&report),
        ["elsewhere: done", "fails: failed: no such file", "panics: panicked: boom",]
    );
}

#[test]
fn a_blocking_clean_up_that_is_late_is_left_to_itself_and_the_report_says_so() {
    let clock = VirtualClock::new();
    let shutdown = Shutdown::builder().deadline(s(10)).runtime(clock.clone()).build().unwrap();
    let (began, has_begun) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let stuck = move || {
        began.send(()).unwrap();
        let _ = released.recv();
    };
    shutdown.register(CleanUp::blocking("stuck", stuck).limit(s(2))).unwrap();
    shutdown.register(CleanUp::new("rest", || async {})).unwrap();
    let mut run = Box::pin(shutdown.run());
    assert!(run.as_mut().now_or_never().is_none());
    has_begun.recv().unwrap();

    clock.advance(s(2));
    let report = run.now_or_never().expect("nobody waits for the stuck one");

    let stuck = report.of("stuck").unwrap();
    assert!(stuck.still_running);
    assert_eq!(
        stuck.to_string(),
        "stuck: timed out: its limit is 2.0s, still running on its thread (after 2.0s)"
    );
    assert!(report.of("rest").unwrap().is_done());
    drop(release);
}

/// Remembers that it was woken.
#[derive(Default)]
struct Bell(AtomicBool);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[test]
fn who_comes_while_another_thread_drives_is_woken_at_the_end() {
    let shutdown = Shutdown::builder().runtime(VirtualClock::new()).build().unwrap();
    let (entered, has_entered) = mpsc::channel();
    let (release, released) = mpsc::channel::<()>();
    let blocks = move || async move {
        entered.send(()).unwrap();
        let _ = released.recv();
    };
    shutdown.register(CleanUp::new("blocks", blocks)).unwrap();
    let run = shutdown.run();
    let drives = thread::spawn(move || block_on(run));
    has_entered.recv().unwrap();

    let bell = Arc::new(Bell::default());
    let waker = Waker::from(Arc::clone(&bell));
    let mut wait = Box::pin(shutdown.wait());
    assert!(wait.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
    drop(release);
    drives.join().unwrap();

    assert!(bell.0.load(Ordering::SeqCst));
    assert!(wait.now_or_never().unwrap().is_clean());
}

#[test]
fn answers_of_a_users_own_type_can_be_endings() {
    struct Exit(i32);
    impl IntoEnding for Exit {
        fn into_ending(self) -> Ending {
            match self.0 {
                0 => Ending::Done,
                code => Err(format!("exit code {code}")).into_ending(),
            }
        }
    }
    let time = VirtualTime::new();
    let shutdown = shutdown(&time, 30);
    shutdown.register(CleanUp::new("good", || async { Exit(0) })).unwrap();
    shutdown.register(CleanUp::new("bad", || async { Exit(3) })).unwrap();
    let report = time.block_on(shutdown.run());
    assert_eq!(endings(&report), ["good: done", "bad: failed: exit code 3"]);
}

#[test]
fn a_thousand_may_wait() {
    let time = VirtualTime::new();
    let (shutdown, diary) = (shutdown(&time, 30), Diary::of(&time));
    shutdown.register(diary.clean_up("once", 3)).unwrap();
    let waiting: Vec<_> = (0..1000).map(|_| time.spawn(shutdown.wait())).collect();
    time.advance(s(1));
    shutdown.trigger();
    time.advance(s(3));
    assert!(waiting.iter().all(|task| task.take_result().unwrap().is_clean()));
    assert_eq!(diary.lines(), ["1s once begins", "4s once ends"]);
}

#[test]
fn it_may_cross_threads() {
    fn crosses<T: Send + Sync + 'static>() {}
    crosses::<Shutdown>();
    crosses::<rotapool::lifecycle::ShutdownToken>();
    let shutdown = Shutdown::builder().build().unwrap();
    fn sendable(_: impl Send + 'static) {}
    sendable((shutdown.wait(), shutdown.run(), shutdown.token().triggered()));
}
