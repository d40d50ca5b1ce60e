//! What runs do to a pool: acquire, report how an attempt went, release.

use std::time::{Duration, Instant};

use super::State;
use super::foresight::Foreseen;
use crate::member::slot::Slot;
use crate::member::usage::{Left, Place, Sequence, Ticket, UsageKey};
use crate::select::candidate::Candidate;
use crate::select::index::picking::{Pick, Reach};
use crate::select::wish::Wish;
use crate::time::Tick;

impl<A> State<A> {
    /// Whom a caller's own code may choose from, in pool order: the eligible that the run admits and has not tried;
    /// if there are none, those that it has, the least recently tried first.
    pub(crate) fn candidates(&mut self, wish: &Wish, reach: Reach, now: Instant) -> Vec<Candidate> {
        self.expire(self.epoch().tick(now));
        self.foresee_candidates(wish, reach, &Foreseen::default(), now)
    }

    /// Brings back whose cooldown has ended, and picks a resource.
    #[inline(always)]
    pub(crate) fn pick(
        &mut self,
        wish: &Wish,
        reach: Reach,
        now: Tick,
        chance: &mut impl FnMut() -> f64,
    ) -> Pick {
        self.expire(now);
        self.index.pick(wish, reach, &self.roster, &self.yardstick, now, chance)
    }

    /// A candidate of a moment ago, if it may still be picked.
    pub(crate) fn find_chosen(
        &mut self,
        chosen: &Candidate,
        wish: &Wish,
        now: Tick,
    ) -> Option<usize> {
        self.expire(now);
        let at = self.epoch().instant(now);
        let Self { index, roster, yardstick, .. } = self;
        // Something fresh may have come free since.
        let is_passed_over =
            |slot: &Slot| wish.has_tried(slot) && index.has_fresh(wish, roster, yardstick, now);
        let is_still = |slot: &Slot| {
            slot.member
                && slot.position() == chosen.position
                && slot.is_eligible()
                && slot.can_pay_at(wish.costs(), at)
                && !is_passed_over(slot)
        };
        let key = chosen.slot.0;
        roster.get(key).is_some_and(is_still).then_some(key)
    }

    /// Whether a run comes for what it has tried. Then what it was promised is free again, for as long as it looks round.
    pub(crate) fn offers_again(&mut self, wish: &Wish, key: usize) -> bool {
        let slot = &self.roster[key];
        let again = wish.has_tried(slot);
        if again {
            self.index.refresh(key, slot);
            self.share(key);
        }
        again
    }

    /// Registers a usage on a resource.
    #[inline(always)]
    pub(crate) fn enter(&mut self, key: usize, wish: &Wish, now: Tick, abort: A) -> Ticket {
        let slot = &mut self.roster[key];
        let ticket = self.usages.enter(&mut slot.lane, key, abort, now);
        slot.acquired(self.usages.newest(), now);
        match slot.is_held() {
            false => self.index.refresh(key, slot),
            true => self.enter_held(key, ticket.place(), wish, now),
        }
        self.counters.attempts += 1;
        // On a comeback its time is up at an instant that may be the next, and so may be when its quota is back.
        if self.line.is_attended() {
            self.watch_for_the_line(key);
            self.disappoint_by_taking(key, self.instant(now));
            self.look_who_is_first();
        }
        ticket
    }

    /// The resource is held to something: a comeback, quotas.
    #[cold]
    fn enter_held(&mut self, key: usize, place: Place, wish: &Wish, now: Tick) {
        self.now = now;
        let (usage, epoch) = (self.usages.newest(), self.epoch());
        let slot = &mut self.roster[key];
        let shares = slot.acquired_held(usage, place, wish.costs(), now, epoch);
        self.index.refresh(key, slot);
        if shares {
            self.share(key);
        }
    }

    #[inline]
    pub(crate) fn usage_key(&self, ticket: &Ticket) -> Option<UsageKey> {
        self.usages.key(ticket)
    }

    /// The number of a usage.
    pub(crate) fn sequence(&self, ticket: &Ticket) -> Sequence {
        self.usages.sequence(ticket)
    }

    /// Ends a usage whose operation got through: with a value, or with an error of its own, of which nobody
    /// knows whether it took as long as a value does.
    #[inline(always)]
    pub(crate) fn succeed(&mut self, ticket: Ticket, is_value: bool, now: Tick) {
        self.get_through(ticket, is_value, true, now);
    }

    /// The same of one that `proves` its resource, or has done so before.
    #[inline(always)]
    pub(super) fn get_through(&mut self, ticket: Ticket, is_value: bool, proves: bool, now: Tick) {
        let key = ticket.slot();
        let slot = &mut self.roster[key];
        let Left { sequence, since, abort, lost } = self.usages.leave(&mut slot.lane, ticket);
        match is_value {
            true => slot.measures.succeeded(now.seconds_since(since), now, &self.yardstick),
            false => slot.measures.answered(now, &self.yardstick),
        }
        slot.counters.successes += 1;
        if !lost && (slot.began_since_cleared(sequence) || !self.config.rules.generations) {
            slot.succeed(self.config.decay);
        }
        if slot.ended(sequence) && proves {
            slot.prove();
            if slot.member {
                self.index.place(key, slot);
            }
        }
        self.counters.successes += 1;
        self.retire(abort);
        self.left(key);
    }

    /// Ends a usage whose operation got through with an error that it blames on the resource.
    pub(crate) fn fail(&mut self, ticket: Ticket, is_first: bool, now: Instant) {
        self.measure_failure(&ticket, now);
        self.blame(&ticket, None, is_first, now);
        self.release(ticket);
    }

    /// The operation gave no answer in time.
    pub(crate) fn time_out(&mut self, ticket: &Ticket, reason: &str, is_first: bool, now: Instant) {
        self.roster[ticket.slot()].counters.timeouts += 1;
        self.counters.timeouts += 1;
        self.measure_failure(ticket, now);
        self.blame(ticket, Some(reason), is_first, now);
    }

    /// The operation ended without saying anything, but it took its time.
    pub(crate) fn give_up(&mut self, ticket: &Ticket, now: Instant) {
        let now = self.epoch().tick(now);
        let took = now.seconds_since(self.usages.since(ticket));
        self.roster[ticket.slot()].measures.took_at_least(took, now, &self.yardstick);
    }

    /// How long a usage has been in flight.
    pub(crate) fn age(&self, ticket: &Ticket, now: Instant) -> Duration {
        let since = self.epoch().instant(self.usages.since(ticket));
        now.saturating_duration_since(since)
    }

    /// Counts a failure. Answers whether it says anything of the resource as it is now.
    pub(super) fn measure_failure(&mut self, ticket: &Ticket, now: Instant) -> bool {
        let now = self.epoch().tick(now);
        let took = now.seconds_since(self.usages.since(ticket));
        let (sequence, lost) = (self.usages.sequence(ticket), self.usages.is_lost(ticket));
        let slot = &mut self.roster[ticket.slot()];
        slot.measures.failed(took, now, &self.yardstick);
        slot.counters.failures += 1;
        self.counters.failures += 1;
        let is_evidence =
            !lost && (slot.began_since_cleared(sequence) || !self.config.rules.generations);
        if is_evidence {
            slot.fail();
        }
        is_evidence
    }

    /// The run goes on elsewhere, if it can. Answers whether it had been here before.
    pub(crate) fn note_tried(&self, ticket: &Ticket, wish: &mut Wish) -> bool {
        let slot = &self.roster[ticket.slot()];
        let again = wish.has_tried(slot);
        if self.config.rules.fresh_first {
            wish.note_tried(ticket.slot(), slot);
        }
        again
    }

    /// Keeps siblings from aborting a usage whose operation has ended.
    pub(crate) fn shield(&mut self, ticket: &Ticket) {
        let abort = self.usages.take_abort(&mut self.roster[ticket.slot()].lane, ticket);
        self.retire(abort);
    }

    /// Ends a usage, whatever became of it.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        let key = ticket.slot();
        let slot = &mut self.roster[key];
        let Left { sequence, abort, .. } = self.usages.leave(&mut slot.lane, ticket);
        slot.ended(sequence);
        self.retire(abort);
        self.left(key);
    }

    /// Ends a usage whose operation was dropped because another attempt of its run has answered.
    pub(crate) fn abandon(&mut self, ticket: Ticket, now: Instant) {
        self.give_up(&ticket, now);
        let key = ticket.slot();
        let slot = &mut self.roster[key];
        let Left { sequence, abort, .. } = self.usages.leave(&mut slot.lane, ticket);
        slot.ended(sequence);
        // The one that waits to be taken out is to be that of the attempt that answered.
        self.retire_another(abort);
        self.left(key);
    }

    /// Keeps what aborted a usage, unless a sibling has taken it, to be dropped outside.
    #[inline]
    pub(super) fn retire(&mut self, abort: Option<A>) {
        if self.retired.is_some() {
            return self.retire_another(abort);
        }
        self.retired = abort;
    }

    #[cold]
    fn retire_another(&mut self, abort: Option<A>) {
        self.effects.get_or_insert_default().retired.extend(abort);
    }

    /// A usage has left its lane.
    #[inline(always)]
    fn left(&mut self, key: usize) {
        let slot = &self.roster[key];
        if slot.member {
            self.index.refresh(key, slot);
            self.offer(key);
        } else {
            self.left_former(key);
        }
    }
}
