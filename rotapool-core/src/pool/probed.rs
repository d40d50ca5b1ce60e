//! What follows from the answer to a probe.
//!
//! A success brings back who cools down, by the pool's [`Recovery`](crate::Recovery), as the end of the cooldown would. A
//! failure keeps it out until the next probe at least, and takes no step on the table of cooldowns.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use super::outage::Word;
use super::probes::{Probe, trips};
use crate::member::basis::{Basis, said};
use crate::member::outcome::Outcome;
use crate::member::signal::Signal;
use crate::member::slot::Slot;
use crate::member::standing::{Cause, Status};
use crate::member::usage::Sequence;
use crate::report::event::Event;
use crate::time::after;

impl<A> State<A> {
    /// A probe is about to begin that keeps to the limits. Answers whether it may, and has what it takes.
    pub(super) fn admit_probe(&mut self, key: usize, now: Instant) -> bool {
        let slot = &mut self.roster[key];
        let is_admitted = slot.admit_probe(now);
        if is_admitted {
            self.index.refresh(key, slot);
            self.share(key);
            self.watch_for_the_line(key);
            self.look_who_is_first();
            self.disappoint_those_of(key, now);
            // To look at its quotas may be the first to notice that they are back.
            self.tell_recovery(now);
        }
        is_admitted
    }

    /// A probe that keeps to the limits is over.
    pub(super) fn release_probe(&mut self, key: usize, position: u64) {
        let is_it = |slot: &&mut Slot| slot.member && slot.position() == position;
        let Some(slot) = self.roster.get_mut(key).filter(is_it) else { return };
        slot.release_probe();
        self.index.refresh(key, slot);
        self.offer(key);
    }

    /// A probe has ended; the next one of its resource will have by `next`.
    pub(super) fn settle_probe(
        &mut self,
        probe: &Probe,
        outcome: &Outcome,
        next: Instant,
        now: Instant,
    ) {
        let key = probe.slot().0;
        let works = matches!(outcome, Outcome::Success | Outcome::Error);
        self.counters.probe_failures += u64::from(!works);
        let is_it = |slot: &&mut Slot| slot.member && slot.position() == probe.position;
        let Some(slot) = self.roster.get_mut(key).filter(is_it) else { return };
        if !works {
            slot.count_failed_probe();
        }
        let (status, is_news) = (slot.standing().noticed_status(), trips(slot) == probe.trips);
        let (id, latency) = (Arc::clone(slot.id()), now.saturating_duration_since(probe.began));
        self.tell(Event::ProbeSettled { at: now, id, outcome: outcome.clone(), latency });
        if !is_news {
            return;
        }
        match (status, works) {
            (Status::Healthy, true) => {}
            // An operator's word came meanwhile.
            (Status::CoolingDown, true) if self.is_parked(key) => {}
            (Status::CoolingDown, true) => {
                let way = self.config.way_back();
                self.bring_back(key, now, |slot| slot.recover(now, way));
            }
            (Status::Disabled, true) => {
                let newest = self.usages.newest();
                self.bring_back(key, now, |slot| slot.enable(newest));
            }
            (_, false) => self.keep_out(key, status, outcome, next, now),
        }
    }

    fn is_parked(&self, key: usize) -> bool {
        self.roster[key].standing().outage().is_some_and(|it| it.basis == Basis::Operator)
    }

    /// A probe says that the resource does not work.
    fn keep_out(
        &mut self,
        key: usize,
        status: Status,
        outcome: &Outcome,
        next: Instant,
        now: Instant,
    ) {
        let signal = match outcome {
            Outcome::Signal(signal) => Some(signal),
            _ => None,
        };
        let reason: Arc<str> = match signal {
            Some(signal) => format!("probe: {}", signal.reason()).into(),
            None => format!("probe: {outcome}").into(),
        };
        // No usage said so: it is newer than all of them.
        let usage = Sequence::MAX;
        let of_group = signal.is_some_and(Signal::is_of_group);
        let word = Word { usage, of_group, reason: &reason };
        match (status, signal) {
            (Status::Disabled, _) => {}
            (_, Some(Signal::Disable { .. })) => {
                let mut broken = false;
                for key in self.concerned(key, usage, of_group) {
                    let cause = word.cause(&self.roster[key]);
                    if self.change(key, now, |slot| slot.disable(now, cause, None)) {
                        self.counters.disables += 1;
                        broken |= self.lose_member(key, now);
                    }
                }
                self.look_after_the_line(broken);
                self.rethink();
            }
            // One hiccup is no outage of who works.
            (Status::Healthy, None | Some(Signal::Retry { .. })) => {}
            (_, signal) => {
                let (after, guessed) = match signal {
                    Some(Signal::Cooldown { after, guessed, .. }) => (*after, *guessed),
                    _ => (None, true),
                };
                let said = said(after, guessed, false, &self.config.cooldown_bounds);
                let guess = || match status {
                    Status::Healthy => self.roster[key].guess(&self.config.cooldown_table),
                    _ => next.saturating_duration_since(now),
                };
                let (span, basis) = said.unwrap_or_else(|| (guess(), Basis::Guessed));
                let mut broken = false;
                for key in self.concerned(key, usage, of_group) {
                    let cause = word.cause(&self.roster[key]);
                    broken |= self.cool_by_probe(key, span, basis, cause, now);
                }
                self.look_after_the_line(broken);
            }
        }
    }

    fn cool_by_probe(
        &mut self,
        key: usize,
        span: Duration,
        basis: Basis,
        cause: Cause,
        now: Instant,
    ) -> bool {
        let until = after(now, span);
        let slot = &mut self.roster[key];
        let old = slot.standing().noticed_status();
        if !slot.cool_until(until, basis, cause, now) {
            return false;
        }
        self.index.place(key, slot);
        self.counters.cooldowns += u64::from(old == Status::Healthy);
        let broken = self.break_promises(key);
        self.tell_change(key, old, now);
        self.disappoint_those_of(key, now);
        self.rethink();
        broken
    }
}
