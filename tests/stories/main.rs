//! The promises of the README, one story each, in virtual time.

mod admin;
mod affinity;
mod budget;
mod cooldown;
mod door;
mod drawn;
mod dropping;
mod errors;
mod events;
mod explain;
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
mod siblings;
#[path = "../stage/mod.rs"]
mod stage;
mod sticky;
mod strategies;
mod traces;
mod tried;
mod waiting;
mod weighted;
