//! The promises of the README, one story each, in virtual time.

mod admin;
mod budget;
mod cooldown;
mod door;
mod dropping;
mod errors;
mod hook;
mod panics;
mod rotation;
mod runtimes;
mod scene;
mod siblings;
#[path = "../stage/mod.rs"]
mod stage;
mod waiting;
