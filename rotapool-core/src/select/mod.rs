//! Choosing: the index of who may be chosen, a file per strategy, and what a run wants of the choice.

mod affinity;
mod bag;
pub(crate) mod candidate;
mod draw;
pub(crate) mod index;
mod least_errors;
mod least_in_flight;
mod least_latency;
mod order;
mod primary_backup;
mod priority;
mod rank;
mod round_robin;
mod sticky;
pub(crate) mod strategy;
mod tournament;
mod turns;
mod weighted;
pub(crate) mod wish;
