//! The clock of the stage.

use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rotapool::{Runtime, Sleep};

/// A clock that stands still until [`advance`](Self::advance). Clones are the same clock.
#[derive(Debug, Clone)]
pub(crate) struct VirtualClock {
    start: Instant,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    now: Instant,
    next_sleeper: u64,
    sleepers: BTreeMap<u64, (Instant, Waker)>,
}

#[allow(dead_code, reason = "each test binary uses its part")]
impl VirtualClock {
    pub(crate) fn new() -> Self {
        let start = Instant::now();
        let state = State { now: start, next_sleeper: 0, sleepers: BTreeMap::new() };
        Self { start, state: Arc::new(Mutex::new(state)) }
    }

    /// The instant this long after the clock was made.
    pub(crate) fn at(&self, since_start: Duration) -> Instant {
        self.start + since_start
    }

    pub(crate) fn start(&self) -> Instant {
        self.start
    }

    /// Moves the clock by the whole amount at once, then wakes every sleeper that is due, in the
    /// order in which they were due.
    pub(crate) fn advance(&self, by: Duration) {
        let mut state = self.state.lock().unwrap();
        state.now += by;
        let now = state.now;
        let mut due: Vec<(Instant, Waker)> =
            state.sleepers.values().filter(|(at, _)| *at <= now).cloned().collect();
        drop(state);
        due.sort_by_key(|(at, _)| *at);
        due.iter().for_each(|(_, waker)| waker.wake_by_ref());
    }

    /// Wakes every sleeper although none is due, as a timer may.
    pub(crate) fn wake_all_early(&self) {
        let state = self.state.lock().unwrap();
        let all: Vec<Waker> = state.sleepers.values().map(|(_, waker)| waker.clone()).collect();
        drop(state);
        all.iter().for_each(Waker::wake_by_ref);
    }

    /// When the sleeps in progress end, earliest first, as seconds since the clock was made.
    pub(crate) fn sleepers(&self) -> Vec<f64> {
        let state = self.state.lock().unwrap();
        let mut ends: Vec<Instant> = state.sleepers.values().map(|(at, _)| *at).collect();
        ends.sort();
        ends.iter().map(|at| at.duration_since(self.start).as_secs_f64()).collect()
    }
}

impl Runtime for VirtualClock {
    fn now(&self) -> Instant {
        self.state.lock().unwrap().now
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Box::pin(Sleeper { at, key: None, state: Arc::clone(&self.state) })
    }
}

struct Sleeper {
    at: Instant,
    key: Option<u64>,
    state: Arc<Mutex<State>>,
}

impl Future for Sleeper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        let mut state = this.state.lock().unwrap();
        if this.at <= state.now {
            return Poll::Ready(());
        }
        let key = *this.key.get_or_insert_with(|| {
            state.next_sleeper += 1;
            state.next_sleeper
        });
        state.sleepers.insert(key, (this.at, context.waker().clone()));
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        if let Some(key) = self.key {
            // The waker may drop a task, which may drop sleepers: not under the lock.
            let removed = self.state.lock().unwrap().sleepers.remove(&key);
            drop(removed);
        }
    }
}
