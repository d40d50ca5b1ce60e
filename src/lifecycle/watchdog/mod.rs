//! Noticing silence.

mod alarm;
mod builder;
mod guard;
mod handle;
mod silence;
mod source;
mod thread;

pub use self::builder::WatchdogBuilder;
pub use self::handle::{Watchdog, WatchdogStats};
pub use self::silence::{Silence, WatchdogError};
pub use self::thread::WatchdogThread;
