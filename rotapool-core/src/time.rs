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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_duration_is_far_in_the_future_and_not_a_panic() {
        let now = Instant::now();
        assert_eq!(after(now, Duration::MAX), now + FAR);
        assert_eq!(scaled(Duration::MAX, 1.5), FAR.mul_f64(1.5));
    }
}
