//! What runs do to a pool: acquire, report how an attempt went, release.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use crate::member::measures::Measures;
use crate::member::signal::Signal;
use crate::member::slot::Trip;
use crate::member::standing::{Cause, Status};
use crate::member::usage::Ticket;
use crate::member::yardstick::Yardstick;
use crate::report::snapshot::ResourceSnapshot;
use crate::select::candidate::Candidate;
use crate::select::wish::Wish;
use crate::time::Tick;

impl<A> State<A> {
    /// The eligible members that the run admits, in pool order.
    pub(crate) fn candidates(&mut self, wish: &Wish, now: Instant) -> Vec<Candidate> {
        self.expire(self.epoch().tick(now));
        self.foresee_candidates(wish, now)
    }

    /// Brings back whose cooldown has ended, picks a resource and registers a usage on it.
    ///
    /// A `chosen` one is taken if it is still there to be had.
    pub(crate) fn acquire(
        &mut self,
        wish: &Wish,
        chosen: Option<&Candidate>,
        now: Instant,
        chance: &mut impl FnMut() -> f64,
        abort: impl FnOnce() -> A,
    ) -> Option<Ticket> {
        let now = self.epoch().tick(now);
        self.expire(now);
        let chosen = chosen.filter(|chosen| self.is_still(chosen)).map(|chosen| chosen.slot.0);
        let picked = match chosen {
            Some(key) => key,
            None => self.index.pick(wish, &self.roster, &self.yardstick, now, chance)?,
        };
        let slot = &mut self.roster[picked];
        let ticket = self.usages.enter(&mut slot.lane, picked, abort(), now);
        slot.acquired(self.usages.newest(), now);
        self.index.refresh(picked, slot);
        self.counters.attempts += 1;
        Some(ticket)
    }

    /// Whether a candidate of a moment ago may still be picked.
    fn is_still(&self, chosen: &Candidate) -> bool {
        self.roster.get(chosen.slot.0).is_some_and(|slot| {
            slot.member && slot.position() == chosen.position && slot.is_eligible()
        })
    }

    /// Ends a usage whose operation got through with a value.
    #[inline]
    pub(crate) fn succeed(&mut self, ticket: Ticket, now: Instant) {
        self.prove(ticket, now, Measures::succeeded);
    }

    /// Ends a usage whose operation got through with an error of its own.
    pub(crate) fn answer(&mut self, ticket: Ticket, now: Instant) {
        self.prove(ticket, now, |measures, _, now, yardstick| measures.answered(now, yardstick));
    }

    #[inline]
    fn prove(
        &mut self,
        ticket: Ticket,
        now: Instant,
        measure: impl FnOnce(&mut Measures, f64, Tick, &Yardstick),
    ) {
        let now = self.epoch().tick(now);
        let key = ticket.slot();
        let slot = &mut self.roster[key];
        let (since, abort) = self.usages.leave(&mut slot.lane, ticket);
        measure(&mut slot.measures, now.seconds_since(since), now, &self.yardstick);
        slot.succeed();
        self.counters.successes += 1;
        self.retire(abort);
        self.left(key);
    }

    /// Ends a usage whose operation got through with an error that it blames on the resource.
    pub(crate) fn fail(&mut self, ticket: Ticket, now: Instant) {
        self.measure_failure(&ticket, now);
        self.roster[ticket.slot()].succeed();
        self.counters.successes += 1;
        self.release(ticket);
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

    fn measure_failure(&mut self, ticket: &Ticket, now: Instant) {
        let now = self.epoch().tick(now);
        let took = now.seconds_since(self.usages.since(ticket));
        self.roster[ticket.slot()].measures.failed(took, now, &self.yardstick);
    }

    /// The run goes on elsewhere, if it can.
    pub(crate) fn note_tried(&self, ticket: &Ticket, wish: &mut Wish) {
        if self.config.avoids_tried() {
            wish.tried(&self.roster[ticket.slot()]);
        }
    }

    /// The operation sent a signal.
    pub(crate) fn signal(&mut self, ticket: &Ticket, signal: &Signal, now: Instant) {
        self.measure_failure(ticket, now);
        match signal {
            Signal::Cooldown { after, reason } => self.cool(ticket, *after, reason, now),
            Signal::Disable { reason } => self.condemn(ticket, reason, now),
            Signal::Retry { .. } => self.counters.retries += 1,
        }
    }

    /// Keeps siblings from aborting a usage whose operation has ended.
    pub(crate) fn shield(&mut self, ticket: &Ticket) {
        let abort = self.usages.take_abort(ticket);
        self.retire(abort);
    }

    /// Ends a usage, whatever became of it.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        let key = ticket.slot();
        let (_, abort) = self.usages.leave(&mut self.roster[key].lane, ticket);
        self.retire(abort);
        self.left(key);
    }

    /// Keeps what aborted a usage, unless a sibling has taken it, to be dropped outside.
    #[inline]
    fn retire(&mut self, abort: Option<A>) {
        if let Some(abort) = abort {
            self.retired.push(abort);
        }
    }

    /// A usage has left its lane.
    #[inline]
    fn left(&mut self, key: usize) {
        let slot = &self.roster[key];
        if slot.member {
            self.index.refresh(key, slot);
        } else if let Some(successor) = self.roster.drained(key) {
            self.index.place(successor, &self.roster[successor]);
        }
    }

    /// The signal that stands for an abort by a sibling: the sibling's own, as the resource shows it.
    pub(crate) fn siblings_signal(&self, ticket: &Ticket, now: Instant) -> Signal {
        if !self.roster.is_member(ticket.slot()) {
            return Signal::cooldown("aborted by a sibling's signal");
        }
        let shown = ResourceSnapshot::of(&self.roster[ticket.slot()], now, self.epoch());
        let why = shown.cause.map(|cause| format!(": {cause}")).unwrap_or_default();
        let reason = format!("aborted by a sibling's signal{why}");
        match shown.status {
            Status::Disabled => Signal::disable(reason),
            _ => Signal::cooldown(reason),
        }
    }

    /// A cooldown signal: no news for a resource that is disabled or gone.
    fn cool(&mut self, ticket: &Ticket, after: Option<Duration>, reason: &Arc<str>, now: Instant) {
        let key = ticket.slot();
        if !self.roster.is_member(key) {
            return;
        }
        let trip = Trip {
            now,
            usage: self.usages.sequence(ticket),
            newest: self.usages.newest(),
            after,
            reason,
            table: &self.config.cooldown_table,
            one_trip_per_outage: self.config.one_trip_per_outage,
        };
        let slot = &mut self.roster[key];
        let old = slot.standing().noticed_status();
        if slot.cool(&trip) {
            self.index.place(key, slot);
            self.counters.cooldowns += 1;
            self.tell_change(key, old, now);
            self.abort_younger(ticket, now);
            self.effects.rethink = true;
        }
    }

    /// A disable signal: it condemns the younger siblings even if the resource is out or gone already.
    fn condemn(&mut self, ticket: &Ticket, reason: &Arc<str>, now: Instant) {
        let (key, attempt) = (ticket.slot(), Some(self.usages.sequence(ticket)));
        let cause = || Cause::Signal(Arc::clone(reason));
        if self.roster.is_member(key)
            && self.change(key, now, |slot| slot.disable(now, cause(), attempt))
        {
            self.counters.disables += 1;
        }
        self.abort_younger(ticket, now);
        self.effects.rethink = true;
    }

    fn abort_younger(&mut self, ticket: &Ticket, now: Instant) {
        if self.config.cancel_siblings {
            let aborted = self.usages.take_younger(ticket, &mut self.effects.aborts);
            self.counters.sibling_cancels += aborted;
            self.roster[ticket.slot()].counters.sibling_cancels += aborted;
            self.tell_aborted(ticket, aborted, now);
        }
    }

    /// Turns the expired cooldowns healthy, in pool order.
    #[inline]
    fn expire(&mut self, now: Tick) {
        if self.index.due(now).is_some() {
            self.recover(now);
        }
    }

    #[cold]
    fn recover(&mut self, now: Tick) {
        let at = self.epoch().instant(now);
        let mut due = Vec::new();
        while let Some(key) = self.index.due(now) {
            self.index.dequeue(key);
            due.push((self.roster[key].position(), key));
        }
        due.sort_unstable();
        for (_, key) in due {
            self.roster[key].recover(self.config.probe_on_recovery);
            self.index.place(key, &self.roster[key]);
            self.tell_change(key, Status::CoolingDown, at);
        }
    }
}
