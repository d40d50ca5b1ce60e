//! Affinity: runs with the same key go to the same resource, as far as it is eligible and not overloaded.
//!
//! Rendezvous hashing (Thaler and Ravishankar, 1998), weighted by `-w / ln h` (Schindelhauer and
//! Schomaker, 2005): every resource scores every key, the highest score wins, so a change of
//! membership moves only the keys that it must. Bounded load (Mirrokni, Thorup, Zadimoghaddam, 2018): a
//! resource that has 1.25 times its fair share in flight is passed over for the next score, for this
//! call alone. While little is in flight a share is less than one call, and passing over by it would be
//! noise: so it has to have a few more in flight than the least loaded one besides.
//!
//! A keyed pick scores all eligible resources: O(n).

use super::bag::Bag;
use crate::member::fingerprint::mix;
use crate::member::roster::Roster;
use crate::member::slot::Slot;

/// How far above its fair share of the load a resource is still taken.
const BALANCE: f64 = 1.25;
/// How many more than the least loaded, by its weight, it has in flight at least before a key leaves home.
const FLOOR: f64 = 4.0;

pub(super) fn pick(
    key: u64,
    bag: &Bag,
    roster: &Roster,
    admits: impl Fn(usize) -> bool,
) -> Option<usize> {
    let eligible = || bag.items().filter(|&item| admits(item)).map(|item| (item, &roster[item]));
    let nothing = (1.0, 0.0, f64::INFINITY);
    let (load, weight, least) = eligible().fold(nothing, |(load, weight, least), (_, slot)| {
        let in_flight = f64::from(slot.in_flight());
        (load + in_flight, weight + slot.weight(), least.min(in_flight / slot.weight()))
    });
    let within_bounds = |slot: &Slot| {
        let in_flight = f64::from(slot.in_flight());
        in_flight < BALANCE * load * slot.weight() / weight
            || in_flight < FLOOR + least * slot.weight()
    };
    // The least loaded one is.
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
    -slot.weight() / unit(bits).ln()
}

/// Evenly from 0 to 1, both excluded: a half more than 52 bits fits into a float's 53.
fn unit(bits: u64) -> f64 {
    ((bits >> 12) as f64 + 0.5) / (1_u64 << 52) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_hash_is_zero_or_one() {
        for bits in [0, 1, u64::MAX - 1, u64::MAX] {
            assert!(0.0 < unit(bits) && unit(bits) < 1.0, "{bits}");
        }
    }
}
