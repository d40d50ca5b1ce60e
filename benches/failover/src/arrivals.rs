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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::profile;

    #[test]
    fn a_seed_is_a_load_at_the_rate_of_its_profile() {
        for profile in profile::ALL {
            assert_eq!(arrivals(profile, 1), arrivals(profile, 1));
            assert_ne!(arrivals(profile, 1), arrivals(profile, 2));
            let arrived: usize = (0..100).map(|seed| arrivals(profile, seed).len()).sum();
            let rate = arrived as f64 / 100.0 / LASTS.as_secs_f64();
            assert!((rate / profile.rate - 1.0).abs() < 0.02, "{rate} in {}", profile.name);
        }
    }
}
