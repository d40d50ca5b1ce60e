//! Clocks that a checker can follow.

use std::future::{pending, poll_fn};
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use loom::sync::atomic::{AtomicU64, Ordering};
use rotapool::{Runtime, Sleep};

/// Time stands still and a sleep never ends: whoever sleeps has to be woken by the pool.
#[derive(Debug, Clone)]
pub(crate) struct Still(Instant);

impl Still {
    pub(crate) fn new() -> Self {
        Self(Instant::now())
    }
}

impl Runtime for Still {
    fn now(&self) -> Instant {
        self.0
    }

    fn sleep_until(&self, _: Instant) -> Sleep {
        Box::pin(pending())
    }
}

/// Nobody has to wait: a sleep moves the clock to its end.
#[derive(Debug, Clone)]
pub(crate) struct Leaping {
    start: Instant,
    seconds: Arc<AtomicU64>,
    /// Only once the sleep is polled again, so that a run that is polled once is asleep.
    at_second_sight: bool,
}

impl Leaping {
    pub(crate) fn new() -> Self {
        Self { start: Instant::now(), seconds: Arc::default(), at_second_sight: false }
    }

    pub(crate) fn at_second_sight() -> Self {
        Self { at_second_sight: true, ..Self::new() }
    }
}

impl Runtime for Leaping {
    fn now(&self) -> Instant {
        self.start + Duration::from_secs(self.seconds.load(Ordering::SeqCst))
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        let (start, seconds) = (self.start, Arc::clone(&self.seconds));
        let end = at.saturating_duration_since(start).as_secs_f64().ceil() as u64;
        let mut dozes = self.at_second_sight;
        Box::pin(poll_fn(move |task| {
            if std::mem::take(&mut dozes) {
                task.waker().wake_by_ref();
                return Poll::Pending;
            }
            seconds.fetch_max(end, Ordering::SeqCst);
            Poll::Ready(())
        }))
    }
}
