//! An indexed priority queue: the least key first, and any item's key can be changed.
//!
//! A 4-ary heap in one vector, with a second vector that says where each item stands. Four children
//! a node keep it half as deep as a binary heap and a node's children in one or two cache lines
//! (D. B. Johnson, "Priority queues with update and finding minimum spanning trees", 1975).
//! Items are small integers: the indices of the slots.

const CHILDREN: usize = 4;
const ABSENT: u32 = u32::MAX;

#[derive(Debug)]
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
    pub(crate) fn least(&self) -> Option<(K, usize)> {
        self.entries.first().map(|&(key, item)| (key, item as usize))
    }

    /// Gives `item` this key, putting it in if it is absent.
    pub(crate) fn set(&mut self, item: usize, key: K) {
        if item >= self.places.len() {
            self.places.resize(item + 1, ABSENT);
        }
        let place = match self.places[item] {
            ABSENT => {
                self.entries.push((key, item as u32));
                self.entries.len() - 1
            }
            place => place as usize,
        };
        self.sift(place, (key, item as u32));
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

    /// Finds the place for `entry`, starting at a place that is free for it.
    fn sift(&mut self, mut place: usize, entry: (K, u32)) {
        while place > 0 {
            let parent = (place - 1) / CHILDREN;
            if self.entries[parent].0 <= entry.0 {
                break;
            }
            self.put(place, self.entries[parent]);
            place = parent;
        }
        loop {
            let first = place * CHILDREN + 1;
            let children = first..(first + CHILDREN).min(self.entries.len());
            let Some(least) = children.min_by_key(|&child| self.entries[child].0) else { break };
            if entry.0 <= self.entries[least].0 {
                break;
            }
            self.put(place, self.entries[least]);
            place = least;
        }
        self.put(place, entry);
    }

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
            assert_eq!(heap.entries.len(), model.len());
        }
    }
}
