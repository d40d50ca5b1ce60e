//! What has become of the runs that were in progress when a pool closed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::one_line::OneLine;

/// What has become of the runs that were in progress when a pool closed. Its `Display` is one line for a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct DrainReport {
    /// How long ago the pool closed.
    pub took: Duration,
    /// The runs that ended by themselves, however they ended.
    pub finished: u64,
    /// Those that had to be aborted at the deadline, and are over.
    pub aborted: u64,
    /// Those that are not over, each of them counted once.
    pub left: u64,
    /// The resources that they still use, in no order: what cannot be aborted, or has not been polled since.
    pub still_running: Vec<StillRunning>,
    /// The runs that hold no resource, and are not over: they pause, wait, or have not been polled since.
    pub between_attempts: u64,
}

/// A resource that is in use although its pool was to be drained.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StillRunning {
    /// The resource. It may have been removed.
    pub id: Arc<str>,
    /// How many use it. One that is [hedged](crate::Config::hedge) may use two resources, and counts on both.
    pub runs: u32,
}

impl DrainReport {
    /// Whether every run is over, aborted or not.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.left == 0
    }
}

impl fmt::Display for DrainReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = if self.is_complete() { "drained in" } else { "not drained after" };
        write!(f, "{word} {:.1?}: {} finished", self.took, self.finished)?;
        if self.aborted > 0 {
            write!(f, ", {} aborted", self.aborted)?;
        }
        if self.left > 0 {
            write!(f, ", {} left", self.left)?;
        }
        let mut separator = ": ";
        for StillRunning { id, runs } in &self.still_running {
            write!(f, "{separator}{runs} on {}", OneLine(id))?;
            separator = ", ";
        }
        match self.between_attempts {
            0 => Ok(()),
            runs => write!(f, "{separator}{runs} between attempts"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_report_is_one_line_that_names_what_still_runs() {
        let mut report = DrainReport {
            took: Duration::from_millis(1234),
            finished: 12,
            aborted: 0,
            left: 0,
            still_running: Vec::new(),
            between_attempts: 0,
        };
        assert_eq!(report.to_string(), "drained in 1.2s: 12 finished");
        report.aborted = 2;
        report.still_running =
            [("a\n", 1), ("b", 2)].map(|(id, runs)| StillRunning { id: id.into(), runs }).into();
        report.between_attempts = 3;
        report.left = 6;
        assert_eq!(
            report.to_string(),
            "not drained after 1.2s: 12 finished, 2 aborted, 6 left: 1 on a\\n, 2 on b, 3 between attempts"
        );
        assert!(!report.is_complete());
    }
}
