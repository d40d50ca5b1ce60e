//! What attempts do to the resources: they prove them, and send them away.

use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Basis, Cause, Signal, Status};

use super::admin::Failed;
use super::comeback::Comeback;
use super::{Membership, Reference, Usage, later};
use crate::twice::observed::{Change, Moment};

/// A usage as a witness: its number, where it was, and whether it is lost on trial.
#[derive(Debug, Clone, Copy)]
pub(super) struct Witness {
    pub(super) usage: u64,
    pub(super) membership: usize,
    pub(super) lost: bool,
    /// As of when it speaks of a limit, if it knows: half of its call ago.
    pub(super) as_of: Moment,
}

impl Reference {
    /// Whether what the usage says may change how the resource stands: not if it is lost, or from
    /// before the last word of an admin.
    pub(super) fn counts(&self, witness: Witness) -> bool {
        let before_the_mark = witness.usage <= self.memberships[witness.membership].mark;
        !(witness.lost || self.rules.rules.generations && before_the_mark)
    }

    /// Whether a trial or a ramp goes by it.
    pub(super) fn is_judged(&self, witness: Witness) -> bool {
        let out_after = self.memberships[witness.membership].out_after;
        let is_young = witness.usage > out_after || !self.rules.rules.generations;
        is_young && self.counts(witness) && !self.has_begun(witness)
    }

    /// Whether it is a stream with its first item, by which all that it could prove is proved.
    fn has_begun(&self, witness: Witness) -> bool {
        let is_it = |usage: &&Usage| usage.number == witness.usage;
        self.usages.iter().find(is_it).is_some_and(|usage| usage.first_item.is_some())
    }

    /// The operation returned a value, or an error that is no fault of the resource.
    pub(super) fn prove(&mut self, witness: Witness) {
        self.prove_that(witness, true);
    }

    /// A stream began: that much is proved by its first item.
    pub(super) fn begins_to_prove(&mut self, witness: Witness) {
        let is_healthy = self.memberships[witness.membership].status == Status::Healthy;
        if is_healthy && self.is_judged(witness) {
            self.come_back_further(witness.membership);
        }
    }

    pub(super) fn prove_that(&mut self, witness: Witness, comes_back: bool) {
        self.counted.successes += 1;
        let decay = self.rules.decay;
        let (counts, is_judged) = (self.counts(witness), self.is_judged(witness));
        let member = &mut self.memberships[witness.membership];
        member.counted.successes += 1;
        if member.status != Status::Healthy || !counts {
            return;
        }
        match decay {
            None => member.escalation = 0,
            Some(decay) => {
                member.row += 1;
                if member.row >= decay.get() {
                    member.row = 0;
                    member.escalation = member.escalation.saturating_sub(1);
                    self.note("a step down");
                }
            }
        }
        if is_judged && comes_back {
            self.come_back_further(witness.membership);
        }
    }

    /// A hiccup: on trial it sends the resource away again.
    pub(super) fn disprove(&mut self, witness: Witness, reason: &Arc<str>, now: Moment) {
        let on_trial =
            matches!(self.memberships[witness.membership].comeback, Comeback::Trial { .. });
        let is_member = self.memberships[witness.membership].is_member;
        let fails = self.rules.rules.generations && on_trial && is_member;
        if fails && self.is_judged(witness) {
            self.note("a hiccup on trial sent the resource away");
            self.trip(witness, None, Basis::Guessed, &Cause::Signal(Arc::clone(reason)), now);
        }
    }

    pub(super) fn obey(&mut self, witness: Witness, signal: &Signal, now: Moment) {
        self.obey_on(witness, signal, now);
        if !signal.is_of_group() || !self.counts(witness) {
            return;
        }
        // The others of the group, as if it had been there.
        for membership in self.others_of_its_group(witness.membership) {
            self.note("a signal took out another of the group");
            let heard = Witness { membership, lost: false, ..witness };
            if self.counts(heard) {
                self.obey_on(heard, signal, now);
            }
        }
    }

    pub(super) fn others_of_its_group(&self, membership: usize) -> std::vec::IntoIter<usize> {
        let group = &self.memberships[membership].profile.group;
        let is_other = |(other, member): &(usize, &Membership)| {
            *other != membership && group.is_some() && member.profile.group == *group
        };
        let others = self.members().filter(is_other).map(|(other, _)| other);
        others.collect::<Vec<_>>().into_iter()
    }

    /// What a signal with this reason is to a member as the cause.
    pub(super) fn cause_of(&self, membership: usize, reason: &Arc<str>, of_group: bool) -> Cause {
        let reason = Arc::clone(reason);
        match &self.memberships[membership].profile.group {
            Some(group) if of_group => Cause::Group { group: Arc::clone(group), reason },
            _ => Cause::Signal(reason),
        }
    }

    fn obey_on(&mut self, witness: Witness, signal: &Signal, now: Moment) {
        let membership = witness.membership;
        let cause = |reason| self.cause_of(membership, reason, signal.is_of_group());
        match signal {
            Signal::Cooldown { after, guessed, reason, .. } => {
                let cause = cause(reason);
                let member = &self.memberships[membership];
                if member.is_member && !member.is_disabled() {
                    self.cool(witness, (*after, *guessed), &cause, now);
                }
            }
            Signal::Disable { reason, .. } => {
                let cause = cause(reason);
                if !self.counts(witness) {
                    self.note("evidence from before an enable, or of a lost usage");
                    return;
                }
                if self.memberships[membership].is_member {
                    self.take_out(membership, cause, Some(witness.usage), now);
                }
                self.abort_younger(Witness { as_of: Moment::ZERO, ..witness }, u64::MAX);
                self.wake_all_without_a_line();
            }
            other => panic!("the reference does not know {other:?}"),
        }
    }

    fn cool(
        &mut self,
        witness: Witness,
        (after, guessed): (Option<Duration>, bool),
        cause: &Cause,
        now: Moment,
    ) {
        if !self.counts(witness) {
            self.note("evidence from before an enable, or of a lost usage");
            return;
        }
        let after = after.filter(|after| self.rules.rules.zero_hints || !after.is_zero());
        let (least, most) =
            (*self.rules.cooldown_bounds.start(), *self.rules.cooldown_bounds.end());
        let stated = after.map(|after| after.clamp(least, most));
        let basis = match (after, stated) {
            (None, _) | (_, None) => Basis::Guessed,
            _ if guessed => Basis::Guessed,
            (Some(after), Some(stated)) if after == stated => Basis::Stated,
            (Some(after), _) => Basis::Clamped { stated: after },
        };
        if matches!(basis, Basis::Clamped { .. }) {
            self.note("a clamped cooldown");
        }
        let member = &self.memberships[witness.membership];
        let known = self.rules.rules.one_trip_per_outage && witness.usage <= member.tripped_after;
        if !known {
            self.trip(witness, stated, basis, cause, now);
        } else if let Some(stated) = stated {
            let ends = later(now, stated);
            if member.failed.as_ref().is_none_or(|failed| failed.until < ends) {
                self.note(match member.status {
                    Status::Healthy => "a late word sent a resource away that was back",
                    _ => "a late word extended an outage",
                });
                self.send_away_by(witness, ends, basis, cause.clone(), now);
            } else {
                self.note("a late word that changed nothing");
            }
        } else {
            self.note("a guess at a known outage");
        }
        self.abort_younger(witness, self.memberships[witness.membership].tripped_after);
        self.wake_all_without_a_line();
    }

    /// New evidence of an outage. A guess climbs a step of the table.
    fn trip(
        &mut self,
        witness: Witness,
        stated: Option<Duration>,
        basis: Basis,
        cause: &Cause,
        now: Moment,
    ) {
        let climbs = stated.is_none() || self.rules.rules.stated_climbs;
        let newest = self.newest_usage;
        let member = &mut self.memberships[witness.membership];
        member.escalation += u32::from(climbs);
        member.tripped_after = newest;
        let table = self.rules.cooldown_table.iter().copied();
        let by_the_table = table.take(member.escalation as usize).next_back();
        let ends = later(now, stated.or(by_the_table).unwrap_or_default());
        self.send_away_by(witness, ends, basis, cause.clone(), now);
    }

    /// Until then, or until the running cooldown ends if that is later.
    pub(super) fn send_away_by(
        &mut self,
        witness: Witness,
        ends: Moment,
        basis: Basis,
        cause: Cause,
        now: Moment,
    ) {
        let newest = self.newest_usage;
        let member = &mut self.memberships[witness.membership];
        member.out_after = newest;
        let old = member.status;
        let running = member.until.filter(|&until| until > now);
        if running.is_none() {
            member.since = Some(now);
            (member.failed, member.parked) = (None, None);
        }
        if member.failed.as_ref().is_none_or(|failed| failed.until <= ends) {
            member.failed =
                Some(Failed { until: ends, basis, cause, attempt: Some(witness.usage) });
        }
        let was_parked = member.basis == Some(Basis::Operator);
        member.stand_by_both_words();
        let corner = match member.basis == Some(Basis::Operator) {
            true => Some("a failure of what is parked for longer"),
            false => was_parked.then_some("a failure for longer than what is parked"),
        };
        member.status = Status::CoolingDown;
        member.comeback = Comeback::Proven;
        member.held.goes_out_by(member.cause.as_ref());
        member.row = 0;
        member.counted.cooldowns += 1;
        self.counted.cooldowns += 1;
        corner.into_iter().for_each(|corner| self.note(corner));
        self.report(witness.membership, old, now);
        self.void_promises(witness.membership);
    }

    /// `attempt` is the usage whose signal it was.
    pub(super) fn take_out(
        &mut self,
        membership: usize,
        cause: Cause,
        attempt: Option<u64>,
        now: Moment,
    ) {
        let member = &mut self.memberships[membership];
        let old = member.status;
        if old == Status::Disabled {
            return;
        }
        member.status = Status::Disabled;
        member.since = Some(now);
        (member.until, member.basis) = (None, None);
        (member.failed, member.parked) = (None, None);
        member.cause = Some(cause);
        member.attempt = attempt;
        member.comeback = Comeback::Proven;
        member.counted.disables += 1;
        self.counted.disables += 1;
        self.report(membership, old, now);
        self.void_promises(membership);
    }

    /// Aborts the younger siblings up to a number that began no earlier than what the witness speaks of.
    fn abort_younger(&mut self, than: Witness, up_to: u64) {
        if !self.rules.cancel_siblings {
            return;
        }
        let (mut spared, mut goes_on) = (false, false);
        for usage in &mut self.usages {
            let is_younger = usage.membership == than.membership && usage.number > than.usage;
            if usage.spared {
                goes_on |= is_younger && usage.number <= up_to && usage.since >= than.as_of;
                continue;
            }
            if is_younger && usage.since < than.as_of && usage.abortable {
                spared = true;
            } else if is_younger && usage.number <= up_to && usage.abortable {
                usage.abortable = false;
                self.aftermath.aborts.push(usage.handle);
                self.counted.sibling_cancels += 1;
                self.memberships[than.membership].counted.sibling_cancels += 1;
            }
        }
        if goes_on {
            self.note("a stream went on through a sibling's signal");
        }
        if spared {
            self.note("a younger sibling was spared that may have overtaken the signal's call");
        }
    }

    pub(super) fn report(&mut self, membership: usize, old: Status, now: Moment) {
        self.changes += 1;
        let member = &self.memberships[membership];
        self.aftermath.changes.push(Change {
            sequence: self.changes,
            id: Arc::clone(&member.id),
            old,
            new: member.status,
            until: member.until,
            cause: member.cause.clone(),
        });
        self.look_for_a_turn(now);
    }
}
