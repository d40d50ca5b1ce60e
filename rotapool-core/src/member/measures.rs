//! How well a resource has been doing: errors in a window, latency, streaks.
//!
//! Measures only: no rule of the pool takes a resource out because of them. The strategies that go by
//! them let every measure fade with time, so that none can lock a resource out for ever.

use super::health::{Grade, Health};
use super::yardstick::{BUCKETS, Yardstick};
use crate::time::{Tick, seconds};

#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Bucket {
    successes: u32,
    failures: u32,
}

/// The measures of one membership.
#[derive(Debug, Clone)]
pub(crate) struct Measures {
    /// What is counted in the present tenth of the window, which ends at `ends`.
    filling: Bucket,
    ends: Option<Tick>,
    successes: u64,
    failures: u64,
    consecutive_failures: u32,
    last_success: Option<Tick>,
    last_failure: Option<Tick>,
    latency: Option<Latency>,
    /// The tenths before, newest first.
    past: [Bucket; BUCKETS - 1],
}

/// Exponentially weighted latency in seconds, and when it was last updated.
#[derive(Debug, Clone, Copy)]
struct Latency {
    mean: f64,
    peak: f64,
    at: Tick,
}

impl Measures {
    pub(crate) fn new() -> Self {
        Self {
            filling: Bucket::default(),
            ends: None,
            successes: 0,
            failures: 0,
            consecutive_failures: 0,
            last_success: None,
            last_failure: None,
            latency: None,
            past: [Bucket::default(); BUCKETS - 1],
        }
    }

    /// An attempt that took this many seconds got through.
    #[inline]
    pub(crate) fn succeeded(&mut self, took: f64, now: Tick, yardstick: &Yardstick) {
        let bucket = self.bucket(now, yardstick);
        bucket.successes = bucket.successes.saturating_add(1);
        self.successes += 1;
        self.consecutive_failures = 0;
        self.last_success = Some(now);
        self.took(took, now, yardstick);
    }

    pub(crate) fn failed(&mut self, took: f64, now: Tick, yardstick: &Yardstick) {
        let bucket = self.bucket(now, yardstick);
        bucket.failures = bucket.failures.saturating_add(1);
        self.failures += 1;
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        self.last_failure = Some(now);
        self.took(took.max(yardstick.failure_latency), now, yardstick);
    }

    /// An attempt got through without a value, so that nobody knows whether it took as long as one that gets one.
    pub(crate) fn answered(&mut self, now: Tick, yardstick: &Yardstick) {
        let bucket = self.bucket(now, yardstick);
        bucket.successes = bucket.successes.saturating_add(1);
        self.successes += 1;
        self.consecutive_failures = 0;
        self.last_success = Some(now);
    }

    /// An attempt was given up after this many seconds: that says something only if it is more than is known.
    pub(crate) fn took_at_least(&mut self, took: f64, now: Tick, yardstick: &Yardstick) {
        if self.peak(now, yardstick).is_some_and(|peak| took > peak) {
            self.took(took, now, yardstick);
        }
    }

    /// An attempt ended, or was given up, after this many seconds.
    ///
    /// Peak EWMA after Finagle's `PeakEwma` load metric (Twitter, 2013): the estimate fades with time,
    /// and a latency above what has become of it replaces it at once.
    #[inline]
    pub(crate) fn took(&mut self, took: f64, now: Tick, yardstick: &Yardstick) {
        self.latency = Some(match self.latency {
            None => Latency { mean: took, peak: took, at: now },
            Some(Latency { mean, peak, at }) => {
                let old = yardstick.fading(at, now);
                Latency {
                    mean: mean * old + took * (1.0 - old),
                    peak: took.max(peak * old),
                    at: now,
                }
            }
        });
    }

    /// The peak latency in seconds, faded with the time since it was measured: a slow resource that
    /// gets no traffic looks better and better until it is tried again.
    pub(crate) fn peak(&self, now: Tick, yardstick: &Yardstick) -> Option<f64> {
        // Never nothing: what took no time at all still costs more the more of it is in flight.
        self.latency.map(|latency| (latency.peak * yardstick.fading(latency.at, now)).max(1e-9))
    }

    pub(crate) fn has_latency(&self) -> bool {
        self.latency.is_some()
    }

    pub(crate) fn failed_last(&self) -> bool {
        self.consecutive_failures > 0
    }

    /// The share of failures in the window, if there are enough attempts in it.
    pub(crate) fn error_rate(&self, now: Tick, yardstick: &Yardstick) -> Option<f64> {
        let Bucket { successes, failures } = self.recent(now, yardstick);
        let attempts = successes + failures;
        (attempts >= yardstick.rules.min_sample.max(1))
            .then(|| f64::from(failures) / f64::from(attempts))
    }

    pub(crate) fn report(&self, now: Tick, yardstick: &Yardstick) -> Health {
        let recent = self.recent(now, yardstick);
        let error_rate = self.error_rate(now, yardstick);
        let instant = |tick| yardstick.epoch.instant(tick);
        Health {
            at: yardstick.epoch.instant(now),
            recent_successes: recent.successes,
            recent_failures: recent.failures,
            successes: self.successes,
            failures: self.failures,
            consecutive_failures: self.consecutive_failures,
            error_rate,
            grade: match error_rate {
                Some(rate) if rate >= yardstick.rules.unhealthy => Grade::Unhealthy,
                Some(rate) if rate >= yardstick.rules.degraded => Grade::Degraded,
                _ => Grade::Healthy,
            },
            latency: self.latency.map(|latency| seconds(latency.mean)),
            peak_latency: self.latency.map(|latency| seconds(latency.peak)),
            last_success: self.last_success.map(instant),
            last_failure: self.last_failure.map(instant),
        }
    }

    /// The successes and failures in the window.
    fn recent(&self, now: Tick, yardstick: &Yardstick) -> Bucket {
        let passed = match self.ends {
            Some(ends) if now < ends => 0,
            Some(ends) => yardstick.passed(ends, now),
            None => return Bucket::default(),
        };
        // `passed` more tenths have fallen out of the window since.
        let tenths = std::iter::once(&self.filling).chain(&self.past);
        tenths.take(BUCKETS.saturating_sub(passed)).fold(Bucket::default(), |sum, tenth| Bucket {
            successes: sum.successes.saturating_add(tenth.successes),
            failures: sum.failures.saturating_add(tenth.failures),
        })
    }

    /// The bucket for `now`.
    #[inline]
    fn bucket(&mut self, now: Tick, yardstick: &Yardstick) -> &mut Bucket {
        if self.ends.is_none_or(|ends| now >= ends) {
            self.turn(now, yardstick);
        }
        &mut self.filling
    }

    /// Empties the buckets whose time has passed.
    #[cold]
    fn turn(&mut self, now: Tick, yardstick: &Yardstick) {
        let Some(ends) = self.ends else {
            self.ends = Some(Tick(now.0.saturating_add(yardstick.tenth)));
            return;
        };
        // At least one has ended; `ends` moves on by whole tenths, unless all have passed.
        let passed = yardstick.passed(ends, now);
        for _ in 0..passed.min(BUCKETS) {
            self.past.rotate_right(1);
            self.past[0] = std::mem::take(&mut self.filling);
        }
        self.ends = Some(Tick(match passed {
            few if few <= BUCKETS => {
                ends.0.saturating_add(yardstick.tenth.saturating_mul(few as u64))
            }
            _ => now.0.saturating_add(yardstick.tenth),
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;
    use crate::member::health_rules::HealthRules;
    use crate::time::Epoch;

    const RULES: fn() -> Yardstick =
        || Yardstick::new(HealthRules::default(), Epoch::new(Instant::now()));

    fn at(seconds: f64) -> Tick {
        Tick((seconds * 1e9) as u64)
    }

    fn tenth(successes: u32, failures: u32) -> Bucket {
        Bucket { successes, failures }
    }

    #[test]
    fn the_error_rate_needs_a_minimum_sample_and_forgets_what_left_the_window() {
        let rules = RULES();
        let mut measures = Measures::new();
        for _ in 0..4 {
            measures.failed(0.1, at(0.0), &rules);
        }
        assert_eq!(measures.error_rate(at(0.0), &rules), None, "four attempts tell nothing");
        measures.succeeded(0.1, at(5.0), &rules);
        assert_eq!(measures.error_rate(at(5.0), &rules), Some(0.8));
        assert_eq!(measures.report(at(5.0), &rules).grade, Grade::Unhealthy);
        assert_eq!(measures.recent(at(10.5), &rules), tenth(1, 0), "the failures left");
        assert_eq!(measures.recent(at(100.0), &rules), Bucket::default());
        assert_eq!(measures.report(at(100.0), &rules).failures, 4, "but not the life");
        measures.failed(0.1, at(1000.0), &rules);
        assert_eq!(measures.recent(at(1000.0), &rules), tenth(0, 1));
    }

    #[test]
    fn the_window_agrees_with_a_list_of_all_attempts_to_a_tenth() {
        let rules = RULES();
        let mut random = fastrand::Rng::with_seed(3);
        let mut measures = Measures::new();
        let (mut now, mut all) = (at(0.0), Vec::new());
        for _ in 0..20_000 {
            now = Tick(now.0 + at(random.f64() * if random.u8(..50) == 0 { 15.0 } else { 0.5 }).0);
            measures.succeeded(0.1, now, &rules);
            all.push(now);
            let within = |window: f64| {
                all.iter().rev().take_while(|at| now.seconds_since(**at) < window).count()
            };
            let counted = measures.recent(now, &rules).successes as usize;
            assert!((within(9.0)..=within(10.0)).contains(&counted), "{counted}");
        }
    }

    #[test]
    fn the_peak_jumps_up_at_once_and_comes_down_with_time() {
        let rules = RULES();
        let mut measures = Measures::new();
        measures.took(0.1, at(0.0), &rules);
        measures.took(2.0, at(0.0), &rules);
        assert_eq!(measures.peak(at(0.0), &rules), Some(2.0));
        assert!(
            measures.report(at(0.0), &rules).latency.unwrap() < Duration::from_millis(200),
            "no time has passed"
        );
        let later = measures.peak(at(10.0), &rules).unwrap();
        assert!((later - 2.0 / std::f64::consts::E).abs() < 1e-9, "{later}");
        measures.took(0.1, at(30.0), &rules);
        let down = measures.peak(at(30.0), &rules).unwrap();
        assert!((0.1..0.3).contains(&down), "{down}");
    }

    #[test]
    fn failing_fast_looks_slow() {
        let rules = RULES();
        let mut measures = Measures::new();
        measures.failed(0.001, at(0.0), &rules);
        assert_eq!(measures.peak(at(0.0), &rules), Some(5.0));
    }
}
