//! A pool that is played twice: by core, and by a naive reference that was written from the contract.
//!
//! The random model test, the exhaustive exploration and the fuzzer (`proof/fuzz/`) share it; they differ in
//! who chooses the commands.

pub(crate) mod command;
pub(crate) mod corners;
pub(crate) mod episode;
pub(crate) mod invariants;
pub(crate) mod ledger;
pub(crate) mod observed;
pub(crate) mod reference;
pub(crate) mod vitals;
