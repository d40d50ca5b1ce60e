//! Who is eligible, who comes next, and who comes back when.
//!
//! The index holds every member that could be picked among the eligible, or, where a ramp sets the pace and
//! the pace is reached, beyond it. Whoever is held up until a known instant, cooling or on a comeback, is in the
//! queue of instants. Where a member belongs follows from its slot alone: whoever changes a slot hands it to
//! [`Index::place`].
//!
//! Two ways to keep the eligible: the ranked strategies have a [`Tournament`] of ranks, of which the
//! least wins; the others draw from a [`Bag`]. So a pick, an expiry and a settle cost O(log n) at worst, and
//! no selection walks over the pool unless a filter, an affinity key or a caller's own choice asks for it.

pub(crate) mod picking;

use std::time::Instant;

use super::bag::Bag;
use super::draw::Draw;
use super::order::Order;
use super::rank::Rank;
use super::sticky::Sticky;
use super::strategy::Strategy;
use super::tournament::Tournament;
use super::weighted::Weighted;
use super::wish::Wish;
use crate::member::comeback::Comeback;
use crate::member::quotas::Quotas;
use crate::member::roster::Roster;
use crate::member::slot::Slot;
use crate::member::standing::Standing;
use crate::time::{Epoch, Tick};

#[derive(Debug, Clone)]
pub(crate) struct Index {
    eligible: Eligible,
    /// Those with room and at their pace, the fewest in flight first.
    beyond: Tournament,
    /// Those to look at again at a known instant: the end of a cooldown, or of what a comeback may take.
    queue: Tournament,
    /// Those on whom a place is taken back at a known instant from who holds it; former members too.
    held: Tournament,
    /// The first of all these instants.
    earliest: Tick,
    /// Those that are healthy and whose quotas are spent.
    spent: Bag,
    /// By item: whether it was held up when it was last placed, so that more than its rank is to be seen to.
    held_up: Vec<bool>,
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
        Self {
            eligible,
            beyond: Tournament::new(),
            queue: Tournament::new(),
            held: Tournament::new(),
            earliest: Tick::NEVER,
            spent: Bag::new(),
            held_up: Vec::new(),
            epoch,
        }
    }

    /// Puts a member where its slot says that it belongs now.
    pub(crate) fn place(&mut self, item: usize, slot: &Slot) {
        self.beyond.remove(item);
        self.spent.remove(item);
        match slot.standing() {
            Standing::CoolingDown(outage) => {
                self.suspend(item);
                self.look_again(item, slot, Some(self.epoch.tick(outage.until)));
            }
            Standing::Healthy => {
                self.look_again(item, slot, None);
                self.refresh(item, slot);
            }
            Standing::Disabled { .. } => {
                self.suspend(item);
                self.look_again(item, slot, None);
            }
        }
    }

    /// Something else is said of a member, which may have another rank and weight now.
    pub(crate) fn describe(&mut self, item: usize, slot: &Slot) {
        if let Eligible::Ranked(Order::Weighted(weighted), _) = &mut self.eligible {
            weighted.reweigh(item, slot);
        }
        self.place(item, slot);
    }

    /// Puts a member where it belongs now after a change that left its standing alone.
    #[inline(always)]
    pub(crate) fn refresh(&mut self, item: usize, slot: &Slot) {
        if !matches!(slot.standing(), Standing::Healthy) {
            return;
        }
        if slot.is_held() && (slot.is_held_up() || self.was_held_up(item)) {
            return self.refresh_held(item, slot);
        }
        if !slot.has_room_at_full_strength() {
            return self.suspend(item);
        }
        self.admit(item, slot);
    }

    #[inline]
    fn was_held_up(&self, item: usize) -> bool {
        self.held_up.get(item).is_some_and(|&held_up| held_up)
    }

    /// The same for one on trial, on a ramp, or whose quotas are spent or watched; or that was so the last time.
    #[cold]
    fn refresh_held(&mut self, item: usize, slot: &Slot) {
        if item >= self.held_up.len() {
            self.held_up.resize(item + 1, false);
        }
        self.held_up[item] = slot.is_held_up();
        let is_spent = slot.is_spent();
        match is_spent {
            true => self.spent.insert(item),
            false => self.spent.remove(item),
        }
        let (has_room, is_within_pace) = (slot.has_room() && !is_spent, slot.is_within_pace());
        match has_room && is_within_pace {
            true => self.admit(item, slot),
            false => self.suspend(item),
        }
        match has_room && !is_within_pace {
            true => {
                self.beyond.set(item, Rank::new(slot.in_flight().into(), slot.position()));
            }
            false => self.beyond.remove(item),
        }
        let loss = slot.comeback().and_then(Comeback::next_loss);
        let refill = slot.quotas().and_then(Quotas::next_look).map(|at| self.epoch.tick(at));
        self.look_again(item, slot, loss.into_iter().chain(refill).min());
    }

    #[inline(always)]
    fn admit(&mut self, item: usize, slot: &Slot) {
        match &mut self.eligible {
            Eligible::Ranked(order, tournament) => tournament.set(item, order.rank(item, slot)),
            Eligible::Drawn(_, bag) => bag.insert(item),
        }
    }

    /// Takes out a member that left the pool.
    pub(crate) fn forget(&mut self, item: usize) {
        self.dequeue(item);
        self.beyond.remove(item);
        self.spent.remove(item);
        self.suspend(item);
        if let Eligible::Ranked(Order::Weighted(weighted), _) = &mut self.eligible {
            weighted.forget(item);
        }
    }

    /// Takes a member out of the queues of instants, to be placed anew.
    pub(crate) fn dequeue(&mut self, item: usize) {
        self.queue.remove(item);
        self.held.remove(item);
        self.look_at_the_queue();
    }

    /// Puts a member into the queue of instants, or takes it out.
    fn look_again(&mut self, item: usize, slot: &Slot, at: Option<Tick>) {
        match at {
            Some(at) => self.queue.set(item, Rank::new(at.0, slot.position())),
            None => self.queue.remove(item),
        }
        self.look_at_the_queue();
    }

    /// What is held on a slot has changed.
    pub(crate) fn look_at_holds(&mut self, item: usize, slot: &Slot) {
        match slot.holds.next_end() {
            Some(at) => {
                self.held.set(item, Rank::new(at.0, slot.position()));
            }
            None => self.held.remove(item),
        }
        self.look_at_the_queue();
    }

    fn look_at_the_queue(&mut self) {
        let first = |queue: &Tournament| queue.least().map_or(u64::MAX, |(rank, _)| rank.major());
        self.earliest = Tick(first(&self.queue).min(first(&self.held)));
    }

    /// The next instant at which somebody is to be looked at again.
    pub(crate) fn earliest(&self) -> Tick {
        self.earliest
    }

    /// Whether any member is eligible.
    pub(crate) fn any(&self) -> bool {
        let within = match &self.eligible {
            Eligible::Ranked(_, tournament) => tournament.least().is_some(),
            Eligible::Drawn(_, bag) => !bag.is_empty(),
        };
        within || self.beyond.least().is_some()
    }

    /// Whether any resource is to be looked at again by `now`.
    #[inline(always)]
    pub(crate) fn is_any_due(&self, now: Tick) -> bool {
        self.earliest <= now
    }

    /// A resource to look at again by `now`.
    pub(crate) fn due(&self, now: Tick) -> Option<usize> {
        let is_due = |(rank, item): (Rank, usize)| (rank.major() <= now.0).then_some(item);
        self.queue.least().and_then(is_due).or_else(|| self.held.least().and_then(is_due))
    }

    /// Whether a member is to be looked at by `now` for its own sake, whatever is held.
    pub(crate) fn is_one_back(&self, now: Tick) -> bool {
        self.queue.least().is_some_and(|(rank, _)| rank.major() <= now.0)
    }

    /// How many are healthy and spent.
    pub(crate) fn spent(&self) -> usize {
        self.spent.len()
    }

    /// When the next resource that the run admits is back from a cooldown or has quota again.
    ///
    /// One that is back already and is yet to be found so counts if it has room; without room it
    /// is saturated, and nobody knows until when.
    pub(crate) fn next_recovery(
        &self,
        wish: &Wish,
        roster: &Roster,
        now: Instant,
    ) -> Option<Instant> {
        let filters = wish.filters();
        let back_at = |slot: &Slot| match wish.costs() {
            costs if costs.are_stated() => slot.back_for(costs, now),
            _ => slot.back_at(),
        };
        let helps = |slot: &Slot| {
            let back = back_at(slot);
            back.is_some()
                && (!filters || wish.admits(slot))
                && (slot.has_room() || back > Some(now))
        };
        let of_all = || roster.members().filter(|slot| helps(slot)).filter_map(back_at).min();
        if wish.costs().are_stated() {
            return of_all();
        }
        let (rank, first) = self.queue.least_where(|item| helps(&roster[item]))?;
        let back = back_at(&roster[first])?;
        // Where a quota outlasts what it is looked at for first, another may be back before it.
        if self.epoch.tick(back).0 == rank.major() { Some(back) } else { of_all() }
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
