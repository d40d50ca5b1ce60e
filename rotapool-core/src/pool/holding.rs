//! The usages that outlive a call: whose caller settles them, or forgets them.

use std::time::Instant;

use super::State;
use crate::member::holds::{Hold, Told};
use crate::member::usage::{Left, Sequence, Ticket};
use crate::report::event::Event;
use crate::report::run_outcome::RunOutcome;
use crate::time::Tick;

impl<A> State<A> {
    /// From here on the usage is held by its caller, until then if that is given.
    pub(crate) fn hold(&mut self, ticket: &Ticket, told: Told, until: Option<Instant>) -> Sequence {
        let (key, usage) = (ticket.slot(), self.usages.sequence(ticket));
        let since = self.usages.since(ticket);
        let end = until.map(|until| self.tick(until));
        let slot = &mut self.roster[key];
        slot.holds.begin(usage, Hold { place: ticket.place(), since, end, told });
        self.look_at_holds(key);
        usage
    }

    /// A usage has begun to answer: that is its latency, and proves its resource, whatever becomes of the rest.
    #[cold]
    #[inline(never)]
    pub(crate) fn answers(&mut self, ticket: &Ticket, now: Instant) {
        let (key, usage) = (ticket.slot(), self.usages.sequence(ticket));
        let tick = self.tick(now);
        let took = tick.seconds_since(self.usages.since(ticket));
        let slot = &mut self.roster[key];
        slot.holds.stream_begins();
        slot.measures.took(took, tick, &self.yardstick);
        if slot.leaves_comeback(usage) {
            slot.prove();
        }
        self.prove_early(ticket, now);
        let slot = &self.roster[key];
        if slot.member {
            self.index.place(key, slot);
            self.offer(key);
        }
    }

    /// From here on siblings' signals are no end of the usage, unless the rules say so. If one has meant it just before, it
    /// can be told by `abort` that the pool ends or takes its place back.
    #[cold]
    pub(crate) fn spare(&mut self, ticket: &Ticket, abort: impl FnOnce() -> A) {
        if !self.config.cancel_streams && !self.has_ended() {
            self.usages.spare(&mut self.roster[ticket.slot()].lane, ticket, abort);
        }
    }

    /// A usage ends that had its first item: what that proved is not proved again.
    #[cold]
    pub(crate) fn finish(&mut self, ticket: Ticket, now: Tick) {
        self.get_through(ticket, false, false, now);
    }

    /// A stream has come to its end.
    pub(crate) fn count_stream(&mut self, ticket: &Ticket, now: Instant) {
        let whole = self.age(ticket, now);
        self.roster[ticket.slot()].holds.streamed(whole);
    }

    /// Whether a usage is still with whoever holds it. Its slot may be another membership's by now.
    pub(crate) fn is_held(&self, ticket: &Ticket, usage: Sequence) -> bool {
        self.roster.get(ticket.slot()).is_some_and(|slot| slot.holds.is_held(usage))
    }

    /// The usage is held no longer: it is about to end. How long it was held is no latency.
    pub(crate) fn let_go(&mut self, ticket: &Ticket, usage: Sequence, now: Tick) {
        self.roster[ticket.slot()].holds.end(usage);
        self.usages.forget_age(ticket, now);
        self.look_at_holds(ticket.slot());
    }

    /// Ends the usages that were held for too long. Whoever holds them is told to stop. Adds to `freed` who has room
    /// now that what drained of an earlier membership is gone.
    #[cold]
    pub(super) fn take_back(&mut self, key: usize, now: Tick, freed: &mut Vec<usize>) {
        let at = self.instant(now);
        while let Some((usage, Hold { place, since, told, .. })) =
            self.roster.get_mut(key).and_then(|slot| slot.holds.take_back(now))
        {
            let slot = &mut self.roster[key];
            let Left { abort, .. } = self.usages.leave(&mut slot.lane, Ticket::again(place, key));
            slot.ended(usage);
            self.counters.taken_back += 1;
            self.counters.runs_cancelled += 1;
            self.effects.get_or_insert_default().aborts.extend(abort);
            self.tell_taken_back(key, told, since, at);
            if !self.roster.is_member(key) {
                freed.extend(self.drained(key));
            }
        }
    }

    fn tell_taken_back(&mut self, key: usize, told: Told, since: Tick, at: Instant) {
        let Told { run, request_id, attempt, attempts } = told;
        let run = if run == 0 { self.number_run() } else { run };
        let held_for = at.saturating_duration_since(self.instant(since));
        let id = self.roster[key].id().clone();
        let by = request_id.clone();
        self.tell(Event::TakenBack { at, run, request_id: by, id, attempt, held_for });
        if self.follows_runs() {
            let outcome = RunOutcome::Cancelled;
            self.tell(Event::RunEnded { at, run, request_id, outcome, attempts });
        }
    }

    /// What is held on a resource has changed, and so the instant at which to look at it again.
    fn look_at_holds(&mut self, key: usize) {
        self.index.look_at_holds(key, &self.roster[key]);
        self.look_who_is_first();
    }
}
