//! Affinity: runs with the same key go to the same resource, as far as it is eligible and not overloaded.
//!
//! Rendezvous hashing (Thaler and Ravishankar, 1998), weighted by `-w / ln h` (Schindelhauer and
//! Schomaker, 2005): every resource scores every key, the highest score wins, so a change of
//! membership moves only the keys that it must. Bounded load (Mirrokni, Thorup, Zadimoghaddam, 2018): a
//! resource that has 1.25 times its fair share in flight is passed over for the next score.
//!
//! A keyed pick scores all eligible resources: O(n).

use super::bag::Bag;
use crate::member::fingerprint::mix;
use crate::member::roster::Roster;
use crate::member::slot::Slot;

/// How far above its fair share of the load a resource is still taken.
const BALANCE: f64 = 1.25;

pub(super) fn pick(
    key: u64,
    bag: &Bag,
    roster: &Roster,
    admits: impl Fn(usize) -> bool,
) -> Option<usize> {
    let eligible = || bag.items().filter(|&item| admits(item)).map(|item| (item, &roster[item]));
    let (load, weight) = eligible().fold((1.0, 0.0), |(load, weight), (_, slot)| {
        (load + f64::from(slot.in_flight()), weight + slot.weight())
    });
    let within_bounds = |slot: &Slot| {
        let share = load * slot.weight() / weight;
        f64::from(slot.in_flight()) < BALANCE * share
    };
    // Not all of them can be above the mean of their load, so there always is one.
    eligible()
        .filter(|(_, slot)| within_bounds(slot))
        .map(|(item, slot)| (score(key, slot), slot.position(), item))
        .max_by(|a, b| a.0.total_cmp(&b.0).then(b.1.cmp(&a.1)))
        .map(|(_, _, item)| item)
}

/// The increment of SplitMix64.
const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

fn score(key: u64, slot: &Slot) -> f64 {
    // Mixed twice: a key that equals an id must not meet it at zero.
    let bits = mix(mix(key.wrapping_add(GAMMA)) ^ slot.fingerprint());
    // Evenly from 0 to 1, both excluded.
    let hash = ((bits >> 11) as f64 + 0.5) / (1_u64 << 53) as f64;
    -slot.weight() / hash.ln()
}
