//! Arithmetic on instants that cannot overflow.

use std::time::{Duration, Instant};

/// The longest duration that is told apart from a longer one: a hundred years of 365 days.
pub(crate) const FAR: Duration = Duration::from_secs(100 * 365 * 24 * 60 * 60);

/// The instant `duration` after `now`; a duration above a hundred years counts as a hundred years.
///
/// It never panics, so a hostile `Retry-After` or `Duration::MAX` is a very long time, not a crash.
#[must_use]
pub fn after(now: Instant, duration: Duration) -> Instant {
    now.checked_add(duration.min(FAR)).unwrap_or(now)
}

/// `duration × factor`, for a finite `factor` of 0 or more and with `duration` taken as at most [`FAR`].
pub(crate) fn scaled(duration: Duration, factor: f64) -> Duration {
    duration.min(FAR).mul_f64(factor)
}

/// A duration of so many seconds, which may be more than a [`Duration`] holds.
pub(crate) fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds).unwrap_or(Duration::MAX)
}

/// A moment as the hot path wants it: nanoseconds since the pool was made. 584 years fit; what is later counts as
/// the last of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Tick(pub(crate) u64);

impl Tick {
    pub(crate) const NEVER: Self = Self(u64::MAX);

    /// How long ago `earlier` was, in seconds.
    #[inline]
    pub(crate) fn seconds_since(self, earlier: Self) -> f64 {
        // A signed number turns into a float in one instruction, and 292 years fit. More counts as that.
        self.0.saturating_sub(earlier.0).min(i64::MAX as u64) as i64 as f64 * 1e-9
    }
}

/// When the pool was made.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Epoch(Instant);

impl Epoch {
    pub(crate) fn new(now: Instant) -> Self {
        Self(now)
    }

    /// An instant before the pool was made counts as that moment.
    #[inline]
    pub(crate) fn tick(self, instant: Instant) -> Tick {
        let since = instant.saturating_duration_since(self.0);
        // In 64 bits: every run comes here twice, and 128 cost more.
        let seconds = since.as_secs().saturating_mul(1_000_000_000);
        Tick(seconds.saturating_add(since.subsec_nanos().into()))
    }

    /// The instant of a tick; where the system has none so late, the epoch's own.
    pub(crate) fn instant(self, tick: Tick) -> Instant {
        self.0.checked_add(Duration::from_nanos(tick.0)).unwrap_or(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_duration_is_far_in_the_future_and_not_a_panic() {
        let now = Instant::now();
        assert_eq!(after(now, Duration::MAX), now + FAR);
        assert_eq!(scaled(Duration::MAX, 1.5), FAR.mul_f64(1.5));
        assert_eq!(seconds(1e300), Duration::MAX);
    }

    /// The last instant that the system knows.
    fn last() -> Instant {
        let mut last = Instant::now();
        for bits in (0..64).rev() {
            last = last.checked_add(Duration::from_secs(1 << bits)).unwrap_or(last);
        }
        last
    }

    #[test]
    fn however_late_it_is_the_clock_stands_still_and_nothing_panics() {
        let (now, last) = (Instant::now(), last());
        let epoch = Epoch::new(now);
        let (ever, late) = (epoch.tick(last), Tick(i64::MAX as u64 + 1));
        assert_eq!(ever, Tick(u64::MAX));
        for (tick, earlier) in [(ever, Tick(0)), (late, Tick(0)), (ever, Tick(1)), (late, late)] {
            let seconds = tick.seconds_since(earlier);
            assert!((0.0..=9.3e9).contains(&seconds), "{seconds}");
        }
        assert!(epoch.instant(ever) >= now);
        assert_eq!(Epoch::new(last).instant(ever), last);
        assert_eq!(after(last, FAR), last);
    }
}
