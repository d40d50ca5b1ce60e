//! When a second attempt begins beside one that has not answered.

use std::fmt;
use std::time::Duration;

/// When a run begins a second attempt on another resource, beside one that has not answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Hedge {
    /// Never. For a run of a pool whose others are hedged.
    Never,
    /// When the attempt has been under way for this long; more than zero.
    After(Duration),
    /// When the attempt has been under way for longer than 95 of 100 answers of late took.
    ///
    /// It counts the answers that the pool got since it first hedged, the last 512 to 1,024 of them; until there are
    /// 100, nothing is hedged. It is exact to a sixteenth, on the late side.
    P95,
}

impl From<Duration> for Hedge {
    fn from(after: Duration) -> Self {
        Self::After(after)
    }
}

impl fmt::Display for Hedge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Never => f.write_str("never"),
            Self::After(after) => write!(f, "after {after:?}"),
            Self::P95 => f.write_str("after the 95th percentile"),
        }
    }
}
