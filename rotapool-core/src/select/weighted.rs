//! Weighted: shares in proportion to the weights, exact and smooth, among what is eligible.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng, 1996) with picks for packets: see [`turns`](super::turns).
//! Runs take turns with runs that are made alike, so that each kind is shared exactly, whatever the others do:
//! - a run that asks for nothing takes the turns of the pool;
//! - runs that filter alike, by what they admit and keep out, take turns of their own. Those of the 16 kinds
//!   that came last are remembered; a new kind goes on where others left its resources;
//! - a retry is drawn by weight and takes nobody's turn: what failed before it is no part of any share.
//!
//! A pick in turn costs O(log n), a draw O(1) on average unless few or light ones are admitted, and a
//! filtered pick O(n).

use std::cell::RefCell;

use super::bag::below;
use super::rank::Rank;
use super::tournament::Tournament;
use super::turns::Turns;
use super::wish::Wish;
use crate::member::roster::Roster;
use crate::member::slot::Slot;

/// How many kinds of filtered runs have turns of their own.
const KINDS: usize = 16;
/// Draws in the hope of an item that is taken, before all that are admitted are listed.
const HOPES: usize = 32;

#[derive(Debug, Default, Clone)]
pub(super) struct Weighted {
    turns: Turns,
    /// The kinds of filtered runs, the latest last.
    kinds: Vec<Kind>,
    /// The greatest weight that there has been.
    heaviest: f64,
}

#[derive(Debug, Clone)]
struct Kind {
    alike: u64,
    turns: Turns,
}

impl Weighted {
    /// The rank of an eligible item.
    pub(super) fn rank(&mut self, item: usize, slot: &Slot) -> Rank {
        self.heaviest = self.heaviest.max(slot.weight());
        rank(self.turns.resume(item, slot.weight()) + 0.5 / slot.weight(), slot)
    }

    /// The item is not eligible for the time being.
    pub(super) fn suspend(&mut self, item: usize) {
        self.turns.suspend(item);
    }

    /// The item has left the pool: whoever has this number next starts afresh.
    pub(super) fn forget(&mut self, item: usize) {
        self.turns.forget(item);
        self.kinds.iter_mut().for_each(|kind| kind.turns.forget(item));
    }

    /// The next in turn of a kind of filtered runs.
    pub(super) fn find_alike(
        &self,
        wish: &Wish,
        roster: &Roster,
        tournament: &Tournament,
        admits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let kind = self.kinds.iter().find(|kind| kind.alike == wish.alike());
        let admitted = tournament.items().filter(|&item| admits(item));
        admitted.min_by_key(|&item| self.rank_alike(kind, item, &roster[item]))
    }

    /// The rank of an item for a kind, which may be a new one.
    fn rank_alike(&self, kind: Option<&Kind>, item: usize, slot: &Slot) -> Rank {
        let lag = kind.and_then(|kind| kind.turns.lag(item));
        rank(lag.unwrap_or_else(|| self.lag_elsewhere(item)) + 0.5 / slot.weight(), slot)
    }

    /// How far an item was ahead of its turn where it was seen last.
    fn lag_elsewhere(&self, item: usize) -> f64 {
        self.kinds.iter().rev().find_map(|kind| kind.turns.lag(item)).unwrap_or(0.0)
    }

    /// One that is admitted, with a chance in proportion to its weight.
    pub(super) fn draw(
        &self,
        roster: &Roster,
        tournament: &Tournament,
        chance: &mut impl FnMut() -> f64,
        admits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        for _ in 0..HOPES {
            let item = below(tournament.bound(), chance)?;
            if tournament.holds(item)
                && chance() * self.heaviest < roster[item].weight()
                && admits(item)
            {
                return Some(item);
            }
        }
        let admitted: Vec<usize> = tournament.items().filter(|&item| admits(item)).collect();
        let whole: f64 = admitted.iter().map(|&item| roster[item].weight()).sum();
        let mut left = chance() * whole;
        let drawn = admitted.iter().find(|&&item| {
            left -= roster[item].weight();
            left < 0.0
        });
        drawn.or(admitted.last()).copied()
    }

    /// An eligible item was picked.
    pub(super) fn picked(
        &mut self,
        item: usize,
        wish: &Wish,
        roster: &Roster,
        tournament: &mut Tournament,
    ) {
        if wish.has_tried_any() {
            return;
        }
        if wish.filters() {
            return self.picked_alike(item, wish, roster, tournament);
        }
        // Who would have come before but may not be picked just now is away.
        let passed = RefCell::default();
        tournament.least_where(|other| other == item || pass(&passed, other));
        let passed = passed.take();
        passed.iter().for_each(|&other| self.turns.suspend(other));
        self.turns.take(item);
        for other in passed {
            tournament.set(other, self.rank(other, &roster[other]));
        }
        if let Some(by) = self.turns.rebase() {
            tournament.rerank(|rank| Rank::new(ordered(float(rank.major()) - by), rank.minor()));
        }
    }

    fn picked_alike(&mut self, item: usize, wish: &Wish, roster: &Roster, tournament: &Tournament) {
        let alike = wish.alike();
        let mut kind = match self.kinds.iter().position(|kind| kind.alike == alike) {
            Some(place) => self.kinds.remove(place),
            None => Kind { alike, turns: Turns::default() },
        };
        let picked = self.rank_alike(Some(&kind), item, &roster[item]);
        kind.turns.suspend_unless(|item| tournament.holds(item));
        for item in tournament.items().filter(|&item| wish.admits(&roster[item])) {
            let (slot, lag) = (&roster[item], kind.turns.lag(item));
            // Who would have come before but may not be picked just now is away.
            if self.rank_alike(Some(&kind), item, slot) < picked {
                kind.turns.suspend(item);
            } else if lag.is_some() {
                kind.turns.resume(item, slot.weight());
            } else {
                kind.turns.enter(item, slot.weight(), self.lag_elsewhere(item));
            }
        }
        kind.turns.take(item);
        kind.turns.rebase();
        self.kinds.push(kind);
        if self.kinds.len() > KINDS {
            self.kinds.remove(0);
        }
    }
}

fn pass(passed: &RefCell<Vec<usize>>, item: usize) -> bool {
    passed.borrow_mut().push(item);
    false
}

/// By halfway through the next pick, in virtual time. Ties go to the fewest in flight, then to pool order.
fn rank(halfway: f64, slot: &Slot) -> Rank {
    Rank::new(ordered(halfway), u64::from(slot.in_flight()) << 32 | slot.position() & 0xffff_ffff)
}

const SIGN: u64 = 1 << 63;

/// A whole number that is to others as the float is to theirs.
fn ordered(float: f64) -> u64 {
    let bits = float.to_bits();
    if bits & SIGN == 0 { bits | SIGN } else { !bits }
}

/// The float of an [`ordered`] number.
fn float(ordered: u64) -> f64 {
    f64::from_bits(if ordered & SIGN == 0 { !ordered } else { ordered & !SIGN })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::profile::Profile;
    use crate::select::wish::Preferences;

    /// Three of weight 1, of which all are eligible.
    fn three() -> (Weighted, Roster, Tournament) {
        let (mut weighted, mut roster) = (Weighted::default(), Roster::default());
        let mut tournament = Tournament::new();
        for id in ["a", "b", "c"] {
            let item = roster.join(Profile::new(id)).unwrap();
            tournament.set(item, weighted.rank(item, &roster[item]));
        }
        (weighted, roster, tournament)
    }

    #[test]
    fn floats_and_their_numbers_are_in_the_same_order() {
        let floats = [f64::MIN, -1.5, -1.0, -1e-300, 0.0, 1e-300, 1.0, 1.5, f64::MAX];
        assert!(floats.is_sorted_by_key(|&it| ordered(it)));
        assert_eq!(floats.map(|it| float(ordered(it))), floats);
    }

    #[test]
    fn whoever_could_not_be_picked_for_long_does_not_get_all_that_it_missed() {
        let [plain, filtered] = [
            Preferences::default(),
            Preferences { exclude: vec!["x".into()], ..Preferences::default() },
        ];
        for wish in [plain, filtered].map(Wish::new) {
            let (mut weighted, roster, mut tournament) = three();
            let mut pick = |admits: fn(usize) -> bool| {
                let item = match wish.filters() {
                    true => weighted.find_alike(&wish, &roster, &tournament, admits),
                    false => tournament.least_where(admits).map(|(_, item)| item),
                };
                let item = item.unwrap();
                weighted.picked(item, &wish, &roster, &mut tournament);
                tournament.set(item, weighted.rank(item, &roster[item]));
                item
            };
            let without: Vec<_> = (0..1000).map(|_| pick(|item| item != 0)).collect();
            assert_eq!(without.iter().filter(|&&item| item == 1).count(), 500);
            let order: Vec<_> = (0..9).map(|_| pick(|_| true)).collect();
            assert_eq!(order.iter().filter(|&&item| item == 0).count(), 3, "{order:?}");
        }
    }
}
