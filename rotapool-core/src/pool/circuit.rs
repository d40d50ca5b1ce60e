//! The circuit breaker of a pool: what attempts say goes to the circuit of their resource, and what it decides is an outage as any.
//!
//! Evidence are failures that are no signal about the resource's limits, and slow calls. Of one run only the first failure
//! counts: what fails everywhere is the request.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use super::outage::Word;
use crate::member::slot::outage::Cooled;
use crate::member::standing::Source;
use crate::member::usage::Ticket;
use crate::one_line::OneLine;
use crate::protect::BreakerCause;
use crate::report::event::Event;

impl<A> State<A> {
    /// An attempt failed, the first one of its run or not.
    pub(super) fn blame(
        &mut self,
        ticket: &Ticket,
        reason: Option<&str>,
        is_first: bool,
        now: Instant,
    ) {
        if self.config.circuit_breaker.is_none() {
            return self.fail_trial(ticket, reason, now);
        }
        if let Some(cause) = self.weigh_failure(ticket, is_first, now) {
            match cause {
                Verdict::Open(cause) => self.open_circuit(ticket, cause, reason, now),
                Verdict::OnTrial => self.fail_trial(ticket, reason, now),
            }
        }
    }

    fn weigh_failure(&mut self, ticket: &Ticket, is_first: bool, now: Instant) -> Option<Verdict> {
        if !is_first {
            return None;
        }
        let took = self.age(ticket, now);
        let slot = &mut self.roster[ticket.slot()];
        let usage = self.usages.evidence(ticket).filter(|&usage| slot.is_told_by(usage))?;
        let on_trial = slot.is_judged_by(usage);
        let (circuit, trip) = (slot.circuit.as_mut()?, self.config.circuit_breaker.as_ref()?);
        match on_trial {
            true if circuit.is_latest => Some(Verdict::Open(circuit.fail_trial())),
            true => Some(Verdict::OnTrial),
            false => circuit.fail(took, trip, now).map(Verdict::Open),
        }
    }

    /// An attempt got through: with a value, or with an error of its own, of which nobody knows whether it took as
    /// long as a value does. It took as long as to the first item of its stream, if it is one.
    #[inline(always)]
    pub(crate) fn count_success(
        &mut self,
        ticket: &Ticket,
        is_value: bool,
        first_item: Option<Duration>,
        now: Instant,
    ) {
        if let Some(cause) = self.weigh_success(ticket, is_value, first_item, now) {
            self.open_circuit(ticket, cause, None, now);
        }
    }

    #[inline(always)]
    fn weigh_success(
        &mut self,
        ticket: &Ticket,
        is_value: bool,
        first_item: Option<Duration>,
        now: Instant,
    ) -> Option<BreakerCause> {
        let trip = self.config.circuit_breaker.as_ref()?;
        let took = (is_value && trip.looks_at_time())
            .then(|| first_item.unwrap_or_else(|| self.age(ticket, now)));
        let slot = &mut self.roster[ticket.slot()];
        let usage = self.usages.evidence(ticket).filter(|&usage| slot.is_told_by(usage))?;
        let on_trial = slot.is_judged_by(usage);
        let circuit = slot.circuit.as_mut()?;
        if on_trial && circuit.is_latest && took.is_some_and(|took| trip.is_slow(took)) {
            return Some(BreakerCause::TrialSlow);
        }
        circuit.succeed(took, trip, now)
    }

    /// Sends the resource away, if it can be spared.
    #[cold]
    fn open_circuit(
        &mut self,
        ticket: &Ticket,
        cause: BreakerCause,
        last: Option<&str>,
        now: Instant,
    ) {
        let evidence: Arc<str> = match last {
            Some(last) => format!("{cause}, the last: `{}`", OneLine(last)).into(),
            None => cause.to_string().into(),
        };
        let key = ticket.slot();
        if self.roster[key].is_healthy() && self.edge.healthy() <= self.config.keep_available {
            return self.keep(key, evidence, now);
        }
        let Some(duration) = self.open_for(key, now) else { return };
        self.counters.circuit_trips += 1;
        let term = Some((duration, Source::Circuit));
        let word = Word { usage: self.sequence(ticket), of_group: false, reason: &evidence };
        let (cooled, broken) = self.send_away(key, &word, term, false, now);
        self.look_after_the_line(broken);
        if matches!(cooled, Cooled::Changed { .. }) {
            self.rethink();
        }
    }

    /// Forgets what the breaker holds against a resource.
    pub(super) fn reset_circuit(&mut self, key: usize, now: Instant) {
        let circuit = self.roster[key].circuit.as_mut();
        if let (Some(circuit), Some(trip)) = (circuit, &self.config.circuit_breaker) {
            circuit.reset(trip, now);
        }
    }

    fn open_for(&mut self, key: usize, now: Instant) -> Option<Duration> {
        let trip = self.config.circuit_breaker.as_ref()?;
        Some(self.roster[key].circuit.as_mut()?.open(trip, now))
    }

    /// The resource is among the last that are healthy: its circuit stays closed, and that is told.
    fn keep(&mut self, key: usize, evidence: Arc<str>, now: Instant) {
        let slot = &mut self.roster[key];
        let id = Arc::clone(slot.id());
        let Some(circuit) = &mut slot.circuit else { return };
        if circuit.kept.replace(Arc::clone(&evidence)).is_none() {
            self.counters.kept_available += 1;
            self.tell(Event::KeptAvailable { at: now, id, evidence });
        }
    }
}

/// What a failure comes to.
enum Verdict {
    /// The circuit opens.
    Open(BreakerCause),
    /// It fails the trial after an outage that was none of the breaker's.
    OnTrial,
}
