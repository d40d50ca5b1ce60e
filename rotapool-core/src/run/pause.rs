//! What a run owes before it repeats itself, and what it finds after it has rested.

use std::sync::Arc;
use std::time::Instant;

use crate::member::profile::Metadata;

/// What a run finds when it goes on.
pub(super) enum Resumed {
    Ready,
    Waited {
        promised: Option<usize>,
    },
    /// It was promised what its caller has yet to judge: that, and whoever else joined.
    Unjudged(Vec<(u64, Arc<Metadata>)>),
    Pausing {
        until: Instant,
    },
    /// The pool is closed to it.
    Refused,
}

/// Whether a run has to pause before it repeats itself.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Pause {
    #[default]
    None,
    /// It has yet to begin: only a run that finds nothing fresh pauses.
    Owed,
    Until(Instant),
}

impl Pause {
    pub(super) fn is_owed(self, now: Instant) -> bool {
        match self {
            Self::None => false,
            Self::Owed => true,
            Self::Until(until) => now < until,
        }
    }
}
