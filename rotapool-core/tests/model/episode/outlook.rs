//! What the next command is chosen by.

use super::{Doing, Episode};
use crate::observed::{Moment, Row};

impl Episode {
    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    pub(crate) fn runs_that(&self, are: impl Fn(Doing) -> bool) -> Vec<usize> {
        (0..self.runs.len()).filter(|&run| are(self.runs[run].doing)).collect()
    }

    pub(crate) fn doing(&self, run: usize) -> Doing {
        self.runs[run].doing
    }

    pub(crate) fn is_aborted(&self, run: usize) -> bool {
        self.runs[run].doing == Doing::Attempting { aborted: true }
    }

    pub(crate) fn rows(&self) -> &[Row] {
        &self.rows
    }

    /// The ends of cooldowns and of sleeps, and the deadlines.
    pub(crate) fn moments_of_interest(&self) -> Vec<Moment> {
        let live = self.runs.iter().filter(|run| run.doing != Doing::Over);
        let ends = live.clone().filter_map(|run| match run.doing {
            Doing::Sleeping { until, .. } => Some(until),
            _ => None,
        });
        let deadlines = live.filter_map(|run| run.deadline);
        self.rows.iter().filter_map(|row| row.until).chain(ends).chain(deadlines).collect()
    }

    /// The deadlines ahead of runs that something woke from a wait.
    pub(crate) fn deadlines_of_the_woken(&self) -> Vec<Moment> {
        let is_woken =
            |doing| matches!(doing, Doing::Sleeping { until, waiting: true } if until <= self.now);
        let woken = self.runs.iter().filter(|run| is_woken(run.doing));
        woken.filter_map(|run| run.deadline).filter(|&deadline| deadline > self.now).collect()
    }

    /// Whether it matters to a run who joins or leaves just now: one that has been asked to choose
    /// and has not gone on since, or one that waits and will have to judge.
    pub(crate) fn is_a_run_touchy(&self) -> bool {
        let mut live = self.runs.iter().filter(|run| run.doing != Doing::Over);
        live.any(|run| {
            let waits = matches!(run.doing, Doing::Sleeping { waiting: true, .. });
            !run.to_choose.is_empty() || waits && run.wants.is_some()
        })
    }
}
