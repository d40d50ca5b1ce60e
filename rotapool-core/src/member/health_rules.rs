//! How health is measured, and whether that can work.

use std::fmt;
use std::time::Duration;

use crate::error::BuildError;

/// How health is measured. [`Default`] has the documented defaults.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct HealthRules {
    /// How far back the error rate looks. 10 s by default; 10 ms to 1 day.
    pub window: Duration,
    /// The fewest attempts in the window that make an error rate. 5 by default; at least 1.
    pub min_sample: u32,
    /// The error rate from which a resource is graded degraded. 0.3 by default; above 0, to 1.
    pub degraded: f64,
    /// The error rate from which a resource is graded unhealthy. 0.7 by default; `degraded` to 1.
    pub unhealthy: f64,
    /// The time in which the weight of old latencies falls to 1/e, and for which one call that does not come
    /// back keeps others from a resource that it was to show the speed of. 10 s by default; 1 ms to 1 day.
    pub latency_decay: Duration,
    /// The least latency that a failure counts as, so that failing fast looks slow. 5 s by default.
    pub failure_latency: Duration,
}

impl Default for HealthRules {
    fn default() -> Self {
        Self {
            window: Duration::from_secs(10),
            min_sample: 5,
            degraded: 0.3,
            unhealthy: 0.7,
            latency_decay: Duration::from_secs(10),
            failure_latency: Duration::from_secs(5),
        }
    }
}

impl HealthRules {
    /// Whether the rules can work.
    ///
    /// # Errors
    ///
    /// The first rule that is out of range, and what is allowed.
    pub fn check(&self) -> Result<(), BuildError> {
        const DAY: Duration = Duration::from_secs(24 * 60 * 60);
        let refuse = |rule, value: &dyn fmt::Debug, allowed| {
            Err(BuildError::HealthRule { rule, value: format!("{value:?}"), allowed })
        };
        if !(Duration::from_millis(10)..=DAY).contains(&self.window) {
            return refuse("window", &self.window, "10 ms to 1 day");
        }
        if self.min_sample == 0 {
            return refuse("min_sample", &self.min_sample, "1 or more");
        }
        if !(self.degraded > 0.0 && self.degraded <= 1.0) {
            return refuse("degraded", &self.degraded, "above 0, to 1");
        }
        if !(self.unhealthy >= self.degraded && self.unhealthy <= 1.0) {
            return refuse("unhealthy", &self.unhealthy, "the threshold for degraded to 1");
        }
        if !(Duration::from_millis(1)..=DAY).contains(&self.latency_decay) {
            return refuse("latency_decay", &self.latency_decay, "1 ms to 1 day");
        }
        if self.failure_latency > DAY {
            return refuse("failure_latency", &self.failure_latency, "0 to 1 day");
        }
        Ok(())
    }
}
