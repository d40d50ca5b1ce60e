//! A fixed rate: the first beat at once, and no drift however long each takes.

use std::time::{Duration, Instant};

use crate::time::after;

/// Beats at a fixed rate. They are due at whole intervals from the start, so neither work nor a late timer
/// moves those that follow; what was slept through is skipped, not made up for.
#[derive(Debug, Clone)]
pub struct Cadence {
    interval: Duration,
    due: Instant,
}

/// A beat that is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tick {
    /// How late it is: it was due this long ago. Also counts what was skipped.
    pub late: Duration,
    /// How many were due before it and never came.
    pub skipped: u64,
}

impl Cadence {
    /// The first beat is due now. An interval of zero counts as a nanosecond: whoever takes one from a user
    /// checks it.
    #[must_use]
    pub fn new(interval: Duration, now: Instant) -> Self {
        Self { interval: interval.max(Duration::from_nanos(1)), due: now }
    }

    /// When the next beat is due.
    #[must_use]
    pub fn due(&self) -> Instant {
        self.due
    }

    /// Takes the beat that is due, if one is.
    pub fn tick(&mut self, now: Instant) -> Option<Tick> {
        let late = now.checked_duration_since(self.due)?;
        let skipped = late.as_nanos() / self.interval.as_nanos();
        let into = late.as_nanos() % self.interval.as_nanos();
        let into = Duration::from_nanos(u64::try_from(into).unwrap_or(u64::MAX));
        self.due = after(now, self.interval.saturating_sub(into));
        Some(Tick { late, skipped: u64::try_from(skipped).unwrap_or(u64::MAX) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: Duration = Duration::from_secs(1);

    #[test]
    fn the_first_beat_is_due_at_once_and_taken_once() {
        let start = Instant::now();
        let mut cadence = Cadence::new(10 * S, start);
        assert_eq!(cadence.tick(start), Some(Tick { late: Duration::ZERO, skipped: 0 }));
        assert_eq!(cadence.tick(start), None);
        assert_eq!(cadence.due(), start + 10 * S);
    }

    /// kstlib 3.8.2: half a second of work made 1.5 s of every second.
    #[test]
    fn a_beat_that_comes_late_does_not_move_the_next() {
        let start = Instant::now();
        let mut cadence = Cadence::new(S, start);
        for beat in 0..1000 {
            let now = start + beat * S + S / 2;
            assert_eq!(cadence.tick(now), Some(Tick { late: S / 2, skipped: 0 }));
            assert_eq!(cadence.due(), start + (beat + 1) * S);
        }
    }

    #[test]
    fn what_was_slept_through_is_skipped_and_counted() {
        let start = Instant::now();
        let mut cadence = Cadence::new(10 * S, start);
        cadence.tick(start);
        assert_eq!(cadence.tick(start + 45 * S), Some(Tick { late: 35 * S, skipped: 3 }));
        assert_eq!(cadence.due(), start + 50 * S);
        assert_eq!(cadence.tick(start + 49 * S), None);
        assert_eq!(cadence.tick(start + 60 * S), Some(Tick { late: 10 * S, skipped: 1 }));
        assert_eq!(cadence.due(), start + 70 * S);
    }

    #[test]
    fn absurd_intervals_neither_panic_nor_stand_still() {
        let start = Instant::now();
        let mut eternal = Cadence::new(Duration::MAX, start);
        assert!(eternal.tick(start).is_some());
        assert!(eternal.due() > start + 86_400 * S);
        let mut none = Cadence::new(Duration::ZERO, start);
        none.tick(start + S);
        assert!(none.due() > start + S);
    }
}
