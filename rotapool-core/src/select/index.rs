//! Who is eligible, who comes next, and who comes back when.
//!
//! The index holds every member in at most one of two places: among the eligible, or in the queue of
//! the cooling by the end of their cooldown. Disabled and saturated members are in neither. Whoever
//! changes a slot hands it to [`Index::place`], which derives its place from the slot alone.
//!
//! Two ways to keep the eligible: the ranked strategies have a [`Tournament`] of ranks, of which the
//! least wins; the others draw from a [`Bag`]. So a pick, an expiry and a settle cost O(log n) at worst, and
//! no selection walks over the pool unless a filter, an affinity key or a caller's own choice asks for it.

use std::time::Instant;

use super::affinity;
use super::bag::Bag;
use super::draw::Draw;
use super::order::Order;
use super::rank::Rank;
use super::sticky::Sticky;
use super::strategy::Strategy;
use super::tournament::Tournament;
use super::weighted::Weighted;
use super::wish::Wish;
use crate::member::roster::Roster;
use crate::member::slot::Slot;
use crate::member::standing::Standing;
use crate::member::yardstick::Yardstick;
use crate::time::{Epoch, Tick};

#[derive(Debug, Clone)]
pub(crate) struct Index {
    eligible: Eligible,
    /// By the end of the cooldown.
    cooling: Tournament,
    /// When the first of them ends.
    earliest: Tick,
    epoch: Epoch,
}

#[derive(Debug, Clone)]
enum Eligible {
    Ranked(Order, Tournament),
    Drawn(Draw, Bag),
}

impl Index {
    pub(crate) fn new(strategy: Strategy, epoch: Epoch) -> Self {
        let ranked = |order| Eligible::Ranked(order, Tournament::new());
        let drawn = |draw| Eligible::Drawn(draw, Bag::new());
        let eligible = match strategy {
            Strategy::LeastInFlight => ranked(Order::LeastInFlight),
            Strategy::RoundRobin => ranked(Order::RoundRobin),
            Strategy::PrimaryBackup => ranked(Order::PrimaryBackup),
            Strategy::Priority => ranked(Order::Priority),
            Strategy::Weighted => ranked(Order::Weighted(Weighted::default())),
            Strategy::Sticky => ranked(Order::Sticky(Sticky::default())),
            Strategy::Random => drawn(Draw::Random),
            Strategy::LeastLatency => drawn(Draw::LeastLatency),
            Strategy::LeastErrors => drawn(Draw::LeastErrors),
            Strategy::Affinity => drawn(Draw::Affinity),
        };
        Self { eligible, cooling: Tournament::new(), earliest: Tick::NEVER, epoch }
    }

    /// Puts a member where its slot says that it belongs now.
    pub(crate) fn place(&mut self, item: usize, slot: &Slot) {
        match slot.standing() {
            Standing::CoolingDown { until, .. } => {
                self.suspend(item);
                self.cooling.set(item, Rank::new(self.epoch.tick(*until).0, slot.position()));
                self.look_at_the_cooling();
            }
            Standing::Healthy => {
                self.dequeue(item);
                self.refresh(item, slot);
            }
            Standing::Disabled { .. } => {
                self.dequeue(item);
                self.suspend(item);
            }
        }
    }

    /// Puts a member where it belongs now after a change that left its standing alone.
    #[inline]
    pub(crate) fn refresh(&mut self, item: usize, slot: &Slot) {
        if !matches!(slot.standing(), Standing::Healthy) {
            return;
        }
        if !slot.has_room() {
            return self.suspend(item);
        }
        match &mut self.eligible {
            Eligible::Ranked(order, tournament) => tournament.set(item, order.rank(item, slot)),
            Eligible::Drawn(_, bag) => bag.insert(item),
        }
    }

    /// Takes out a member that left the pool.
    pub(crate) fn forget(&mut self, item: usize) {
        self.dequeue(item);
        self.suspend(item);
        if let Eligible::Ranked(Order::Weighted(weighted), _) = &mut self.eligible {
            weighted.forget(item);
        }
    }

    /// Takes a cooling member out of the queue, to be placed anew.
    pub(crate) fn dequeue(&mut self, item: usize) {
        self.cooling.remove(item);
        self.look_at_the_cooling();
    }

    fn look_at_the_cooling(&mut self) {
        self.earliest = self.cooling.least().map_or(Tick::NEVER, |(rank, _)| Tick(rank.major()));
    }

    /// The resource to use next: one that the run has not tried, if there is any.
    #[inline]
    pub(crate) fn pick(
        &mut self,
        wish: &Wish,
        roster: &Roster,
        yardstick: &Yardstick,
        now: Tick,
        chance: &mut impl FnMut() -> f64,
    ) -> Option<usize> {
        let picked = match &self.eligible {
            Eligible::Ranked(_, tournament) if wish.is_empty() => tournament.least()?.1,
            _ if wish.is_empty() => self.find(wish, roster, yardstick, now, chance, |_| true)?,
            _ => self.grant(wish, roster, yardstick, now, chance)?,
        };
        if let Eligible::Ranked(order, tournament) = &mut self.eligible {
            order.picked(picked, wish, roster, tournament);
        }
        Some(picked)
    }

    /// What comes next among what the run wishes for.
    fn grant(
        &self,
        wish: &Wish,
        roster: &Roster,
        yardstick: &Yardstick,
        now: Tick,
        chance: &mut impl FnMut() -> f64,
    ) -> Option<usize> {
        let admits = |item: usize| wish.admits(&roster[item]);
        let fresh = |item: usize| admits(item) && !wish.has_tried(&roster[item]);
        if wish.has_tried_any() {
            if let Some(found) = self.find(wish, roster, yardstick, now, chance, fresh) {
                return Some(found);
            }
        }
        self.find(wish, roster, yardstick, now, chance, admits)
    }

    /// The resource that [`pick`](Self::pick) would take among those that are admitted, without taking it.
    #[inline(never)]
    pub(crate) fn find(
        &self,
        wish: &Wish,
        roster: &Roster,
        yardstick: &Yardstick,
        now: Tick,
        chance: &mut impl FnMut() -> f64,
        admits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let (draw, bag) = match &self.eligible {
            Eligible::Ranked(order, tournament) => {
                return order.find(wish, roster, tournament, chance, admits);
            }
            Eligible::Drawn(draw, bag) => (draw, bag),
        };
        if let (Draw::Affinity, Some(key)) = (draw, wish.affinity()) {
            return affinity::pick(key, bag, roster, admits);
        }
        let (one, other) = bag.two(chance, &admits)?;
        let choice = draw.better(one, other, roster, yardstick, now);
        if !draw.shuns(&roster[choice], yardstick, now) {
            return Some(choice);
        }
        // Neither is to be taken while others may be: those first, if there are any.
        let proven = |item: usize| admits(item) && !draw.shuns(&roster[item], yardstick, now);
        let others = match draw.insists() {
            true => bag.two(chance, proven),
            false => bag.two_by_luck(chance, proven),
        };
        match others {
            Some((one, other)) => Some(draw.better(one, other, roster, yardstick, now)),
            None => Some(choice),
        }
    }

    /// Whether any member is eligible.
    pub(crate) fn any(&self) -> bool {
        match &self.eligible {
            Eligible::Ranked(_, tournament) => tournament.least().is_some(),
            Eligible::Drawn(_, bag) => !bag.is_empty(),
        }
    }

    /// A resource whose cooldown has ended by `now`.
    #[inline]
    pub(crate) fn due(&self, now: Tick) -> Option<usize> {
        if now < self.earliest {
            return None;
        }
        self.cooling.least().map(|(_, item)| item)
    }

    /// When the next cooldown of a resource that the run admits ends.
    ///
    /// One that has ended and is yet to be found so counts if the resource has room; without room it
    /// is saturated, and nobody knows until when.
    pub(crate) fn next_recovery(
        &self,
        wish: &Wish,
        roster: &Roster,
        now: Instant,
    ) -> Option<Instant> {
        let filters = wish.filters();
        let helps = |item: usize| {
            let slot = &roster[item];
            (!filters || wish.admits(slot))
                && (slot.has_room() || slot.standing().until() > Some(now))
        };
        self.cooling.least_where(helps).and_then(|(_, item)| roster[item].standing().until())
    }

    fn suspend(&mut self, item: usize) {
        match &mut self.eligible {
            Eligible::Ranked(order, tournament) => {
                tournament.remove(item);
                if let Order::Weighted(weighted) = order {
                    weighted.suspend(item);
                }
            }
            Eligible::Drawn(_, bag) => bag.remove(item),
        }
    }
}
