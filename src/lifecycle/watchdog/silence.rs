//! What a watchdog barks at, and how it fails.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::OneLine;
use rotapool_core::lifecycle::NotAlive;
use thiserror::Error;

/// Nobody gave a sign of life for longer than allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Silence {
    /// The watchdog.
    pub name: Arc<str>,
    /// For how long.
    pub silent_for: Duration,
    /// How long was allowed.
    pub limit: Duration,
    /// What is wrong with the file of the heartbeat, if one is watched.
    pub file: Option<NotAlive>,
}

impl fmt::Display for Silence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (silent, limit) = (self.silent_for.as_secs_f64(), self.limit.as_secs_f64());
        write!(f, "{}: silent for {silent:.1}s, allowed is {limit:.1}s", OneLine(&self.name))?;
        match &self.file {
            Some(file) => write!(f, ": {file}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Silence {}

/// Why a watchdog was refused, or does not watch.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WatchdogError {
    /// The limit was too short.
    #[error("the limit of watchdog `{}` is {limit:?}; allowed is 1 ms or more", OneLine(name))]
    Limit {
        /// The watchdog.
        name: Arc<str>,
        /// The limit.
        limit: Duration,
    },
    /// The time between two looks at the file was too short.
    #[error(
        "watchdog `{}` is to look at the file every {interval:?}; allowed is 1 ms or more",
        OneLine(name)
    )]
    CheckInterval {
        /// The watchdog.
        name: Arc<str>,
        /// The time between two looks.
        interval: Duration,
    },
    /// It has nothing to do when it notices a silence.
    #[error("watchdog `{}` would notice and tell nobody; give it `on_silence`", OneLine(name))]
    NoAlarm {
        /// The watchdog.
        name: Arc<str>,
    },
    /// It watches already.
    #[error(
        "watchdog `{}` watches already; drop the other `watch` or its thread first",
        OneLine(name)
    )]
    Watching {
        /// The watchdog.
        name: Arc<str>,
    },
    /// There was no thread to be had.
    #[error("watchdog `{}` got no thread: {reason}", OneLine(name))]
    NoThread {
        /// The watchdog.
        name: Arc<str>,
        /// What the system said.
        reason: Arc<str>,
    },
    /// The timer that it was given does not work on its thread.
    #[error(
        "the runtime of watchdog `{}` has no timer for a thread of its own: {reason}; leave the runtime \
         out, or give it one that works anywhere",
        OneLine(name)
    )]
    Runtime {
        /// The watchdog.
        name: Arc<str>,
        /// What the panic said.
        reason: Arc<str>,
    },
}
