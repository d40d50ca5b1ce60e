//! The pool under the model checker `loom`: every order in which the threads of a scenario can meet, up
//! to a bound on how often one may interrupt another. `.ci/concurrency` runs it, `.ci/concurrency long`
//! with a wider bound.
//!
//! What a scenario asserts at its end holds for every order. A lost wake-up shows as a deadlock, which the
//! checker reports: nothing here sleeps for ever unless it is to be woken.
#![cfg(loom)]

mod aborting;
mod clock;
mod closing;
mod dropping;
mod guarding;
mod handing;
mod hedging;
mod history;
mod hook;
mod leaving;
mod monitor;
mod places;
mod protect;
mod scene;
mod steering;
mod streaming;
mod subscribers;
mod waiting;
