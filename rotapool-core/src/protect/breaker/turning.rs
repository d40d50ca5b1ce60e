//! How a breaker turns: by a verdict, by the clock, by its operator; and what it tells of that.

use std::time::{Duration, Instant};

use super::{Breaker, Circuit};
use crate::protect::change::{BreakerCause, BreakerChange, BreakerMode, BreakerState};
use crate::protect::evidence::Evidence;
use crate::protect::ladder::Ladder;
use crate::protect::trials::Trials;
use crate::time::after;

impl Breaker {
    pub(super) fn open(&mut self, cause: BreakerCause, stated: Option<Duration>, now: Instant) {
        if matches!(cause, BreakerCause::SlowRate { .. } | BreakerCause::TrialSlow) {
            self.last_failure = None;
        }
        self.ladder.step_down(&self.trip.open);
        let stated = stated.filter(|stated| !stated.is_zero());
        let duration = stated.unwrap_or_else(|| self.ladder.climb(&self.trip.open));
        self.cause = cause;
        self.change(Circuit::Open { until: after(now, duration) }, cause, now);
    }

    /// Turns half open once the open time is over.
    #[inline]
    pub(super) fn turn(&mut self, now: Instant) {
        if let Circuit::Open { until } = self.circuit {
            if until <= now {
                // When it was, not when it was noticed.
                let half_open = Circuit::HalfOpen(Trials::default());
                self.change(half_open, BreakerCause::TimeIsOver, until);
            }
        }
    }

    /// Hands the breaker to its operator, or back to its rules, and forgets what it held against anybody:
    /// nothing that is under way counts any more. The statistics stay.
    pub fn set_mode(&mut self, mode: BreakerMode, now: Instant) {
        self.turn(now);
        let old = self.state(now);
        self.mode = mode;
        self.circuit = Circuit::Closed;
        self.cause = BreakerCause::Operator;
        self.ladder = Ladder::default();
        self.last_failure = None;
        self.forget_evidence(now);
        self.tell(old, BreakerCause::Operator, now);
    }

    pub(super) fn forget_evidence(&mut self, now: Instant) {
        self.ladder.close(now);
        self.evidence = Evidence::new(&self.trip, now);
    }

    pub(super) fn change(&mut self, circuit: Circuit, cause: BreakerCause, at: Instant) {
        let old = self.automatic();
        self.circuit = circuit;
        self.counters.changes += 1;
        self.tell(old, cause, at);
    }

    fn tell(&mut self, old: BreakerState, cause: BreakerCause, at: Instant) {
        self.sequence += 1;
        let until = match self.circuit {
            Circuit::Open { until } => Some(until),
            _ => None,
        };
        self.changes.push(BreakerChange {
            sequence: self.sequence,
            old,
            new: self.told(self.automatic()),
            mode: self.mode,
            cause,
            at,
            until,
            last_failure: self.last_failure.clone(),
        });
    }

    /// What changed since this was asked last, in order: to be told outside whatever lock guards this.
    #[inline]
    pub fn take_changes(&mut self) -> Vec<BreakerChange> {
        std::mem::take(&mut self.changes)
    }
}
