//! Leases that outlive the call that began them: their holders settle them.

mod aborted;
mod acquire;
mod alarm;
mod begun;
mod bell;
#[cfg(feature = "http-body")]
mod body;
mod broken;
mod checkout;
mod silence;
mod stream;
mod streaming;

pub use self::aborted::Aborted;
#[cfg(feature = "http-body")]
pub use self::body::HeldBody;
pub use self::broken::StreamError;
pub use self::checkout::{Held, TakenBack};
pub use self::stream::HeldStream;
