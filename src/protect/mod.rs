//! What protects an upstream, with a pool or without one: a circuit breaker, a rate limiter, a chain of
//! alternatives. The rules are in core; here they get a lock, a timer and a name.

mod acquire;
mod breaker;
mod chain;
#[cfg(feature = "prometheus")]
mod collector;
mod judged;
mod limiter;
mod link;
mod park;
mod permit;
mod protected;
mod switch;
mod telling;

pub use acquire::Acquire;
pub use breaker::{BreakerBuilder, BreakerError, CircuitBreaker};
pub use chain::{ChainRequest, FallbackChain};
#[cfg(feature = "prometheus")]
pub use collector::{NameTaken, ProtectCollector};
pub use judged::Judged;
pub use limiter::{LimiterBuilder, RateLimiter};
pub use link::{ChainError, ChainSetupError, Passed, Served};
pub use permit::Permit;
pub use protected::Protected;
pub use switch::BreakerSwitch;

// What the floors below give.
use crate::drive::timer::DefaultRuntime;
use crate::shield::{contained, wake};
use crate::sync::{Mutex, MutexGuard};
