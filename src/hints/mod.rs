//! What an upstream's answer says of the resource that it was asked with (feature `http`).
//!
//! In an operation, [`lease.judge(&response)?`](crate::Lease::judge) is all: the answer is read as a [`Verdict`], and
//! where that speaks of the resource, a table of [`Reactions`] makes the signal of it. Statuses, headers and bodies
//! of some twenty dialects are read, at once; which class each status has, whose word counts and how what headers
//! say is merged, the module `rotapool_core::hints` lists.
//!
//! The table is the resource's own ([`Resource::reactions`](crate::Resource::reactions): one for each provider in the
//! pool), else the pool's ([`Builder::reactions`](crate::Builder::reactions)), else the default one.

mod answer;
mod judge;

pub use self::answer::Answer;
pub use rotapool_core::hints::{
    Allowance, Class, Confidence, Reaction, Reactions, Refill, Source, Stated, Verdict,
};
