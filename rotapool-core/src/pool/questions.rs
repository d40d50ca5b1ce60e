//! What may be asked of a pool. Nothing here changes it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use super::config::Config;
use crate::member::profile::Metadata;
use crate::member::signal::Signal;
use crate::member::slot::Slot;
use crate::report::exhausted::Exhausted;
use crate::report::explanation::{EXPLAINED_WHEN_EXHAUSTED, Explanation, Outlook};
use crate::report::refusal::ExhaustedReason;
use crate::report::snapshot::ResourceSnapshot;
use crate::report::stats::PoolStats;
use crate::select::wish::Wish;

impl<A> State<A> {
    /// The number of members.
    #[must_use]
    #[inline]
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
        self.list_snapshot(&mut rows, self.positions(), usize::MAX, now);
        rows
    }

    /// The positions of all members, to list them in parts.
    ///
    /// Whoever joins later has a later position. So however the pool changes between two parts, a list of
    /// these names no id twice: an id that was removed and added again in the meantime is another membership.
    #[must_use]
    pub fn positions(&self) -> Range<u64> {
        self.roster.positions()
    }

    /// Lists how the first members at these positions stand, `most` at most, and answers which are left.
    pub fn list_snapshot(
        &self,
        rows: &mut Vec<ResourceSnapshot>,
        positions: Range<u64>,
        most: usize,
        now: Instant,
    ) -> Option<Range<u64>> {
        let epoch = self.epoch();
        self.list(positions, most, |slot| {
            rows.push(ResourceSnapshot::of(&self.shown(slot, now), now, epoch));
        })
    }

    /// The member as a report of `now` has it: by our rules, whether or not anybody has noticed what has ended.
    fn shown<'a>(&self, slot: &'a Slot, now: Instant) -> Cow<'a, Slot> {
        match self.config.rules.ends_by_the_clock {
            true => self.foresee(slot, now),
            false => Cow::Borrowed(slot),
        }
    }

    /// Gauges and counters.
    #[must_use]
    pub fn stats(&self, now: Instant) -> PoolStats {
        let mut stats = self.counted(now);
        stats.resources.reserve(self.len());
        self.list_stats(&mut stats, self.positions(), usize::MAX, now);
        stats
    }

    /// The pool's counters and the runs that wait, with nobody listed.
    #[must_use]
    pub fn counted(&self, now: Instant) -> PoolStats {
        let oldest = self.oldest_wait(now);
        PoolStats::new(self.counters, self.line.len(), oldest, self.closed_since().is_some())
    }

    /// How long the run has been in line that has been there for longest.
    pub(crate) fn oldest_wait(&self, now: Instant) -> Option<Duration> {
        let since = self.line.longest_since().map(|since| self.epoch().instant(since));
        since.map(|since| now.saturating_duration_since(since))
    }

    /// Lists the first members at these positions, `most` at most, counts them into the gauges, and
    /// answers which are left.
    pub fn list_stats(
        &self,
        stats: &mut PoolStats,
        positions: Range<u64>,
        most: usize,
        now: Instant,
    ) -> Option<Range<u64>> {
        self.list(positions, most, |slot| {
            stats.list(&self.shown(slot, now), now, &self.yardstick);
        })
    }

    fn list(
        &self,
        positions: Range<u64>,
        most: usize,
        mut list: impl FnMut(&Slot),
    ) -> Option<Range<u64>> {
        let end = positions.end;
        let mut members = self.roster.members_at(positions);
        members.by_ref().take(most).for_each(&mut list);
        members.next().map(|next| next.position()..end)
    }

    /// When the next resource that the run admits is back from a cooldown or has quota again.
    pub(crate) fn next_recovery(&self, wish: &Wish, now: Instant) -> Option<Instant> {
        self.index.next_recovery(wish, &self.roster, now)
    }

    /// Whether a resource that the run admits is back, and nobody has noticed yet.
    fn is_one_back_unnoticed(&self, wish: &Wish, now: Instant) -> bool {
        let is_back = |slot: &Slot| {
            slot.back_at().is_some_and(|back| back <= now) && slot.can_pay_at(wish.costs(), now)
        };
        self.index.is_one_back(self.tick(now))
            && self.roster.members().any(|slot| is_back(slot) && wish.admits(slot))
    }

    #[inline]
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// How many members the run admits.
    #[inline]
    pub(crate) fn admitted(&self, wish: &Wish) -> usize {
        if wish.filters() { self.count_admitted(wish) } else { self.len() }
    }

    #[cold]
    fn count_admitted(&self, wish: &Wish) -> usize {
        self.roster.members().filter(|slot| wish.admits(slot)).count()
    }

    /// The members that the run's caller has yet to judge, with their positions.
    pub(crate) fn unjudged(&self, wish: &Wish) -> Vec<(u64, Arc<Metadata>)> {
        let from = wish.judged_until().map(|position| self.roster.members_at(position..u64::MAX));
        from.into_iter()
            .flatten()
            .map(|slot| (slot.position(), Arc::clone(slot.metadata())))
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
        let may_have = |slot: &Slot| {
            slot.is_eligible() && slot.can_pay_at(wish.costs(), now) && wish.admits(slot)
        };
        let any = match wish.filters() || wish.costs().are_stated() {
            false => self.index.any(),
            true => self.roster.members().any(may_have),
        };
        let retry_at = match any {
            true => Some(now),
            false => match self.next_recovery(wish, now) {
                // By the recorded rules an end that has passed may be unnoticed.
                Some(end) if end <= now => Some(now),
                // A place may come free at any time.
                _ if self.is_busy(wish, now) || self.is_one_back_unnoticed(wish, now) => None,
                end => end,
            },
        };
        // What could serve it is of no use to a retry before the budget allows one.
        let retry_at = match reason {
            ExhaustedReason::RetryBudget(spent) => {
                retry_at.map(|at| spent.allows_at.map_or(at, |allows_at| allows_at.max(at)))
            }
            _ => retry_at,
        };
        let row = |slot: &Slot| ResourceSnapshot::of(slot, now, self.epoch());
        let outlook = Outlook::Refused(reason);
        let most = EXPLAINED_WHEN_EXHAUSTED;
        let explanation = self.explanation(wish, outlook, retry_at, now, most, row);
        Box::new(Exhausted { reason, attempts, last_signal, explanation })
    }

    /// How the members that the run admits stand, with none of them picked: `most` at most one by one.
    pub(super) fn explanation(
        &self,
        wish: &Wish,
        outlook: Outlook,
        retry_at: Option<Instant>,
        now: Instant,
        most: usize,
        row: impl Fn(&Slot) -> ResourceSnapshot,
    ) -> Explanation {
        let admitted = self.admitted(wish);
        let members = self.roster.members().filter(|slot| wish.admits(slot));
        let closed_since = self.closed_since();
        Explanation {
            at: now,
            next: None,
            outlook,
            strategy: Some(self.config.strategy),
            retry_at: retry_at.filter(|_| closed_since.is_none()),
            closed_since,
            resources: members.take(most).map(row).collect(),
            members: admitted,
            kept_out: self.len() - admitted,
            in_line: self.line.len(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::profile::Profile;

    #[test]
    fn a_list_in_parts_names_no_id_twice_although_one_left_and_came_back() {
        let now = Instant::now();
        let mut pool = State::<()>::new(Config::default(), Instant::now());
        for id in ["a", "b", "c"] {
            pool.add(Profile::new(id), now).unwrap();
        }
        let (mut rows, mut stats) = (Vec::new(), pool.counted(now));
        let all = pool.positions();
        let left = pool.list_snapshot(&mut rows, all.clone(), 1, now);
        assert_eq!(pool.list_stats(&mut stats, all, 1, now), left);
        for id in ["a", "b"] {
            pool.remove(id, now).unwrap();
            pool.add(Profile::new(id), now).unwrap();
        }
        let left = left.expect("two are left");
        assert_eq!(pool.list_snapshot(&mut rows, left.clone(), 9, now), None);
        assert_eq!(pool.list_stats(&mut stats, left, 9, now), None);
        assert_eq!(rows.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!(stats.resources.iter().map(|row| &*row.id).collect::<Vec<_>>(), ["a", "c"]);
        assert_eq!((stats.healthy, stats.eligible), (2, 2), "the gauges add up to the list");
    }
}
