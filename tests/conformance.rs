//! Plays recorded behaviour of the Python package in virtual time, and wants it exactly.
//!
//! `ROTAPOOL_SCENARIOS` names further files to play, separated by `:`. To see the count:
//! `cargo test --test conformance -- --nocapture`.

#[path = "conformance/scenario.rs"]
mod scenario;
#[path = "conformance/through_core.rs"]
mod through_core;
#[path = "conformance/through_pool.rs"]
mod through_pool;

use scenario::{File, Player, Scenario, play};
use through_core::ThroughCore;
use through_pool::ThroughPool;

fn scenarios() -> Vec<Scenario> {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/conformance/scenarios.json");
    let more = std::env::var("ROTAPOOL_SCENARIOS").unwrap_or_default();
    let paths = std::iter::once(ours).chain(more.split(':').filter(|path| !path.is_empty()));
    paths
        .flat_map(|path| {
            let text = std::fs::read_to_string(path)
                .unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
            let file: File = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{path} is not a scenario file: {error}"));
            assert_eq!(file.format, 1, "{path} has a format that this player does not know");
            file.scenarios
        })
        .collect()
}

fn play_all<P: Player>(label: &str) {
    let scenarios = scenarios();
    let failures: Vec<String> =
        scenarios.iter().filter_map(|scenario| play::<P>(scenario).err()).collect();
    for failure in &failures {
        println!("{failure}");
    }
    let played = scenarios.len() - failures.len();
    // On a line of its own, whatever the test runner has written before.
    println!("\n{label}: {played} of {} scenarios", scenarios.len());
    assert!(played > 0 && failures.is_empty(), "{} scenarios differ", failures.len());
}

#[test]
fn every_recorded_scenario_plays_exactly_through_the_pool() {
    play_all::<ThroughPool>("conformance");
}

#[test]
fn every_recorded_scenario_plays_exactly_through_core_without_async() {
    play_all::<ThroughCore>("conformance of core");
}
