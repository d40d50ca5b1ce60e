//! Chance that can be repeated: every run of the example sees the same throws.

/// Throws a die with this many sides, numbered from 0; the same `throw` always falls the same way.
///
/// SplitMix64 (Steele, Lea and Flood, 2014): neighbouring throws have nothing in common.
pub(crate) fn roll(throw: u64, sides: u64) -> u64 {
    let mut bits = throw.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    (bits ^ (bits >> 31)) % sides
}
