//! A stage in virtual time: a clock that moves when it is told to, and tasks polled by hand.
//!
//! The clock is a third party's runtime: everything it needs is public.

mod clock;
mod troupe;

pub(crate) use clock::VirtualClock;
pub(crate) use troupe::Troupe;
