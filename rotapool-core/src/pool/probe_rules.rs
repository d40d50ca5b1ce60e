//! Whom a prober asks, and how often.

use std::time::Duration;

use thiserror::Error;

/// Whom a prober asks, and how often: every so often the resources that are out, unless told otherwise.
///
/// Disabled resources are left alone unless [told so](Self::disabled_too), and those that an admin call disabled always.
#[derive(Debug, Clone, PartialEq)]
pub struct ProbeRules {
    pub(crate) every: Duration,
    pub(crate) jitter: f64,
    pub(crate) limit: Option<Duration>,
    pub(crate) whom: Whom,
    pub(crate) disabled_too: bool,
    pub(crate) within_limits: bool,
}

/// Which healthy resources are asked beside those that are out.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Whom {
    Out,
    Idle(Duration),
    All,
}

impl ProbeRules {
    /// Asks each resource that cools down so often, the first time when it has been out for so long.
    #[must_use]
    pub fn every(interval: Duration) -> Self {
        Self {
            every: interval,
            jitter: 0.1,
            limit: None,
            whom: Whom::Out,
            disabled_too: false,
            within_limits: false,
        }
    }

    /// Asks the healthy ones as well that nobody has used for this long.
    #[must_use]
    pub fn idle_too(mut self, unused_for: Duration) -> Self {
        self.whom = Whom::Idle(unused_for);
        self
    }

    /// Asks the healthy ones as well, whether they are used or not.
    #[must_use]
    pub fn healthy_too(mut self) -> Self {
        self.whom = Whom::All;
        self
    }

    /// Asks those as well that a signal disabled: a success enables them. Off by default, for who was disabled was to
    /// stay so until somebody has looked. What an admin call disabled is not asked all the same.
    #[must_use]
    pub fn disabled_too(mut self) -> Self {
        self.disabled_too = true;
        self
    }

    /// How far an interval may be from the mean, as a part of it, so that resources which went out together are not
    /// asked together. From 0 to 1; 0.1 by default.
    #[must_use]
    pub fn jitter(mut self, part: f64) -> Self {
        self.jitter = part;
        self
    }

    /// How long a probe may take before it counts as failed. As long as the interval by default.
    #[must_use]
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = Some(limit);
        self
    }

    /// Has each probe keep to what the resource is held to, as an attempt does: it takes a place below
    /// [`max_in_flight`](crate::Profile::max_in_flight) until it ends, and one request of the quotas for good. Where either
    /// is missing the resource is asked an interval later. Off by default: probes take nothing then.
    #[must_use]
    pub fn within_limits(mut self) -> Self {
        self.within_limits = true;
        self
    }

    /// How long a probe may take.
    #[must_use]
    pub fn longest(&self) -> Duration {
        self.limit.unwrap_or(self.every)
    }

    /// Whether these rules can work.
    ///
    /// # Errors
    ///
    /// An interval, a limit or an idle time of zero, or a jitter that is not from 0 to 1.
    pub fn check(&self) -> Result<(), ProbeError> {
        let zero = |name, span: Option<Duration>| match span {
            Some(Duration::ZERO) => Err(ProbeError::Zero { name }),
            _ => Ok(()),
        };
        zero("interval", Some(self.every))?;
        zero("limit", self.limit)?;
        match self.whom {
            Whom::Idle(unused_for) => zero("time unused", Some(unused_for))?,
            Whom::Out | Whom::All => {}
        }
        match (0.0..=1.0).contains(&self.jitter) {
            true => Ok(()),
            false => Err(ProbeError::Jitter { jitter: self.jitter }),
        }
    }
}

/// Rules of a prober that cannot work.
#[derive(Debug, Clone, PartialEq, Error)]
#[non_exhaustive]
pub enum ProbeError {
    /// A span of zero.
    #[error("the {name} of a prober is zero; it has to be more")]
    Zero {
        /// Which one.
        name: &'static str,
    },
    /// No part of an interval.
    #[error("a jitter of {jitter} is no part of an interval; it is from 0 to 1")]
    Jitter {
        /// The jitter.
        jitter: f64,
    },
}
