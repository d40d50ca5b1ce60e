//! The state of a pool: routes what happens to the rooms that decide, and collects what follows.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::error::ResourceError;
use crate::exhausted::{EXPLAINED, Exhausted, ExhaustedReason};
use crate::select::{Index, Strategy};
use crate::signal::Signal;
use crate::slot::{Slot, SlotIndex, Status, Trip};
use crate::snapshot::{Cause, ResourceSnapshot};
use crate::stats::{PoolCounters, PoolStats};
use crate::usage::{Ticket, Usages};

/// The rules of a pool. [`Default`] has the documented defaults.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Config {
    /// How long the first, second, third… cooldown since the last success lasts; the last entry
    /// serves for all that follow. 30 s, 120 s, 300 s, 600 s by default.
    pub cooldown_table: Vec<Duration>,
    /// How to choose. [`Strategy::LeastInFlight`] by default.
    pub strategy: Strategy,
    /// Whether a cooldown or disable signal aborts the younger usages on the resource. On by default.
    pub cancel_siblings: bool,
    /// Whether a resource comes back from a cooldown with a cap of 1 until a success. Off by default.
    pub probe_on_recovery: bool,
    /// Whether usages that were in flight at the last trip escalate no further. Off by default.
    pub one_trip_per_outage: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            cooldown_table: [30, 120, 300, 600].map(Duration::from_secs).to_vec(),
            strategy: Strategy::default(),
            cancel_siblings: true,
            probe_on_recovery: false,
            one_trip_per_outage: false,
        }
    }
}

/// A resource changed its status, or its cooldown was extended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateChange {
    /// Counts the changes of the pool from 1. Changes may be delivered out of order: this is theirs.
    pub sequence: u64,
    /// The resource.
    pub id: Arc<str>,
    /// The status before. A cooldown counts here until a selection finds it expired.
    pub old: Status,
    /// The status after; equal to `old` when a cooldown signal met a cooldown.
    pub new: Status,
    /// When the cooldown ends, if that is what it is now.
    pub until: Option<Instant>,
    /// Why the resource is out; `None` when it is healthy now.
    pub cause: Option<Cause>,
}

/// What has to be done outside, after the lock that guards the state is released.
#[derive(Debug)]
#[must_use = "operations to abort, waiters to wake and changes to report"]
#[non_exhaustive]
pub struct Effects<A> {
    /// The usages to abort, oldest first.
    pub aborts: Vec<A>,
    /// The state changes to report, in order.
    pub changes: Vec<StateChange>,
    /// Whether those who [wait](crate::Step::Wait) should think again.
    pub wake: bool,
    /// The abort handle of a usage that ended. It is here because dropping it may run foreign code.
    pub retired: Option<A>,
}

impl<A> Default for Effects<A> {
    fn default() -> Self {
        Self { aborts: Vec::new(), changes: Vec::new(), wake: false, retired: None }
    }
}

/// A pool's resources, usages and counters. `A` is what aborts a usage; the state only keeps it.
///
/// The methods come in three families. Questions take `&self`: `len`, `snapshot`, `stats`. Admin
/// calls change the membership or a status: `add`, `remove`, `enable`, `disable`. Runs act through
/// [`Attempts`](crate::Attempts). After anything but a question, act on [`take_effects`](Self::take_effects).
#[derive(Debug)]
pub struct State<A> {
    config: Config,
    /// The members, and former members whose usages still drain.
    slots: Slab<Slot>,
    ids: HashMap<Arc<str>, usize>,
    /// The members by position: pool order.
    order: BTreeMap<u64, usize>,
    /// How many usages of removed memberships of an id still drain.
    draining: HashMap<Arc<str>, u32>,
    next_position: u64,
    index: Index,
    usages: Usages<A>,
    pub(crate) counters: PoolCounters,
    next_change: u64,
    effects: Effects<A>,
}

impl<A> State<A> {
    /// An empty pool with these rules.
    #[must_use]
    pub fn new(config: Config) -> Self {
        Self {
            index: Index::new(config.strategy),
            config,
            slots: Slab::new(),
            ids: HashMap::new(),
            order: BTreeMap::new(),
            draining: HashMap::new(),
            next_position: 0,
            usages: Usages::new(),
            counters: PoolCounters::default(),
            next_change: 1,
            effects: Effects::default(),
        }
    }

    /// What has to be done outside since the last call.
    pub fn take_effects(&mut self) -> Effects<A> {
        std::mem::take(&mut self.effects)
    }

    // Questions.

    /// The number of members.
    #[must_use]
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether the pool has no members.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// How every member stands, in pool order.
    #[must_use]
    pub fn snapshot(&self, now: Instant) -> Vec<ResourceSnapshot> {
        self.members().map(|slot| ResourceSnapshot::of(slot, now)).collect()
    }

    /// Gauges and counters.
    #[must_use]
    pub fn stats(&self, now: Instant) -> PoolStats {
        PoolStats::of(self.counters, self.members(), now)
    }

    /// When the next cooldown ends; `None` if nothing is cooling down.
    pub(crate) fn next_recovery(&self) -> Option<Instant> {
        self.index.next_recovery()
    }

    /// Explains a run that cannot be served.
    pub(crate) fn exhausted(
        &self,
        reason: ExhaustedReason,
        attempts: u32,
        last_signal: Option<Signal>,
        now: Instant,
    ) -> Box<Exhausted> {
        let retry_at = match self.index.pick() {
            Some(_) => Some(now),
            None => self.next_recovery().map(|at| at.max(now)),
        };
        Box::new(Exhausted {
            reason,
            at: now,
            attempts,
            last_signal,
            retry_at,
            resources: self
                .members()
                .take(EXPLAINED)
                .map(|slot| ResourceSnapshot::of(slot, now))
                .collect(),
            members: self.len(),
        })
    }

    fn members(&self) -> impl ExactSizeIterator<Item = &Slot> {
        self.order.values().map(|&slot| &self.slots[slot])
    }

    // Admin calls.

    /// Adds a healthy resource at the end of the pool order and wakes those who wait.
    ///
    /// Usages still draining from an earlier membership of the id count toward its cap.
    ///
    /// # Errors
    ///
    /// An empty or duplicate id, or a cap of 0.
    pub fn add(
        &mut self,
        id: Arc<str>,
        max_in_flight: Option<u32>,
    ) -> Result<SlotIndex, ResourceError> {
        if id.is_empty() {
            return Err(ResourceError::EmptyId);
        }
        if max_in_flight == Some(0) {
            return Err(ResourceError::ZeroMaxInFlight { id });
        }
        if self.ids.contains_key(&id) {
            return Err(ResourceError::DuplicateResource { id });
        }
        let inherited = self.draining.get(&id).copied().unwrap_or(0);
        let position = self.next_position;
        self.next_position += 1;
        let slot =
            self.slots.insert(Slot::new(Arc::clone(&id), position, max_in_flight, inherited));
        self.ids.insert(id, slot);
        self.order.insert(position, slot);
        self.index.place(slot, &self.slots[slot]);
        self.effects.wake = true;
        Ok(SlotIndex(slot))
    }

    /// Takes a resource out of the pool and wakes those who wait. Its usages end by themselves.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn remove(&mut self, id: &str) -> Result<SlotIndex, ResourceError> {
        let slot = self.find(id)?;
        let member = &self.slots[slot];
        self.ids.remove(id);
        self.order.remove(&member.position());
        self.index.forget(slot);
        match member.lane.len() {
            0 => drop(self.slots.remove(slot)),
            draining => *self.draining.entry(Arc::clone(member.id())).or_default() += draining,
        }
        self.effects.wake = true;
        Ok(SlotIndex(slot))
    }

    /// Makes a resource healthy, whatever kept it away, starts its escalation anew, and wakes those
    /// who wait.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn enable(&mut self, id: &str) -> Result<(), ResourceError> {
        let slot = self.find(id)?;
        self.change(slot, Slot::enable);
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
        let slot = self.find(id)?;
        if self.change(slot, |slot| slot.disable(now, Cause::Admin)) {
            self.counters.disables += 1;
        }
        self.effects.wake = true;
        Ok(())
    }

    fn find(&self, id: &str) -> Result<usize, ResourceError> {
        self.ids.get(id).copied().ok_or_else(|| ResourceError::UnknownResource {
            id: id.into(),
            known: self.members().take(10).map(|slot| Arc::clone(slot.id())).collect(),
            members: self.len(),
        })
    }

    // What runs do.

    /// Brings back whose cooldown has ended, picks a resource and registers a usage on it.
    pub(crate) fn acquire(&mut self, now: Instant, abort: impl FnOnce() -> A) -> Option<Ticket> {
        self.expire(now);
        let picked = self.index.pick()?;
        let slot = &mut self.slots[picked];
        let ticket = self.usages.enter(&mut slot.lane, picked, abort());
        slot.acquired(self.usages.newest(), now);
        self.index.place(picked, slot);
        self.counters.attempts += 1;
        Some(ticket)
    }

    /// The operation got through: with a value or with an error of its own.
    pub(crate) fn succeed(&mut self, ticket: &Ticket) {
        self.counters.successes += 1;
        self.slots[ticket.slot()].succeed();
    }

    /// The operation sent a signal.
    pub(crate) fn signal(&mut self, ticket: &Ticket, signal: &Signal, now: Instant) {
        match signal {
            Signal::Cooldown { after, reason } => self.cool(ticket, *after, reason, now),
            Signal::Disable { reason } => self.condemn(ticket, reason, now),
            Signal::Retry { .. } => self.counters.retries += 1,
        }
    }

    /// Keeps siblings from aborting a usage whose operation has ended.
    pub(crate) fn shield(&mut self, ticket: &Ticket) {
        self.effects.retired = self.usages.take_abort(ticket);
    }

    /// Ends a usage, whatever became of it.
    pub(crate) fn release(&mut self, ticket: Ticket) {
        let key = ticket.slot();
        let slot = &mut self.slots[key];
        self.effects.retired = self.usages.leave(&mut slot.lane, ticket);
        if self.is_member(key) {
            self.index.place(key, &self.slots[key]);
        } else {
            self.drained(key);
        }
    }

    /// The signal that stands for an abort by a sibling: the sibling's own, as the resource shows it.
    pub(crate) fn siblings_signal(&self, ticket: &Ticket, now: Instant) -> Signal {
        if !self.is_member(ticket.slot()) {
            return Signal::cooldown("aborted by a sibling's signal");
        }
        let shown = ResourceSnapshot::of(&self.slots[ticket.slot()], now);
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
        if !self.is_member(key) {
            return;
        }
        let trip = Trip {
            now,
            usage: self.usages.sequence(ticket),
            newest: self.usages.newest(),
            after,
            reason,
        };
        let slot = &mut self.slots[key];
        let old = slot.standing().status();
        if slot.cool(&trip, &self.config) {
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
        if self.is_member(key)
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
            self.slots[ticket.slot()].counters.sibling_cancels += aborted;
        }
    }

    /// Turns the expired cooldowns healthy, in pool order.
    fn expire(&mut self, now: Instant) {
        let Some(first) = self.index.due(now) else { return };
        let mut due = Vec::new();
        let mut next = Some(first);
        while let Some(key) = next {
            self.index.forget(key);
            due.push((self.slots[key].position(), key));
            next = self.index.due(now);
        }
        due.sort_unstable();
        for (_, key) in due {
            let config = &self.config;
            self.slots[key].recover(config);
            self.index.place(key, &self.slots[key]);
            self.report(key, Status::CoolingDown);
        }
    }

    /// Changes a member's slot, puts it where it belongs now, and reports a change of status.
    fn change<R>(&mut self, key: usize, change: impl FnOnce(&mut Slot) -> R) -> R {
        let slot = &mut self.slots[key];
        let old = slot.standing().status();
        let result = change(slot);
        self.index.place(key, slot);
        if old != slot.standing().status() {
            self.report(key, old);
        }
        result
    }

    fn report(&mut self, key: usize, old: Status) {
        let slot = &self.slots[key];
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

    fn is_member(&self, key: usize) -> bool {
        self.order.get(&self.slots[key].position()) == Some(&key)
    }

    /// A usage of a removed membership has ended.
    fn drained(&mut self, key: usize) {
        let slot = &self.slots[key];
        if let Some(draining) = self.draining.get_mut(slot.id()) {
            *draining -= 1;
            if *draining == 0 {
                self.draining.remove(slot.id());
            }
        }
        if let Some(&successor) = self.ids.get(slot.id()) {
            self.slots[successor].inherited -= 1;
            self.index.place(successor, &self.slots[successor]);
        }
        if self.slots[key].lane.len() == 0 {
            self.slots.remove(key);
        }
    }
}
