//! What signals do to a pool: whom they send away, and whom they abort.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use crate::member::basis::said;
use crate::member::signal::Signal;
use crate::member::slot::Slot;
use crate::member::slot::outage::{Cooled, Trip};
use crate::member::standing::{Cause, Source, Status};
use crate::member::usage::{Doomed, Sequence, Ticket};
use crate::report::snapshot::ResourceSnapshot;
use crate::time::Tick;

impl<A> State<A> {
    /// The operation sent a signal, [as of](Self::as_of) a moment; `is_first` if it is the first failure of its run.
    pub(crate) fn signal(
        &mut self,
        ticket: &Ticket,
        signal: &Signal,
        (is_first, as_of): (bool, Tick),
        now: Instant,
    ) {
        self.counters.retries += u64::from(matches!(signal, Signal::Retry { .. }));
        if !self.measure_failure(ticket, now) {
            return;
        }
        let usage = self.sequence(ticket);
        let concerned = || self.concerned(ticket.slot(), usage, signal.is_of_group());
        match signal {
            Signal::Cooldown { after, guessed, reason, of_group, .. } => {
                let word = Word { usage, of_group: *of_group, reason };
                let mut broken = false;
                for key in concerned() {
                    broken |= self.cool(key, &word, (*after, *guessed), as_of, now);
                }
                self.look_after_the_line(broken);
            }
            Signal::Disable { reason, of_group, .. } => {
                let word = Word { usage, of_group: *of_group, reason };
                let mut broken = false;
                for key in concerned() {
                    broken |= self.condemn(key, &word, now);
                }
                self.look_after_the_line(broken);
            }
            Signal::Retry { reason, .. } => self.blame(ticket, Some(&**reason), is_first, now),
        }
    }

    /// A failure that is no signal about the resource's limits sends it away if it is on trial.
    pub(super) fn fail_trial(&mut self, ticket: &Ticket, reason: Option<&str>, now: Instant) {
        let slot = &self.roster[ticket.slot()];
        if slot.member && slot.is_judged_by(self.sequence(ticket)) {
            let reason = &Arc::from(reason.unwrap_or("failed on trial"));
            let word = Word { usage: self.sequence(ticket), of_group: false, reason };
            let (_, broken) = self.trip(ticket.slot(), &word, (None, true), now);
            self.look_after_the_line(broken);
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

    /// A cooldown signal: no news for a resource that is disabled or gone. Answers whether promises are broken.
    fn cool(
        &mut self,
        key: usize,
        word: &Word<'_>,
        after: (Option<Duration>, bool),
        as_of: Tick,
        now: Instant,
    ) -> bool {
        if !self.roster.is_member(key) {
            return false;
        }
        let (cooled, broken) = self.trip(key, word, after, now);
        if let Cooled::Known { up_to } | Cooled::Changed { up_to } = cooled {
            let doomed = Doomed { younger_than: word.usage, up_to, begun_from: as_of };
            self.abort_younger(key, doomed, now);
            self.rethink();
        }
        broken
    }

    /// As of when a call that is answered now speaks of its resource's limit. The upstream had it before it had those that
    /// began after this moment; those that began earlier may have overtaken it on the way, or be decided on beside
    /// it. An answer that took no longer back than its call there was given halfway, and who knows more is not asked.
    pub(crate) fn as_of(&self, ticket: &Ticket, now: Tick) -> Tick {
        let since = self.usages.since(ticket);
        match self.config.rules.spares_early_siblings {
            true => Tick(since.0 + now.0.saturating_sub(since.0) / 2),
            false => Tick(0),
        }
    }

    /// All are out that are to be: what is free elsewhere is for those whose promises are broken.
    pub(super) fn look_after_the_line(&mut self, broken: bool) {
        if broken {
            self.offer_all();
        }
        self.look_who_is_first();
    }

    /// A signal sends a member away for a while: for how long, if it says so, and whether it guesses.
    fn trip(
        &mut self,
        key: usize,
        word: &Word<'_>,
        (after, guessed): (Option<Duration>, bool),
        now: Instant,
    ) -> (Cooled, bool) {
        let rules = self.config.rules;
        let said = said(after, guessed, rules.zero_hints, &self.config.cooldown_bounds);
        let term = said.map(|(duration, basis)| (duration, Source::Signal(basis)));
        self.send_away(key, word, term, term.is_none() || rules.stated_climbs, now)
    }

    /// Sends a member away for a while, unless that is old news. Answers whether promises are broken: the line is to be
    /// [looked after](Self::look_after_the_line).
    pub(super) fn send_away(
        &mut self,
        key: usize,
        word: &Word<'_>,
        term: Option<(Duration, Source)>,
        climbs: bool,
        now: Instant,
    ) -> (Cooled, bool) {
        let trip = Trip {
            now,
            usage: word.usage,
            newest: self.usages.newest(),
            term,
            group: self.roster[key].group().filter(|_| word.of_group).cloned(),
            climbs,
            reason: word.reason,
            table: &self.config.cooldown_table,
            rules: self.config.rules,
        };
        let slot = &mut self.roster[key];
        let old = slot.standing().noticed_status();
        let cooled = slot.cool(&trip);
        let mut broken = false;
        if matches!(cooled, Cooled::Changed { .. }) {
            self.index.place(key, slot);
            self.counters.cooldowns += 1;
            broken = self.break_promises(key);
            self.tell_change(key, old, now);
            self.disappoint_those_of(key, now);
        }
        (cooled, broken)
    }

    /// A disable signal: it condemns the younger siblings even if the resource is out or gone already.
    fn condemn(&mut self, key: usize, word: &Word<'_>, now: Instant) -> bool {
        let mut broken = false;
        let cause = word.cause(&self.roster[key]);
        if self.roster.is_member(key)
            && self.change(key, now, |slot| slot.disable(now, cause, Some(word.usage)))
        {
            self.counters.disables += 1;
            broken = self.lose_member(key, now);
        }
        let (younger_than, up_to, begun_from) = (word.usage, Sequence::MAX, Tick(0));
        self.abort_younger(key, Doomed { younger_than, up_to, begun_from }, now);
        self.rethink();
        broken
    }

    fn abort_younger(&mut self, key: usize, doomed: Doomed, now: Instant) {
        if self.config.cancel_siblings {
            let lane = &mut self.roster[key].lane;
            let aborts = &mut self.effects.get_or_insert_default().aborts;
            let aborted = self.usages.take_younger(lane, doomed, aborts);
            self.counters.sibling_cancels += aborted;
            self.roster[key].counters.sibling_cancels += aborted;
            self.tell_aborted(key, aborted, now);
        }
    }
}

/// What a usage has to say of a resource, or of its whole group.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word<'a> {
    pub(super) usage: Sequence,
    pub(super) of_group: bool,
    pub(super) reason: &'a Arc<str>,
}

impl Word<'_> {
    /// Why it takes a resource out.
    pub(super) fn cause(&self, slot: &Slot) -> Cause {
        let reason = Arc::clone(self.reason);
        match slot.group().filter(|_| self.of_group) {
            Some(group) => Cause::Group { group: Arc::clone(group), reason },
            None => Cause::Signal(reason),
        }
    }
}
