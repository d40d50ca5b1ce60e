//! A timer that wakes early, as the trait allows: nobody may take its word for the time, or poll it once more.

use std::future::pending;
use std::time::{Duration, Instant};

use rotapool::lifecycle::{CleanUp, Heartbeat, Shutdown, Watchdog};
use rotapool::testing::{VirtualClock, VirtualTime};
use rotapool::{Runtime, Sleep};

use crate::directory::Directory;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// A second early while there is a second left; and an `async` block, which panics when it is polled after its
/// end.
#[derive(Debug)]
struct Hasty(VirtualClock);

impl Runtime for Hasty {
    fn now(&self) -> Instant {
        self.0.now()
    }

    #[expect(
        clippy::redundant_async_block,
        reason = "it is there to panic when it is polled again"
    )]
    fn sleep_until(&self, at: Instant) -> Sleep {
        let early = at.checked_sub(s(1)).filter(|early| *early > self.now()).unwrap_or(at);
        let sleep = self.0.sleep_until(early);
        Box::pin(async move { sleep.await })
    }
}

#[test]
fn a_clean_up_has_all_of_its_limit() {
    let time = VirtualTime::new();
    let shutdown = Shutdown::builder().runtime(Hasty(time.clock())).build().unwrap();
    shutdown.register(CleanUp::new("late", pending::<()>).limit(s(5))).unwrap();
    shutdown.register(CleanUp::new("rest", || async {})).unwrap();
    let report = time.block_on(shutdown.run());
    assert_eq!(report.took, s(5));
    assert!(report.of("rest").unwrap().is_done());
}

#[test]
fn a_heart_beats_no_earlier() {
    let (directory, time) = (Directory::new(), VirtualTime::new());
    let heart = Heartbeat::builder(directory.file("beat"))
        .interval(s(10))
        .runtime(Hasty(time.clock()))
        .write_by(|write| write())
        .build()
        .unwrap();
    let _run = time.spawn(heart.run());
    time.advance(s(39));
    assert_eq!(heart.stats().beats, 4);
    time.advance(s(1));
    assert_eq!(heart.stats().beats, 5);
}

#[test]
fn a_silence_is_as_long_as_it_says() {
    let time = VirtualTime::new();
    let watchdog = Watchdog::builder(s(10))
        .runtime(Hasty(time.clock()))
        .on_silence(|silence| assert_eq!(silence.silent_for, s(10)))
        .build()
        .unwrap();
    let _watch = time.spawn(watchdog.watch());
    let silence = time.block_on(watchdog.guard(pending::<()>())).unwrap_err();
    assert_eq!(silence.silent_for, s(10));
    time.advance(s(30));
    assert_eq!((watchdog.stats().silences, watchdog.stats().alarm_failures), (1, 0));
}
