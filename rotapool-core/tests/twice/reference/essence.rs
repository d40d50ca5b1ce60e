//! What of a pool decides how it goes on, without what is only counted or reported.

use std::hash::{Hash, Hasher};

use rotapool_core::{Recovery, Status, Strategy};

use super::comeback::Comeback;
use super::runs::{Phase, Run};
use super::{Membership, Reference, Usage};
use crate::twice::observed::Moment;

impl Reference {
    /// Two pools of the same essence do the same from here on, as far as the ranked strategies go: only
    /// their numbers, times, counters and measures differ.
    ///
    /// Times are told from now on, usages and memberships by their order, and steps of the escalation
    /// only up to the end of the table.
    pub(crate) fn hash_essence(&self, now: Moment, into: &mut impl Hasher) {
        for (number, membership) in self.memberships.iter().enumerate() {
            if self.remembers(number) {
                membership.id.hash(into);
                membership.is_member.hash(into);
                if membership.is_member {
                    self.tripped_among_the_living(number).hash(into);
                    self.hash_member(number, membership, now, into);
                }
            }
        }
        if self.rules.strategy == Strategy::Sticky {
            let behind = self.members().filter(|(number, _)| *number < self.memory.current);
            behind.count().hash(into);
            let current = self.memberships.get(self.memory.current);
            current.is_some_and(|current| current.is_member).hash(into);
        }
        let weighted = self.rules.strategy == Strategy::Weighted;
        for (_, ahead) in self.memory.kinds.iter().filter(|_| weighted) {
            self.members()
                .for_each(|(it, _)| ahead.of.get(&it).map(|&ahead| rounded(ahead)).hash(into));
        }
        (self.closed.is_some(), self.ended, self.over).hash(into);
        self.exhausted_since.is_some().hash(into);
        for post in &self.posts {
            (post.handle.is_some(), ahead(post.comes_at, now)).hash(into);
        }
        if let Some(rounds) = &self.rounds {
            for (&membership, &due) in &rounds.due {
                if self.memberships[membership].is_member {
                    (self.rank_of(membership), ahead(due, now)).hash(into);
                }
            }
            for &(membership, gone_out) in &rounds.under_way {
                let is_member = self.memberships[membership].is_member;
                let is_news = self.gone_out(membership) == gone_out;
                (is_member.then(|| self.rank_of(membership)), is_news).hash(into);
            }
        }
        for usage in &self.usages {
            let age = self.age_that_matters(usage, now);
            let held = usage.held.map(|end| ahead(end, now));
            (self.rank_of(usage.membership), usage.abortable, usage.late, usage.lost, age, held)
                .hash(into);
            (ahead(usage.hedge_at, now), ahead(self.end_of(usage), now)).hash(into);
            (usage.spared, usage.first_item.is_some()).hash(into);
            usage.reserved.hash(into);
        }
        self.spending.as_ref().map(|spending| spending.essence(now)).hash(into);
        self.hedging.as_ref().map(|hedging| hedging.essence(now)).hash(into);
        self.essence_of_tries(now).hash(into);
        let live = self.runs.iter().enumerate().filter(|(_, run)| run.phase != Phase::Over);
        let mut live: Vec<_> =
            live.map(|(number, run)| self.essence_of(number, run, now)).collect();
        // It does not matter which run is which.
        live.sort_unstable();
        live.hash(into);
    }

    fn hash_member(&self, number: usize, member: &Membership, now: Moment, into: &mut impl Hasher) {
        member.profile.group.hash(into);
        for limit in self.limits_of(number) {
            limit.hash_essence(now, into);
            self.usages.iter().filter(|usage| usage.number <= limit.heard).count().hash(into);
        }
        ahead(member.spent_until, now).hash(into);
        let Membership { status, until, escalation, comeback, row, .. } = member;
        let last_step = self.rules.cooldown_table.len() as u32;
        let escalation = (*escalation).min(last_step);
        let row = self.rules.decay.map(|_| row);
        (status, ahead(*until, now), escalation, row, comeback).hash(into);
        self.essence_of_held(number, now).hash(into);
        let failed = member.failed.as_ref().map(|failed| failed.until);
        let parked = member.parked.as_ref().map(|(until, _)| *until);
        (ahead(failed, now), ahead(parked, now)).hash(into);
        if *status == Status::CoolingDown && self.rules.recovery != Recovery::AtOnce {
            // It will be the bound.
            member.until.zip(member.since).map(|(until, since)| until - since).hash(into);
        }
        match self.rules.strategy {
            Strategy::LeastInFlight | Strategy::RoundRobin | Strategy::Priority => {
                let later = |other: &Membership| other.last_acquired > member.last_acquired;
                self.members().filter(|(_, other)| later(other)).count().hash(into);
                member.last_acquired.is_some().hash(into);
            }
            Strategy::Weighted => {
                self.memory.plain.of.get(&number).map(|&ahead| rounded(ahead)).hash(into);
            }
            _ => {}
        }
    }

    /// How many of its usages in flight report an outage that is known already, or are from before an
    /// admin's word.
    fn tripped_among_the_living(&self, membership: usize) -> [usize; 3] {
        let Membership { tripped_after, out_after, mark, .. } = self.memberships[membership];
        let on_it = || self.usages.iter().filter(|usage| usage.membership == membership);
        match self.rules.rules.generations {
            true => [tripped_after, out_after, mark]
                .map(|last| on_it().filter(|usage| usage.number <= last).count()),
            false => [0; 3],
        }
    }

    fn rank_of(&self, membership: usize) -> usize {
        (0..membership).filter(|&older| self.remembers(older)).count()
    }

    fn essence_of(&self, number: usize, run: &Run, now: Moment) -> Vec<u128> {
        let nanoseconds = |moment| ahead(moment, now).map_or(u128::MAX, |ahead| ahead.as_nanos());
        let (phase, until) = match run.phase {
            Phase::Ready => (0, None),
            Phase::Attempting => (1, None),
            Phase::Pausing { until } => (2, Some(until)),
            Phase::TakenBack => (3, None),
            Phase::Over => (4, None),
        };
        let usage = self.place_of_usage(number);
        let beside = self.usages.iter().position(|usage| run.beside == Some(usage.number));
        let mut essence = vec![
            usage.map_or(u128::MAX, |usage| usage as u128),
            beside.map_or(u128::MAX, |beside| beside as u128),
            phase,
            nanoseconds(until),
            nanoseconds(run.terms.deadline),
            run.terms.retry_delay.as_nanos(),
            u128::from(run.terms.wait),
            run.budget.map_or(u128::MAX, |budget| u128::from(budget.saturating_sub(run.spent))),
            u128::from(run.pause_due),
            nanoseconds(run.pause_until),
            u128::from(run.made == 0),
            u128::from(run.retries),
            u128::from(run.has_failed),
        ];
        let mut tried = run.wish.tried.clone();
        tried.retain(|&tried| self.memberships[tried].is_member);
        essence.extend(self.essence_of_place(number, now));
        essence.extend(tried.into_iter().map(|tried| self.rank_of(tried) as u128));
        essence
    }
    fn essence_of_place(&self, number: usize, now: Moment) -> [u128; 6] {
        let place = self.in_line().position(|(run, _)| run == number);
        let Some(_) = place else { return [0; 6] };
        let (awake, told, promise, manners) = self.how_it_stands_in_line(number);
        let told = ahead(told, now).map_or(u128::MAX, |told| told.as_nanos());
        let paid = promise.map_or(u128::MAX, |promise| self.age_of_promise(number, promise, now));
        let promise = promise.map_or(u128::MAX, |promise| self.rank_of(promise) as u128);
        let manners = manners.iter().fold(0, |sum, is| 2 * sum + u128::from(*is));
        let number = 1 + self.number_in_line(number) as u128;
        [number, u128::from(awake), told, promise, paid, manners]
    }

    /// How long it has been in flight, if it may become late, or tells which siblings its signal spares.
    fn age_that_matters(&self, usage: &Usage, now: Moment) -> Option<Moment> {
        let on = &self.memberships[usage.membership];
        let counts = on.is_member && on.comeback != Comeback::Proven && !usage.late;
        let by_age = self.rules.rules.spares_early_siblings;
        let spares = on.is_member && self.rules.cancel_siblings && by_age;
        (counts || spares).then(|| now - usage.since)
    }
}

/// How far ahead it lies; nothing of what is past matters.
fn ahead(moment: Option<Moment>, now: Moment) -> Option<Moment> {
    moment.map(|moment| moment.saturating_sub(now))
}

/// Without what different orders of adding up may differ in.
fn rounded(ahead: f64) -> i64 {
    (ahead * 1e6).round() as i64
}
