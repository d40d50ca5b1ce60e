//! The choice among those in the index, and how far a run may go for it.

use super::{Eligible, Index};
use crate::member::roster::Roster;
use crate::member::yardstick::Yardstick;
use crate::select::affinity;
use crate::select::draw::Draw;
use crate::select::order::Order;
use crate::select::wish::Wish;
use crate::time::Tick;

/// How far a pick may go.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reach {
    /// To what its run has tried already.
    pub(crate) tried: bool,
    /// Beyond the pace of a ramp. Rather than repeat itself a run goes there in any case.
    pub(crate) beyond_pace: bool,
}

impl Reach {
    /// To whatever is fresh.
    pub(crate) const RATHER_THAN_AGAIN: Self = Self { tried: false, beyond_pace: true };
}

/// What a pick came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Pick {
    Take(usize),
    /// The same of one that is out, to see whether it is.
    Probe(usize),
    /// Only what its run has tried can be had, and it may not go that far.
    OnlyTried,
    Nothing,
}

impl Index {
    /// The resource to use next.
    #[inline(always)]
    pub(crate) fn pick(
        &mut self,
        wish: &Wish,
        reach: Reach,
        roster: &Roster,
        yardstick: &Yardstick,
        now: Tick,
        chance: &mut impl FnMut() -> f64,
    ) -> Pick {
        let picked = match &self.eligible {
            Eligible::Ranked(_, tournament) if wish.is_empty() => {
                tournament.least().map(|(_, item)| item)
            }
            _ => self.find_fresh(wish, roster, yardstick, now, chance),
        };
        let Some(picked) = picked else { return self.pick_another(wish, reach, roster, now) };
        self.picked(picked, wish, roster);
        Pick::Take(picked)
    }

    /// This one was picked, by the strategy.
    #[inline(always)]
    pub(crate) fn picked(&mut self, picked: usize, wish: &Wish, roster: &Roster) {
        if let Eligible::Ranked(order, tournament) = &mut self.eligible {
            order.picked(picked, wish, roster, tournament);
        }
    }

    /// The strategy's choice for a second attempt beside the one on `first`: among the eligible that the run has not
    /// tried, and not the same resource, be it another membership, nor one of its group. As of a retry, by weight one is
    /// drawn, and nobody's turn is taken.
    pub(crate) fn find_beside(
        &self,
        first: usize,
        wish: &Wish,
        roster: &Roster,
        yardstick: &Yardstick,
        now: Tick,
        chance: &mut impl FnMut() -> f64,
    ) -> Option<usize> {
        let first = &roster[first];
        let pays = self.pays(wish, roster, now);
        let other = |item: usize| {
            let slot = &roster[item];
            slot.id() != first.id()
                && (slot.group().is_none() || slot.group() != first.group())
                && wish.admits(slot)
                && !wish.has_tried(slot)
                && pays(item)
        };
        if let Eligible::Ranked(Order::Weighted(weighted), tournament) = &self.eligible {
            return weighted.draw(roster, tournament, chance, other);
        }
        self.find(wish, roster, yardstick, now, chance, other)
    }

    /// Nothing fresh is within its pace.
    #[cold]
    fn pick_another(&self, wish: &Wish, reach: Reach, roster: &Roster, now: Tick) -> Pick {
        let fresh_beyond = || self.find_fresh_beyond(wish, roster, now).map(Pick::Take);
        if let Some(pick) = reach.beyond_pace.then(fresh_beyond).flatten() {
            return pick;
        }
        let pays = self.pays(wish, roster, now);
        let within =
            |item: usize| roster[item].is_eligible() && roster[item].is_within_pace() && pays(item);
        let again = self.find_tried(wish, roster, within).or_else(|| {
            let beyond =
                |item: usize| reach.beyond_pace && roster[item].is_eligible() && pays(item);
            self.find_tried(wish, roster, beyond)
        });
        match again {
            // What is fresh comes first, and be it beyond its pace.
            Some(item) if reach.tried => fresh_beyond().unwrap_or(Pick::Take(item)),
            Some(_) => Pick::OnlyTried,
            None => Pick::Nothing,
        }
    }

    /// Whether there is anything that the run has not tried, be it beyond its pace.
    pub(crate) fn has_fresh(
        &self,
        wish: &Wish,
        roster: &Roster,
        yardstick: &Yardstick,
        now: Tick,
    ) -> bool {
        self.find_fresh(wish, roster, yardstick, now, &mut || 0.0).is_some()
            || self.find_fresh_beyond(wish, roster, now).is_some()
    }

    /// The strategy's choice among the eligible that the run has not tried.
    pub(crate) fn find_fresh(
        &self,
        wish: &Wish,
        roster: &Roster,
        yardstick: &Yardstick,
        now: Tick,
        chance: &mut impl FnMut() -> f64,
    ) -> Option<usize> {
        if wish.is_empty() {
            return self.find(wish, roster, yardstick, now, chance, |_| true);
        }
        if wish.has_tried_all(roster.positions().end) {
            return None;
        }
        self.find(wish, roster, yardstick, now, chance, self.is_fresh(wish, roster, now))
    }

    /// The least busy that the run has not tried among those at their pace.
    pub(crate) fn find_fresh_beyond(
        &self,
        wish: &Wish,
        roster: &Roster,
        now: Tick,
    ) -> Option<usize> {
        self.beyond.least_where(self.is_fresh(wish, roster, now)).map(|(_, item)| item)
    }

    /// Whether the run admits a resource, has not tried it, and can pay for it.
    fn is_fresh<'a>(
        &self,
        wish: &'a Wish,
        roster: &'a Roster,
        now: Tick,
    ) -> impl Fn(usize) -> bool + use<'a> {
        let pays = self.pays(wish, roster, now);
        move |item| wish.admits(&roster[item]) && !wish.has_tried(&roster[item]) && pays(item)
    }

    /// Whether an eligible resource has the quota for what the run states as its cost.
    fn pays<'a>(
        &self,
        wish: &'a Wish,
        roster: &'a Roster,
        now: Tick,
    ) -> impl Fn(usize) -> bool + use<'a> {
        let costs = Some(wish.costs()).filter(|costs| costs.are_stated());
        let at = costs.map(|costs| (costs, self.epoch.instant(now)));
        move |item| at.is_none_or(|(costs, now)| roster[item].can_pay_at(costs, now))
    }

    /// The least recently tried of those that can be had.
    fn find_tried(
        &self,
        wish: &Wish,
        roster: &Roster,
        can_be_had: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let is_still = |&(position, item): &(u64, usize)| {
            let slot = roster.get(item);
            slot.is_some_and(|slot| slot.member && slot.position() == position && wish.admits(slot))
                && can_be_had(item)
        };
        wish.tried().find(is_still).map(|(_, item)| item)
    }

    /// The strategy's choice among those that are admitted.
    #[inline(never)]
    fn find(
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
}
