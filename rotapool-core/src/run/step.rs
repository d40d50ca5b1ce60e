//! What a run may do, and what it has to do now.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::member::profile::Metadata;
use crate::member::slot::SlotIndex;
use crate::report::exhausted::Exhausted;
use crate::select::candidate::Candidate;
use crate::select::wish::Preferences;

/// How one run may go about it. [`Default`] has the documented defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunOptions {
    /// The most attempts. A run that does not wait makes no more than there are resources at its start.
    /// 3 by default.
    pub max_attempts: u32,
    /// The mean pause between attempts. 500 ms by default.
    pub retry_delay: Duration,
    /// When to start no further attempt, pause or wait. It never interrupts an attempt.
    pub deadline: Option<Instant>,
    /// Whether to sleep until a cooldown ends when nothing is eligible.
    pub wait_for_cooldown: bool,
    /// Which resources to avoid, keep out, or stay with.
    pub preferences: Preferences,
    /// What the caller calls the run, for those who [follow](crate::State::follow_runs) it.
    pub request_id: Option<Arc<str>>,
}

impl Default for RunOptions {
    fn default() -> Self {
        Self {
            max_attempts: 3,
            retry_delay: Duration::from_millis(500),
            deadline: None,
            wait_for_cooldown: false,
            preferences: Preferences::default(),
            request_id: None,
        }
    }
}

/// What a run has to do now.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Call the operation with this resource, then [settle](crate::Attempts::settle).
    Attempt(SlotIndex),
    /// Judge these members by their metadata, [tell](crate::Attempts::judge) which may be used, and step again.
    Judge(Vec<(u64, Arc<Metadata>)>),
    /// Choose one of these, [tell](crate::Attempts::choose) which, and step again.
    Choose(Vec<Candidate>),
    /// Sleep until then and step again. Nothing but the clock ends a pause.
    Pause {
        /// When the pause ends.
        until: Instant,
    },
    /// Sleep until then, or until an [effect](crate::Effects::rethink) says to think again; then step.
    Wait {
        /// When to think again in any case.
        until: Instant,
    },
    /// The run is over: the pool cannot serve it.
    Exhausted(Box<Exhausted>),
}
