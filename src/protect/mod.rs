//! What protects an upstream, with a pool or without one: a circuit breaker, a rate limiter, a chain of
//! alternatives. The rules are in core; here they get a lock, a timer and a name.

mod acquire;
mod breaker;
mod builder;
mod chain;
#[cfg(feature = "prometheus")]
mod collector;
mod configured;
mod descent;
mod judge;
mod judged;
mod limiter;
mod link;
mod permit;
mod protected;
mod request;
mod switch;
mod telling;

pub use acquire::Acquire;
pub use breaker::{BreakerError, CircuitBreaker};
pub use builder::BreakerBuilder;
pub use chain::FallbackChain;
#[cfg(feature = "prometheus")]
pub use collector::{NameTaken, ProtectCollector};
pub use judged::Judged;
pub use limiter::{LimiterBuilder, RateLimiter};
pub use link::{ChainError, ChainSetupError, Passed, Served};
pub use permit::Permit;
pub use protected::Protected;
pub use request::ChainRequest;
pub use switch::BreakerSwitch;
