//! The state of a pool: routes what happens to the rooms that decide, and collects what follows.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::candidate::Candidate;
use crate::config::Config;
use crate::counters::PoolCounters;
use crate::effects::{Effects, StateChange};
use crate::error::ResourceError;
use crate::exhausted::{EXPLAINED, Exhausted, ExhaustedReason};
use crate::health::Yardstick;
use crate::profile::{Metadata, Profile};
use crate::roster::Roster;
use crate::select::{Index, Wish};
use crate::signal::Signal;
use crate::slot::{Slot, SlotIndex, Trip};
use crate::snapshot::ResourceSnapshot;
use crate::standing::{Cause, Status};
use crate::stats::PoolStats;
use crate::usage::{Ticket, Usages};

/// A pool's resources, usages and counters. `A` is what aborts a usage; the state only keeps it.
///
/// The methods come in three families. Questions take `&self`: `len`, `snapshot`, `stats`. Admin
/// calls change the membership or a status: `add`, `remove`, `enable`, `disable`. Runs act through
/// [`Attempts`](crate::Attempts). After anything but a question, act on [`take_effects`](Self::take_effects).
#[derive(Debug)]
pub struct State<A> {
    config: Config,
    roster: Roster,
    index: Index,
    yardstick: Yardstick,
    usages: Usages<A>,
    pub(crate) counters: PoolCounters,
    next_change: u64,
    effects: Effects<A>,
    retired: Option<A>,
}

impl<A> State<A> {
    /// An empty pool with these rules.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            index: Index::new(config.strategy),
            yardstick: Yardstick::new(config.health),
            config,
            roster: Roster::default(),
            usages: Usages::new(),
            counters: PoolCounters::default(),
            next_change: 1,
            effects: Effects::default(),
            retired: None,
        }
    }

    /// What has to be done outside since the last call; `None` if nothing.
    pub fn take_effects(&mut self) -> Option<Effects<A>> {
        (!self.effects.is_empty()).then(|| std::mem::take(&mut self.effects))
    }

    /// The abort handle of a usage that has ended. Dropping it may run foreign code, so take it out
    /// and drop it outside.
    pub fn take_retired(&mut self) -> Option<A> {
        self.retired.take()
    }

    // Questions.

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
        self.roster.members().map(|slot| ResourceSnapshot::of(slot, now)).collect()
    }

    /// Gauges and counters.
    #[must_use]
    pub fn stats(&self, now: Instant) -> PoolStats {
        PoolStats::of(self.counters, self.roster.members(), now, &self.yardstick)
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

    /// The eligible members that the run admits, in pool order.
    pub(crate) fn candidates(&mut self, wish: &Wish, now: Instant) -> Vec<Candidate> {
        self.expire(now);
        self.roster
            .keys()
            .filter(|(_, slot)| slot.is_eligible() && wish.admits(slot))
            .map(|(key, slot)| Candidate::of(key, slot, wish.has_tried(slot), now, &self.yardstick))
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
        Box::new(Exhausted {
            reason,
            at: now,
            attempts,
            last_signal,
            retry_at,
            resources: self
                .roster
                .members()
                .take(EXPLAINED)
                .map(|slot| ResourceSnapshot::of(slot, now))
                .collect(),
            members: self.len(),
        })
    }

    // Admin calls.

    /// Adds a healthy resource at the end of the pool order and wakes those who wait.
    ///
    /// Usages still draining from an earlier membership of the id count toward its cap.
    ///
    /// # Errors
    ///
    /// An empty or duplicate id, a cap of 0, or a weight out of range.
    pub fn add(&mut self, profile: Profile) -> Result<SlotIndex, ResourceError> {
        let key = self.roster.join(profile)?;
        self.index.place(key, &self.roster[key]);
        self.effects.wake = true;
        Ok(SlotIndex(key))
    }

    /// Takes a resource out of the pool and wakes those who wait. Its usages end by themselves.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn remove(&mut self, id: &str) -> Result<SlotIndex, ResourceError> {
        let key = self.roster.leave(id)?;
        self.index.forget(key);
        self.effects.wake = true;
        Ok(SlotIndex(key))
    }

    /// Makes a resource healthy, whatever kept it away, starts its escalation anew, and wakes those
    /// who wait.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn enable(&mut self, id: &str) -> Result<(), ResourceError> {
        let key = self.roster.find(id)?;
        self.change(key, Slot::enable);
        self.effects.wake = true;
        Ok(())
    }

    /// Takes a resource out of use until it is enabled, and wakes those who wait. Usages in flight
    /// are left alone.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn disable(&mut self, id: &str, now: Instant) -> Result<(), ResourceError> {
        let key = self.roster.find(id)?;
        if self.change(key, |slot| slot.disable(now, Cause::Admin)) {
            self.counters.disables += 1;
        }
        self.effects.wake = true;
        Ok(())
    }

    // What runs do.

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

    /// The operation got through: with a value or with an error of its own.
    pub(crate) fn succeed(&mut self, ticket: &Ticket, now: Instant) {
        let took = self.usages.age(ticket, now);
        let slot = &mut self.roster[ticket.slot()];
        slot.measures.succeeded(took, now, &self.yardstick);
        slot.succeed();
        self.counters.successes += 1;
    }

    /// The operation got through with an error that it blames on the resource.
    pub(crate) fn fail(&mut self, ticket: &Ticket, now: Instant) {
        self.measure_failure(ticket, now);
        self.roster[ticket.slot()].succeed();
        self.counters.successes += 1;
    }

    /// The operation ended without saying anything, but it took its time.
    pub(crate) fn give_up(&mut self, ticket: &Ticket, now: Instant) {
        let took = self.usages.age(ticket, now);
        self.roster[ticket.slot()].measures.took(took, now, &self.yardstick);
    }

    fn measure_failure(&mut self, ticket: &Ticket, now: Instant) {
        let took = self.usages.age(ticket, now);
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
        self.retired = self.usages.take_abort(ticket);
    }

    /// Ends a usage, whatever became of it.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        let key = ticket.slot();
        let slot = &mut self.roster[key];
        self.retired = self.usages.leave(&mut slot.lane, ticket);
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
        let shown = ResourceSnapshot::of(&self.roster[ticket.slot()], now);
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
        let old = slot.standing().status();
        if slot.cool(&trip) {
            self.index.place(key, slot);
            self.counters.cooldowns += 1;
            self.report(key, old);
            self.abort_younger(ticket);
            self.effects.wake = true;
        }
    }

    /// A disable signal: it condemns the younger siblings even if the resource is out or gone already.
    fn condemn(&mut self, ticket: &Ticket, reason: &Arc<str>, now: Instant) {
        let key = ticket.slot();
        if self.roster.is_member(key)
            && self.change(key, |slot| slot.disable(now, Cause::Signal(Arc::clone(reason))))
        {
            self.counters.disables += 1;
        }
        self.abort_younger(ticket);
        self.effects.wake = true;
    }

    fn abort_younger(&mut self, ticket: &Ticket) {
        if self.config.cancel_siblings {
            let aborted = self.usages.take_younger(ticket, &mut self.effects.aborts);
            self.counters.sibling_cancels += aborted;
            self.roster[ticket.slot()].counters.sibling_cancels += aborted;
        }
    }

    /// Turns the expired cooldowns healthy, in pool order.
    fn expire(&mut self, now: Instant) {
        let Some(first) = self.index.due(now) else { return };
        let mut due = Vec::new();
        let mut next = Some(first);
        while let Some(key) = next {
            self.index.wake(key);
            due.push((self.roster[key].position(), key));
            next = self.index.due(now);
        }
        due.sort_unstable();
        for (_, key) in due {
            self.roster[key].recover(self.config.probe_on_recovery);
            self.index.place(key, &self.roster[key]);
            self.report(key, Status::CoolingDown);
        }
    }

    /// Changes a member's slot, puts it where it belongs now, and reports a change of status.
    fn change<R>(&mut self, key: usize, change: impl FnOnce(&mut Slot) -> R) -> R {
        let slot = &mut self.roster[key];
        let old = slot.standing().status();
        let result = change(slot);
        self.index.place(key, slot);
        if old != slot.standing().status() {
            self.report(key, old);
        }
        result
    }

    fn report(&mut self, key: usize, old: Status) {
        let slot = &self.roster[key];
        let now = slot.standing();
        self.effects.changes.push(StateChange {
            sequence: self.next_change,
            id: Arc::clone(slot.id()),
            old,
            new: now.status(),
            until: now.until(),
            cause: now.cause(),
        });
        self.next_change += 1;
    }
}
