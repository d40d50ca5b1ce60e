//! A clock that stands still until somebody moves it.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use rotapool_core::{Runtime, Sleep, after};

/// A [`Runtime`] whose time moves only when it is told to. Clones are the same clock.
///
/// With a [`VirtualTime`](crate::testing::VirtualTime) no more is needed than to hand
/// [its clock](crate::testing::VirtualTime::clock) to the pool. By itself the clock serves under any
/// executor: the test moves it by [`advance`](Self::advance) and lets the executor poll whom that woke.
#[derive(Clone)]
pub struct VirtualClock {
    start: Instant,
    state: Arc<Mutex<State>>,
}

struct State {
    now: Instant,
    /// How many sleeps were ever begun: it keeps those that end at one instant apart, and in order.
    begun: u64,
    sleepers: BTreeMap<(Instant, u64), Waker>,
}

impl VirtualClock {
    /// A clock that stands at zero.
    #[must_use]
    pub fn new() -> Self {
        // Instants have no zero, so some moment has to be it. The real clock is not read again.
        let start = Instant::now();
        let state = State { now: start, begun: 0, sleepers: BTreeMap::new() };
        Self { start, state: Arc::new(Mutex::new(state)) }
    }

    /// Moves the clock by the whole amount at once, then wakes the sleepers that are due, in the order
    /// in which they were.
    ///
    /// Nobody is polled here. So a sleep that was due long before finds the clock past its end, as after
    /// a busy moment of a real executor; [`VirtualTime::advance`](crate::testing::VirtualTime::advance)
    /// stops at the end of each.
    ///
    /// # Panics
    ///
    /// When an [`Instant`] cannot be that late.
    #[track_caller]
    pub fn advance(&self, by: Duration) {
        self.move_to(self.later(by));
    }

    /// How far the clock has moved since it was made.
    #[must_use]
    pub fn elapsed(&self) -> Duration {
        self.now().duration_since(self.start)
    }

    /// Sleeps this long by the clock. Above a hundred years counts as a hundred years.
    pub fn sleep(&self, duration: Duration) -> Sleep {
        self.sleep_until(after(self.now(), duration))
    }

    /// When the sleeps in progress end, earliest first, counted from when the clock was made.
    ///
    /// A sleep is in progress from its first poll until it is due or dropped.
    #[must_use]
    pub fn sleeps(&self) -> Vec<Duration> {
        let state = self.state();
        state.sleepers.keys().map(|(at, _)| at.duration_since(self.start)).collect()
    }

    /// The instant this much later than now.
    #[track_caller]
    pub(super) fn later(&self, by: Duration) -> Instant {
        match self.now().checked_add(by) {
            Some(later) => later,
            None => panic!("the clock cannot advance by {by:?}: no instant is so late"),
        }
    }

    /// When the next sleep ends.
    pub(super) fn next_end(&self) -> Option<Instant> {
        self.state().sleepers.keys().next().map(|(at, _)| *at)
    }

    /// Moves the clock there, never back, and wakes who is due.
    pub(super) fn move_to(&self, at: Instant) {
        let mut state = self.state();
        state.now = state.now.max(at);
        let now = state.now;
        let later = state.sleepers.split_off(&(now, u64::MAX));
        let due = mem::replace(&mut state.sleepers, later);
        // A waker is foreign code: not under the lock.
        drop(state);
        due.into_values().for_each(Waker::wake);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Default for VirtualClock {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for VirtualClock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VirtualClock")
            .field("elapsed", &self.elapsed())
            .field("sleeps", &self.sleeps())
            .finish()
    }
}

impl Runtime for VirtualClock {
    fn now(&self) -> Instant {
        self.state().now
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Box::pin(Sleeper { at, number: None, clock: self.clone() })
    }
}

struct Sleeper {
    at: Instant,
    /// Which of the sleeps begun this is; none before its first poll.
    number: Option<u64>,
    clock: VirtualClock,
}

impl Future for Sleeper {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let Self { at, number, clock } = &mut *self;
        let waker = context.waker().clone();
        let mut state = clock.state();
        if *at <= state.now {
            return Poll::Ready(());
        }
        let number = *number.get_or_insert(state.begun + 1);
        state.begun = state.begun.max(number);
        let replaced = state.sleepers.insert((*at, number), waker);
        drop(state);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Sleeper {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            let removed = self.clock.state().sleepers.remove(&(self.at, number));
            // The waker may be the last to hold a task: not dropped under the lock.
            drop(removed);
        }
    }
}
