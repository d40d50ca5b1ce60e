//! What takes a resource out, and what brings it back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::Slot;
use crate::member::basis::Basis;
use crate::member::comeback::{Comeback, WayBack};
use crate::member::measures::Measures;
use crate::member::recovery::Recovery;
use crate::member::rules::Rules;
use crate::member::standing::{Cause, Outage, Source, Standing};
use crate::member::usage::Sequence;
use crate::time::after;

impl Slot {
    /// Takes a cooldown signal.
    pub(crate) fn cool(&mut self, trip: &Trip<'_>) -> Cooled {
        let running = match &mut self.standing {
            Standing::Healthy => None,
            Standing::CoolingDown(outage) => Some(outage),
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
        let failed = running.as_ref().and_then(|outage| outage.failure());
        if known_outage && failed.is_some_and(|(until, _)| until >= ends) {
            return Cooled::Known { up_to: self.tripped_after };
        }
        match running {
            // Never shortened: the reason told is the one of the longer cooldown.
            Some(_) if failed.is_some_and(|(until, _)| until > ends) => {}
            Some(outage) if outage.until > trip.now => outage.fail(trip.outage(ends, source)),
            _ => self.standing = Standing::CoolingDown(Box::new(trip.outage(ends, source))),
        }
        // Nor are the successes before it in a row with those after it, whoever of its group failed.
        self.escalation.fail();
        self.set_comeback(None);
        let is_circuit = self.standing.is_circuit();
        if let Some(circuit) = &mut self.circuit {
            circuit.is_latest = is_circuit;
        }
        self.counters.cooldowns += 1;
        let up_to = if known_outage { self.tripped_after } else { Sequence::MAX };
        Cooled::Changed { up_to }
    }

    /// An operator parks it, unless it is out for as long already: `false` then.
    pub(crate) fn park(&mut self, now: Instant, until: Instant, cause: Cause) -> bool {
        match &mut self.standing {
            Standing::CoolingDown(outage) if outage.until >= until => return false,
            Standing::CoolingDown(outage) if outage.until > now => outage.park(until, cause),
            standing => {
                let (attempt, basis, beneath) = (None, Basis::Operator, None);
                let outage = Outage { since: now, until, cause, attempt, basis, beneath };
                *standing = Standing::CoolingDown(Box::new(outage));
            }
        }
        self.set_comeback(None);
        let is_circuit = self.standing.is_circuit();
        if let Some(circuit) = &mut self.circuit {
            circuit.is_latest = is_circuit;
        }
        true
    }

    /// Takes an operator's word back: what is left is the end that a failure gave it, if that is ahead. `false` if
    /// no operator parked it.
    pub(crate) fn unpark(&mut self, now: Instant, way: WayBack) -> bool {
        let Standing::CoolingDown(outage) = &mut self.standing else { return false };
        if outage.basis != Basis::Operator {
            return false;
        }
        match outage.beneath.take() {
            Some(failure) if failure.0 > now => (outage.until, outage.basis) = failure,
            _ => self.recover(now, way),
        }
        true
    }

    /// A usage began while it was out. If that is for a failure, the outage is known to it.
    pub(crate) fn began_while_out(&mut self, usage: Sequence) {
        if self.standing.outage().is_some_and(|outage| outage.failure().is_some()) {
            self.tripped_after = usage;
        }
    }

    /// A usage tries it before its end: whatever the usage says of the outage is known.
    pub(crate) fn is_tried_early(&mut self, usage: Sequence) {
        self.tripped_after = usage;
    }

    /// The outage is over: at its end, or now if it ends before.
    pub(crate) fn recover(&mut self, now: Instant, way: WayBack) {
        if let Standing::CoolingDown(outage) = &self.standing {
            let until = outage.until.min(now);
            let away = until.saturating_duration_since(outage.since);
            self.set_comeback(Comeback::after(way, away, self.cap));
            if let Some(circuit) = &mut self.circuit {
                circuit.close(until);
            }
        }
        self.standing = Standing::Healthy;
    }

    /// Whoever joins a pool that serves comes up a ramp, if the pool has one.
    pub(crate) fn join_midway(&mut self, way: WayBack) {
        if way.recovery == Recovery::Ramp {
            self.set_comeback(Comeback::after(way, way.first_guess, self.cap));
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
        cause: Cause,
        now: Instant,
    ) -> bool {
        // No usage says so.
        let by = Outage { since: now, until, cause, attempt: None, basis, beneath: None };
        match &mut self.standing {
            Standing::Disabled { .. } => return false,
            Standing::CoolingDown(outage) => {
                if outage.failure().is_some_and(|(end, _)| end >= until) {
                    return false;
                }
                outage.fail(by);
            }
            Standing::Healthy => {
                self.counters.cooldowns += 1;
                self.standing = Standing::CoolingDown(Box::new(by));
            }
        }
        self.set_comeback(None);
        if let Some(circuit) = &mut self.circuit {
            circuit.is_latest = false;
        }
        true
    }

    /// How long a cooldown lasts that takes no step on the table.
    pub(crate) fn guess(&self, table: &[Duration]) -> Duration {
        self.escalation.duration(table)
    }

    /// Forgets what the pool has learnt of it, and ends a cooldown; who is disabled stays so.
    pub(crate) fn reset(&mut self, newest: Sequence) {
        if !matches!(self.standing, Standing::Disabled { .. }) {
            self.standing = Standing::Healthy;
        }
        self.escalation.reset();
        self.set_comeback(None);
        self.cleared_after = newest;
        self.measures = Measures::new();
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
    /// The group of which it is said, if not of the resource alone.
    pub(crate) group: Option<Arc<str>>,
    /// Whether it takes a step on the table.
    pub(crate) climbs: bool,
    pub(crate) reason: &'a Arc<str>,
    pub(crate) table: &'a [Duration],
    pub(crate) rules: Rules,
}

impl Trip<'_> {
    /// The outage that it is, if none is known yet.
    fn outage(&self, until: Instant, source: Source) -> Outage {
        let reason = Arc::clone(self.reason);
        let cause = match self.group.clone() {
            Some(group) => Cause::Group { group, reason },
            None => source.cause(reason),
        };
        let (attempt, basis) = (Some(self.usage), source.basis());
        Outage { since: self.now, until, cause, attempt, basis, beneath: None }
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
