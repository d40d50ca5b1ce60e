//! What a run knows of two attempts at once.

use std::time::Instant;

use crate::member::usage::Ticket;

/// What is known of the attempt in flight in a run that is hedged.
#[derive(Debug)]
pub(super) struct Hedging {
    /// When a second one is to begin, if that is still to come.
    pub(super) at: Option<Instant>,
    pub(super) in_flight: Known,
    pub(super) beside: Option<Beside>,
}

/// What is known of one of two attempts.
#[derive(Debug, Clone, Copy)]
pub(super) struct Known {
    /// Which attempt of its run it is.
    pub(super) number: u32,
    pub(super) limit: Option<Instant>,
    pub(super) is_hedge: bool,
}

/// The younger of two attempts in flight.
#[derive(Debug)]
pub(super) struct Beside {
    pub(super) ticket: Ticket,
    pub(super) known: Known,
}

impl Hedging {
    pub(super) fn limit(&self) -> Option<Instant> {
        let beside = self.beside.as_ref().and_then(|beside| beside.known.limit);
        self.at.into_iter().chain(self.in_flight.limit).chain(beside).min()
    }
}
