//! What may be asked of a pool. Nothing here changes it.

use std::sync::Arc;
use std::time::Instant;

use super::State;
use crate::config::Config;
use crate::exhausted::{Exhausted, ExhaustedReason};
use crate::explanation::{EXPLAINED, Explanation};
use crate::profile::Metadata;
use crate::select::Wish;
use crate::signal::Signal;
use crate::slot::Slot;
use crate::snapshot::ResourceSnapshot;
use crate::stats::PoolStats;

impl<A> State<A> {
    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.roster.len()
    }

    /// Whether the pool has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How every member stands, in pool order.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Vec<ResourceSnapshot> {
        let mut rows = Vec::with_capacity(self.len());
        self.list_snapshot(&mut rows, 0, usize::MAX, now);
        rows
    }

    /// Lists how up to `most` members from a position on stand, and answers where to go on.
    pub fn list_snapshot(
        &self,
        rows: &mut Vec<ResourceSnapshot>,
        from: u64,
        most: usize,
        now: Instant,
    ) -> Option<u64> {
        self.list(from, most, |slot| rows.push(ResourceSnapshot::of(slot, now)))
    }

    /// Gauges and counters.
    #[must_use]
    pub fn stats(&self, now: Instant) -> PoolStats {
        let mut stats = self.counted();
        stats.resources.reserve(self.len());
        self.list_stats(&mut stats, 0, usize::MAX, now);
        stats
    }

    /// The pool's counters, with nobody listed.
    #[must_use]
    pub fn counted(&self) -> PoolStats {
        PoolStats::new(self.counters)
    }

    /// Lists up to `most` members from a position on and counts them into the gauges, and answers
    /// where to go on.
    pub fn list_stats(
        &self,
        stats: &mut PoolStats,
        from: u64,
        most: usize,
        now: Instant,
    ) -> Option<u64> {
        self.list(from, most, |slot| stats.list(slot, now, &self.yardstick))
    }

    fn list(&self, from: u64, most: usize, mut list: impl FnMut(&Slot)) -> Option<u64> {
        let mut members = self.roster.members_from(from);
        members.by_ref().take(most).for_each(&mut list);
        members.next().map(Slot::position)
    }

    /// When the next cooldown of a resource that the run admits ends.
    pub(crate) fn next_recovery(&self, wish: &Wish, now: Instant) -> Option<Instant> {
        self.index.next_recovery(wish, &self.roster, now)
    }

    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// How many members the run admits.
    pub(crate) fn admitted(&self, wish: &Wish) -> usize {
        match wish.filters() {
            false => self.len(),
            true => self.roster.members().filter(|slot| wish.admits(slot)).count(),
        }
    }

    /// The members that the run's caller has yet to judge, with their positions.
    pub(crate) fn unjudged(&self, wish: &Wish) -> Vec<(u64, Arc<Metadata>)> {
        let from = wish.judged_until().map(|position| self.roster.members_from(position));
        from.into_iter()
            .flatten()
            .map(|slot| (slot.position(), Arc::clone(&slot.profile().metadata)))
            .collect()
    }

    /// Explains a run that cannot be served.
    pub(crate) fn exhausted(
        &self,
        reason: ExhaustedReason,
        wish: &Wish,
        attempts: u32,
        last_signal: Option<Signal>,
        now: Instant,
    ) -> Box<Exhausted> {
        let any = match wish.filters() {
            false => self.index.any(),
            true => self.roster.members().any(|slot| slot.is_eligible() && wish.admits(slot)),
        };
        let retry_at = match any {
            true => Some(now),
            false => self.next_recovery(wish, now).map(|at| at.max(now)),
        };
        let row = |slot: &Slot| ResourceSnapshot::of(slot, now);
        let explanation = self.explanation(wish, retry_at, now, row);
        Box::new(Exhausted { reason, attempts, last_signal, explanation })
    }

    /// How the members that the run admits stand, with none of them picked.
    pub(super) fn explanation(
        &self,
        wish: &Wish,
        retry_at: Option<Instant>,
        now: Instant,
        row: impl Fn(&Slot) -> ResourceSnapshot,
    ) -> Explanation {
        let admitted = self.admitted(wish);
        let members = self.roster.members().filter(|slot| wish.admits(slot));
        Explanation {
            at: now,
            next: None,
            strategy: Some(self.config.strategy),
            retry_at,
            resources: members.take(EXPLAINED).map(row).collect(),
            members: admitted,
            kept_out: self.len() - admitted,
        }
    }
}
