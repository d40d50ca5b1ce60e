//! What became of a shutdown.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::one_line::OneLine;

/// What became of the clean-ups of a shutdown.
///
/// Its `Display` is one line that names who did not get done; `{:#}` adds a line for each clean-up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ShutdownReport {
    /// Every clean-up, in the order of their turns.
    pub clean_ups: Vec<CleanUpReport>,
    /// How long all of it took, from the trigger on.
    pub took: Duration,
    /// How long it was allowed to take.
    pub deadline: Duration,
}

/// What became of one clean-up.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct CleanUpReport {
    /// Its name.
    pub name: Arc<str>,
    /// Its priority.
    pub priority: i32,
    /// How it ended.
    pub ending: Ending,
    /// How long after the trigger it began; `None` if it was not reached.
    pub began: Option<Duration>,
    /// How long it took or was waited for; `None` if it was not reached.
    pub took: Option<Duration>,
    /// Whether it goes on although nobody waits for it: blocking code that timed out cannot be aborted.
    pub still_running: bool,
}

/// How a clean-up ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Ending {
    /// As it should.
    Done,
    /// With an error of its own.
    Failed(Arc<dyn Error + Send + Sync>),
    /// With a panic, which said this.
    Panicked(Arc<str>),
    /// It took too long.
    TimedOut(Limit),
    /// Not yet: the report was made while it was under way.
    UnderWay,
    /// The deadline came before its turn, or the report did.
    NotReached,
}

/// Whose time was up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Limit {
    /// The limit of the clean-up itself.
    Own(Duration),
    /// The deadline of all together.
    Deadline,
}

impl ShutdownReport {
    /// Whether every clean-up is done.
    #[must_use]
    pub fn is_clean(&self) -> bool {
        self.clean_ups.iter().all(CleanUpReport::is_done)
    }

    /// What became of the clean-up of this name.
    #[must_use]
    pub fn of(&self, name: &str) -> Option<&CleanUpReport> {
        self.clean_ups.iter().find(|clean_up| &*clean_up.name == name)
    }
}

impl CleanUpReport {
    /// Whether it ended as it should.
    #[must_use]
    pub fn is_done(&self) -> bool {
        matches!(self.ending, Ending::Done)
    }
}

impl Ending {
    /// The word that the headline counts it under.
    fn word(&self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed(_) => "failed",
            Self::Panicked(_) => "panicked",
            Self::TimedOut(_) => "timed out",
            Self::UnderWay => "under way",
            Self::NotReached => "not reached",
        }
    }
}

/// How many names of a kind the headline gives.
const NAMED: usize = 5;

impl fmt::Display for ShutdownReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (took, allowed) = (self.took.as_secs_f64(), self.deadline.as_secs_f64());
        write!(f, "shutdown took {took:.1}s of {allowed:.1}s: ")?;
        if self.clean_ups.is_empty() {
            return f.write_str("no clean-ups");
        }
        let done = self.clean_ups.iter().filter(|clean_up| clean_up.is_done()).count();
        write!(f, "{done} of {} clean-ups done", self.clean_ups.len())?;
        for word in ["failed", "panicked", "timed out", "under way", "not reached"] {
            let names: Vec<&str> = self.named(word).collect();
            if let Some((first, others)) = names.split_first() {
                write!(f, ", {} {word} (`{}`", names.len(), OneLine(first))?;
                for other in others.iter().take(NAMED - 1) {
                    write!(f, ", `{}`", OneLine(other))?;
                }
                f.write_str(if names.len() > NAMED { ", …)" } else { ")" })?;
            }
        }
        if f.alternate() {
            for clean_up in &self.clean_ups {
                write!(f, "\n  {clean_up}")?;
            }
        }
        Ok(())
    }
}

impl ShutdownReport {
    fn named(&self, word: &'static str) -> impl Iterator<Item = &str> {
        let those = self.clean_ups.iter().filter(move |clean_up| clean_up.ending.word() == word);
        those.map(|clean_up| &*clean_up.name)
    }
}

impl fmt::Display for CleanUpReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", OneLine(&self.name), self.ending)?;
        if self.still_running {
            f.write_str(", still running on its thread")?;
        }
        match self.took {
            Some(took) => write!(f, " (after {:.1}s)", took.as_secs_f64()),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Ending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Done | Self::UnderWay | Self::NotReached => f.write_str(self.word()),
            Self::Failed(error) => write!(f, "failed: {}", OneLine(&error.to_string())),
            Self::Panicked(message) => write!(f, "panicked: {}", OneLine(message)),
            Self::TimedOut(Limit::Own(limit)) => {
                write!(f, "timed out: its limit is {:.1}s", limit.as_secs_f64())
            }
            Self::TimedOut(Limit::Deadline) => f.write_str("timed out: the deadline of all"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(name: &str, ending: Ending) -> CleanUpReport {
        let took = (!matches!(ending, Ending::NotReached)).then_some(Duration::from_millis(1500));
        let began = took.map(|_| Duration::ZERO);
        CleanUpReport { name: name.into(), priority: 1, ending, began, took, still_running: false }
    }

    #[test]
    fn the_long_form_says_of_each_what_became_of_it() {
        let late = Ending::TimedOut(Limit::Own(Duration::from_secs(1)));
        let report = ShutdownReport {
            clean_ups: vec![
                one("drain", Ending::Done),
                one("flush", Ending::Failed(Arc::from(Box::from("disk\nfull")))),
                one("close", Ending::Panicked("no such socket".into())),
                CleanUpReport { still_running: true, ..one("sync", late) },
                one("bye", Ending::NotReached),
            ],
            took: Duration::from_secs(6),
            deadline: Duration::from_secs(30),
        };
        assert!(!report.is_clean());
        assert_eq!(
            format!("{report:#}"),
            "shutdown took 6.0s of 30.0s: 1 of 5 clean-ups done, 1 failed (`flush`), 1 panicked \
             (`close`), 1 timed out (`sync`), 1 not reached (`bye`)
  drain: done (after 1.5s)
  flush: failed: disk\\nfull (after 1.5s)
  close: panicked: no such socket (after 1.5s)
  sync: timed out: its limit is 1.0s, still running on its thread (after 1.5s)
  bye: not reached"
        );
        assert!(report.of("drain").unwrap().is_done());
        assert!(report.of("nobody").is_none());
    }

    #[test]
    fn the_short_form_names_five_of_a_kind_at_most() {
        let clean_ups = ["1", "2", "3", "4", "5", "6"].map(|name| one(name, Ending::NotReached));
        let report = ShutdownReport {
            clean_ups: clean_ups.to_vec(),
            took: Duration::ZERO,
            deadline: Duration::from_secs(1),
        };
        let line = report.to_string();
        assert!(line.ends_with("6 not reached (`1`, `2`, `3`, `4`, `5`, …)"), "{line}");
    }
}
