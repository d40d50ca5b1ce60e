//! What signals do to a pool: whom they send away, and whom they abort.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use crate::member::basis::said;
use crate::member::signal::Signal;
use crate::member::slot::outage::{Cooled, Trip};
use crate::member::standing::{Cause, Source, Status};
use crate::member::usage::{Sequence, Ticket};
use crate::report::snapshot::ResourceSnapshot;

impl<A> State<A> {
    /// The operation sent a signal; `is_first` if it is the first failure of its run.
    pub(crate) fn signal(
        &mut self,
        ticket: &Ticket,
        signal: &Signal,
        is_first: bool,
        now: Instant,
    ) {
        self.counters.retries += u64::from(matches!(signal, Signal::Retry { .. }));
        if !self.measure_failure(ticket, now) {
            return;
        }
        match signal {
            Signal::Cooldown { after, guessed, reason, .. } => {
                self.cool(ticket, (*after, *guessed), reason, now);
            }
            Signal::Disable { reason, .. } => self.condemn(ticket, reason, now),
            Signal::Retry { reason, .. } => self.blame(ticket, Some(&**reason), is_first, now),
        }
    }

    /// A failure that is no signal about the resource's limits sends it away if it is on trial.
    pub(super) fn fail_trial(&mut self, ticket: &Ticket, reason: Option<&str>, now: Instant) {
        let slot = &self.roster[ticket.slot()];
        if slot.member && slot.is_judged_by(self.sequence(ticket)) {
            let reason = Arc::from(reason.unwrap_or("failed on trial"));
            self.trip(ticket, (None, true), &reason, now);
        }
    }

    /// The signal that stands for an abort by a sibling: the sibling's own, as the resource shows it. In a pool that
    /// has ended, whatever was aborted was so for that.
    pub(crate) fn siblings_signal(&self, ticket: &Ticket, now: Instant) -> Signal {
        if self.has_ended() {
            return Signal::retry("aborted: the pool is closed, and the time to drain it is over");
        }
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
    fn cool(
        &mut self,
        ticket: &Ticket,
        after: (Option<Duration>, bool),
        reason: &Arc<str>,
        now: Instant,
    ) {
        if self.roster.is_member(ticket.slot()) {
            match self.trip(ticket, after, reason, now) {
                Cooled::NoNews => return,
                Cooled::Known { up_to } | Cooled::Changed { up_to } => {
                    self.abort_younger(ticket, up_to, now);
                }
            }
            self.rethink();
        }
    }

    /// A signal sends a member away for a while: for how long, if it says so, and whether it guesses.
    fn trip(
        &mut self,
        ticket: &Ticket,
        (after, guessed): (Option<Duration>, bool),
        reason: &Arc<str>,
        now: Instant,
    ) -> Cooled {
        let rules = self.config.rules;
        let said = said(after, guessed, rules.zero_hints, &self.config.cooldown_bounds);
        let term = said.map(|(duration, basis)| (duration, Source::Signal(basis)));
        self.send_away(ticket, term, term.is_none() || rules.stated_climbs, reason, now)
    }

    /// Sends a member away for a while, unless that is old news.
    pub(super) fn send_away(
        &mut self,
        ticket: &Ticket,
        term: Option<(Duration, Source)>,
        climbs: bool,
        reason: &Arc<str>,
        now: Instant,
    ) -> Cooled {
        let key = ticket.slot();
        let trip = Trip {
            now,
            usage: self.usages.sequence(ticket),
            newest: self.usages.newest(),
            term,
            climbs,
            reason,
            table: &self.config.cooldown_table,
            rules: self.config.rules,
        };
        let slot = &mut self.roster[key];
        let old = slot.standing().noticed_status();
        let cooled = slot.cool(&trip);
        if matches!(cooled, Cooled::Changed { .. }) {
            self.index.place(key, slot);
            self.counters.cooldowns += 1;
            let broken = self.break_promises(key);
            self.tell_change(key, old, now);
            if broken {
                self.offer_all();
            }
            self.look_who_is_first();
        }
        cooled
    }

    /// A disable signal: it condemns the younger siblings even if the resource is out or gone already.
    fn condemn(&mut self, ticket: &Ticket, reason: &Arc<str>, now: Instant) {
        let (key, attempt) = (ticket.slot(), Some(self.usages.sequence(ticket)));
        let cause = || Cause::Signal(Arc::clone(reason));
        if self.roster.is_member(key)
            && self.change(key, now, |slot| slot.disable(now, cause(), attempt))
        {
            self.counters.disables += 1;
            self.lose_member(key, now);
        }
        self.abort_younger(ticket, Sequence::MAX, now);
        self.rethink();
    }

    fn abort_younger(&mut self, ticket: &Ticket, up_to: Sequence, now: Instant) {
        if self.config.cancel_siblings {
            let lane = &mut self.roster[ticket.slot()].lane;
            let aborts = &mut self.effects.get_or_insert_default().aborts;
            let aborted = self.usages.take_younger(lane, ticket, up_to, aborts);
            self.counters.sibling_cancels += aborted;
            self.roster[ticket.slot()].counters.sibling_cancels += aborted;
            self.tell_aborted(ticket, aborted, now);
        }
    }
}
