//! Small state machines that stand alone: a circuit breaker, a token bucket with a line before it, a budget of
//! retries, and what hedges go by.

mod breaker;
pub(crate) mod bucket;
mod budget;
mod change;
mod circuit;
mod evidence;
mod hedge;
mod ladder;
mod latencies;
mod limiter;
mod line;
mod rate;
mod report;
#[cfg(feature = "serde")]
mod serialize;
pub(crate) mod sliding;
mod steps;
mod trials;
mod trip;
mod window;

pub use breaker::{Admission, Breaker, CallOutcome};
pub use budget::{Budget, BudgetSpent, RetryBudget};
pub use change::{BreakerCause, BreakerChange, BreakerMode, BreakerState};
pub(crate) use circuit::Circuit;
pub use hedge::Hedge;
pub(crate) use latencies::Latencies;
pub use limiter::{Joined, Limiter, Turn};
pub use line::Ticket;
pub use rate::Rate;
pub use report::{BreakerStats, LimiterStats, RateLimited, Rejected};
pub use trip::{Trip, Window};
