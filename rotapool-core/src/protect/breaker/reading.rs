//! What a breaker shows of itself.

use std::time::Instant;

use super::{Breaker, Circuit, Counters};
use crate::protect::change::{BreakerMode, BreakerState};
use crate::protect::report::BreakerStats;

impl Breaker {
    /// The state at `now`. Looking changes nothing.
    #[must_use]
    pub fn state(&self, now: Instant) -> BreakerState {
        let turned = matches!(self.circuit, Circuit::Open { until } if until <= now);
        self.told(if turned { BreakerState::HalfOpen } else { self.automatic() })
    }

    /// The state as of the last call, by the rules.
    pub(super) fn automatic(&self) -> BreakerState {
        match self.circuit {
            Circuit::Closed => BreakerState::Closed,
            Circuit::Open { .. } => BreakerState::Open,
            Circuit::HalfOpen(_) => BreakerState::HalfOpen,
        }
    }

    /// The state as its operator has it.
    pub(super) fn told(&self, automatic: BreakerState) -> BreakerState {
        match self.mode {
            BreakerMode::Isolated => BreakerState::Open,
            BreakerMode::ForcedClosed => BreakerState::Closed,
            BreakerMode::Automatic | BreakerMode::ObserveOnly => automatic,
        }
    }

    /// Who decides.
    #[must_use]
    pub fn mode(&self) -> BreakerMode {
        self.mode
    }

    /// The figures at `now`. Looking changes nothing.
    #[must_use]
    pub fn stats(&self, now: Instant) -> BreakerStats {
        let Counters { calls, successes, failures, rejected, ignored, changes } = self.counters;
        let until = match self.circuit {
            Circuit::Open { until } => Some(until),
            _ => None,
        };
        // Nobody has called since its time was over, and yet it is.
        let unseen = u64::from(until.is_some_and(|until| until <= now));
        let open_for = until.filter(|until| *until > now);
        BreakerStats {
            state: self.state(now),
            mode: self.mode,
            calls,
            successes,
            failures,
            rejected,
            ignored,
            changes: changes + unseen,
            failures_in_a_row: self.evidence.failures_in_a_row(),
            open_for: open_for.map(|until| until.duration_since(now)),
        }
    }
}
