//! Plays what the Python package kstlib.resilience 3.8.2 does with its breaker and its limiter, one caller at
//! a time, and wants it exactly.
//!
//! `ROTAPOOL_SEQUENCES` names further files to play, separated by `:`. To see the count:
//! `cargo test --test sequences -- --nocapture`.

#[path = "sequences/breaker.rs"]
mod breaker;
#[path = "sequences/limiter.rs"]
mod limiter;

use std::fmt::Debug;

use serde::Deserialize;

/// One recorded sequence.
#[derive(Debug, Deserialize)]
struct Sequence {
    name: String,
    #[serde(flatten)]
    of: Kind,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
enum Kind {
    Breaker(breaker::Recorded),
    Limiter(limiter::Recorded),
}

impl Sequence {
    /// Plays it, and tells where we differ.
    fn play(&self) -> Result<(), String> {
        let played = match &self.of {
            Kind::Breaker(recorded) => recorded.play(),
            Kind::Limiter(recorded) => recorded.play(),
        };
        played.map_err(|differs| format!("{}: {differs}", self.name))
    }
}

fn sequences() -> Vec<Sequence> {
    let ours = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/sequences/kstlib.json");
    let more = std::env::var("ROTAPOOL_SEQUENCES").unwrap_or_default();
    let paths = std::iter::once(ours).chain(more.split(':').filter(|path| !path.is_empty()));
    paths
        .flat_map(|path| {
            let text = std::fs::read_to_string(path)
                .unwrap_or_else(|error| panic!("cannot read {path}: {error}"));
            let sequences: Vec<Sequence> = serde_json::from_str(&text)
                .unwrap_or_else(|error| panic!("{path} is not a file of sequences: {error}"));
            sequences
        })
        .collect()
}

#[test]
fn every_recorded_sequence_plays_exactly() {
    let sequences = sequences();
    let failures: Vec<String> =
        sequences.iter().filter_map(|sequence| sequence.play().err()).collect();
    for failure in &failures {
        println!("{failure}");
    }
    let played = sequences.len() - failures.len();
    // On a line of its own, whatever the test runner has written before.
    println!("\nsequences: {played} of {}", sequences.len());
    assert!(played > 0 && failures.is_empty(), "{} sequences differ", failures.len());
}

/// What somebody looked at must be what was recorded.
fn same<V: PartialEq + Debug + ?Sized>(what: &str, ours: &V, recorded: &V) -> Result<(), String> {
    if ours == recorded {
        Ok(())
    } else {
        Err(format!("{what} is {ours:?}, recorded is {recorded:?}"))
    }
}

/// The same for numbers that Python had as floats.
fn close(what: &str, ours: f64, recorded: f64) -> Result<(), String> {
    if (ours - recorded).abs() <= 1e-6 {
        Ok(())
    } else {
        Err(format!("{what} is {ours}, recorded is {recorded}"))
    }
}

/// The number of the step, where it differs.
fn at_step(number: usize, step: &impl Debug, played: Result<(), String>) -> Result<(), String> {
    played.map_err(|differs| format!("step {number}: {differs} ({step:?})"))
}
