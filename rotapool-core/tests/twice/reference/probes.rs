//! Calls that no run makes.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Basis, Cause, Outcome, ProbeRules, Signal, Status};

use super::admin::Failed;
use super::comeback::Comeback;
use super::{Membership, Reference, later};
use crate::twice::observed::Moment;

/// Whom a prober asks, and how often.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Asking {
    pub(crate) every: Duration,
    pub(crate) jitter: f64,
    pub(crate) limit: Duration,
    /// How long a healthy one has to be unused to be asked: for no time at all if it is to be asked in any case.
    pub(crate) unused_for: Option<Duration>,
    pub(crate) disabled_too: bool,
    /// Whether each takes a place and a request.
    pub(crate) within_limits: bool,
}

impl Asking {
    pub(crate) fn rules(self) -> ProbeRules {
        let mut rules = ProbeRules::every(self.every).jitter(self.jitter).limit(self.limit);
        rules = match self.unused_for {
            None => rules,
            Some(Duration::ZERO) => rules.healthy_too(),
            Some(time) => rules.idle_too(time),
        };
        rules = if self.within_limits { rules.within_limits() } else { rules };
        if self.disabled_too { rules.disabled_too() } else { rules }
    }

    fn next(self, now: Moment, chance: f64) -> Moment {
        later(now, self.every.mul_f64(1.0 + self.jitter * (2.0 * chance - 1.0)))
    }
}

/// A prober: whom it asks when, and what is under way.
#[derive(Debug)]
pub(super) struct Rounds {
    asking: Asking,
    /// By membership; those under way are due at no time.
    pub(super) due: BTreeMap<usize, Option<Moment>>,
    /// Each with its membership, and how often that had gone out by then.
    pub(super) under_way: Vec<(usize, u64)>,
}

impl Rounds {
    pub(super) fn new(asking: Asking) -> Self {
        Self { asking, due: BTreeMap::new(), under_way: Vec::new() }
    }
}

impl Reference {
    pub(crate) fn employ(&mut self, asking: Asking) {
        self.rounds = Some(Rounds::new(asking));
    }

    pub(crate) fn dismiss(&mut self, now: Moment) {
        if self.rounds.as_ref().is_some_and(|before| before.asking.within_limits) {
            // While its probes still have their places.
            self.notice_by_the_clock(now);
        }
        let before = self.rounds.take();
        let Some(before) = before.filter(|before| before.asking.within_limits) else { return };
        if !before.under_way.is_empty() {
            self.note("a prober was dropped while it held places");
        }
        self.attend_the_line();
    }

    /// The places on it that probes take.
    pub(super) fn taken_by_probes(&self, id: &str) -> u32 {
        let Some(rounds) = self.rounds.as_ref().filter(|rounds| rounds.asking.within_limits) else {
            return 0;
        };
        let is_on_it = |&&(membership, _): &&(usize, u64)| {
            let Membership { is_member, id: own, .. } = &self.memberships[membership];
            *is_member && **own == *id
        };
        rounds.under_way.iter().filter(is_on_it).count() as u32
    }

    pub(super) fn gone_out(&self, membership: usize) -> u64 {
        let counted = &self.memberships[membership].counted;
        counted.cooldowns + counted.disables
    }

    /// Answers the memberships asked now, and when to come again.
    pub(crate) fn ask_around(&mut self, now: Moment, chance: f64) -> (Vec<usize>, Option<Moment>) {
        self.notice_by_the_clock(now);
        let Some(mut rounds) = self.rounds.take() else { return (Vec::new(), None) };
        let mut asked = Vec::new();
        let before = std::mem::take(&mut rounds.due);
        for (membership, _) in self.members() {
            let round = before.get(&membership).copied();
            if round == Some(None) {
                rounds.due.insert(membership, None);
                continue;
            }
            let Some(from) = self.asked_from(membership, rounds.asking, now) else { continue };
            let due = round.flatten().unwrap_or_else(|| rounds.asking.next(now, chance)).max(from);
            rounds.due.insert(membership, Some(due));
            if due <= now {
                asked.push(membership);
            }
        }
        let within_limits = rounds.asking.within_limits;
        let later = rounds.asking.next(now, chance);
        self.rounds = Some(rounds);
        let mut begun = Vec::new();
        for membership in asked {
            let begins = !within_limits || self.has_what_a_probe_takes(membership, now);
            let gone_out = self.gone_out(membership);
            let rounds = self.rounds.as_mut().expect("a prober");
            rounds.due.insert(membership, (!begins).then_some(later));
            if !begins {
                self.note("no place or no request for a probe");
                continue;
            }
            rounds.under_way.push((membership, gone_out));
            begun.push(membership);
            self.counted.probes += 1;
            self.memberships[membership].counted.probes += 1;
            self.note("a probe");
            if within_limits {
                self.note("a probe took a place");
                self.charge_for_a_probe(membership, now);
                self.attend_the_line();
                self.look_for_a_recovery(now);
            }
        }
        let rounds = self.rounds.as_ref().expect("a prober");
        (begun, rounds.due.values().flatten().min().copied())
    }

    fn asked_from(&self, membership: usize, asking: Asking, now: Moment) -> Option<Moment> {
        let member = &self.memberships[membership];
        match (member.status, asking.unused_for, &member.cause) {
            (Status::CoolingDown, _, _) if member.basis == Some(Basis::Operator) => member.until,
            (Status::CoolingDown, _, _) | (Status::Healthy, Some(Duration::ZERO), _) => Some(now),
            (Status::Healthy, Some(time), _) => {
                Some(match (self.in_flight(&member.id), member.last_acquired) {
                    (0, None) => now,
                    (0, Some((_, at))) => later(at, time),
                    _ => later(now, time),
                })
            }
            (Status::Disabled, _, Some(Cause::Signal(_) | Cause::Group { .. }))
                if asking.disabled_too =>
            {
                Some(now)
            }
            _ => None,
        }
    }

    /// The answer to one of those under way.
    pub(crate) fn answer(&mut self, probe: usize, outcome: &Outcome, now: Moment, chance: f64) {
        self.notice_by_the_clock(now);
        self.hear(probe, outcome, now, chance);
        if let Some(rounds) = &mut self.rounds {
            rounds.under_way.remove(probe);
        }
        self.attend_the_line();
    }

    fn hear(&mut self, probe: usize, outcome: &Outcome, now: Moment, chance: f64) {
        let Some(rounds) = &mut self.rounds else { return };
        let (membership, gone_out) = rounds.under_way[probe];
        let next = rounds.asking.next(now, chance);
        if let Some(due) = rounds.due.get_mut(&membership) {
            *due = Some(next);
        }
        let next = later(next, rounds.asking.limit);
        let works = matches!(outcome, Outcome::Success | Outcome::Error);
        self.counted.probe_failures += u64::from(!works);
        if !self.memberships[membership].is_member {
            self.note("an answer for a former membership");
            return;
        }
        self.memberships[membership].counted.probe_failures += u64::from(!works);
        if self.gone_out(membership) != gone_out {
            self.note("an answer older than an outage");
            return;
        }
        match works {
            true => self.works_by_probe(membership, now),
            false => self.fails_by_probe(membership, outcome, next, now),
        }
    }

    fn works_by_probe(&mut self, membership: usize, now: Moment) {
        let newest = self.newest_usage;
        let member = &self.memberships[membership];
        match member.status {
            Status::CoolingDown if member.basis == Some(Basis::Operator) => {
                return self.note("a probe of one that was parked meanwhile");
            }
            Status::CoolingDown => {
                let comeback = self.comeback_after(membership, now);
                let member = &mut self.memberships[membership];
                member.comeback = comeback;
                if let Some(until) = member.until {
                    member.held.back(until.min(now));
                }
                self.note("a probe brought one back");
            }
            Status::Disabled => {
                let member = &mut self.memberships[membership];
                (member.escalation, member.row, member.mark) = (0, 0, newest);
                member.comeback = Comeback::Proven;
                self.note("a probe enabled one");
            }
            _ => return,
        }
        let old = self.memberships[membership].become_healthy();
        self.refill(membership, now);
        self.report(membership, old, now);
        self.wake_all_without_a_line();
    }

    fn fails_by_probe(&mut self, membership: usize, outcome: &Outcome, next: Moment, now: Moment) {
        let status = self.memberships[membership].status;
        let what = match outcome {
            Outcome::Signal(signal) => signal.reason().to_string(),
            other => other.to_string(),
        };
        let reason: Arc<str> = format!("probe: {what}").into();
        let of_group = matches!(outcome, Outcome::Signal(signal) if signal.is_of_group());
        let mut concerned = vec![membership];
        concerned.extend(self.others_of_its_group(membership).filter(|_| of_group));
        let (after, guessed) = match outcome {
            _ if status == Status::Disabled => return,
            Outcome::Signal(Signal::Disable { .. }) => {
                for membership in concerned {
                    let cause = self.cause_of(membership, &reason, of_group);
                    self.take_out(membership, cause, None, now);
                }
                self.wake_all_without_a_line();
                self.note("a probe disabled one");
                return;
            }
            Outcome::Signal(Signal::Cooldown { after, guessed, .. }) => (*after, *guessed),
            _ if status == Status::Healthy => return,
            _ => (None, true),
        };
        let (least, most) =
            (*self.rules.cooldown_bounds.start(), *self.rules.cooldown_bounds.end());
        let after = after.filter(|after| !after.is_zero());
        let member = &self.memberships[membership];
        let (ends, basis) = match after {
            Some(after) if guessed => (later(now, after.clamp(least, most)), Basis::Guessed),
            Some(after) if after < least || after > most => {
                (later(now, after.clamp(least, most)), Basis::Clamped { stated: after })
            }
            Some(after) => (later(now, after), Basis::Stated),
            None if status == Status::Healthy => {
                let step = member.escalation.max(1) as usize;
                let entry = self.rules.cooldown_table.iter().copied().take(step).next_back();
                (later(now, entry.unwrap_or_default()), Basis::Guessed)
            }
            None => (next, Basis::Guessed),
        };
        for membership in concerned {
            let cause = self.cause_of(membership, &reason, of_group);
            self.is_out_by_probe(membership, ends, basis, cause, now);
        }
    }

    fn is_out_by_probe(
        &mut self,
        membership: usize,
        ends: Moment,
        basis: Basis,
        cause: Cause,
        now: Moment,
    ) {
        let newest = self.newest_usage;
        let member = &mut self.memberships[membership];
        let status = member.status;
        if status == Status::Disabled {
            return;
        }
        if member.failed.as_ref().is_some_and(|failed| failed.until >= ends) {
            self.note("a probe knew nothing new");
            return;
        }
        if status == Status::Healthy {
            member.since = Some(now);
            member.counted.cooldowns += 1;
            self.counted.cooldowns += 1;
        }
        member.failed = Some(Failed { until: ends, basis, cause, attempt: None });
        member.stand_by_both_words();
        member.out_after = newest;
        member.comeback = Comeback::Proven;
        member.held.goes_out_by(None);
        member.status = Status::CoolingDown;
        self.report(membership, status, now);
        self.void_promises(membership);
        self.wake_all_without_a_line();
        self.note("a probe sent one away, or kept it out");
    }
}
