//! What one run may do, as its caller set it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use rotapool_core::{RunOptions, after};

use crate::error::OptionsError;
use crate::guard::Run;
use crate::shared::Shared;

#[derive(Debug, Clone)]
pub(crate) struct Options {
    pub(crate) max_attempts: u32,
    pub(crate) retry_delay: Duration,
    pub(crate) deadline: Option<Deadline>,
    pub(crate) wait_for_cooldown: bool,
    pub(crate) request_id: Option<Arc<str>>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) enum Deadline {
    At(Instant),
    /// This long after the run begins.
    In(Duration),
}

/// What a run does unless it is told otherwise.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Defaults {
    pub(crate) max_attempts: u32,
    pub(crate) retry_delay: Duration,
}

impl From<Defaults> for Options {
    fn from(Defaults { max_attempts, retry_delay }: Defaults) -> Self {
        Self {
            max_attempts,
            retry_delay,
            deadline: None,
            wait_for_cooldown: false,
            request_id: None,
        }
    }
}

impl Options {
    /// Checks the options and begins a run with them.
    pub(crate) fn begin<'a, T>(&self, shared: &'a Shared<T>) -> Result<Run<'a, T>, OptionsError> {
        if self.max_attempts == 0 {
            return Err(OptionsError::ZeroMaxAttempts);
        }
        let options = RunOptions {
            max_attempts: self.max_attempts,
            retry_delay: self.retry_delay,
            deadline: self.deadline.map(|deadline| match deadline {
                Deadline::At(deadline) => deadline,
                Deadline::In(timeout) => after(shared.runtime.now(), timeout),
            }),
            wait_for_cooldown: self.wait_for_cooldown,
        };
        Ok(Run::begin(shared, options, self.request_id.clone()))
    }
}
