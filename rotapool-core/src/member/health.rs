//! How well a resource has been doing, as it is told.

use std::fmt;
use std::time::{Duration, Instant};

/// A resource's error rate in three words.
///
/// An empty window proves nothing: what failures have made of it stays until a success, or until there are attempts
/// enough in the window to tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Grade {
    /// Below the threshold for degraded, or too few attempts to tell.
    Healthy,
    /// From the threshold for degraded on.
    Degraded,
    /// From the threshold for unhealthy on; or nothing but failures, the minimum sample in a row at least,
    /// and too few attempts in the window to tell otherwise.
    Unhealthy,
}

/// In small letters, as it is serialized.
impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Unhealthy => "unhealthy",
        })
    }
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
    /// The exponentially weighted mean latency of its successes; `None` before the first.
    pub latency: Option<Duration>,
    /// The latency to reckon with, as [`Strategy::LeastLatency`](crate::Strategy::LeastLatency) does: it
    /// jumps up to any latency above it at once and fades from then on. A failure counts as one of
    /// [`failure_latency`](crate::HealthRules::failure_latency) at least. `None` before the first of either.
    pub peak_latency: Option<Duration>,
    /// When an attempt last succeeded.
    pub last_success: Option<Instant>,
    /// When an attempt last failed.
    pub last_failure: Option<Instant>,
}
