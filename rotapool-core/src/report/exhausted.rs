//! Why the pool could not serve a run, and when it could.

use std::fmt;
use std::time::Duration;

use super::explanation::Explanation;
use super::refusal::ExhaustedReason;
use crate::member::signal::Signal;

/// The pool could not serve a run: why, how the resources stood, and when to come back.
///
/// `Display` is one line for a log; [`table`](Self::table) prints a line per resource.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Exhausted {
    /// Why.
    pub reason: ExhaustedReason,
    /// The attempts that the run had made.
    pub attempts: u32,
    /// The signal of the last attempt; an attempt that a sibling aborted counts as having sent the
    /// sibling's signal.
    pub last_signal: Option<Signal>,
    /// How the resources that the run admits stood, and when to come back.
    pub explanation: Explanation,
}

impl Exhausted {
    /// How long after the run ended the pool can serve again, as far as it can know.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.explanation.retry_after()
    }

    /// The full explanation: the line of `Display`, then a line for each resource.
    #[must_use]
    pub fn table(&self) -> ExhaustedTable<'_> {
        ExhaustedTable(self)
    }

    /// Why, after how much, and how the resources stand taken together.
    fn headline(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "pool exhausted: {}", self.reason.at(self.explanation.at))?;
        if self.reason != ExhaustedReason::MaxAttempts && !self.reason.is_for_want_of_a_resource() {
            f.write_str(",")?;
        }
        match self.attempts {
            1 => f.write_str(" after 1 attempt; ")?,
            attempts => write!(f, " after {attempts} attempts; ")?,
        }
        self.explanation.tally(f)
    }
}

impl fmt::Display for Exhausted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.headline(f)?;
        let first = self.explanation.first_back();
        let shown = match (first, self.retry_after()) {
            // The explained are not all: another may be back before.
            (Some(first), Some(_)) if first.back_at() == self.explanation.retry_at => {
                write!(f, "; first back is {first}")?;
                Some(first)
            }
            (_, Some(retry_after)) if !retry_after.is_zero() => {
                write!(f, "; back in {retry_after:.1?}")?;
                None
            }
            (Some(first), None) => {
                write!(f, "; a place may come free at any time, else first back is {first}")?;
                Some(first)
            }
            (None, None) => {
                let first = self.explanation.resources.first();
                first.map_or(Ok(()), |first| write!(f, "; {first}"))?;
                first
            }
            _ => None,
        };
        match &self.last_signal {
            Some(signal) if !shown.is_some_and(|row| row.is_out_because_of(signal)) => {
                write!(f, "; last signal: {signal}")
            }
            _ => Ok(()),
        }
    }
}

impl std::error::Error for Exhausted {}

/// Prints an [`Exhausted`] in full: one line as a headline, then a line for each resource.
#[derive(Debug, Clone, Copy)]
pub struct ExhaustedTable<'a>(&'a Exhausted);

impl fmt::Display for ExhaustedTable<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.headline(f)?;
        if let Some(signal) = &self.0.last_signal {
            write!(f, "; last signal: {signal}")?;
        }
        self.0.explanation.rows(f)
    }
}
