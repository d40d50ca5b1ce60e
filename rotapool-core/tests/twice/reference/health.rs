//! What attempts do to the resources: they prove them, and send them away.

use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Cause, Signal, Status};

use super::{Reference, later};
use crate::twice::observed::{Change, Moment};

impl Reference {
    /// The operation returned a value, or an error that is no fault of the resource.
    pub(super) fn prove(&mut self, membership: usize) {
        self.counted.successes += 1;
        let member = &mut self.memberships[membership];
        member.counted.successes += 1;
        if member.status == Status::Healthy {
            member.escalation = 0;
            member.probing = false;
        }
    }

    pub(super) fn obey(&mut self, usage: u64, membership: usize, signal: &Signal, now: Moment) {
        match signal {
            Signal::Cooldown { after, reason, .. } => {
                let member = &self.memberships[membership];
                if member.is_member && member.status != Status::Disabled {
                    self.cool(usage, membership, *after, reason, now);
                    self.abort_younger(usage, membership);
                    self.aftermath.rethink = true;
                }
            }
            Signal::Disable { reason, .. } => {
                if self.memberships[membership].is_member {
                    let cause = Cause::Signal(Arc::clone(reason));
                    self.take_out(membership, cause, Some(usage), now);
                }
                self.abort_younger(usage, membership);
                self.aftermath.rethink = true;
            }
            Signal::Retry { .. } => self.counted.retries += 1,
            other => panic!("the reference does not know {other:?}"),
        }
    }

    fn cool(
        &mut self,
        usage: u64,
        membership: usize,
        after: Option<Duration>,
        reason: &Arc<str>,
        now: Moment,
    ) {
        let member = &mut self.memberships[membership];
        let old = member.status;
        let began_before_the_trip = member.escalation > 0 && usage <= member.tripped_after;
        if !(self.rules.one_trip_per_outage && began_before_the_trip) {
            member.escalation += 1;
            member.tripped_after = self.newest_usage;
        }
        let table = self.rules.cooldown_table.iter().copied();
        let by_the_table = table.take(member.escalation as usize).next_back();
        let ends = later(now, after.or(by_the_table).unwrap_or_default());
        let running = member.until.filter(|&until| until > now);
        if running.is_none() {
            member.since = Some(now);
        }
        if running.is_none_or(|until| until <= ends) {
            member.until = Some(ends);
            member.cause = Some(Cause::Signal(Arc::clone(reason)));
            member.attempt = Some(usage);
        }
        member.status = Status::CoolingDown;
        member.probing = false;
        member.counted.cooldowns += 1;
        self.counted.cooldowns += 1;
        self.report(membership, old);
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
        member.until = None;
        member.cause = Some(cause);
        member.attempt = attempt;
        member.counted.disables += 1;
        self.counted.disables += 1;
        self.report(membership, old);
    }

    fn abort_younger(&mut self, than: u64, membership: usize) {
        if !self.rules.cancel_siblings {
            return;
        }
        for usage in &mut self.usages {
            if usage.membership == membership && usage.number > than && usage.abortable {
                usage.abortable = false;
                self.aftermath.aborts.push(usage.handle);
                self.counted.sibling_cancels += 1;
                self.memberships[membership].counted.sibling_cancels += 1;
            }
        }
    }

    pub(super) fn report(&mut self, membership: usize, old: Status) {
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
    }
}
