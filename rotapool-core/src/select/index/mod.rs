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
    /// The first of these instants.
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
        Self {
            eligible,
            beyond: Tournament::new(),
            queue: Tournament::new(),
            earliest: Tick::NEVER,
            epoch,
        }
    }

    /// Puts a member where its slot says that it belongs now.
    pub(crate) fn place(&mut self, item: usize, slot: &Slot) {
        match slot.standing() {
            Standing::CoolingDown { until, .. } => {
                self.suspend(item);
                self.beyond.remove(item);
                self.look_again(item, slot, Some(self.epoch.tick(*until)));
            }
            Standing::Healthy => {
                self.beyond.remove(item);
                self.look_again(item, slot, None);
                self.refresh(item, slot);
            }
            Standing::Disabled { .. } => {
                self.suspend(item);
                self.beyond.remove(item);
                self.look_again(item, slot, None);
            }
        }
    }

    /// Puts a member where it belongs now after a change that left its standing alone.
    #[inline(always)]
    pub(crate) fn refresh(&mut self, item: usize, slot: &Slot) {
        if !matches!(slot.standing(), Standing::Healthy) {
            return;
        }
        if slot.comeback().is_some() {
            return self.refresh_comeback(item, slot);
        }
        if !slot.has_room_at_full_strength() {
            return self.suspend(item);
        }
        self.admit(item, slot);
    }

    /// The same for one on trial or on a ramp.
    #[cold]
    fn refresh_comeback(&mut self, item: usize, slot: &Slot) {
        let (has_room, is_within_pace) = (slot.has_room(), slot.is_within_pace());
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
        self.look_again(item, slot, slot.comeback().and_then(Comeback::next_loss));
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
        self.suspend(item);
        if let Eligible::Ranked(Order::Weighted(weighted), _) = &mut self.eligible {
            weighted.forget(item);
        }
    }

    /// Takes a member out of the queue of instants, to be placed anew.
    pub(crate) fn dequeue(&mut self, item: usize) {
        self.queue.remove(item);
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

    fn look_at_the_queue(&mut self) {
        self.earliest = self.queue.least().map_or(Tick::NEVER, |(rank, _)| Tick(rank.major()));
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

    /// A resource to look at again by `now`.
    #[inline]
    pub(crate) fn due(&self, now: Tick) -> Option<usize> {
        if now < self.earliest {
            return None;
        }
        self.queue.least().map(|(_, item)| item)
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
            let ends = slot.standing().until();
            ends.is_some()
                && (!filters || wish.admits(slot))
                && (slot.has_room() || ends > Some(now))
        };
        self.queue.least_where(helps).and_then(|(_, item)| roster[item].standing().until())
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
