//! The state of a pool: routes what happens to the rooms that decide, and collects what follows.
//!
//! Who is a member is in `membership`, what else operators do in `admin`; what may be asked is in `questions` and `foresight`,
//! what runs do in `runs`, what is told of it all in `telling`.

mod admin;
mod circuit;
mod closing;
pub(crate) mod config;
mod degrade;
mod dimensions;
mod early;
mod edge;
pub(crate) mod effects;
mod expiry;
pub(crate) mod foresight;
mod gate;
mod groups;
pub(crate) mod handover;
mod hedges;
mod hedging;
mod holding;
mod hope;
mod hopes;
pub(crate) mod line;
mod lookout;
pub(crate) mod membership;
mod outage;
mod pauses;
pub(crate) mod posts;
pub(crate) mod probe_rules;
mod probed;
pub(crate) mod probes;
mod questions;
mod quotas;
mod runs;
mod sharing;
mod spending;
mod telling;
mod tries;
pub(crate) mod waiting;

use std::sync::Arc;
use std::time::Instant;

use self::config::Config;
use self::dimensions::Dimensions;
use self::edge::Edge;
use self::effects::Effects;
use self::gate::Shut;
use self::groups::Groups;
use self::hedges::Hedges;
use self::line::Line;
use self::tries::Tries;
use crate::member::roster::Roster;
use crate::member::slot::Slot;
use crate::member::usage::Usages;
use crate::member::yardstick::Yardstick;
use crate::protect::Budget;
use crate::report::counters::PoolCounters;
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
    /// Whether somebody follows the runs, or something counts how attempts begin, or end: one look on the way of a run
    /// for all of it.
    attends_starts: bool,
    attends_ends: bool,
    runs_told: u64,
    early: Option<Box<Tries>>,
    budget: Option<Box<Budget>>,
    /// Whether a pick takes more than the strategy: see `has_detours`.
    detours: bool,
    closing: Option<Box<Shut>>,
    /// The runs that have made an attempt and hold no resource now.
    between: u64,
    /// What time it was when the pool last heard of it.
    now: Tick,
    /// What hedges go by and are paid out of, once a run may be hedged.
    hedges: Option<Box<Hedges>>,
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
        // Rules that make no sense the builder has turned away.
        let budget =
            config.retry_budget.and_then(|rules| Budget::new(rules, now).ok().map(Box::new));
        let early = config.probe_early.map(|every| Box::new(Tries::new(every, now)));
        let is_hedged = config.hedge.is_some();
        let mut state = Self {
            index: Index::new(config.strategy, epoch),
            yardstick: Yardstick::new(config.health, epoch),
            detours: config.foreign_choice || early.is_some(),
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
            attends_starts: false,
            attends_ends: false,
            runs_told: 0,
            early,
            budget,
            now: Tick(0),
            hedges: None,
            effects: None,
            asks: None,
            retired: None,
        };
        if is_hedged {
            state.expect_hedges(now);
        }
        state.attend_runs();
        state
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
        self.disappoint_those_of(key, now);
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
    use crate::member::profile::Profile;
    use crate::select::wish::Wish;

    #[test]
    fn a_resource_and_a_usage_stay_as_small_as_the_documentation_says() {
        let (resource, usage) = (size_of::<Slot>(), Usages::<usize>::SIZE);
        assert!(resource <= 464 && usage <= 48, "{resource} and {usage} bytes");
    }

    #[test]
    fn what_aborted_a_usage_waits_to_be_taken_out_however_many_ended_before() {
        let now = Instant::now();
        let mut pool = State::new(Config::default(), now);
        pool.add(Profile::new("a"), now).unwrap();
        let tick = pool.tick(now);
        let tickets =
            ["one", "other", "third"].map(|abort| pool.enter(0, &Wish::default(), tick, abort));
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
