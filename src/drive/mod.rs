//! How a run is driven: the future, its guard, the lock, and those who abort it or wake it.

pub(crate) mod abort;
mod abort_pair;
mod future;
pub(crate) mod guard;
pub(crate) mod past;
pub(crate) mod shared;
pub(crate) mod span;
pub(crate) mod timer;
mod waiters;
