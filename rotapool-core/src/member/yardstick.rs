//! The rules of how health is measured, made ready for the hot path.

use std::time::Duration;

use super::health::Grade;
use super::health_rules::HealthRules;
use crate::time::{Epoch, Tick};

/// The tenths that make the window of the error rate.
pub(super) const BUCKETS: usize = 10;

/// The rules as the hot path wants them: what would be divided again and again is divided once.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Yardstick {
    pub(super) rules: HealthRules,
    pub(crate) epoch: Epoch,
    /// In nanoseconds.
    pub(super) tenth: u64,
    decays_per_second: f64,
    /// The latency decay, in nanoseconds.
    decay: u64,
    pub(super) failure_latency: f64,
}

impl Yardstick {
    pub(crate) fn new(rules: HealthRules, epoch: Epoch) -> Self {
        Self {
            rules,
            epoch,
            tenth: nanoseconds(rules.window / BUCKETS as u32),
            decays_per_second: rules.latency_decay.as_secs_f64().recip(),
            decay: nanoseconds(rules.latency_decay),
            failure_latency: rules.failure_latency.as_secs_f64(),
        }
    }

    /// The window, in nanoseconds.
    pub(super) fn window(&self) -> u64 {
        self.tenth.saturating_mul(BUCKETS as u64)
    }

    /// Whether something that began at `at` may still come to light: for one latency decay.
    pub(crate) fn is_news(&self, at: Tick, now: Tick) -> bool {
        now.0.saturating_sub(at.0) < self.decay
    }

    /// What an error rate is called.
    pub(super) fn grade(&self, error_rate: f64) -> Grade {
        match error_rate {
            rate if rate >= self.rules.unhealthy => Grade::Unhealthy,
            rate if rate >= self.rules.degraded => Grade::Degraded,
            _ => Grade::Healthy,
        }
    }

    /// How many tenths of the window have ended by `now` since one that ended at `ends`, itself included.
    pub(super) fn passed(&self, ends: Tick, now: Tick) -> usize {
        usize::try_from((now.0 - ends.0) / self.tenth.max(1))
            .map_or(usize::MAX, |tenths| tenths.saturating_add(1))
    }

    /// What is left of the weight of something measured at `at`.
    #[inline]
    pub(super) fn fading(&self, at: Tick, now: Tick) -> f64 {
        let decays = now.seconds_since(at) * self.decays_per_second;
        // The tangent is off by less than 5e-9 here, and this is where a busy resource lives.
        if decays < 1e-4 { 1.0 - decays } else { (-decays).exp() }
    }
}

fn nanoseconds(duration: Duration) -> u64 {
    duration.as_nanos().try_into().unwrap_or(u64::MAX)
}
