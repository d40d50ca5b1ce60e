//! The state of a pool: routes what happens to the rooms that decide, and collects what follows.
//!
//! Here are the first admin calls, and the others in `admin`; what may be asked is in `questions` and `foresight`,
//! what runs do in `runs`, what is told of it all in `telling`.

pub(crate) mod admin;
mod allowance;
mod circuit;
mod closing;
pub(crate) mod config;
mod degrade;
mod dimensions;
mod edge;
pub(crate) mod effects;
mod foresight;
mod gate;
mod groups;
pub(crate) mod handover;
mod holding;
pub(crate) mod line;
mod lookout;
mod outage;
mod pauses;
pub(crate) mod posts;
pub(crate) mod probe_rules;
pub(crate) mod probes;
mod questions;
mod quotas;
mod runs;
mod sharing;
mod spending;
mod telling;

use std::sync::Arc;
use std::time::Instant;

use self::allowance::Allowance;
use self::config::Config;
use self::dimensions::Dimensions;
use self::edge::Edge;
use self::effects::Effects;
use self::gate::Shut;
use self::groups::Groups;
use self::line::{Line, admitted};
use crate::error::ResourceError;
use crate::member::profile::Profile;
use crate::member::roster::Roster;
use crate::member::slot::{Slot, SlotIndex};
use crate::member::standing::{Cause, Status};
use crate::member::usage::Usages;
use crate::member::yardstick::Yardstick;
use crate::protect::Circuit;
use crate::report::admin_call::AdminCall;
use crate::report::counters::PoolCounters;
use crate::report::event::Event;
use crate::select::index::Index;
use crate::time::{Epoch, Tick};

/// A pool's resources, usages and counters. `A` is what aborts a usage; the state only keeps it.
///
/// The methods come in three families. Questions take `&self`: `len`, `snapshot`, `stats`. Admin
/// calls change the membership or a status: `add`, `remove`, `enable`, `disable`, `park`, and what else is in
/// `admin`; [`by`](Self::by) says who makes them. Runs act through [`Attempts`](crate::Attempts). After anything but a question, act on [`take_effects`](Self::take_effects).
#[derive(Debug)]
pub struct State<A> {
    config: Config,
    roster: Roster,
    dimensions: Dimensions,
    groups: Groups,
    index: Index,
    yardstick: Yardstick,
    usages: Usages<A>,
    pub(crate) counters: PoolCounters,
    line: Line<A>,
    next_change: u64,
    edge: Edge,
    follows_runs: bool,
    /// Whether somebody follows the runs, or something counts them: one look on the way of a run for all of it.
    attends_runs: bool,
    runs_told: u64,
    allowance: Option<Box<Allowance>>,
    /// Whether a pick takes more than the strategy: see `has_detours`.
    detours: bool,
    closing: Option<Box<Shut>>,
    /// The runs that have made an attempt and hold no resource now.
    between: u64,
    /// What time it was when the pool last heard of it.
    now: Tick,
    /// What has to be done outside, if anything may have: one look on the way of a healthy run.
    effects: Option<Effects<A>>,
    /// Who makes the next admin call, if they gave their name.
    asks: Option<Arc<str>>,
    /// The abort handle of a usage that has ended, until it is taken out.
    retired: Option<A>,
}

impl<A> State<A> {
    /// An empty pool with these rules, made `now`: the clock's instants are not earlier from here on.
    #[must_use]
    pub fn new(config: Config, now: Instant) -> Self {
        let epoch = Epoch::new(now);
        let allowance = config.retry_budget.and_then(|rules| Allowance::for_retries(rules, now));
        let counts_runs = allowance.is_some() || config.circuit_breaker.is_some();
        Self {
            index: Index::new(config.strategy, epoch),
            yardstick: Yardstick::new(config.health, epoch),
            detours: config.foreign_choice,
            closing: None,
            between: 0,
            config,
            roster: Roster::default(),
            dimensions: Dimensions::default(),
            groups: Groups::default(),
            usages: Usages::new(),
            counters: PoolCounters::default(),
            line: Line::new(),
            next_change: 1,
            edge: Edge::default(),
            follows_runs: false,
            attends_runs: counts_runs,
            runs_told: 0,
            allowance,
            now: Tick(0),
            effects: None,
            asks: None,
            retired: None,
        }
    }

    /// What has to be done outside since the last call; `None` if nothing.
    pub fn take_effects(&mut self) -> Option<Effects<A>> {
        // Looked at before it is taken: most runs leave nothing, and an `Effects` is large.
        match self.effects.is_some() {
            true => self.take_what_is_there(),
            false => None,
        }
    }

    fn take_what_is_there(&mut self) -> Option<Effects<A>> {
        let watches = self.watches_for_the_end();
        let effects = self.effects.take();
        if watches {
            self.effects = Some(Effects::default());
        }
        effects.filter(|effects| !effects.is_empty())
    }

    /// The abort handle of a usage that has ended. Dropping it may run foreign code, so take it out
    /// and drop it outside.
    ///
    /// It stays until then: those of usages that end in the meantime are in [`Effects::retired`].
    pub fn take_retired(&mut self) -> Option<A> {
        self.retired.take()
    }

    /// Adds a healthy resource at the end of the pool order and wakes those who wait.
    ///
    /// Usages still draining from an earlier membership of the id count toward its cap.
    ///
    /// # Errors
    ///
    /// An empty or duplicate id, a cap of 0, a weight out of range, quotas that make no sense, or a group that was not
    /// [declared](Self::add_group).
    pub fn add(&mut self, profile: Profile, now: Instant) -> Result<SlotIndex, ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let shared = self.groups.shared(&profile.id, profile.group.as_ref())?;
        let key = self.roster.join(profile, shared, now)?;
        self.tell_asked_of(by.as_ref(), key, AdminCall::Add, now);
        let slot = &mut self.roster[key];
        self.groups.joined(key, slot);
        slot.quotas().into_iter().for_each(|quotas| self.dimensions.joined(quotas));
        if let Some(trip) = &self.config.circuit_breaker {
            slot.circuit = Some(Box::new(Circuit::new(trip, now)));
        }
        if self.usages.newest() > 0 {
            let guess = self.config.cooldown_table.first().copied().unwrap_or_default();
            slot.join_midway(self.config.recovery, guess);
        }
        self.index.place(key, slot);
        self.edge.joined();
        self.tell(Event::ResourceAdded { at: now, id: Arc::clone(self.roster[key].id()) });
        self.tell_turn(now);
        self.offer(key);
        // Its group may have nothing left now, and be back before anybody else.
        self.look_who_is_first();
        self.rethink();
        Ok(SlotIndex(key))
    }

    /// Takes a resource out of the pool and wakes those who wait. Its usages end by themselves.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn remove(&mut self, id: &str, now: Instant) -> Result<SlotIndex, ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(id)?;
        self.tell_asked_of(by.as_ref(), key, AdminCall::Remove, now);
        let was_admitted = admitted(&self.roster[key]);
        let broken = self.break_promises(key);
        let quotas = self.roster[key].quotas();
        quotas.into_iter().for_each(|quotas| self.dimensions.left(quotas));
        self.groups.left(&self.roster[key]);
        let was = self.roster[key].standing().noticed_status();
        let told = Arc::clone(self.roster[key].id());
        let key = self.roster.leave(id)?;
        self.index.forget(key);
        if let Some(slot) = self.roster.get(key) {
            self.index.look_at_holds(key, slot);
        }
        if was == Status::Healthy {
            self.edge.left();
        }
        self.tell(Event::ResourceRemoved { at: now, id: told });
        self.tell_turn(now);
        self.disappoint(was_admitted, now);
        if broken {
            self.offer_all();
        }
        self.rethink();
        Ok(SlotIndex(key))
    }

    /// Makes a resource healthy, whatever kept it away, starts its escalation anew, and wakes those
    /// who wait.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn enable(&mut self, id: &str, now: Instant) -> Result<(), ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(id)?;
        self.tell_asked_of(by.as_ref(), key, AdminCall::Enable, now);
        let newest = self.usages.newest();
        self.change(key, now, |slot| {
            slot.enable(newest);
            slot.look_at_quotas(now);
        });
        self.reset_circuit(key, now);
        self.watch_for_the_line(key);
        self.offer(key);
        // Whoever is back and spent has quota again at an instant that may be the next.
        self.look_who_is_first();
        self.rethink();
        Ok(())
    }

    /// Takes a resource out of use until it is enabled, and wakes those who wait. Usages in flight
    /// are left alone.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn disable(&mut self, id: &str, now: Instant) -> Result<(), ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(id)?;
        self.tell_asked_of(by.as_ref(), key, AdminCall::Disable, now);
        if self.change(key, now, |slot| slot.disable(now, Cause::Admin, None)) {
            self.counters.disables += 1;
            let broken = self.lose_member(key, now);
            self.look_after_the_line(broken);
        }
        self.rethink();
        Ok(())
    }

    /// Changes a member's slot, puts it where it belongs now, and reports a change of status.
    fn change<R>(&mut self, key: usize, now: Instant, change: impl FnOnce(&mut Slot) -> R) -> R {
        let slot = &mut self.roster[key];
        let old = slot.standing().noticed_status();
        let result = change(slot);
        self.index.place(key, slot);
        if old != slot.standing().noticed_status() {
            self.tell_change(key, old, now);
        }
        result
    }

    /// A member was disabled. Answers whether promises are broken: the line is to be looked after.
    fn lose_member(&mut self, key: usize, now: Instant) -> bool {
        let broken = self.break_promises(key);
        if !self.line.is_empty() {
            self.disappoint(admitted(&self.roster[key]), now);
        }
        broken
    }

    #[inline]
    pub(crate) fn tick(&self, now: Instant) -> Tick {
        self.epoch().tick(now)
    }

    pub(crate) fn instant(&self, tick: Tick) -> Instant {
        self.epoch().instant(tick)
    }

    fn epoch(&self) -> Epoch {
        self.yardstick.epoch
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_resource_and_a_usage_stay_as_small_as_the_documentation_says() {
        let (resource, usage) = (size_of::<Slot>(), Usages::<usize>::SIZE);
        assert!(resource <= 456 && usage <= 48, "{resource} and {usage} bytes");
    }

    #[test]
    fn what_aborted_a_usage_waits_to_be_taken_out_however_many_ended_before() {
        let now = Instant::now();
        let mut pool = State::new(Config::default(), now);
        pool.add(Profile::new("a"), now).unwrap();
        let tick = pool.tick(now);
        let tickets = ["one", "other", "third"]
            .map(|abort| pool.enter(0, &crate::select::wish::Wish::default(), tick, abort));
        let [one, other, third] = tickets;
        pool.succeed(one, true, tick);
        pool.shield(&other);
        pool.release(other);
        pool.release(third);
        assert_eq!(pool.take_retired(), Some("one"));
        assert_eq!(pool.take_effects().unwrap().retired, ["other", "third"]);
        assert_eq!((pool.take_retired(), pool.take_effects().is_none()), (None, true));
    }
}
