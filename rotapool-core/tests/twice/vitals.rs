//! How a resource has been doing, in words that both core's report and the reference's fit into.

use std::time::{Duration, Instant};

use rotapool_core::{Grade, Health, HealthRules};

use crate::twice::observed::{Clock, Moment};

#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Vitals {
    pub(crate) recent_successes: u32,
    pub(crate) recent_failures: u32,
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) consecutive_failures: u32,
    pub(crate) error_rate: Option<f64>,
    pub(crate) grade: Grade,
    pub(crate) latency: Option<Roughly>,
    pub(crate) peak_latency: Option<Roughly>,
    pub(crate) last_success: Option<Moment>,
    pub(crate) last_failure: Option<Moment>,
}

impl Vitals {
    pub(crate) fn of(health: &Health, clock: Clock) -> Self {
        let moment = |instant: Option<Instant>| instant.map(|instant| clock.moment(instant));
        let roughly = |latency: Option<Duration>| latency.map(|it| Roughly(it.as_secs_f64()));
        Self {
            recent_successes: health.recent_successes,
            recent_failures: health.recent_failures,
            successes: health.successes,
            failures: health.failures,
            consecutive_failures: health.consecutive_failures,
            error_rate: health.error_rate,
            grade: health.grade,
            latency: roughly(health.latency),
            peak_latency: roughly(health.peak_latency),
            last_success: moment(health.last_success),
            last_failure: moment(health.last_failure),
        }
    }
}

pub(crate) fn grade(
    error_rate: Option<f64>,
    rate_in_a_row: f64,
    in_a_row: u32,
    rules: &HealthRules,
) -> Grade {
    if error_rate.is_none() && in_a_row >= rules.min_sample {
        return Grade::Unhealthy;
    }
    let rate = error_rate.unwrap_or(rate_in_a_row);
    if rate >= rules.unhealthy {
        Grade::Unhealthy
    } else if rate >= rules.degraded {
        Grade::Degraded
    } else {
        Grade::Healthy
    }
}

/// Seconds, or a cost made of them. Core rounds to nanoseconds and has a shortcut for the exponential
/// function that is good to a part in ten thousand of what it adds.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Roughly(pub(crate) f64);

impl Roughly {
    /// Whether it is less by more than both sides may be off.
    pub(crate) fn is_clearly_less(self, than: Self) -> bool {
        self.0 < than.0 && self != than
    }
}

impl PartialEq for Roughly {
    fn eq(&self, other: &Self) -> bool {
        let tolerance = 1e-8 + 1e-4 * self.0.max(other.0);
        // Two infinities are equal, and their difference is no number.
        self.0 == other.0 || (self.0 - other.0).abs() < tolerance
    }
}
