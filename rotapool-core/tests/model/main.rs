//! A random model test: core against a naive reference that was written from the contract.
//!
//! Each episode makes a small pool under random rules and plays random commands on both. After
//! every command both must have given the same answers, and core must have kept its invariants.
//! Where a strategy draws, the reference is told whom core took and says whether it could.
//!
//! The fuzzer (`proof/fuzz/fuzz_targets/commands`) plays commands on the same two by coverage; this is what of
//! it runs in plain `cargo test`. `tests/explore` goes through every interleaving of a small pool.
//!
//! `ROTAPOOL_MODEL_COMMANDS` sets how many commands are played under each of the two rule sets, and `ROTAPOOL_MODEL_SEED` the
//! seed of the first episode. To play an episode that failed alone, give its seed and 1 command; if callers hold in it,
//! `ROTAPOOL_MODEL_HOLDS=1` too.
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to count from")]

mod commands;
mod temper;
mod traits;
#[path = "../twice/mod.rs"]
#[allow(dead_code, reason = "shared with the exploration and the fuzzer, which use more of it")]
mod twice;

use rotapool_core::{Config, Rules};

use crate::temper::Temper;
use crate::twice::command::Command;
use crate::twice::corners::Corners;
use crate::twice::episode::{Doing, Episode};

const COMMANDS: u64 = 130_000;
const COMMANDS_PER_EPISODE: u64 = 300;
const COMMANDS_TOLD_ON_FAILURE: usize = 20;

#[test]
fn core_and_the_naive_reference_agree_after_every_random_command_by_our_rules() {
    play(Rules::OURS);
}

#[test]
fn core_and_the_naive_reference_agree_after_every_random_command_by_the_recorded_rules() {
    play(Rules::RECORDED);
}

fn play(rules: Rules) {
    let commands = number_from("ROTAPOOL_MODEL_COMMANDS").unwrap_or(COMMANDS);
    let first_seed = number_from("ROTAPOOL_MODEL_SEED").unwrap_or(1);
    let mut corners = Corners::default();
    let episodes = commands.div_ceil(COMMANDS_PER_EPISODE);
    // A quarter more, in which callers hold what they get.
    for number in 0..episodes + episodes / 4 {
        let holds = number >= episodes || number_from("ROTAPOOL_MODEL_HOLDS").is_some();
        play_an_episode(rules, number, first_seed.wrapping_add(number), holds, &mut corners);
    }
    if commands >= COMMANDS {
        corners.assert_all_reached(rules);
    }
}

fn play_an_episode(rules: Rules, number: u64, seed: u64, holds: bool, corners: &mut Corners) {
    let mut random = fastrand::Rng::with_seed(seed);
    let temper = Temper::random(&mut random, rules, holds);
    let mut episode = Episode::new(&temper.rules);
    let config = temper.rules.clone();
    let mut story = Story { episode: number, seed, config, told: Vec::new() };
    for command in Command::found(&temper, &mut random) {
        episode.play(story.tell(command), corners);
    }
    for _ in 0..COMMANDS_PER_EPISODE * temper.length() {
        let command = Command::random(&temper, &mut random, &episode);
        episode.play(story.tell(command), corners);
    }
    for run in episode.runs_that(|doing| doing != Doing::Over) {
        episode.play(story.tell(Command::Cancel { run }), corners);
    }
    episode.end();
}

/// The commands of an episode. It tells how it came to that when the test panics, here or in core.
struct Story {
    episode: u64,
    seed: u64,
    config: Config,
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
            let Self { episode, seed, config, told } = self;
            eprintln!("episode {episode}, seed {seed}, failed at command {}:", told.len());
            eprintln!("  {config:?}");
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
