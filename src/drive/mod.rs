//! How a run is driven: the future, its guard, the lock, and who may call it.

pub(crate) mod abort;
pub(crate) mod blocking;
pub(crate) mod caller;
pub(crate) mod calls;
mod future;
pub(crate) mod guard;
mod hedging;
mod holding;
pub(crate) mod lease;
pub(crate) mod operation;
pub(crate) mod pair;
pub(crate) mod past;
mod race;
pub(crate) mod rest;
pub(crate) mod shared;
pub(crate) mod span;
pub(crate) mod timer;
