//! How an attempt ended.

use std::fmt;
use std::time::Duration;

use super::signal::Signal;

/// How an attempt ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Outcome {
    /// The operation returned a value: the resource works, and so the run is served.
    Success,
    /// The operation returned an error of its own: the resource works, and the run ends.
    Error,
    /// The operation returned an error of its own that it blames on the resource: the run ends as with
    /// [`Error`](Self::Error), and a failure of the resource is counted.
    Failure,
    /// The operation panicked: the run ends, and nothing is known of the resource.
    Panic,
    /// An older sibling's signal aborted the operation: the run goes on.
    Aborted,
    /// The operation sent a signal: the run goes on.
    Signal(Signal),
    /// The operation gave no answer within the time of an attempt: a failure of the resource, and the run goes on.
    TimedOut,
    /// The operation had nothing to show for this long: a failure of the resource as when it
    /// [times out](Self::TimedOut).
    Stalled(Duration),
    /// The deadline of the run ended the operation: the run ends, and nothing is known of the resource.
    DeadlinePassed,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Success => "success",
            Self::Error => "error",
            Self::Failure => "failure",
            Self::Panic => "panic",
            Self::Aborted => "aborted",
            Self::Signal(signal) => return signal.fmt(f),
            Self::TimedOut => "timed out",
            Self::Stalled(silence) => return write!(f, "stalled: {}", silent_for(*silence)),
            Self::DeadlinePassed => "deadline passed",
        })
    }
}

/// What is said of a resource that has nothing to show.
pub(crate) fn silent_for(silence: Duration) -> String {
    format!("silent for {silence:?}")
}
