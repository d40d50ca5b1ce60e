//! How well a resource has been doing: errors in a window, latency, streaks.
//!
//! Measures only: no rule of the pool takes a resource out because of them. The strategies that go by
//! them let every measure fade with time, so that none can lock a resource out for ever.

use std::time::{Duration, Instant};

use crate::health_rules::HealthRules;

/// A resource's error rate in three words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grade {
    /// Below the threshold for degraded, or too few attempts to tell.
    Healthy,
    /// From the threshold for degraded on.
    Degraded,
    /// From the threshold for unhealthy on.
    Unhealthy,
}

/// How a resource has been doing, at one moment.
///
/// A failure is a signal, or an error of the operation's own that it marked as the resource's
/// ([`Outcome::Failure`](crate::Outcome::Failure)). Attempts that were dropped, aborted by a sibling,
/// or that panicked are neither success nor failure.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Health {
    /// When this was taken, by the pool's clock.
    pub at: Instant,
    /// Successes in the window.
    pub recent_successes: u32,
    /// Failures in the window.
    pub recent_failures: u32,
    /// Successes of this membership.
    pub successes: u64,
    /// Failures of this membership.
    pub failures: u64,
    /// Failures since the last success.
    pub consecutive_failures: u32,
    /// The share of failures in the window; `None` below the minimum sample.
    pub error_rate: Option<f64>,
    /// The error rate as a grade.
    pub grade: Grade,
    /// The exponentially weighted mean latency; `None` before the first.
    pub latency: Option<Duration>,
    /// The same, except that it jumps up to any latency above it at once.
    pub peak_latency: Option<Duration>,
    /// When an attempt last succeeded.
    pub last_success: Option<Instant>,
    /// When an attempt last failed.
    pub last_failure: Option<Instant>,
}

const BUCKETS: usize = 10;

#[derive(Debug, Clone, Copy, Default)]
struct Bucket {
    successes: u32,
    failures: u32,
}

/// The rules as the hot path wants them: what would be divided again and again is divided once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yardstick {
    rules: HealthRules,
    tenth: Duration,
    decays_per_second: f64,
}

impl Yardstick {
    pub(crate) fn new(rules: HealthRules) -> Self {
        Self {
            rules,
            tenth: rules.window / BUCKETS as u32,
            decays_per_second: rules.latency_decay.as_secs_f64().recip(),
        }
    }

    /// How many whole tenths of the window fit into `elapsed`.
    fn tenths(&self, elapsed: Duration) -> usize {
        usize::try_from(elapsed.as_nanos() / self.tenth.as_nanos().max(1)).unwrap_or(usize::MAX - 1)
    }

    /// What is left of the weight of something measured at `at`.
    #[inline]
    fn fading(&self, at: Instant, now: Instant) -> f64 {
        let decays = now.saturating_duration_since(at).as_secs_f64() * self.decays_per_second;
        // The tangent is off by less than 5e-9 here, and this is where a busy resource lives.
        if decays < 1e-4 { 1.0 - decays } else { (-decays).exp() }
    }
}

/// The measures of one membership.
#[derive(Debug, Clone)]
pub(crate) struct Measures {
    /// A ring of tenths of the window. The one that is filled now ends at `ends`.
    buckets: [Bucket; BUCKETS],
    filling: usize,
    ends: Option<Instant>,
    successes: u64,
    failures: u64,
    consecutive_failures: u32,
    last_success: Option<Instant>,
    last_failure: Option<Instant>,
    latency: Option<Latency>,
}

/// Exponentially weighted latency in seconds, and when it was last updated.
#[derive(Debug, Clone, Copy)]
struct Latency {
    mean: f64,
    peak: f64,
    at: Instant,
}

impl Measures {
    pub(crate) fn new() -> Self {
        Self {
            buckets: [Bucket::default(); BUCKETS],
            filling: 0,
            ends: None,
            successes: 0,
            failures: 0,
            consecutive_failures: 0,
            last_success: None,
            last_failure: None,
            latency: None,
        }
    }

    #[inline]
    pub(crate) fn succeeded(&mut self, took: Duration, now: Instant, yardstick: &Yardstick) {
        let bucket = self.bucket(now, yardstick);
        bucket.successes = bucket.successes.saturating_add(1);
        self.successes += 1;
        self.consecutive_failures = 0;
        self.last_success = Some(now);
        self.took(took, now, yardstick);
    }

    pub(crate) fn failed(&mut self, took: Duration, now: Instant, yardstick: &Yardstick) {
        let bucket = self.bucket(now, yardstick);
        bucket.failures = bucket.failures.saturating_add(1);
        self.failures += 1;
        self.consecutive_failures = self.consecutive_failures.saturating_add(1);
        self.last_failure = Some(now);
        self.took(took.max(yardstick.rules.failure_latency), now, yardstick);
    }

    /// An attempt ended, or was given up, after this long.
    ///
    /// Peak EWMA after Finagle's `PeakEwma` load metric (Twitter, 2013): the estimate fades with time,
    /// and a latency above what has become of it replaces it at once.
    #[inline]
    pub(crate) fn took(&mut self, took: Duration, now: Instant, yardstick: &Yardstick) {
        let took = took.as_secs_f64();
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
    pub(crate) fn peak(&self, now: Instant, yardstick: &Yardstick) -> Option<f64> {
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
    pub(crate) fn error_rate(&self, now: Instant, yardstick: &Yardstick) -> Option<f64> {
        let (successes, failures) = self.recent(now, yardstick);
        let attempts = successes + failures;
        (attempts >= yardstick.rules.min_sample.max(1))
            .then(|| f64::from(failures) / f64::from(attempts))
    }

    pub(crate) fn report(&self, now: Instant, yardstick: &Yardstick) -> Health {
        let (recent_successes, recent_failures) = self.recent(now, yardstick);
        let error_rate = self.error_rate(now, yardstick);
        Health {
            at: now,
            recent_successes,
            recent_failures,
            successes: self.successes,
            failures: self.failures,
            consecutive_failures: self.consecutive_failures,
            error_rate,
            grade: match error_rate {
                Some(rate) if rate >= yardstick.rules.unhealthy => Grade::Unhealthy,
                Some(rate) if rate >= yardstick.rules.degraded => Grade::Degraded,
                _ => Grade::Healthy,
            },
            latency: self.latency.map(|latency| Duration::from_secs_f64(latency.mean)),
            peak_latency: self.latency.map(|latency| Duration::from_secs_f64(latency.peak)),
            last_success: self.last_success,
            last_failure: self.last_failure,
        }
    }

    /// The successes and failures in the window.
    fn recent(&self, now: Instant, yardstick: &Yardstick) -> (u32, u32) {
        let passed = match self.ends {
            Some(ends) if now < ends => 0,
            Some(ends) => 1 + yardstick.tenths(now.saturating_duration_since(ends)),
            None => return (0, 0),
        };
        let (mut successes, mut failures) = (0, 0);
        // Newest first: `passed` more buckets have fallen out of the window since.
        for age in 0..BUCKETS.saturating_sub(passed) {
            let bucket = self.buckets[(self.filling + BUCKETS - age) % BUCKETS];
            successes = u32::saturating_add(successes, bucket.successes);
            failures = u32::saturating_add(failures, bucket.failures);
        }
        (successes, failures)
    }

    /// The bucket for `now`, after emptying those whose time has passed.
    fn bucket(&mut self, now: Instant, yardstick: &Yardstick) -> &mut Bucket {
        match self.ends {
            Some(ends) if now < ends => {}
            Some(ends) => {
                // At least one has ended; `ends` moves on by whole tenths, unless all have passed.
                let passed = 1 + yardstick.tenths(now.saturating_duration_since(ends));
                for _ in 0..passed.min(BUCKETS) {
                    self.filling = (self.filling + 1) % BUCKETS;
                    self.buckets[self.filling] = Bucket::default();
                }
                self.ends = Some(match passed {
                    few if few <= BUCKETS => ends + yardstick.tenth * few as u32,
                    _ => now + yardstick.tenth,
                });
            }
            None => self.ends = Some(now + yardstick.tenth),
        }
        &mut self.buckets[self.filling]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const RULES: fn() -> Yardstick = || Yardstick::new(HealthRules::default());

    fn secs(seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds)
    }

    #[test]
    fn the_error_rate_needs_a_minimum_sample_and_forgets_what_left_the_window() {
        let (rules, start) = (RULES(), Instant::now());
        let mut measures = Measures::new();
        for _ in 0..4 {
            measures.failed(secs(0.1), start, &rules);
        }
        assert_eq!(measures.error_rate(start, &rules), None, "four attempts tell nothing");
        measures.succeeded(secs(0.1), start + secs(5.0), &rules);
        assert_eq!(measures.error_rate(start + secs(5.0), &rules), Some(0.8));
        assert_eq!(measures.report(start + secs(5.0), &rules).grade, Grade::Unhealthy);
        assert_eq!(measures.recent(start + secs(10.5), &rules), (1, 0), "the failures left");
        assert_eq!(measures.recent(start + secs(100.0), &rules), (0, 0));
        assert_eq!(measures.report(start + secs(100.0), &rules).failures, 4, "but not the life");
        measures.failed(secs(0.1), start + secs(1000.0), &rules);
        assert_eq!(measures.recent(start + secs(1000.0), &rules), (0, 1));
    }

    #[test]
    fn the_window_agrees_with_a_list_of_all_attempts_to_a_tenth() {
        let (rules, start) = (RULES(), Instant::now());
        let mut random = fastrand::Rng::with_seed(3);
        let mut measures = Measures::new();
        let (mut now, mut all) = (start, Vec::new());
        for _ in 0..20_000 {
            now += secs(random.f64() * if random.u8(..50) == 0 { 15.0 } else { 0.5 });
            measures.succeeded(secs(0.1), now, &rules);
            all.push(now);
            let within = |window: f64| {
                all.iter().rev().take_while(|at| now.duration_since(**at) < secs(window)).count()
            };
            let counted = measures.recent(now, &rules).0 as usize;
            assert!((within(9.0)..=within(10.0)).contains(&counted), "{counted}");
        }
    }

    #[test]
    fn the_peak_jumps_up_at_once_and_comes_down_with_time() {
        let (rules, start) = (RULES(), Instant::now());
        let mut measures = Measures::new();
        measures.took(secs(0.1), start, &rules);
        measures.took(secs(2.0), start, &rules);
        assert_eq!(measures.peak(start, &rules), Some(2.0));
        assert!(measures.report(start, &rules).latency.unwrap() < secs(0.2), "no time has passed");
        let later = measures.peak(start + secs(10.0), &rules).unwrap();
        assert!((later - 2.0 / std::f64::consts::E).abs() < 1e-9, "{later}");
        measures.took(secs(0.1), start + secs(30.0), &rules);
        let down = measures.peak(start + secs(30.0), &rules).unwrap();
        assert!((0.1..0.3).contains(&down), "{down}");
    }

    #[test]
    fn failing_fast_looks_slow() {
        let (rules, start) = (RULES(), Instant::now());
        let mut measures = Measures::new();
        measures.failed(secs(0.001), start, &rules);
        assert_eq!(measures.peak(start, &rules), Some(5.0));
    }
}
