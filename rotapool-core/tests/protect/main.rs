//! Random model tests: the breaker and the limiter of core against naive references, which were written
//! from what the documentation promises. Both play the same commands and must answer the same.
//!
//! `ROTAPOOL_MODEL_SEED` sets the seed of the first episode.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to count from")]

mod breaker;
mod limiter;

const EPISODES: u64 = 400;
const COMMANDS: u32 = 200;

/// Plays many episodes, each with a seed of its own, which is told when one fails.
fn episodes(mut play: impl FnMut(&mut fastrand::Rng)) {
    let first = std::env::var("ROTAPOOL_MODEL_SEED").map_or(1, |seed| seed.parse().unwrap());
    for seed in first..first + EPISODES {
        let told = Told(seed);
        play(&mut fastrand::Rng::with_seed(seed));
        std::mem::forget(told);
    }
}

struct Told(u64);

impl Drop for Told {
    fn drop(&mut self) {
        eprintln!("the episode of seed {} failed", self.0);
    }
}
