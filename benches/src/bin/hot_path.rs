//! Runs a ready operation so many times, for callgrind to count the instructions:
//! `hot_path <strategy> <resources> <runs>`. Two counts of runs cancel out what setting up costs.

use std::process::ExitCode;

use rotapool_benches::pools::{STRATEGIES, healthy, run_ready};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((strategy, resources, runs)) = parse(&arguments) else {
        let names: Vec<&str> = STRATEGIES.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: hot_path <strategy> <resources> <runs>");
        eprintln!("strategies: {}", names.join(", "));
        return ExitCode::FAILURE;
    };
    let pool = healthy(strategy, resources);
    let sum = (0..runs).fold(0_usize, |sum, _| sum.wrapping_add(run_ready(&pool)));
    println!("{runs} runs on {resources} resources, checksum {sum}");
    ExitCode::SUCCESS
}

fn parse(arguments: &[String]) -> Option<(rotapool::Strategy, usize, u64)> {
    let [strategy, resources, runs] = arguments else { return None };
    let (_, strategy) = STRATEGIES.iter().find(|(name, _)| name == strategy)?;
    Some((*strategy, resources.parse().ok().filter(|&n| n > 0)?, runs.parse().ok()?))
}
