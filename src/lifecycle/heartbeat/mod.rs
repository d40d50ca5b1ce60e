//! Proving life: a file that is written as long as work is done.

mod builder;
mod error;
mod file;
pub(super) mod handle;
mod heart;
mod json;
mod parts;

pub use self::builder::HeartbeatBuilder;
pub use self::error::HeartbeatError;
pub use self::handle::Heartbeat;
pub use self::heart::HeartbeatStats;
