//! How a pool ends.

use super::Reference;
use super::runs::{Phase, Run};
use crate::twice::observed::Moment;

impl Reference {
    pub(crate) fn close(&mut self, now: Moment) {
        self.notice_by_the_clock(now);
        if self.closed.is_none() {
            self.closed = Some(now);
            let waiting: Vec<_> = self.in_line().map(|(run, _)| run).collect();
            for run in waiting {
                if self.runs[run].made == 0 {
                    self.note("one in line heard that the pool closed");
                    self.wake(run);
                }
            }
        }
        self.attend_the_line();
    }

    pub(crate) fn cut_off(&mut self, now: Moment) {
        self.close(now);
        if self.ended {
            return;
        }
        self.ended = true;
        self.aftermath.departure = true;
        for usage in &mut self.usages {
            if std::mem::take(&mut usage.abortable) {
                self.aftermath.aborts.push(usage.handle);
            }
        }
        let waiting: Vec<_> = self.in_line().map(|(run, _)| run).collect();
        waiting.into_iter().for_each(|run| self.wake(run));
    }

    /// Whoever may wait for the end of a closed pool is told of it, once.
    pub(super) fn see_whether_it_is_over(&mut self) {
        if self.closed.is_some() && !self.over && self.in_progress() == 0 {
            self.over = true;
            self.aftermath.departure = true;
        }
    }

    /// A usage has ended: whoever may wait for the last one of a former membership of the id is told.
    pub(super) fn see_whether_it_has_drained(&mut self, left: usize) {
        let former = |&membership: &usize| {
            let other = &self.memberships[membership];
            !other.is_member && other.id == self.memberships[left].id
        };
        let drains = self.usages.iter().map(|usage| usage.membership).any(|it| former(&it));
        self.aftermath.departure |= former(&left) && !drains;
    }

    /// Whether the pool is closed to a run. One in line or in a pause is told at once, and so is one between two
    /// attempts; one that begins is told when it would be given a resource.
    pub(super) fn is_shut_out(&self, run: usize) -> bool {
        let has_begun = self.runs[run].made > 0;
        if has_begun { self.ended } else { self.closed.is_some() }
    }

    /// The runs that have had a resource and are not over.
    pub(crate) fn in_progress(&self) -> u64 {
        let is_over = |run: &Run| matches!(run.phase, Phase::Over | Phase::TakenBack);
        let is_under_way = |run: &&Run| run.made > 0 && !is_over(run);
        self.runs.iter().filter(is_under_way).count() as u64
    }

    pub(crate) fn closed(&self) -> Option<Moment> {
        self.closed
    }
}
