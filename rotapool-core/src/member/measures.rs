//! How well a resource has been doing: errors in a window, latency, streaks.
//!
//! Measures only: no rule of the pool takes a resource out because of them. The strategies that go by
//! them let what they hold against a resource end with time, so that none can lock one out for ever.

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
    row: Row,
    last_success: Option<Tick>,
    last_failure: Option<Tick>,
    /// The mean latency of its successes.
    mean: Seconds,
    /// What it is to be reckoned with: the peak of its latencies, failures among them.
    peak: Seconds,
    /// The tenths before, newest first.
    past: [Bucket; BUCKETS - 1],
}

/// The failures since the last success.
#[derive(Debug, Clone, Copy)]
struct Row {
    length: u32,
    /// How often it failed when it was tried: what fails while it is shunned is the same try.
    vain_tries: u16,
    /// What they have come to, as of the last that had attempts enough beside it in the window.
    grade: Grade,
}

impl Row {
    const NONE: Self = Self { length: 0, vain_tries: 0, grade: Grade::Healthy };
}

/// An estimate in seconds, and as of when; never, if there is none yet. An `Option` would take 8 bytes more.
#[derive(Debug, Clone, Copy)]
struct Seconds {
    value: f64,
    at: Tick,
}

impl Seconds {
    const UNKNOWN: Self = Self { value: 0.0, at: Tick::NEVER };

    #[inline]
    fn known(self) -> Option<Self> {
        (self.at != Tick::NEVER).then_some(self)
    }

    /// What has become of it by `now`.
    #[inline]
    fn faded(self, now: Tick, yardstick: &Yardstick) -> f64 {
        self.value * yardstick.fading(self.at, now)
    }
}

impl Measures {
    pub(crate) fn new() -> Self {
        Self {
            filling: Bucket::default(),
            ends: None,
            successes: 0,
            failures: 0,
            row: Row::NONE,
            last_success: None,
            last_failure: None,
            mean: Seconds::UNKNOWN,
            peak: Seconds::UNKNOWN,
            past: [Bucket::default(); BUCKETS - 1],
        }
    }

    /// An attempt that took this many seconds got through.
    #[inline(always)]
    pub(crate) fn succeeded(&mut self, took: f64, now: Tick, yardstick: &Yardstick) {
        self.proved(now, yardstick);
        self.took(took, now, yardstick);
    }

    /// It took this many seconds to an answer.
    #[inline(always)]
    pub(crate) fn took(&mut self, took: f64, now: Tick, yardstick: &Yardstick) {
        let Some(mean) = self.mean.known() else {
            self.mean = Seconds { value: took, at: now };
            return self.is_as_slow_as(took, now, yardstick);
        };
        let old = yardstick.fading(mean.at, now);
        self.mean = Seconds { value: mean.value * old + took * (1.0 - old), at: now };
        // Of a resource that only succeeds both are of the same moment.
        match self.peak.at == mean.at {
            true => self.peak = Seconds { value: took.max(self.peak.value * old), at: now },
            false => self.is_as_slow_as(took, now, yardstick),
        }
    }

    /// The operation came back with an error of its own. The resource did answer, but how fast an error
    /// is says nothing of how fast the resource is: that stays as its successes have shown it.
    pub(crate) fn answered(&mut self, now: Tick, yardstick: &Yardstick) {
        self.proved(now, yardstick);
        if let Some(Seconds { value, .. }) = self.mean.known() {
            self.is_as_slow_as(value, now, yardstick);
        }
    }

    /// The attempt failed after this many seconds. It counts as slow, so that failing fast attracts nobody.
    pub(crate) fn failed(&mut self, took: f64, now: Tick, yardstick: &Yardstick) {
        let bucket = self.bucket(now, yardstick);
        bucket.failures = bucket.failures.saturating_add(1);
        self.failures += 1;
        self.row.length = self.row.length.saturating_add(1);
        if self.only_fails(yardstick) && !self.is_shunned(now, yardstick) {
            self.row.vain_tries = self.row.vain_tries.saturating_add(1);
        }
        if let Some(rate) = self.error_rate(now, yardstick) {
            self.row.grade = yardstick.grade(rate);
        }
        self.last_failure = Some(now);
        self.is_as_slow_as(took.max(yardstick.failure_latency), now, yardstick);
    }

    /// An attempt was given up after this many seconds. That says nothing, unless the resource has
    /// been slower by then than anybody knew; of one that was never measured, not even that.
    pub(crate) fn took_at_least(&mut self, took: f64, now: Tick, yardstick: &Yardstick) {
        if self.peak(now, yardstick).is_some_and(|known| took > known) {
            self.peak = Seconds { value: took, at: now };
        }
    }

    #[inline]
    fn proved(&mut self, now: Tick, yardstick: &Yardstick) {
        let bucket = self.bucket(now, yardstick);
        bucket.successes = bucket.successes.saturating_add(1);
        self.successes += 1;
        self.row = Row::NONE;
        self.last_success = Some(now);
    }

    /// Peak EWMA after Finagle's `PeakEwma` load metric (Twitter, 2013): the estimate fades with time,
    /// and a latency above what has become of it replaces it at once.
    #[inline]
    fn is_as_slow_as(&mut self, took: f64, now: Tick, yardstick: &Yardstick) {
        let faded = self.peak.known().map_or(0.0, |peak| peak.faded(now, yardstick));
        self.peak = Seconds { value: took.max(faded), at: now };
    }

    /// The peak latency in seconds, faded with the time since it was measured: a slow resource that
    /// gets no traffic looks better and better until it is tried again.
    pub(crate) fn peak(&self, now: Tick, yardstick: &Yardstick) -> Option<f64> {
        // Never nothing: what took no time at all still costs more the more of it is in flight.
        self.peak.known().map(|peak| peak.faded(now, yardstick).max(1e-9))
    }

    /// Whether it has failed so often in a row that an empty window does not clear it.
    fn only_fails(&self, yardstick: &Yardstick) -> bool {
        self.row.length >= yardstick.rules.min_sample.max(1)
    }

    /// Whether it has done nothing but fail and is better left alone for now: from the minimum sample in a
    /// row on, for one window after the last failure; after each further try in vain for twice as
    /// long, up to 64 windows.
    pub(crate) fn is_shunned(&self, now: Tick, yardstick: &Yardstick) -> bool {
        const DOUBLINGS: u16 = 6;
        let Some(tries) = self.row.vain_tries.checked_sub(1) else { return false };
        let shunned = yardstick.window().saturating_mul(1 << tries.min(DOUBLINGS));
        self.last_failure.is_some_and(|last| now.0.saturating_sub(last.0) < shunned)
    }

    pub(crate) fn has_latency(&self) -> bool {
        self.peak.known().is_some()
    }

    pub(crate) fn failed_last(&self) -> bool {
        self.row.length > 0
    }

    /// Whether no failure can be in the window: then the error rate is nothing to count out.
    #[inline]
    pub(crate) fn has_not_failed_of_late(&self, now: Tick, yardstick: &Yardstick) -> bool {
        self.last_failure.is_none_or(|last| now.0.saturating_sub(last.0) > yardstick.window())
    }

    /// The share of failures in the window, if there are enough attempts in it.
    pub(crate) fn error_rate(&self, now: Tick, yardstick: &Yardstick) -> Option<f64> {
        let Bucket { successes, failures } = self.recent(now, yardstick);
        let attempts = successes + failures;
        (attempts >= yardstick.rules.min_sample.max(1))
            .then(|| f64::from(failures) / f64::from(attempts))
    }

    /// By the failures in the window; while there are too few attempts in it, by the failures since the last success: an empty
    /// window proves nothing.
    fn grade(&self, error_rate: Option<f64>, yardstick: &Yardstick) -> Grade {
        match error_rate {
            Some(rate) => yardstick.grade(rate),
            None if self.only_fails(yardstick) => Grade::Unhealthy,
            None => self.row.grade,
        }
    }

    pub(crate) fn report(&self, now: Tick, yardstick: &Yardstick) -> Health {
        let recent = self.recent(now, yardstick);
        let error_rate = self.error_rate(now, yardstick);
        let instant = |tick| yardstick.epoch.instant(tick);
        let peak = self.peak.known();
        Health {
            at: yardstick.epoch.instant(now),
            recent_successes: recent.successes,
            recent_failures: recent.failures,
            successes: self.successes,
            failures: self.failures,
            consecutive_failures: self.row.length,
            error_rate,
            grade: self.grade(error_rate, yardstick),
            latency: self.mean.known().map(|mean| seconds(mean.value)),
            peak_latency: peak.map(|peak| seconds(peak.faded(now, yardstick))),
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
    fn who_has_not_failed_of_late_has_no_failure_in_the_window() {
        let mut random = fastrand::Rng::with_seed(3);
        let (rules, mut measures, mut now) = (RULES(), Measures::new(), 0.0);
        let mut cleared = 0;
        for _ in 0..20_000 {
            now += random.choice([0.0, 0.3, 1.0, 4.0, 9.999, 10.0, 10.001, 30.0]).unwrap_or(0.0);
            if measures.has_not_failed_of_late(at(now), &rules) {
                cleared += 1;
                assert_eq!(measures.recent(at(now), &rules).failures, 0);
            }
            match random.u8(..6) {
                0 => measures.failed(0.1, at(now), &rules),
                _ => measures.succeeded(0.1, at(now), &rules),
            }
        }
        assert!((4_000..19_000).contains(&cleared), "{cleared}");
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
        measures.succeeded(0.1, at(0.0), &rules);
        measures.succeeded(2.0, at(0.0), &rules);
        assert_eq!(measures.peak(at(0.0), &rules), Some(2.0));
        assert!(
            measures.report(at(0.0), &rules).latency.unwrap() < Duration::from_millis(200),
            "no time has passed"
        );
        let later = measures.peak(at(10.0), &rules).unwrap();
        assert!((later - 2.0 / std::f64::consts::E).abs() < 1e-9, "{later}");
        measures.succeeded(0.1, at(30.0), &rules);
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

    #[test]
    fn own_errors_keep_the_peak_at_what_successes_have_shown() {
        let rules = RULES();
        let mut measures = Measures::new();
        measures.answered(at(0.0), &rules);
        assert!(!measures.has_latency());
        measures.succeeded(0.3, at(0.0), &rules);
        for second in 1..100 {
            measures.answered(at(f64::from(second)), &rules);
        }
        assert_eq!(measures.peak(at(99.0), &rules), Some(0.3), "and it does not fade away");
    }

    #[test]
    fn what_was_given_up_raises_the_peak_and_nothing_else() {
        let rules = RULES();
        let mut measures = Measures::new();
        measures.took_at_least(60.0, at(0.0), &rules);
        assert!(!measures.has_latency());
        measures.succeeded(1.0, at(0.0), &rules);
        measures.took_at_least(0.5, at(0.0), &rules);
        assert_eq!(measures.peak(at(0.0), &rules), Some(1.0));
        measures.took_at_least(4.0, at(0.0), &rules);
        assert_eq!(measures.peak(at(0.0), &rules), Some(4.0));
        assert_eq!(measures.report(at(0.0), &rules).latency, Some(Duration::from_secs(1)));
    }

    #[test]
    fn each_try_in_vain_doubles_the_time_for_which_it_is_left_alone_up_to_64_windows() {
        let rules = RULES();
        let mut measures = Measures::new();
        (0..4).for_each(|_| measures.failed(0.1, at(0.0), &rules));
        assert!(!measures.is_shunned(at(0.0), &rules), "four tell nothing");
        let mut now = 0.0;
        for windows in [1, 2, 4, 8, 16, 32, 64, 64, 64] {
            // All that were in flight fail together.
            (0..50).for_each(|_| measures.failed(0.1, at(now), &rules));
            let end = now + 10.0 * f64::from(windows);
            assert!(measures.is_shunned(at(end - 0.001), &rules), "{windows}");
            assert!(!measures.is_shunned(at(end), &rules), "{windows}");
            now = end;
        }
        measures.succeeded(0.1, at(now), &rules);
        measures.failed(0.1, at(now), &rules);
        assert!(!measures.is_shunned(at(now), &rules), "it begins anew");
    }
}
