//! When requests arrive: an open loop, which waits for nobody.

use std::time::Duration;

use fastrand::Rng;

use crate::profile::{LASTS, Profile};

/// When the requests arrive, the same for the same seed: independent of each other, as those of many
/// users are (a Poisson process).
pub(crate) fn arrivals(profile: &Profile, seed: u64) -> Vec<Duration> {
    let mut chance = Rng::with_seed(seed);
    let mut at = Duration::ZERO;
    std::iter::from_fn(|| {
        at += Duration::from_secs_f64(-(1.0 - chance.f64()).ln() / profile.rate);
        Some(at)
    })
    .take_while(|at| *at < LASTS)
    .collect()
}
