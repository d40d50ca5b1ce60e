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
    /// The most attempts that may fail by a hiccup: by a retry signal, or for want of an answer in time. 3 by
    /// default.
    ///
    /// That a resource is out (a cooldown or disable signal, an abort by a sibling) costs one only from the second
    /// time on the same resource. So a run makes no more calls than this plus the number of resources.
    pub max_attempts: u32,
    /// The mean pause before the run repeats itself on a resource. 500 ms by default.
    pub retry_delay: Duration,
    /// When the run ends in any case.
    pub deadline: Option<Instant>,
    /// How long one attempt may take.
    pub attempt_timeout: Option<Duration>,
    /// Whether to stand in line when nothing is eligible.
    pub wait: bool,
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
            attempt_timeout: None,
            wait: false,
            preferences: Preferences::default(),
            request_id: None,
        }
    }
}

/// What a run has to do now.
#[derive(Debug)]
#[must_use]
pub enum Step {
    /// Call the operation with this resource, until [`Attempts::limit`](crate::Attempts::limit), then
    /// [settle](crate::Attempts::settle).
    Attempt(SlotIndex),
    /// Judge these members by their metadata, [tell](crate::Attempts::judge) which may be used, and step again.
    Judge(Vec<(u64, Arc<Metadata>)>),
    /// Choose one of these, [tell](crate::Attempts::choose) which, and step again.
    Choose(Vec<Candidate>),
    /// Sleep until then and step again: nothing but the clock ends a pause under the
    /// [recorded rules](crate::Rules::RECORDED). By the pool's own, a run that pauses [waits](Self::Wait).
    Pause {
        /// When the pause ends.
        until: Instant,
    },
    /// The run stands in line, or pauses: sleep until then, if that is known, or until the handle that was made for this step is among those to
    /// [wake](crate::Effects::wakes); then step.
    Wait {
        /// When to step in any case; `None` if only a wake-up ends the wait.
        until: Option<Instant>,
    },
    /// The run is over: the pool cannot serve it.
    Exhausted(Box<Exhausted>),
}
