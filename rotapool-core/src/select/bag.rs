//! A set of small integers to draw from: putting in, taking out and drawing are O(1).

const ABSENT: u32 = u32::MAX;
/// Pairs drawn in the hope that both are admitted, before all that are admitted are listed.
const HOPES: usize = 8;
/// A list of so many is made without hoping.
const FEW: usize = 64;

#[derive(Debug, Clone)]
pub(crate) struct Bag {
    items: Vec<u32>,
    /// Where an item stands in `items`, or `ABSENT`.
    places: Vec<u32>,
}

impl Bag {
    pub(crate) fn new() -> Self {
        Self { items: Vec::new(), places: Vec::new() }
    }

    pub(crate) fn len(&self) -> usize {
        self.items.len()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = usize> {
        self.items.iter().map(|&item| item as usize)
    }

    #[inline]
    pub(crate) fn insert(&mut self, item: usize) {
        // Most that are put in are there already.
        if self.places.get(item).is_none_or(|&place| place == ABSENT) {
            self.put(item);
        }
    }

    #[cold]
    fn put(&mut self, item: usize) {
        if item >= self.places.len() {
            self.places.resize(item + 1, ABSENT);
        }
        self.places[item] = self.items.len() as u32;
        self.items.push(item as u32);
    }

    pub(crate) fn remove(&mut self, item: usize) {
        let Some(&place) = self.places.get(item).filter(|&&place| place != ABSENT) else { return };
        self.places[item] = ABSENT;
        self.items.swap_remove(place as usize);
        if let Some(&moved) = self.items.get(place as usize) {
            self.places[moved as usize] = place;
        }
    }

    /// Draws two distinct admitted items, every pair with the same chance; the same one twice if only
    /// one is admitted.
    ///
    /// Drawing until both are admitted keeps the pairs even; O(1) unless few are admitted.
    pub(crate) fn two(
        &self,
        chance: &mut impl FnMut() -> f64,
        admits: impl Fn(usize) -> bool,
    ) -> Option<(usize, usize)> {
        for _ in 0..HOPES {
            let (one, other) = pair(&self.items, chance)?;
            if admits(one) && admits(other) {
                return Some((one, other));
            }
        }
        self.two_of_all(chance, admits)
    }

    /// The same, but of a large bag it looks at a few only, and may miss who is admitted: O(1) in any case.
    pub(crate) fn two_by_luck(
        &self,
        chance: &mut impl FnMut() -> f64,
        admits: impl Fn(usize) -> bool,
    ) -> Option<(usize, usize)> {
        if self.items.len() <= FEW {
            return self.two_of_all(chance, admits);
        }
        let mut one = None;
        for _ in 0..2 * HOPES {
            let item = self.items[below(self.items.len(), chance)?] as usize;
            match one {
                Some(one) if one != item && admits(item) => return Some((one, item)),
                None if admits(item) => one = Some(item),
                _ => {}
            }
        }
        one.map(|one| (one, one))
    }

    fn two_of_all(
        &self,
        chance: &mut impl FnMut() -> f64,
        admits: impl Fn(usize) -> bool,
    ) -> Option<(usize, usize)> {
        let admitted: Vec<u32> =
            self.items.iter().copied().filter(|&item| admits(item as usize)).collect();
        pair(&admitted, chance)
    }
}

fn pair(items: &[u32], chance: &mut impl FnMut() -> f64) -> Option<(usize, usize)> {
    let one = below(items.len(), chance)?;
    let other = match below(items.len() - 1, chance) {
        None => one,
        // A draw among the others: skip the first one.
        Some(other) => other + usize::from(other >= one),
    };
    Some((items[one] as usize, items[other] as usize))
}

/// A draw from 0 to `bound`, exclusive; even to within 2⁻⁵³ × `bound`. Items are told apart by 32 bits, which turn into a
/// float and back in one instruction each.
pub(super) fn below(bound: usize, chance: &mut impl FnMut() -> f64) -> Option<usize> {
    let last = bound.checked_sub(1)?;
    let drawn = (chance() * f64::from(bound as u32)) as u32;
    Some((drawn as usize).min(last))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn it_agrees_with_a_sorted_set_under_random_commands() {
        let mut random = fastrand::Rng::with_seed(11);
        let (mut bag, mut model) = (Bag::new(), BTreeSet::new());
        for _ in 0..100_000 {
            let item = random.usize(..32);
            if random.bool() {
                bag.insert(item);
                model.insert(item);
            } else {
                bag.remove(item);
                model.remove(&item);
            }
            assert_eq!(bag.items().collect::<BTreeSet<_>>(), model);
            assert_eq!(bag.is_empty(), model.is_empty());
        }
    }

    #[test]
    fn every_pair_of_distinct_items_is_drawn_with_the_same_chance() {
        let mut random = fastrand::Rng::with_seed(5);
        let mut bag = Bag::new();
        (0..6).for_each(|item| bag.insert(item));
        // Without the item 5, twenty ordered pairs are left.
        let mut drawn = [[0_u32; 5]; 5];
        let draws = 200_000;
        for _ in 0..draws {
            let (one, other) = bag.two(&mut || random.f64(), |item| item != 5).unwrap();
            assert_ne!(one, other);
            drawn[one][other] += 1;
        }
        let expected = f64::from(draws) / 20.0;
        let pairs = (0..5).flat_map(|one| (0..5).map(move |other| (one, other)));
        let chi_square: f64 = pairs
            .filter(|(one, other)| one != other)
            .map(|(one, other)| (f64::from(drawn[one][other]) - expected).powi(2) / expected)
            .sum();
        // 19 degrees of freedom: 43.8 is passed once in a thousand.
        assert!(chi_square < 43.8, "{chi_square}");
    }

    #[test]
    fn a_single_admitted_item_is_drawn_twice() {
        let mut random = fastrand::Rng::with_seed(1);
        let mut bag = Bag::new();
        (0..100).for_each(|item| bag.insert(item));
        assert_eq!(bag.two(&mut || random.f64(), |item| item == 42), Some((42, 42)));
        assert_eq!(bag.two(&mut || random.f64(), |_| false), None);
    }

    #[test]
    fn by_luck_it_looks_at_few_of_many_and_at_all_of_few() {
        let mut random = fastrand::Rng::with_seed(1);
        for (items, most) in [(64, 64), (10_000, 16)] {
            let mut bag = Bag::new();
            (0..items).for_each(|item| bag.insert(item));
            let looked = std::cell::Cell::new(0);
            let count = |admits: bool| {
                looked.set(looked.get() + 1);
                admits
            };
            assert_eq!(bag.two_by_luck(&mut || random.f64(), |_| count(false)), None);
            assert_eq!(looked.get(), most, "of {items}");
            for _ in 0..100 {
                let pair = bag.two_by_luck(&mut || random.f64(), |item| item % 2 == 0);
                let (one, other) = pair.expect("half of them are admitted");
                assert!(one % 2 == 0 && other % 2 == 0 && one != other, "{one}, {other}");
            }
            let last = bag.two_by_luck(&mut || random.f64(), |item| item == items - 1);
            assert!(last == Some((items - 1, items - 1)) || items > 64);
        }
    }
}
