//! Weighted: shares in proportion to the weights, exact and smooth, among what is eligible.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng, 1996) with picks for packets: see [`turns`](super::turns).
//! Runs take turns with runs that are made alike, so that each kind is shared exactly, whatever the others do:
//! - a run that asks for nothing takes the turns of the pool;
//! - runs that filter alike, by what they admit and keep out, take turns of their own. Those of the 16 kinds
//!   that came last are remembered; a new kind goes on from the one that is most like it;
//! - a retry is drawn by weight and takes nobody's turn: what failed before it is no part of any share.
//!
//! A pick in turn costs O(log n), a draw O(1) on average unless few or light ones are admitted, and a
//! filtered pick O(n).

use super::bag::below;
use super::rank::Rank;
use super::tournament::Tournament;
use super::turns::Turns;
use super::wish::{Wish, part};
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
    /// Members from this position on have not been judged, if its runs judge.
    judged_until: Option<u64>,
    /// Of all members that it admits.
    turns: Turns,
}

impl Kind {
    /// Whether a run is of this kind, but for the members that have joined since.
    fn has_grown_to(&self, wish: &Wish) -> bool {
        self.judged_until.is_some_and(|position| wish.alike_before(position) == Some(self.alike))
    }

    /// How far ahead an item is halfway through its next pick.
    fn halfway(&self, item: usize, roster: &Roster) -> f64 {
        self.turns.halfway(item, &roster[item])
    }
}

impl Weighted {
    /// The rank of an eligible item.
    #[inline]
    pub(super) fn rank(&mut self, item: usize, slot: &Slot) -> Rank {
        self.heaviest = self.heaviest.max(slot.weight());
        rank(self.turns.resume(item, slot) + 0.5 / slot.weight(), slot)
    }

    /// The item is not eligible for the time being.
    pub(super) fn suspend(&mut self, item: usize) {
        self.turns.suspend(item);
    }

    /// The item has another weight: it keeps its turn, and takes more or fewer from here on.
    pub(super) fn reweigh(&mut self, item: usize, slot: &Slot) {
        self.turns.reweigh(item, slot);
        self.kinds.iter_mut().for_each(|kind| kind.turns.reweigh(item, slot));
    }

    /// The item has left the pool: whoever has this number next starts afresh.
    pub(super) fn forget(&mut self, item: usize) {
        self.turns.forget(item);
        for kind in &mut self.kinds {
            let position = kind.turns.forget(item).filter(|_| kind.judged_until.is_some());
            kind.alike ^= position.map_or(0, part);
        }
        self.kinds.retain(|kind| kind.turns.len() > 0);
    }

    /// The next in turn of a kind of filtered runs. The first of a kind that is like no other is drawn.
    pub(super) fn find_alike(
        &self,
        wish: &Wish,
        roster: &Roster,
        tournament: &Tournament,
        chance: &mut impl FnMut() -> f64,
        admits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let known = self.kind_of(wish).map(|place| &self.kinds[place]);
        let Some(kind) = known.or_else(|| self.kind_like(wish, roster, tournament)) else {
            return self.draw(roster, tournament, chance, admits);
        };
        let mut first: Option<(Rank, usize)> = None;
        for item in tournament.items() {
            // Looked at and asked are only the few that come before all that went before.
            let halfway = kind.halfway(item, roster);
            if first.is_none_or(|(first, _)| ordered(halfway) <= first.major()) {
                let rank = rank(halfway, &roster[item]);
                if first.is_none_or(|(first, _)| rank < first) && admits(item) {
                    first = Some((rank, item));
                }
            }
        }
        first.map(|(_, item)| item)
    }

    /// The place of the kind that a run is of.
    fn kind_of(&self, wish: &Wish) -> Option<usize> {
        let same = self.kinds.iter().rposition(|kind| kind.alike == wish.alike());
        same.or_else(|| self.kinds.iter().rposition(|kind| kind.has_grown_to(wish)))
    }

    /// Of the kinds that may use any that a run may use now, the one that may use the most of those and the
    /// fewest others, and the latest of several.
    fn kind_like(&self, wish: &Wish, roster: &Roster, tournament: &Tournament) -> Option<&Kind> {
        let admitted: Vec<usize> =
            tournament.items().filter(|&item| wish.admits(&roster[item])).collect();
        let common = |kind: &&Kind| admitted.iter().filter(|&&item| kind.turns.knows(item)).count();
        let like = self.kinds.iter().rev().filter(|kind| common(kind) > 0);
        // The same order as by how many are in one of the two alone: all are compared with the same.
        like.min_by_key(|kind| kind.turns.len() as i64 - 2 * common(kind) as i64)
    }

    /// The next in turn; where that cannot be paid, one is drawn.
    pub(super) fn find_payable(
        &self,
        roster: &Roster,
        tournament: &Tournament,
        chance: &mut impl FnMut() -> f64,
        can_pay: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        let first = tournament.least().map(|(_, item)| item).filter(|&item| can_pay(item));
        first.or_else(|| self.draw(roster, tournament, chance, can_pay))
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
    #[inline(never)]
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
        if wish.costs().are_stated() && tournament.least().is_none_or(|(_, first)| first != item) {
            return;
        }
        // Nobody was passed over: a run that asks for nothing may have the first, whoever that is.
        self.turns.take(item);
        if let Some(by) = self.turns.rebase() {
            tournament.rerank(|rank| Rank::new(ordered(float(rank.major()) - by), rank.minor()));
        }
    }

    #[cold]
    fn picked_alike(&mut self, item: usize, wish: &Wish, roster: &Roster, tournament: &Tournament) {
        let (mut kind, was_drawn) = self.take_kind(wish, roster, tournament);
        let picked = rank(kind.halfway(item, roster), &roster[item]);
        // Who would have come before but may not be picked just now is away.
        let is_passed = |other: usize, halfway: f64| {
            !was_drawn
                && ordered(halfway) <= picked.major()
                && rank(halfway, &roster[other]) < picked
        };
        kind.turns.sort_out(|other, halfway| tournament.holds(other) && !is_passed(other, halfway));
        kind.turns.take(item);
        kind.turns.rebase();
        self.kinds.push(kind);
        if self.kinds.len() > KINDS {
            self.kinds.remove(0);
        }
    }

    /// Takes out the kind of a run, which knows all that the run admits and that can be picked; and whether its
    /// first was drawn.
    fn take_kind(&mut self, wish: &Wish, roster: &Roster, tournament: &Tournament) -> (Kind, bool) {
        let (alike, judged_until) = (wish.alike(), wish.judged_until());
        let known = match self.kind_of(wish) {
            Some(place) => Some(self.kinds.remove(place)),
            None => self.kind_like(wish, roster, tournament).cloned(),
        };
        let was_drawn = known.is_none();
        let mut kind =
            known.unwrap_or_else(|| Kind { alike, judged_until, turns: Turns::default() });
        // Whoever judges alike admits the same; whoever keeps out alike admits who has joined since.
        if was_drawn || kind.alike != alike {
            kind.turns.retain(|item| wish.admits(&roster[item]));
            for (item, slot) in roster.keys().filter(|(_, slot)| wish.admits(slot)) {
                kind.turns.meet(item, slot);
            }
        } else if judged_until.is_none() {
            // Those that cannot be picked now, too: they tell which kinds are alike.
            for (item, slot) in roster.keys() {
                if !kind.turns.knows(item) && wish.admits(slot) {
                    kind.turns.meet(item, slot);
                }
            }
        }
        (Kind { alike, judged_until, turns: kind.turns }, was_drawn)
    }
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
    use crate::time::Epoch;

    /// Three of weight 1, of which all are eligible.
    fn three() -> (Weighted, Roster, Tournament) {
        let (mut weighted, mut roster) = (Weighted::default(), Roster::default());
        let mut tournament = Tournament::new();
        for id in ["a", "b", "c"] {
            let now = std::time::Instant::now();
            let item = roster.join(Profile::new(id), &[], Epoch::new(now), now).unwrap();
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
            let mut pick = |is_here: bool| {
                // What keeps a run that filters from one is its own; what keeps all runs from it is the index.
                match is_here || wish.filters() {
                    true => tournament.set(0, weighted.rank(0, &roster[0])),
                    false => {
                        tournament.remove(0);
                        weighted.suspend(0);
                    }
                }
                let admits = |item: usize| is_here || item != 0;
                let item = match wish.filters() {
                    true => weighted.find_alike(&wish, &roster, &tournament, &mut || 0.5, admits),
                    false => tournament.least().map(|(_, item)| item),
                };
                let item = item.unwrap();
                weighted.picked(item, &wish, &roster, &mut tournament);
                tournament.set(item, weighted.rank(item, &roster[item]));
                item
            };
            let without: Vec<_> = (0..1000).map(|_| pick(false)).collect();
            assert_eq!(without.iter().filter(|&&item| item == 1).count(), 500);
            let order: Vec<_> = (0..9).map(|_| pick(true)).collect();
            let had = order.iter().filter(|&&item| item == 0).count();
            assert!((3..=4).contains(&had), "{order:?}");
        }
    }
}
