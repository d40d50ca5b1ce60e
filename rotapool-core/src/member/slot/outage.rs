//! What takes a resource out, and what brings it back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Slot;
use crate::member::basis::Basis;
use crate::member::comeback::Comeback;
use crate::member::recovery::Recovery;
use crate::member::rules::Rules;
use crate::member::standing::{Cause, Source, Standing};
use crate::member::usage::Sequence;
use crate::time::after;

impl Slot {
    /// Takes a cooldown signal.
    pub(crate) fn cool(&mut self, trip: &Trip<'_>) -> Cooled {
        let running = match &self.standing {
            Standing::Healthy => None,
            Standing::CoolingDown { since, until, .. } => Some((*since, *until)),
            Standing::Disabled { .. } => return Cooled::NoNews,
        };
        let known_outage = trip.rules.one_trip_per_outage && trip.usage <= self.tripped_after;
        if !known_outage {
            self.tripped_after = trip.newest;
            if trip.climbs {
                self.escalation.climb();
            }
        }
        let (duration, source) = match trip.term {
            Some(term) => term,
            None if known_outage => return Cooled::Known { up_to: self.tripped_after },
            None => (self.escalation.duration(trip.table), Source::Signal(Basis::Guessed)),
        };
        let ends = after(trip.now, duration);
        match running {
            Some((_, until)) if known_outage && until >= ends => {
                return Cooled::Known { up_to: self.tripped_after };
            }
            // Never shortened: the reason told is the one of the longer cooldown.
            Some((_, until)) if until > ends => {}
            Some((since, until)) if until > trip.now => {
                self.standing = trip.cooling(since, ends, source);
            }
            _ => self.standing = trip.cooling(trip.now, ends, source),
        }
        self.set_comeback(None);
        let is_circuit = self.standing.is_circuit();
        if let Some(circuit) = &mut self.circuit {
            circuit.is_latest = is_circuit;
        }
        self.counters.cooldowns += 1;
        let up_to = if known_outage { self.tripped_after } else { Sequence::MAX };
        Cooled::Changed { up_to }
    }

    /// The cooldown is over.
    pub(crate) fn recover(&mut self, recovery: Recovery, rules: Rules) {
        if let Standing::CoolingDown { since, until, .. } = self.standing {
            let away = until.saturating_duration_since(since);
            self.set_comeback(Comeback::after(recovery, away, self.cap, rules.generations));
            if let Some(circuit) = &mut self.circuit {
                circuit.close(until);
            }
        }
        self.standing = Standing::Healthy;
    }

    /// Whoever joins a pool that serves comes up a ramp, if the pool has one.
    pub(crate) fn join_midway(&mut self, recovery: Recovery, first_guess: Duration) {
        if recovery == Recovery::Ramp {
            self.set_comeback(Comeback::after(recovery, first_guess, self.cap, true));
        }
    }

    /// Takes the resource out of use; `false` if it was already.
    pub(crate) fn disable(
        &mut self,
        now: Instant,
        cause: Cause,
        attempt: Option<Sequence>,
    ) -> bool {
        let changes = !matches!(self.standing, Standing::Disabled { .. });
        if changes {
            self.standing = Standing::Disabled { since: now, cause, attempt };
            self.set_comeback(None);
            self.counters.disables += 1;
        }
        changes
    }

    /// A probe says that it is out, until then at least; answers whether that is news. It takes no step on the table.
    pub(crate) fn cool_until(
        &mut self,
        until: Instant,
        basis: Basis,
        reason: Arc<str>,
        now: Instant,
    ) -> bool {
        let since = match &self.standing {
            Standing::Disabled { .. } => return false,
            Standing::CoolingDown { until: end, .. } if *end >= until => return false,
            Standing::CoolingDown { since, .. } => *since,
            Standing::Healthy => {
                self.counters.cooldowns += 1;
                now
            }
        };
        self.set_comeback(None);
        // No usage says so.
        self.standing = Standing::CoolingDown {
            since,
            until,
            reason,
            attempt: 0,
            source: Source::Signal(basis),
        };
        if let Some(circuit) = &mut self.circuit {
            circuit.is_latest = false;
        }
        true
    }

    /// How long a cooldown lasts that takes no step on the table.
    pub(crate) fn guess(&self, table: &[Duration]) -> Duration {
        self.escalation.duration(table)
    }

    /// Clears whatever keeps the resource away; `newest` is the newest usage of the pool.
    pub(crate) fn enable(&mut self, newest: Sequence) {
        self.standing = Standing::Healthy;
        self.escalation.reset();
        self.set_comeback(None);
        self.cleared_after = newest;
    }
}

/// A cooldown signal on its way to a slot.
#[derive(Debug)]
pub(crate) struct Trip<'a> {
    pub(crate) now: Instant,
    /// The usage that sent it, and the newest usage of the pool at that moment.
    pub(crate) usage: Sequence,
    pub(crate) newest: Sequence,
    /// How long, and who says so; without it the table decides.
    pub(crate) term: Option<(Duration, Source)>,
    /// Whether it takes a step on the table.
    pub(crate) climbs: bool,
    pub(crate) reason: &'a Arc<str>,
    pub(crate) table: &'a [Duration],
    pub(crate) rules: Rules,
}

impl Trip<'_> {
    fn cooling(&self, since: Instant, until: Instant, source: Source) -> Standing {
        let reason = Arc::clone(self.reason);
        Standing::CoolingDown { since, until, reason, attempt: self.usage, source }
    }
}

/// What a cooldown signal came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cooled {
    /// The resource is disabled.
    NoNews,
    /// The outage was known: the standing is as it was. Whoever began `up_to` then is doomed by it.
    Known { up_to: Sequence },
    /// The resource is out, or out for longer. Whoever began `up_to` then is doomed by it.
    Changed { up_to: Sequence },
}
