//! Small state machines that stand alone: a circuit breaker, and a token bucket with a line before it.

mod breaker;
mod bucket;
mod change;
mod limiter;
mod rate;
#[cfg(feature = "serde")]
mod serialize;
mod trials;
mod trip;
mod window;

pub use breaker::{Admission, Breaker, BreakerStats, Rejected, Verdict};
pub use change::{BreakerCause, BreakerChange, BreakerMode, BreakerState};
pub use limiter::{Joined, Limiter, LimiterStats, RateLimited, Ticket, Turn};
pub use rate::{Rate, RateError};
pub use trip::{Trip, TripError, Window};
