//! What an operation says of its resource, and how an attempt ended.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::one_line::OneLine;

/// What an operation says of the resource that it was given.
///
/// Every signal carries a reason: it is what snapshots and errors show to whoever asks why the
/// resource is out, so say what happened (`"429 from upstream"`) and leave secrets out of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signal {
    /// Over its limit: leave it alone for a while.
    Cooldown {
        /// How long, when the upstream said so; without it the pool's cooldown table decides.
        after: Option<Duration>,
        /// Why.
        reason: Arc<str>,
    },
    /// Unusable until somebody enables it again.
    Disable {
        /// Why.
        reason: Arc<str>,
    },
    /// A hiccup that leaves the resource's status alone: just try again. It counts as a failure in the
    /// health measures, as every signal does.
    Retry {
        /// Why.
        reason: Arc<str>,
    },
}

impl Signal {
    /// A cooldown as long as the pool's table says.
    pub fn cooldown(reason: impl fmt::Display) -> Self {
        Self::Cooldown { after: None, reason: text(reason) }
    }

    /// A cooldown of a stated length, or as the table says when `after` is `None`.
    pub fn cooldown_for(after: impl Into<Option<Duration>>, reason: impl fmt::Display) -> Self {
        Self::Cooldown { after: after.into(), reason: text(reason) }
    }

    /// The resource is unusable.
    pub fn disable(reason: impl fmt::Display) -> Self {
        Self::Disable { reason: text(reason) }
    }

    /// Try again, here or elsewhere.
    pub fn retry(reason: impl fmt::Display) -> Self {
        Self::Retry { reason: text(reason) }
    }

    /// Why the operation sent this signal.
    #[must_use]
    pub fn reason(&self) -> &str {
        match self {
            Self::Cooldown { reason, .. } | Self::Disable { reason } | Self::Retry { reason } => {
                reason
            }
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cooldown { after: None, .. } => f.write_str("cooldown")?,
            Self::Cooldown { after: Some(after), .. } => write!(f, "cooldown of {after:.1?}")?,
            Self::Disable { .. } => f.write_str("disable")?,
            Self::Retry { .. } => f.write_str("retry")?,
        }
        write!(f, " ({})", OneLine(self.reason()))
    }
}

fn text(reason: impl fmt::Display) -> Arc<str> {
    reason.to_string().into()
}

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
            Self::DeadlinePassed => "deadline passed",
        })
    }
}
