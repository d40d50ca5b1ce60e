//! A random model test: core against a naive reference that was written from the contract.
//!
//! Each episode makes a small pool under random rules and plays random commands on both. After
//! every command both must have given the same answers, and core must have kept its invariants.
//!
//! `ROTAPOOL_MODEL_COMMANDS` sets how many commands are played in all, and `ROTAPOOL_MODEL_SEED` the
//! seed of the first episode: to play again an episode that failed, give its seed.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to count from")]

mod commands;
mod corners;
mod episode;
mod invariants;
mod observed;
mod reference;

use crate::commands::{Command, Temper};
use crate::corners::Corners;
use crate::episode::{Doing, Episode};

const COMMANDS: u64 = 100_000;
const COMMANDS_PER_EPISODE: u64 = 300;
const COMMANDS_TOLD_ON_FAILURE: usize = 20;

#[test]
fn core_and_the_naive_reference_agree_after_every_random_command() {
    let commands = number_from("ROTAPOOL_MODEL_COMMANDS").unwrap_or(COMMANDS);
    let first_seed = number_from("ROTAPOOL_MODEL_SEED").unwrap_or(1);
    let mut corners = Corners::default();
    for number in 0..commands.div_ceil(COMMANDS_PER_EPISODE) {
        play_an_episode(number, first_seed + number, &mut corners);
    }
    if commands >= COMMANDS {
        corners.assert_all_reached();
    }
}

fn play_an_episode(number: u64, seed: u64, corners: &mut Corners) {
    let mut random = fastrand::Rng::with_seed(seed);
    let temper = Temper::random(&mut random);
    let mut episode = Episode::new(&temper);
    let mut story = Story { episode: number, seed, told: Vec::new() };
    for founder in 0..temper.founders {
        let command = story.tell(temper.founder(&mut random, founder));
        episode.play(command, corners);
    }
    for _ in 0..COMMANDS_PER_EPISODE {
        let command = story.tell(temper.command(&mut random, &episode));
        episode.play(command, corners);
    }
    for run in episode.runs_that(|doing, _| *doing != Doing::Over) {
        episode.play(story.tell(Command::Cancel { run }), corners);
    }
    episode.end();
}

/// The commands of an episode. It tells how it came to that when the test panics, here or in core.
struct Story {
    episode: u64,
    seed: u64,
    told: Vec<Command>,
}

impl Story {
    fn tell(&mut self, command: Command) -> &Command {
        self.told.push(command);
        &self.told[self.told.len() - 1]
    }
}

impl Drop for Story {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let Self { episode, seed, told } = self;
            eprintln!("episode {episode}, seed {seed}, failed at command {}:", told.len());
            let first = told.len().saturating_sub(COMMANDS_TOLD_ON_FAILURE);
            for (number, command) in told.iter().enumerate().skip(first) {
                eprintln!("  {}: {command:?}", number + 1);
            }
        }
    }
}

fn number_from(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is not a number: {text}")))
}
