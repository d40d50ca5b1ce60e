//! How a pool ends: it closes, what was begun goes on, and what is left at a deadline is aborted.
//!
//! In a closed pool somebody looks after every call whether all is over ([`State::take_effects`]). An open one pays
//! nothing for that: a run that begins passes by the gate only where a caller's own choice is asked.

use std::sync::Arc;
use std::time::Instant;

use super::State;
use super::gate::Shut;
use crate::report::drain::{DrainReport, StillRunning};
use crate::report::event::Event;

impl<A> State<A> {
    /// Closes the pool for good: runs that have made no attempt yet are refused, and those of them that are in line
    /// are woken to hear it. Those that have go on, within their budget and deadline. Closing twice changes nothing.
    pub fn close(&mut self, now: Instant) {
        self.notice(now);
        if self.closing.is_some() {
            return;
        }
        let begun = self.in_progress();
        self.closing = Some(Box::new(Shut { since: now, begun, left: None, told: false }));
        self.detours = true;
        self.tell(Event::PoolClosed { at: now });
        self.line.refuse_newcomers(&mut self.effects.get_or_insert_default().wakes);
    }

    /// Ends what a closed pool still has to do, and closes it first if it is not: aborts the usages in flight, oldest
    /// first, and refuses their runs any further attempt. Ending twice changes nothing.
    ///
    /// Those that pause have to step too, which [`Effects::departure`](crate::Effects::departure) says.
    pub fn end(&mut self, now: Instant) {
        self.close(now);
        let left = self.in_progress();
        let Some(closing) = self.closing.as_mut().filter(|closing| closing.left.is_none()) else {
            return;
        };
        closing.left = Some(left);
        let mut aborts = Vec::new();
        for slot in self.roster.slots_mut() {
            self.usages.take_all(&mut slot.lane, &mut aborts);
            let usages = &mut self.usages;
            aborts.extend(slot.holds.places().filter_map(|place| usages.take_spared(place)));
        }
        aborts.sort_unstable_by_key(|(sequence, _)| *sequence);
        let effects = self.effects.get_or_insert_default();
        effects.departure = true;
        effects.aborts.extend(aborts.into_iter().map(|(_, abort)| abort));
        self.line.wake(|_| true, &mut effects.wakes);
    }

    /// Since when the pool is closed.
    #[must_use]
    pub fn closed_since(&self) -> Option<Instant> {
        self.closing.as_ref().map(|closing| closing.since)
    }

    /// How many runs have made an attempt and are not over.
    #[must_use]
    pub fn in_progress(&self) -> u64 {
        self.usages.len() as u64 - self.hedged_runs() + self.between
    }

    /// How many usages of former memberships of this id are in flight.
    #[must_use]
    pub fn draining(&self, id: &str) -> u32 {
        self.roster.draining(id)
    }

    /// What has become of the runs that were in progress when the pool closed; `None` if it is open.
    #[must_use]
    pub fn drain_report(&self, now: Instant) -> Option<DrainReport> {
        let closing = self.closing.as_ref()?;
        let left = self.in_progress();
        let at_the_end = closing.left.unwrap_or(left);
        let mut still_running: Vec<StillRunning> = Vec::new();
        for slot in self.roster.slots().filter(|slot| slot.lane.len() > 0) {
            let runs = slot.lane.len();
            match still_running.iter_mut().find(|row| row.id == *slot.id()) {
                Some(row) => row.runs += runs,
                None => still_running.push(StillRunning { id: Arc::clone(slot.id()), runs }),
            }
        }
        Some(DrainReport {
            took: now.saturating_duration_since(closing.since),
            finished: closing.begun.saturating_sub(at_the_end),
            aborted: at_the_end.saturating_sub(left),
            left,
            still_running,
            between_attempts: self.between,
        })
    }

    /// Whether runs that have made an attempt, or have not, are refused another one.
    #[inline]
    pub(crate) fn refuses(&self, has_begun: bool) -> bool {
        match &self.closing {
            Some(closing) => !has_begun || closing.left.is_some(),
            None => false,
        }
    }

    /// Whether it was [ended](Self::end).
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.refuses(true)
    }

    /// Whether a pick takes more than the strategy: a caller's own code chooses, or the gate is shut.
    #[inline]
    pub(crate) fn has_detours(&self) -> bool {
        self.detours
    }

    /// A run that has made an attempt holds no resource now.
    pub(crate) fn rests(&mut self) {
        self.between += 1;
    }

    /// It goes on, or is over.
    pub(crate) fn goes_on(&mut self) {
        self.between -= 1;
    }

    /// Says once that all is over in a closed pool. Answers whether the next call has to be looked after, too.
    pub(super) fn watches_for_the_end(&mut self) -> bool {
        let is_over = self.in_progress() == 0;
        let Some(closing) = self.closing.as_mut().filter(|closing| !closing.told) else {
            return false;
        };
        if is_over {
            closing.told = true;
            self.effects.get_or_insert_default().departure = true;
        }
        !is_over
    }

    /// A usage of a former membership has ended.
    #[cold]
    pub(super) fn left_former(&mut self, key: usize) {
        if let Some(successor) = self.drained(key) {
            self.offer(successor);
        }
    }

    /// The same. Answers who has room now that was there under the same id.
    pub(super) fn drained(&mut self, key: usize) -> Option<usize> {
        let id = Arc::clone(self.roster[key].id());
        let successor = self.roster.drained(key);
        if let Some(successor) = successor {
            self.index.place(successor, &self.roster[successor]);
        }
        if self.roster.draining(&id) == 0 {
            self.effects.get_or_insert_default().departure = true;
        }
        successor
    }
}
