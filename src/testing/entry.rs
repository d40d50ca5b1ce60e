//! What a trace consists of: plain data, and how it reads.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Cause, OneLine, Signal, Status};

/// One thing that happened. Its `Display` is one line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Entry {
    /// When, counted from when the trace was made.
    pub at: Duration,
    /// The resource.
    pub id: Arc<str>,
    /// What happened to it.
    pub happened: Happened,
}

/// What happened to a resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Happened {
    /// An attempt began.
    Began {
        /// Counts the calls of the trace from 1.
        call: usize,
        /// Which attempt of its run this is, counting from 1.
        attempt: u32,
        /// The id of the run, if it has one.
        request_id: Option<Arc<str>>,
    },
    /// An attempt ended.
    Ended {
        /// The call that began as this.
        call: usize,
        /// How it ended.
        end: End,
    },
    /// The pool [reported](crate::Builder::on_state_change) a change.
    Changed {
        /// The status before.
        old: Status,
        /// The status after.
        new: Status,
        /// When the cooldown ends, if that is what it is now; counted from when the trace was made.
        until: Option<Duration>,
        /// Why the resource is out, if it is.
        cause: Option<Cause>,
    },
    /// It joined the pool, as the pool's [events](crate::Pool::events) tell.
    Added,
    /// It left the pool.
    Removed,
}

/// How a call ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum End {
    /// With a value.
    Ok,
    /// With a signal about the resource.
    Signal(Signal),
    /// With an error of the operation's own.
    Error,
    /// With an error of the operation's own that it [blames](crate::Fault::Failure) on the resource.
    Failure,
    /// Without a result: a sibling's signal aborted it, or its caller gave up.
    Dropped,
    /// By a panic.
    Panic,
}

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}s {}: {}", seconds(self.at), OneLine(&self.id), self.happened)
    }
}

impl fmt::Display for Happened {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Began { call, attempt, request_id: None } => {
                write!(f, "call {call} begins (attempt {attempt})")
            }
            Self::Began { call, attempt, request_id: Some(run) } => {
                write!(f, "call {call} begins (attempt {attempt} of {})", OneLine(run))
            }
            Self::Added => f.write_str("added"),
            Self::Removed => f.write_str("removed"),
            Self::Ended { call, end } => write!(f, "call {call} ends: {end}"),
            Self::Changed { new, until, cause, .. } => {
                write!(f, "now {new}")?;
                if let Some(until) = until {
                    write!(f, " until {}s", seconds(*until))?;
                }
                match cause {
                    Some(cause) => write!(f, ": {cause}"),
                    None => Ok(()),
                }
            }
        }
    }
}

impl fmt::Display for End {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ok => f.write_str("ok"),
            Self::Signal(signal) => write!(f, "{signal}"),
            Self::Error => f.write_str("error"),
            Self::Failure => f.write_str("failure"),
            Self::Dropped => f.write_str("dropped"),
            Self::Panic => f.write_str("panic"),
        }
    }
}

/// `0`, `1.5`, `150`: one unit, so that times compare at a glance.
pub(super) fn seconds(time: Duration) -> String {
    time.as_secs_f64().to_string()
}
