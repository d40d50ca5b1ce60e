//! A stage in virtual time: a clock that moves when it is told to, tasks polled by hand, and an
//! upstream that answers when the story wants it to.
//!
//! The clock is a third party's runtime: everything it needs is public.

mod clock;
mod troupe;
mod upstream;

#[allow(unused_imports, reason = "each test binary uses its part")]
pub(crate) use self::{
    clock::VirtualClock,
    troupe::Troupe,
    upstream::{Answer, Boom, Upstream, fine},
};
