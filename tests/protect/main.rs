//! What protects an upstream without a pool: stories in virtual time.

mod breaker;
mod chain;
mod chain_of_pools;
mod collector;
mod door;
mod dropping;
mod hostile;
mod limiter;
mod line;
mod scene;
mod serialized;
mod switch;
