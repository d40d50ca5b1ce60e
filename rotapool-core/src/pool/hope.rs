//! What those in line may still hope for. Who has nothing left that may come in time is woken to hear it: nobody sleeps
//! towards a refusal that is certain.

use std::time::Instant;

use super::State;
use super::waiting::{Hope, Waiting, admitted};
use crate::member::slot::Slot;
use crate::select::wish::Wish;
use crate::time::Tick;

impl<A> State<A> {
    /// A resource is out or spent until it is `back`, or gone: those in line who hoped for it and for whom nothing else may
    /// come in time think again.
    pub(super) fn disappoint(
        &mut self,
        was_admitted: impl Fn(&Wish) -> bool,
        back: Option<Instant>,
        now: Instant,
    ) {
        let any = Wish::default();
        let of_all = (self.is_busy(&any, now), self.next_recovery(&any, now));
        let tick = |at| self.tick(at);
        // One that is busy may be had at any time.
        let comes = match of_all {
            (true, _) => Some(Tick(0)),
            (false, recovery) => recovery.map(tick),
        };
        let is_hopeless = |Waiting { wish, hope, .. }: &Waiting<A>| {
            let takes_anything = !wish.filters() && !wish.costs().are_stated();
            let what = match takes_anything {
                true => of_all,
                false if !was_admitted(wish) => return false,
                false => (self.is_busy(wish, now), self.next_recovery(wish, now)),
            };
            !hope.is_some_and(|hope| self.may_come(wish, hope, what, now))
        };
        let hopeless = self.line.sleepers((comes, back.map(tick)), is_hopeless);
        if hopeless.is_empty() {
            return;
        }
        let wakes = &mut self.effects.get_or_insert_default().wakes;
        wakes.extend(hopeless.into_iter().filter_map(|turn| self.line.wake_one(turn)));
        self.look_who_is_first();
    }

    /// A member is out, or less is left of its quotas. One look while anything is left for all in line.
    pub(super) fn disappoint_those_of(&mut self, key: usize, now: Instant) {
        if self.may_disappoint(now) {
            let slot = &self.roster[key];
            self.disappoint(admitted(slot), slot.back_at(), now);
        }
    }

    /// A place on a member was taken. Its being busier disappoints nobody; that less is left of its quotas may.
    #[inline]
    pub(super) fn disappoint_by_taking(&mut self, key: usize, now: Instant) {
        let slot = &self.roster[key];
        if slot.quotas().is_some() && (slot.is_spent() || self.line.has_costly()) {
            self.disappoint_those_of(key, now);
        }
    }

    #[inline]
    pub(super) fn may_disappoint(&self, now: Instant) -> bool {
        !self.line.is_empty()
            && self.config.rules.line
            && !(self.line.takes_anything() && self.is_busy(&Wish::default(), now))
    }

    /// Whether anything may serve the run in time: somebody is busy, or comes back.
    pub(crate) fn may_come(
        &self,
        wish: &Wish,
        Hope { latest, only_fresh }: Hope,
        (is_busy, recovery): (bool, Option<Instant>),
        now: Instant,
    ) -> bool {
        match only_fresh {
            true => self.is_anything_fresh_due(wish, latest, now),
            false => is_busy || recovery.is_some_and(|back| self.tick(back) <= latest),
        }
    }

    /// Whether a member that the run admits is healthy and has the quota: if none is eligible, a place may come free at
    /// any time.
    pub(crate) fn is_busy(&self, wish: &Wish, now: Instant) -> bool {
        let is_busy = |slot: &Slot| {
            slot.is_healthy() && slot.can_pay_at(wish.costs(), now) && wish.admits(slot)
        };
        match wish.filters() || wish.costs().are_stated() {
            false => self.edge.healthy() > self.index.spent(),
            true => self.roster.members().any(is_busy),
        }
    }

    /// Whether anything that the run has not tried may be had by it until then. One that is busy may be at any time.
    fn is_anything_fresh_due(&self, wish: &Wish, latest: Tick, now: Instant) -> bool {
        let costs = wish.costs();
        let is_due = |slot: &Slot| match slot.back_for(costs, now) {
            Some(back) => self.tick(back) <= latest,
            None => slot.is_healthy() && slot.can_pay_at(costs, now),
        };
        let is_fresh = |slot: &Slot| wish.admits(slot) && !wish.has_tried(slot);
        self.roster.members().any(|slot| is_fresh(slot) && is_due(slot))
    }
}
