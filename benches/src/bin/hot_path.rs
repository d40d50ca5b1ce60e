//! Runs a ready operation so many times, for callgrind to count the instructions:
//! `hot_path <strategy> <resources> <runs>`. Two counts of runs cancel out what setting up costs.
//!
//! `protected` in the place of a strategy is the default one with a circuit breaker and two quotas a resource.

use std::process::ExitCode;

use rotapool::Pool;
use rotapool_benches::pools::{STRATEGIES, healthy, protected, run_ready};

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let Some((pool, runs)) = parse(&arguments) else {
        let names: Vec<&str> = STRATEGIES.iter().map(|(name, _)| *name).collect();
        eprintln!("usage: hot_path <strategy> <resources> <runs>");
        eprintln!("strategies: protected, {}", names.join(", "));
        return ExitCode::FAILURE;
    };
    let sum = (0..runs).fold(0_usize, |sum, _| sum.wrapping_add(run_ready(&pool)));
    println!("{runs} runs, checksum {sum}");
    ExitCode::SUCCESS
}

fn parse(arguments: &[String]) -> Option<(Pool<usize>, u64)> {
    let [strategy, resources, runs] = arguments else { return None };
    let (resources, runs) = (resources.parse().ok().filter(|&n| n > 0)?, runs.parse().ok()?);
    if strategy == "protected" {
        return Some((protected(resources), runs));
    }
    let (_, strategy) = STRATEGIES.iter().find(|(name, _)| name == strategy)?;
    Some((healthy(*strategy, resources), runs))
}
