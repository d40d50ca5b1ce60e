//! An indexed priority queue: the least key first, and any item's key can be changed.
//!
//! A 4-ary heap in one vector, with a second vector that says where each item stands. Four children
//! a node keep it half as deep as a binary heap and a node's children in one or two cache lines
//! (D. B. Johnson, "Priority queues with update and finding minimum spanning trees", 1975).
//! Items are small integers: the indices of the slots.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::ops::Range;

const CHILDREN: usize = 4;
const ABSENT: u32 = u32::MAX;

#[derive(Debug, Clone)]
pub(crate) struct Heap<K> {
    entries: Vec<(K, u32)>,
    /// Where an item stands in `entries`, or `ABSENT`.
    places: Vec<u32>,
}

impl<K: Ord + Copy> Heap<K> {
    pub(crate) fn new() -> Self {
        Self { entries: Vec::new(), places: Vec::new() }
    }

    /// The item with the least key.
    #[inline]
    pub(crate) fn least(&self) -> Option<(K, usize)> {
        self.entries.first().map(|&(key, item)| (key, item as usize))
    }

    /// The item with the least key among those that are admitted.
    ///
    /// Best first from the root, so it looks at no more than the children of those it turns down:
    /// O(r log r) for `r` turned down.
    #[inline]
    pub(crate) fn least_where(&self, admits: impl Fn(usize) -> bool) -> Option<(K, usize)> {
        let (key, item) = self.least()?;
        if admits(item) {
            return Some((key, item));
        }
        let mut frontier = BinaryHeap::new();
        let open = |parent: usize, frontier: &mut BinaryHeap<Reverse<(K, usize)>>| {
            for child in self.children(parent) {
                frontier.push(Reverse((self.entries[child].0, child)));
            }
        };
        open(0, &mut frontier);
        while let Some(Reverse((key, place))) = frontier.pop() {
            let item = self.entries[place].1 as usize;
            if admits(item) {
                return Some((key, item));
            }
            open(place, &mut frontier);
        }
        None
    }

    /// Gives `item` this key, putting it in if it is absent.
    #[inline]
    pub(crate) fn set(&mut self, item: usize, key: K) {
        if item >= self.places.len() {
            self.places.resize(item + 1, ABSENT);
        }
        let entry = (key, item as u32);
        match self.places[item] {
            ABSENT => {
                self.entries.push(entry);
                self.rise(self.entries.len() - 1, entry);
            }
            place => self.sift(place as usize, entry),
        }
    }

    /// Takes `item` out, if it is there.
    pub(crate) fn remove(&mut self, item: usize) {
        let Some(&place) = self.places.get(item).filter(|&&place| place != ABSENT) else { return };
        self.places[item] = ABSENT;
        if let Some(last) = self.entries.pop() {
            if (place as usize) < self.entries.len() {
                self.sift(place as usize, last);
            }
        }
    }

    /// Finds the place for `entry` from a place that it takes over.
    #[inline]
    fn sift(&mut self, place: usize, entry: (K, u32)) {
        if entry.0 < self.entries[place].0 {
            self.rise(place, entry);
        } else {
            self.sink(place, entry);
        }
    }

    /// Moves up past parents with a greater key.
    #[inline]
    fn rise(&mut self, mut place: usize, entry: (K, u32)) {
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.entries[parent].0 <= entry.0 {
                break;
            }
            self.put(place, self.entries[parent]);
            place = parent;
        }
        self.put(place, entry);
    }

    /// Moves down past children with a lesser key.
    #[inline]
    fn sink(&mut self, mut place: usize, entry: (K, u32)) {
        loop {
            let children = self.children(place);
            let first = children.start;
            let Some((&candidate, rest)) = self.entries[children].split_first() else { break };
            let (mut least, mut at) = (candidate, first);
            for (&child, place) in rest.iter().zip(first + 1..) {
                if child.0 < least.0 {
                    (least, at) = (child, place);
                }
            }
            if entry.0 <= least.0 {
                break;
            }
            self.put(place, least);
            place = at;
        }
        self.put(place, entry);
    }

    #[inline]
    fn children(&self, place: usize) -> Range<usize> {
        let first = place * CHILDREN + 1;
        first.min(self.entries.len())..(first + CHILDREN).min(self.entries.len())
    }

    #[inline]
    fn put(&mut self, place: usize, entry: (K, u32)) {
        self.entries[place] = entry;
        self.places[entry.1 as usize] = place as u32;
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    #[test]
    fn it_agrees_with_a_sorted_map_under_random_commands() {
        let mut random = fastrand::Rng::with_seed(7);
        let mut heap = Heap::new();
        let mut model = BTreeMap::new();
        for _ in 0..200_000 {
            let item = random.usize(..64);
            if random.u8(..3) == 0 {
                heap.remove(item);
                model.remove(&item);
            } else {
                let key = (random.u8(..16), item);
                heap.set(item, key);
                model.insert(item, key);
            }
            let least = model.values().min().map(|&key| (key, key.1));
            assert_eq!(heap.least(), least);
            let even = model.values().filter(|key| key.1 % 2 == 0).min().map(|&key| (key, key.1));
            assert_eq!(heap.least_where(|item| item % 2 == 0), even);
            assert_eq!(heap.entries.len(), model.len());
        }
    }
}
