//! Runs that try what is out before its end.

use std::collections::BTreeMap;
use std::time::Duration;

use rotapool_core::{Basis, Status};

use super::steps::Stride;
use super::{Membership, Reference, later};
use crate::twice::observed::{Moment, Move};

/// Who was tried early.
#[derive(Debug, Default)]
pub(super) struct Tries {
    /// The last one of each membership: when it began, its usage, and the end that it tried.
    last: BTreeMap<usize, (Moment, u64, Moment)>,
    /// Nobody looks before then.
    quiet_until: Moment,
}

impl Reference {
    /// Whom the run tries before its end, if it does.
    pub(super) fn whom_to_try(&mut self, stride: Stride) -> Option<usize> {
        let Stride { run, now, .. } = stride;
        let every = self.rules.probe_early?;
        let can_fail = self.runs[run].spent + 1 < self.runs[run].terms.max_attempts;
        let is_quiet = now < self.tries.quiet_until;
        if !can_fail || is_quiet || self.runs[run].wish.choice.is_some() {
            return None;
        }
        let out: Vec<_> = self
            .members()
            .filter_map(|(it, member)| Some((self.due(it, member, every, now)?, it)))
            .collect();
        let next = out.iter().map(|((_, due), _)| *due).min();
        self.tries.quiet_until = next.map_or(later(now, every), |next| next.min(later(now, every)));
        let may_try = |it: usize| {
            self.has_room(it)
                && self.can_pay(run, it, now)
                && self.admits(run, it)
                && !self.has_tried(run, it)
        };
        let due = out.into_iter().filter(|((_, due), it)| *due <= now && may_try(*it));
        let one = due.min_by_key(|((since, _), it)| (*since, *it)).map(|(_, it)| it);
        let falls_back = (0..self.memberships.len()).any(|it| {
            // What the try takes of a quota in common is not there for the next attempt.
            let in_common = one.is_some_and(|one| {
                let common = |limit| self.memberships[it].limits.contains(limit);
                self.memberships[one].limits.iter().any(common)
            });
            let is_there = self.is_eligible(it) && self.is_within_its_pace(it) && !in_common;
            is_there
                && self.can_pay(run, it, now)
                && self.admits(run, it)
                && !self.has_tried(run, it)
        });
        one.filter(|_| falls_back && self.has_a_retry_left(now))
    }

    /// Since when a member has not been tried that is out by a word, and when it is to be.
    fn due(
        &self,
        membership: usize,
        member: &Membership,
        every: Duration,
        now: Moment,
    ) -> Option<(Moment, Moment)> {
        let is_word = member.basis.is_some_and(|basis| basis != Basis::Guessed);
        let until = member.until.filter(|_| member.status == Status::CoolingDown && is_word)?;
        let mut since = member.since?;
        if let Some(&(began, usage, _)) = self.tries.last.get(&membership) {
            if self.usages.iter().any(|it| it.number == usage) {
                return None;
            }
            since = since.max(began);
        }
        let due = later(since, every).max(now);
        (until > later(due, every)).then_some((since, due))
    }

    pub(super) fn try_early(&mut self, stride: Stride, membership: usize) -> Move {
        let Stride { run, handle, now, .. } = stride;
        self.note("an early probe");
        let until = self.memberships[membership].until.expect("it is out");
        let next = self.attempt(run, membership, handle, now);
        let newest = self.newest_usage;
        let member = &mut self.memberships[membership];
        (member.tripped_after, member.out_after) = (newest, newest);
        self.tries.last.insert(membership, (now, newest, until));
        self.counted.early_probes += 1;
        if let Some(deadline) = self.runs[run].terms.deadline {
            let usage = self.usages.last_mut().expect("it has just begun");
            usage.half_time = Some(now + (deadline - now) / 2);
        }
        next
    }

    /// A usage got through: whether it was a probe of an outage that goes on as it was.
    pub(super) fn come_back_early(&mut self, membership: usize, usage: u64, now: Moment) {
        let Some(&(_, tried, until)) = self.tries.last.get(&membership) else { return };
        if tried != usage {
            return;
        }
        let member = &self.memberships[membership];
        let is_out = member.is_member && member.status == Status::CoolingDown;
        if !is_out || member.until != Some(until) {
            self.note("an early probe of another outage");
            return;
        }
        self.note("an early probe brought one back");
        self.counted.early_returns += 1;
        let comeback = self.comeback_after(membership, now);
        let member = &mut self.memberships[membership];
        member.comeback = comeback;
        member.held.back(until.min(now));
        let old = member.become_healthy();
        self.refill(membership, now);
        self.report(membership, old, now);
    }

    /// What of it decides how a pool goes on.
    pub(super) fn essence_of_tries(&self, now: Moment) -> Vec<(Option<Moment>, bool, bool)> {
        let Some(every) = self.rules.probe_early else { return Vec::new() };
        let of_one = |(it, member): (usize, &Membership)| {
            let last = self.tries.last.get(&it);
            let since = member.since.max(last.map(|last| last.0));
            let under_way =
                last.is_some_and(|last| self.usages.iter().any(|usage| usage.number == last.1));
            let is_same = last.is_some_and(|last| member.until == Some(last.2));
            (since.map(|since| later(since, every).saturating_sub(now)), under_way, is_same)
        };
        let quiet = (Some(self.tries.quiet_until.saturating_sub(now)), false, false);
        self.members().map(of_one).chain([quiet]).collect()
    }
}
