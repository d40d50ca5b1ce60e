//! Random model tests: the breaker and the limiter of core against naive references, which were written
//! from what the documentation promises. Both play the same commands and must answer the same.
//!
//! `ROTAPOOL_MODEL_SEED` sets the seed of the first episode, `ROTAPOOL_MODEL_EPISODES` how many there are.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to count from")]

mod breaker;
mod every;
mod laws;
mod limiter;

const EPISODES: u64 = 400;
const COMMANDS: u32 = 200;

/// Plays many episodes, each with a seed of its own, which is told when one fails.
fn episodes(mut play: impl FnMut(&mut fastrand::Rng)) {
    let number_from = |variable: &str, otherwise: u64| match std::env::var(variable) {
        Ok(text) => text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")),
        Err(_) => otherwise,
    };
    let first = number_from("ROTAPOOL_MODEL_SEED", 1);
    for seed in first..first + number_from("ROTAPOOL_MODEL_EPISODES", EPISODES) {
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
