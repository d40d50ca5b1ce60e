//! What became of a command that a monitor ran.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::notice::Edge;
use crate::one_line::OneLine;

/// What became of a command that a monitor ran when the pool turned.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CommandReport {
    /// The program. Its arguments are not told: they may be secrets.
    pub program: Arc<str>,
    /// Which turn of the pool it was run for.
    pub edge: Edge,
    /// How it ended.
    pub end: CommandEnd,
    /// How long it took.
    pub took: Duration,
    /// What it wrote to its standard output, and then what to its standard error, as far as that was kept; what is no
    /// UTF-8 in it is replaced.
    pub output: Arc<str>,
    /// Whether it wrote more than was kept.
    pub is_cut: bool,
}

/// How a command ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum CommandEnd {
    /// With this exit code: 0 is good.
    Exited(i32),
    /// By this signal (Unix).
    Signalled(i32),
    /// It took longer than its limit, and was killed.
    TimedOut,
    /// It could not be run, for this reason.
    NotRun(Arc<str>),
    /// It was not run, because the one before it had not ended.
    Busy,
}

impl CommandReport {
    /// What became of a command.
    #[must_use]
    pub fn new(program: Arc<str>, edge: Edge, end: CommandEnd, took: Duration) -> Self {
        Self { program, edge, end, took, output: "".into(), is_cut: false }
    }

    /// The same, with what it wrote.
    #[must_use]
    pub fn with_output(mut self, output: impl Into<Arc<str>>, is_cut: bool) -> Self {
        (self.output, self.is_cut) = (output.into(), is_cut);
        self
    }

    /// Whether it ran and ended with 0.
    #[must_use]
    pub fn is_good(&self) -> bool {
        self.end == CommandEnd::Exited(0)
    }
}

impl fmt::Display for CommandReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}, after {:.1?}", OneLine(&self.program), self.end, self.took)
    }
}

impl fmt::Display for CommandEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exited(code) => write!(f, "exit code {code}"),
            Self::Signalled(signal) => write!(f, "ended by signal {signal}"),
            Self::TimedOut => f.write_str("killed, for it took too long"),
            Self::NotRun(why) => write!(f, "not run: {}", OneLine(why)),
            Self::Busy => f.write_str("not run: the one before has not ended"),
        }
    }
}
