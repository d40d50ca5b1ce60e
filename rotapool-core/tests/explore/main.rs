//! Core explored breadth-first: every interleaving of what runs and admins can do to a small pool.
//!
//! From the empty pool on, every choice is made in every state, and after each of them the laws
//! (`laws`) have to hold and core has to agree with the naive reference. Core cannot be copied, so a
//! state is reached by making the choices that lead to it once more; states that differ in nothing that
//! decides how it goes on count as one (`twice/reference/essence.rs`).
//!
//! `ROTAPOOL_EXPLORE_STATES` sets at how many states the exploration of one setting stops. The long run:
//!
//! ```sh
//! ROTAPOOL_EXPLORE_STATES=4000 cargo test --release -p rotapool-core --test explore -- --nocapture
//! ```
#![allow(clippy::disallowed_methods, reason = "a test needs some instant to count from")]

mod choices;
mod laws;
mod ledger;
mod search;
mod setting;
#[path = "../twice/mod.rs"]
#[allow(dead_code, reason = "shared with the model test and the fuzzer, which use more of it")]
mod twice;
mod world;

use std::time::Instant;

use rotapool_core::Strategy;

use crate::search::{Explored, explore};
use crate::setting::Setting;

const STATES: usize = 15;

#[test]
fn least_in_flight_keeps_the_laws_in_every_interleaving() {
    explore_all_settings_of(Strategy::LeastInFlight);
}

#[test]
fn round_robin_keeps_the_laws_in_every_interleaving() {
    explore_all_settings_of(Strategy::RoundRobin);
}

#[test]
fn primary_backup_keeps_the_laws_in_every_interleaving() {
    explore_all_settings_of(Strategy::PrimaryBackup);
}

#[test]
fn priority_keeps_the_laws_in_every_interleaving() {
    explore_all_settings_of(Strategy::Priority);
}

#[test]
fn weighted_keeps_the_laws_in_every_interleaving() {
    explore_all_settings_of(Strategy::Weighted);
}

#[test]
fn sticky_keeps_the_laws_in_every_interleaving() {
    explore_all_settings_of(Strategy::Sticky);
}

fn explore_all_settings_of(strategy: Strategy) {
    let most_states = most_states();
    let began = Instant::now();
    let (mut settings, mut complete, mut total) = (0, 0, Explored::default());
    for setting in Setting::all_of(strategy) {
        let explored = explore(&setting, most_states);
        println!("{setting}: {explored}");
        settings += 1;
        complete += usize::from(explored.complete);
        total.add(&explored);
    }
    let took = began.elapsed();
    println!("{strategy:?}: {settings} settings, {complete} of them in full: {total}; {took:.1?}");
}

fn most_states() -> usize {
    match std::env::var("ROTAPOOL_EXPLORE_STATES") {
        Ok(text) => text
            .parse()
            .unwrap_or_else(|_| panic!("ROTAPOOL_EXPLORE_STATES is not a number: {text}")),
        Err(_) => STATES,
    }
}
