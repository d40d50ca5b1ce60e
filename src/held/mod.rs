//! Leases that outlive the call that began them: their holders settle them.

mod aborted;
mod acquire;
mod bell;
mod checkout;

pub use self::aborted::Aborted;
pub use self::checkout::{Held, TakenBack};
