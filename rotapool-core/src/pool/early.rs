//! Early probes: what is out for long by a word, an upstream's or an operator's, is tried by a run before its end, for the
//! word may have been too long.
//!
//! No call is made for that: a run that would be served anyway goes there first. One at a time and at most one in an
//! interval, and only who has something else to fall back to. A success brings the resource back. A failure
//! is of an outage that is known: it leaves the end where it was, unless it states a later one.

use std::time::Instant;

use super::State;
use super::foresight::Foreseen;
use super::tries::{Round, Tries};
use crate::member::slot::Slot;
use crate::member::usage::Ticket;
use crate::report::event::Event;
use crate::select::wish::Wish;
use crate::time::after;

impl<A> State<A> {
    /// Whom a run of this wish is to try although it is out, if it has somebody to fall back to: who has waited longest
    /// for that.
    ///
    /// O(n), but O(1) while nobody is due.
    #[cold]
    pub(crate) fn early_probe(&mut self, wish: &Wish, now: Instant) -> Option<usize> {
        if self.early.as_ref().is_none_or(|early| now < early.quiet_until) {
            return None;
        }
        self.notice(now);
        let early = self.early.as_ref()?;
        let (due, next) = self.find_early(early, wish, now);
        if let Some(early) = &mut self.early {
            early.quiet_until = next;
            let usages = &self.usages;
            early.rounds.retain(|&position, round| {
                self.roster.is_out(position) || usages.find(round.usage).is_some()
            });
        }
        due.filter(|&key| self.falls_back(key, wish, &Foreseen::default(), now))
    }

    /// The same, without doing it, of a pool as the next step will find it.
    pub(crate) fn foresee_early(
        &self,
        wish: &Wish,
        foreseen: &Foreseen,
        now: Instant,
    ) -> Option<usize> {
        let early = self.early.as_ref().filter(|early| early.quiet_until <= now)?;
        let due = self.find_early(early, wish, now).0;
        due.filter(|&key| self.falls_back(key, wish, foreseen, now))
    }

    /// Whether a run that tries a resource can go elsewhere after it: to one that it has not tried, and of whose quota the
    /// try takes nothing.
    fn falls_back(&self, tries: usize, wish: &Wish, foreseen: &Foreseen, now: Instant) -> bool {
        let group = self.roster[tries].group().filter(|_| self.roster[tries].shares_quotas());
        let is_there = |slot: &Slot| {
            slot.is_eligible()
                && slot.is_within_pace()
                && slot.can_pay_at(wish.costs(), now)
                && wish.admits(slot)
                && !wish.has_tried(slot)
                && (group.is_none() || slot.group() != group)
        };
        self.roster.members().any(|slot| is_there(foreseen.of(slot)))
    }

    /// Whom to try, and when there may be somebody next.
    fn find_early(&self, early: &Tries, wish: &Wish, now: Instant) -> (Option<usize>, Instant) {
        // Who goes out from now on is not due before.
        let mut next = after(now, early.every);
        let mut due = Vec::new();
        for (key, slot) in self.roster.keys() {
            let Some(since) = early.untried_since(slot, &self.usages) else { continue };
            let Some(at) = early.due_at(slot, since, now) else { continue };
            next = next.min(at);
            let may_try = at <= now
                && slot.has_room()
                && slot.can_pay_at(wish.costs(), now)
                && wish.admits(slot)
                && !wish.has_tried(slot);
            if may_try {
                due.push((since, slot.position(), key));
            }
        }
        (due.into_iter().min().map(|(.., key)| key), next)
    }

    /// A run has begun to try a resource that is out.
    pub(crate) fn note_early_probe(&mut self, ticket: &Ticket, now: Instant) {
        let Some(usage) = self.usages.key(ticket) else { return };
        let slot = &mut self.roster[ticket.slot()];
        slot.is_tried_early(usage.sequence());
        let (Some(early), Some(outage)) = (&mut self.early, slot.standing().outage()) else {
            return;
        };
        let until = outage.until;
        early.rounds.insert(slot.position(), Round { usage, began: now, until });
        self.counters.early_probes += 1;
        let id = self.id_of(ticket);
        self.tell(Event::ProbedEarly { at: now, id, until });
    }

    /// An attempt got through: if it was a probe, and what it has tried is out as it was, that is back.
    pub(crate) fn prove_early(&mut self, ticket: &Ticket, now: Instant) {
        let Some(early) = &mut self.early else { return };
        let (usage, slot) = (self.usages.key(ticket), &self.roster[ticket.slot()]);
        let position = slot.position();
        let is_it = |round: &&Round| Some(round.usage) == usage;
        let Some(round) = early.rounds.get(&position).filter(is_it) else {
            return;
        };
        let is_as_it_was = slot.member && slot.standing().until() == Some(round.until);
        early.rounds.remove(&position);
        if is_as_it_was {
            self.counters.early_returns += 1;
            let way = self.config.way_back();
            self.bring_back(ticket.slot(), now, |slot| slot.recover(now, way));
        }
    }
}
