//! A set of small integers to draw from: putting in, taking out and drawing are O(1).

const ABSENT: u32 = u32::MAX;
/// Pairs drawn in the hope that both are admitted, before all that are admitted are listed.
const HOPES: usize = 8;

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

    pub(crate) fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    pub(crate) fn items(&self) -> impl Iterator<Item = usize> {
        self.items.iter().map(|&item| item as usize)
    }

    pub(crate) fn insert(&mut self, item: usize) {
        if item >= self.places.len() {
            self.places.resize(item + 1, ABSENT);
        }
        if self.places[item] == ABSENT {
            self.places[item] = self.items.len() as u32;
            self.items.push(item as u32);
        }
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

/// A draw from 0 to `bound`, exclusive; even to within 2⁻⁵³ × `bound`.
fn below(bound: usize, chance: &mut impl FnMut() -> f64) -> Option<usize> {
    let last = bound.checked_sub(1)?;
    Some(((chance() * bound as f64) as usize).min(last))
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
}
