//! What one run may do, as its caller set it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use rotapool_core::{Hedge, Metadata, Preferences, RunOptions, after};

use crate::terms::error::OptionsError;

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) max_attempts: u32,
    pub(crate) retry_delay: Duration,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) stall_timeout: Option<Duration>,
    pub(crate) stream_timeout: Option<Duration>,
    pub(crate) hedge: Option<Hedge>,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) wait: Wait,
    pub(crate) request_id: Option<Arc<str>>,
    pub(crate) exclude: Vec<Arc<str>>,
    pub(crate) only: Option<Only>,
    pub(crate) affinity: Option<u64>,
    pub(crate) costs: Vec<(Arc<str>, u64)>,
}

/// Whether a run stands in line when nothing is eligible.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// If it has a deadline: who grants some time expects it to be used.
    UntilTheDeadline,
    Always,
    Never,
}

/// A caller's filter on metadata.
#[derive(Clone)]
pub(crate) struct Only(pub(crate) Arc<dyn Fn(&Metadata) -> bool + Send + Sync>);

impl fmt::Debug for Only {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Only")
    }
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Deadline {
    At(Instant),
    /// This long after the run begins.
    In(Duration),
}

/// What the pool's builder says of its runs; to begin with, core's own defaults.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    pub(crate) max_attempts: u32,
    pub(crate) retry_delay: Duration,
    pub(crate) attempt_timeout: Option<Duration>,
    pub(crate) stall_timeout: Option<Duration>,
    pub(crate) stream_timeout: Option<Duration>,
    pub(crate) wait: Wait,
    pub(crate) held_bound: Option<Duration>,
}

impl Default for Defaults {
    fn default() -> Self {
        let RunOptions { max_attempts, retry_delay, attempt_timeout, .. } = RunOptions::default();
        Self {
            max_attempts,
            retry_delay,
            attempt_timeout,
            stall_timeout: None,
            stream_timeout: None,
            wait: Wait::UntilTheDeadline,
            held_bound: None,
        }
    }
}

/// What core has to know of a run that was told nothing.
impl From<Defaults> for RunOptions {
    #[inline]
    fn from(Defaults { max_attempts, retry_delay, attempt_timeout, .. }: Defaults) -> Self {
        Self { max_attempts, retry_delay, attempt_timeout, ..Self::default() }
    }
}

impl From<Defaults> for Options {
    fn from(defaults: Defaults) -> Self {
        let Defaults { max_attempts, retry_delay, attempt_timeout, .. } = defaults;
        let Defaults { stall_timeout, stream_timeout, wait, .. } = defaults;
        Self {
            max_attempts,
            retry_delay,
            attempt_timeout,
            stall_timeout,
            stream_timeout,
            hedge: None,
            deadline: None,
            wait,
            request_id: None,
            exclude: Vec::new(),
            only: None,
            affinity: None,
            costs: Vec::new(),
        }
    }
}

impl Options {
    /// Checks the options and says what core has to know of them, for a run that begins `now`.
    pub(crate) fn for_core(
        &self,
        now: impl FnOnce() -> Instant,
    ) -> Result<RunOptions, OptionsError> {
        if self.max_attempts == 0 {
            return Err(OptionsError::ZeroMaxAttempts);
        }
        if self.attempt_timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(OptionsError::ZeroAttemptTimeout);
        }
        if self.stall_timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(OptionsError::ZeroStallTimeout);
        }
        if self.stream_timeout.is_some_and(|timeout| timeout.is_zero()) {
            return Err(OptionsError::ZeroStreamTimeout);
        }
        if let Some(Hedge::After(hedge)) = self.hedge {
            self.check_hedge(hedge)?;
        }
        Ok(self.terms(now))
    }

    /// What core has to know of the options.
    pub(crate) fn terms(&self, now: impl FnOnce() -> Instant) -> RunOptions {
        RunOptions {
            max_attempts: self.max_attempts,
            retry_delay: self.retry_delay,
            attempt_timeout: self.attempt_timeout,
            deadline: self.deadline.map(|deadline| match deadline {
                Deadline::At(deadline) => deadline,
                Deadline::In(timeout) => after(now(), timeout),
            }),
            wait: match self.wait {
                Wait::UntilTheDeadline => self.deadline.is_some(),
                Wait::Always => true,
                Wait::Never => false,
            },
            preferences: self.preferences(),
            request_id: self.request_id.clone(),
        }
    }

    /// A hedge that is begun when its run or its attempt is over already would be one of which nobody sees anything.
    fn check_hedge(&self, hedge: Duration) -> Result<(), OptionsError> {
        if hedge.is_zero() {
            return Err(OptionsError::ZeroHedge);
        }
        let whole = match self.deadline {
            Some(Deadline::In(timeout)) => Some(timeout),
            _ => None,
        };
        whole.into_iter().chain(self.attempt_timeout).try_for_each(|end| begins_before(hedge, end))
    }

    /// The same of a stream, which may have to be over before.
    pub(crate) fn check_stream(&self) -> Result<(), OptionsError> {
        match (self.hedge, self.stream_timeout) {
            (Some(Hedge::After(hedge)), Some(end)) => begins_before(hedge, end),
            _ => Ok(()),
        }
    }

    /// What core has to know of the choice that the run wants.
    fn preferences(&self) -> Preferences {
        Preferences {
            exclude: self.exclude.clone(),
            judge: self.only.is_some(),
            affinity: self.affinity,
            costs: self.costs.clone(),
        }
    }
}

fn begins_before(hedge: Duration, timeout: Duration) -> Result<(), OptionsError> {
    match hedge < timeout {
        true => Ok(()),
        false => Err(OptionsError::HedgeAfterTimeout { hedge, timeout }),
    }
}
