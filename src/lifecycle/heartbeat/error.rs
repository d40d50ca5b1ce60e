//! How a heart fails.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;

/// Why a heartbeat was refused, or a beat missed.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum HeartbeatError {
    /// The interval was out of range.
    #[error("the interval of the heartbeat is {interval:?}; allowed is 10 ms to a day")]
    Interval {
        /// The interval.
        interval: Duration,
    },
    /// The path names no file.
    #[error("the heartbeat has no file: `{}` ends in no name; give it one", path.display())]
    NoFileName {
        /// The path.
        path: PathBuf,
    },
    /// The directory is missing, or no file can be made in it.
    #[error(
        "the heartbeat cannot be written to `{}`: {reason}; its directory has to be there and to take new \
         files",
        path.display()
    )]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: Arc<str>,
    },
    /// The beats would be too long.
    #[error("a beat has {length} bytes; allowed is {limit}: give it less metadata")]
    TooLong {
        /// How long it is.
        length: usize,
        /// How long it may be.
        limit: usize,
    },
    /// The heart beats already.
    #[error("the heart beats already; drop the other `run` first")]
    Beating,
    /// The wall clock stands before 1970 or after 9999.
    #[error("the wall clock cannot be right: it stands before 1970 or after 9999")]
    WallClock,
    /// A beat was missed: the file could not be replaced.
    #[error("a beat was missed: `{}` cannot be written: {reason}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: Arc<str>,
    },
    /// A beat was missed: the one before is still being written.
    #[error("a beat was missed: the one before is still being written")]
    Writing,
    /// A beat was missed: who was to write it did not: there was no thread to be had, or the hook given to
    /// `write_by` has dropped it.
    #[error(
        "a beat was missed: nobody wrote it, for want of a thread or because `write_by` dropped it"
    )]
    NotWritten,
    /// Beats were missed: the loop came round too late.
    #[error("{missed} beats were missed: the loop came round {:.1} s late", late.as_secs_f64())]
    Late {
        /// How many.
        missed: u64,
        /// How late the loop was.
        late: Duration,
    },
}
