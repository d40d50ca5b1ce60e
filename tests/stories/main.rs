//! The promises of the README, one story each, in virtual time.

mod admin;
mod affinity;
mod budget;
mod collector;
mod cooldown;
mod door;
mod drawn;
mod dropping;
mod errors;
mod filters;
mod health;
mod hook;
mod lockout;
mod own_choice;
mod panics;
mod picks;
mod regressions;
mod rotation;
mod runtimes;
mod scene;
mod serialized;
mod siblings;
#[path = "../stage/mod.rs"]
mod stage;
mod sticky;
mod strategies;
mod tried;
mod waiting;
mod watching;
mod weighted;
