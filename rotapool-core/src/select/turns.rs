//! Turns by weight, in virtual time.
//!
//! An item of weight `w` takes `1/w` of virtual time a pick, and whoever would be halfway through its
//! next pick first is next. Halfway rather than at the end makes the sequence smooth: weights 5, 1, 1 give
//! `aaabcaa` and not `aaaaabc`. A pick among items of the weight `W` in all passes `1/W` of virtual time.
//! Time stands still for whoever is away: it comes back as far ahead of the present, or behind it, as it
//! left. So it neither makes up for what it missed nor loses the turn it had coming, and each pick owes
//! each item that was there `w/W` of a turn (the account of Fagin and Williams, 1983, for a carpool).

use crate::member::slot::Slot;

/// Virtual time is set back by this when it gets here: so a float tells the least step there is, of 1e-9 or so,
/// from another.
const LATE: f64 = 4096.0;

#[derive(Debug, Default, Clone)]
pub(super) struct Turns {
    /// By item, of those that have been seen.
    turns: Vec<Option<Turn>>,
    now: f64,
    /// The weight of those that are here, in parts: whole numbers, so that nothing is ever left over.
    whole: u64,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Turn {
    /// Its weight.
    parts: u64,
    position: u64,
    /// Where its next pick starts; of who is away, how far ahead of the present.
    at: f64,
    away: bool,
}

impl Turn {
    fn of_a_newcomer(slot: &Slot) -> Self {
        // To the next part, so that it is the same in the whole as by itself.
        let parts = (slot.weight() * PARTS).round() as u64;
        Self { parts, position: slot.position(), at: 0.0, away: true }
    }

    /// Of the virtual time that a pick takes.
    fn half(self) -> f64 {
        0.5 * PARTS / self.parts as f64
    }

    /// How far ahead of the present its next pick starts: less than zero if it is behind.
    fn lag(self, now: f64) -> f64 {
        if self.away { self.at } else { self.at - now }
    }
}

impl Turns {
    /// An item is here, perhaps again, or for the first time: where its next pick starts.
    pub(super) fn resume(&mut self, item: usize, slot: &Slot) -> f64 {
        if let Some(Some(Turn { at, away: false, .. })) = self.turns.get(item) {
            return *at;
        }
        let turn = self.meet(item, slot);
        if turn.away {
            let at = self.now + turn.at;
            self.turns[item] = Some(Turn { at, away: false, ..turn });
            self.whole = self.whole.wrapping_add(turn.parts);
            return at;
        }
        turn.at
    }

    /// An item may be here some day: its turn, which is away if it has not been seen.
    pub(super) fn meet(&mut self, item: usize, slot: &Slot) -> Turn {
        if let Some(turn) = self.turn(item) {
            return turn;
        }
        if item >= self.turns.len() {
            self.turns.resize(item + 1, None);
        }
        let turn = Turn::of_a_newcomer(slot);
        self.turns[item] = Some(turn);
        turn
    }

    pub(super) fn suspend(&mut self, item: usize) {
        if let Some(Some(turn @ Turn { away: false, .. })) = self.turns.get_mut(item) {
            *turn = Turn { at: turn.lag(self.now), away: true, ..*turn };
            self.whole = self.whole.wrapping_sub(turn.parts);
        }
    }

    /// An item that has been seen has another weight: it is as far ahead as it was.
    pub(super) fn reweigh(&mut self, item: usize, slot: &Slot) {
        if let Some(Some(turn)) = self.turns.get_mut(item) {
            let Turn { parts, .. } = Turn::of_a_newcomer(slot);
            if !turn.away {
                self.whole = self.whole.wrapping_sub(turn.parts).wrapping_add(parts);
            }
            turn.parts = parts;
        }
    }

    /// Forgets an item: its position, if it has been seen.
    pub(super) fn forget(&mut self, item: usize) -> Option<u64> {
        self.suspend(item);
        self.turns.get_mut(item)?.take().map(|turn| turn.position)
    }

    /// Forgets whoever is not to be kept.
    pub(super) fn retain(&mut self, keeps: impl Fn(usize) -> bool) {
        for item in 0..self.turns.len() {
            if self.turns[item].is_some() && !keeps(item) {
                self.forget(item);
            }
        }
    }

    /// How many have been seen.
    pub(super) fn len(&self) -> usize {
        self.turns.iter().flatten().count()
    }

    pub(super) fn knows(&self, item: usize) -> bool {
        self.turn(item).is_some()
    }

    /// Who of those that have been seen is here; it is told how far ahead each is halfway through its next pick.
    pub(super) fn sort_out(&mut self, is_here: impl Fn(usize, f64) -> bool) {
        for (item, turn) in self.turns.iter_mut().enumerate() {
            let Some(turn) = turn else { continue };
            let lag = turn.lag(self.now);
            match (turn.away, is_here(item, lag + turn.half())) {
                (true, true) => {
                    *turn = Turn { at: self.now + lag, away: false, ..*turn };
                    self.whole = self.whole.wrapping_add(turn.parts);
                }
                (false, false) => {
                    *turn = Turn { at: lag, away: true, ..*turn };
                    self.whole = self.whole.wrapping_sub(turn.parts);
                }
                _ => {}
            }
        }
    }

    /// How far ahead an item is halfway through its next pick.
    pub(super) fn halfway(&self, item: usize, slot: &Slot) -> f64 {
        let turn = self.turn(item).unwrap_or_else(|| Turn::of_a_newcomer(slot));
        turn.lag(self.now) + turn.half()
    }

    /// An item that is here was picked.
    pub(super) fn take(&mut self, item: usize) {
        if let Some(Some(turn)) = self.turns.get_mut(item) {
            turn.at += PARTS / turn.parts as f64;
            self.now += PARTS / self.whole as f64;
        }
    }

    /// Sets virtual time back when it is late: by how much, if so.
    pub(super) fn rebase(&mut self) -> Option<f64> {
        if self.now < LATE {
            return None;
        }
        self.now -= LATE;
        for turn in self.turns.iter_mut().flatten().filter(|turn| !turn.away) {
            turn.at -= LATE;
        }
        Some(LATE)
    }

    fn turn(&self, item: usize) -> Option<Turn> {
        self.turns.get(item).copied().flatten()
    }
}

/// The parts of a weight of 1.
const PARTS: f64 = (1_u64 << 30) as f64;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::profile::Profile;
    use crate::time::Epoch;

    fn slot(weight: f64) -> Slot {
        let mut profile = Profile::new("a");
        profile.weight = weight;
        let now = std::time::Instant::now();
        Slot::new(profile, 0, 0, &[], Epoch::new(now), now).unwrap()
    }

    #[test]
    fn who_has_not_been_seen_is_as_far_from_its_turn_as_when_it_has_just_been() {
        for weight in [0.005, 0.0009, 0.3, 1.0, 7.0] {
            let (mut turns, slot) = (Turns::default(), slot(weight));
            let unseen = turns.halfway(0, &slot);
            turns.meet(0, &slot);
            assert_eq!(turns.halfway(0, &slot).to_bits(), unseen.to_bits(), "weight {weight}");
            assert!((unseen * weight - 0.5).abs() < 1e-6, "weight {weight}: {unseen}");
        }
    }

    #[test]
    fn only_who_is_here_and_is_kept_counts() {
        let (mut turns, one) = (Turns::default(), slot(1.0));
        (0..3).for_each(|item| _ = turns.resume(item, &one));
        turns.suspend(1);
        turns.reweigh(0, &slot(2.0));
        turns.reweigh(1, &slot(4.0));
        assert_eq!(turns.whole as f64, 3.0 * PARTS);
        turns.resume(1, &one);
        assert_eq!(turns.whole as f64, 7.0 * PARTS);
        turns.retain(|item| item > 0);
        assert_eq!((turns.len(), turns.whole as f64), (2, 5.0 * PARTS));
        assert!(!turns.knows(0) && turns.knows(1));
    }

    #[test]
    fn late_time_is_set_back_for_those_that_are_here_by_as_much() {
        let (mut turns, one) = (Turns::default(), slot(1.0));
        (0..2).for_each(|item| _ = turns.resume(item, &one));
        turns.take(1);
        turns.suspend(1);
        let ahead = turns.halfway(1, &one);
        let here = turns.halfway(0, &one);
        turns.now += LATE;
        turns.turns[0] = turns.turns[0].map(|turn| Turn { at: turn.at + LATE, ..turn });
        assert_eq!(turns.rebase(), Some(LATE));
        assert!(turns.now < 1.0);
        assert_eq!((turns.halfway(0, &one), turns.halfway(1, &one)), (here, ahead));
        assert_eq!(turns.rebase(), None);
    }

    /// Picks among items that are all there.
    fn pick(turns: &mut Turns, slots: &[(usize, &Slot)]) -> usize {
        let mut first = (f64::INFINITY, 0);
        for &(item, slot) in slots {
            let halfway = turns.resume(item, slot) + 0.5 / slot.weight();
            if halfway < first.0 {
                first = (halfway, item);
            }
        }
        turns.take(first.1);
        turns.rebase();
        first.1
    }

    #[test]
    fn heavy_items_share_exactly_however_long_light_ones_were_picked_before() {
        let (light, heavy, third) = (slot(0.001), slot(9999.0), slot(3333.0));
        let mut turns = Turns::default();
        for _ in 0..4_000_000 {
            pick(&mut turns, &[(0, &light)]);
        }
        turns.suspend(0);
        let mut picks = [0_u32; 3];
        for _ in 0..40_000 {
            picks[pick(&mut turns, &[(1, &heavy), (2, &third)])] += 1;
        }
        assert_eq!(picks, [0, 30_000, 10_000]);
    }
}
