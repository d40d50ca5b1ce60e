//! A stretch of time that slides: cut into ten steps, of which the oldest goes when a new one comes.

use std::time::{Duration, Instant};

/// Into how many steps the time is cut.
pub(super) const STEPS: usize = 10;

/// What is counted in each step of the time up to now.
#[derive(Debug, Clone)]
pub(super) struct Steps<T> {
    /// How long one is, in nanoseconds.
    length: u128,
    start: Instant,
    /// The number of the present step, counted from the start; its place is that modulo their number.
    present: u128,
    counts: Box<[T; STEPS]>,
}

impl<T: Default + Copy> Steps<T> {
    pub(super) fn new(time: Duration, start: Instant) -> Self {
        // The door lets nothing in that is so short that a step were nothing.
        let length = (time.as_nanos() / STEPS as u128).max(1);
        Self { length, start, present: 0, counts: Box::default() }
    }

    /// What is counted in the present step.
    pub(super) fn present(&mut self) -> &mut T {
        &mut self.counts[place(self.present)]
    }

    /// Goes on to `now`, and hands over what has become too old.
    pub(super) fn slide(&mut self, now: Instant, mut gone: impl FnMut(T)) {
        let reached = self.reached(now);
        let steps = reached.saturating_sub(self.present).min(STEPS as u128);
        for step in 1..=steps {
            gone(std::mem::take(&mut self.counts[place(self.present + step)]));
        }
        self.present = reached.max(self.present);
    }

    /// What is still counted and goes, the oldest first, each with when.
    pub(super) fn ahead(&self) -> impl Iterator<Item = (Option<Instant>, T)> {
        (1..=STEPS as u128).map(|step| {
            let nanoseconds = (self.present + step).checked_mul(self.length);
            let offset = nanoseconds.and_then(|it| u64::try_from(it).ok());
            let at = offset.and_then(|it| self.start.checked_add(Duration::from_nanos(it)));
            (at, self.counts[place(self.present + step)])
        })
    }

    fn reached(&self, now: Instant) -> u128 {
        now.saturating_duration_since(self.start).as_nanos() / self.length
    }
}

fn place(step: u128) -> usize {
    (step % STEPS as u128) as usize
}
