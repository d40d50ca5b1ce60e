//! What the next command is chosen by, and what there is to look at.

use std::sync::Arc;

use std::collections::HashSet;
use std::hash::Hasher;

use rotapool_core::{PoolStats, Quota};

use super::{Doing, Episode, Run};
use crate::twice::observed::{Handle, Moment, Row};

impl Episode {
    pub(crate) fn now(&self) -> Moment {
        self.now
    }

    /// Whether core has noticed what has ended by now, as far as it goes by the clock.
    pub(crate) fn has_noticed(&self) -> bool {
        self.noticed || !self.rules.ends_by_the_clock
    }

    /// What core says of a member's quotas.
    pub(crate) fn quotas_of(&self, id: &str) -> (Vec<Quota>, Option<Arc<str>>) {
        let profile = self.core.profile(id);
        profile.map(|(_, profile)| (profile.quotas, profile.group)).unwrap_or_default()
    }

    pub(crate) fn runs_that(&self, are: impl Fn(Doing) -> bool) -> Vec<usize> {
        (0..self.runs.len()).filter(|&run| are(self.runs[run].doing)).collect()
    }

    /// How core says that the resources stand now.
    pub(crate) fn look(&self) -> Vec<Row> {
        let snapshot = self.core.snapshot(self.clock.instant(self.now));
        snapshot.iter().map(|row| Row::of(row, self.clock)).collect()
    }

    pub(crate) fn stats(&self) -> PoolStats {
        self.core.stats(self.clock.instant(self.now))
    }

    /// The handles of runs that core has been given and has not given back.
    pub(crate) fn handles(&self) -> HashSet<Handle> {
        self.handles.iter().filter(|handle| handle.run < self.runs.len()).copied().collect()
    }

    /// The number of runs that ever began: that of the next one.
    pub(crate) fn runs(&self) -> usize {
        self.runs.len()
    }

    /// What decides how it goes on.
    pub(crate) fn hash_essence(&self, into: &mut impl Hasher) {
        self.reference.hash_essence(self.now, into);
    }

    pub(crate) fn doing(&self, run: usize) -> Doing {
        self.runs[run].doing
    }

    /// Whether a run has to step, as its driver would see it.
    pub(crate) fn is_due(&self, doing: Doing) -> bool {
        match doing {
            Doing::Ready | Doing::Judging { .. } | Doing::Choosing { .. } => true,
            Doing::Pausing { until } => until <= self.now,
            Doing::Waiting { until, woken } => woken || until.is_some_and(|it| it <= self.now),
            Doing::Attempting { .. } | Doing::Over => false,
        }
    }

    /// Whether what a run does outlives its call.
    pub(crate) fn is_held(&self, run: usize) -> bool {
        self.runs[run].held.is_some()
    }

    /// Whether the time of a run's attempt is up.
    pub(crate) fn is_overdue(&self, run: usize) -> bool {
        self.reference.is_overdue(run, self.now)
    }

    /// Whether it is time for another attempt beside it.
    pub(crate) fn is_hedge_due(&self, run: usize) -> bool {
        self.reference.is_hedge_due(run, self.now)
    }

    /// Whether a run has two attempts in flight.
    pub(crate) fn is_hedged(&self, run: usize) -> bool {
        self.runs[run].flights.len() > 1
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
            Doing::Pausing { until } => Some(until),
            Doing::Waiting { until, .. } => until,
            _ => None,
        });
        let attempting = |run: &&Run| matches!(run.doing, Doing::Attempting { .. });
        let limits = live.clone().filter(attempting).filter_map(|run| run.attempts.limit());
        let ends = ends.chain(limits.map(|limit| self.clock.moment(limit)));
        let held = live.clone().filter(attempting).filter_map(|run| run.held.flatten());
        let ends = ends.chain(held);
        let deadlines = live.filter_map(|run| run.terms.deadline);
        self.look()
            .iter()
            .flat_map(|row| row.until.into_iter().chain(row.spent_until))
            .chain(ends)
            .chain(deadlines)
            .chain(self.moments_beside())
            .collect()
    }

    /// The deadlines ahead of runs that something woke from a wait.
    pub(crate) fn deadlines_of_the_woken(&self) -> Vec<Moment> {
        let is_woken = |doing| matches!(doing, Doing::Waiting { woken: true, .. });
        let woken = self.runs.iter().filter(|run| is_woken(run.doing));
        woken.filter_map(|run| run.terms.deadline).filter(|&deadline| deadline > self.now).collect()
    }

    /// Whether it matters to a run who joins or leaves just now: one that has been asked to choose
    /// and has not gone on since, or one that waits and will have to judge.
    pub(crate) fn is_a_run_touchy(&self) -> bool {
        let mut live = self.runs.iter().filter(|run| run.doing != Doing::Over);
        live.any(|run| {
            let waits = matches!(run.doing, Doing::Waiting { .. });
            !run.to_choose.is_empty() || waits && run.terms.wants.is_some()
        })
    }
}
