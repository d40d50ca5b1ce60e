//! Quotas: what is left, reserved and owed, in tokens times nanoseconds of the period, so that nothing is rounded.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use rotapool_core::{Quota, Status};

use super::runs::Terms;
use super::{Reference, Usage};
use crate::twice::observed::Moment;

/// One quota of a membership, as of some moment.
#[derive(Debug, Clone)]
pub(super) struct Limit {
    pub(super) dimension: Arc<str>,
    /// What grows in a nanosecond.
    amount: i128,
    /// What makes one.
    one: i128,
    capacity: i128,
    level: i128,
    at: Moment,
    /// The upstream said that nothing grows until then.
    stopped_until: Option<Moment>,
    /// Of one that slides, what is away.
    taken: Option<Vec<Taken>>,
    /// The newest usage to which the upstream has said what is left.
    pub(super) heard: u64,
}

/// Some that were taken together, and are back together.
#[derive(Debug, Clone)]
struct Taken {
    /// Unknown of what the upstream says is away.
    from: Option<Moment>,
    back: Moment,
    number: i128,
}

impl Limit {
    pub(super) fn full(quota: &Quota, now: Moment) -> Self {
        let one = quota.period().as_nanos() as i128;
        let capacity = one * i128::from(quota.capacity());
        Self {
            dimension: Arc::clone(quota.dimension()),
            amount: quota.amount().into(),
            one,
            capacity,
            level: capacity,
            at: now,
            stopped_until: None,
            taken: quota.slides().then(Vec::new),
            heard: 0,
        }
    }

    fn look(&mut self, now: Moment) {
        if let Some(taken) = &mut self.taken {
            let back: i128 =
                taken.iter().filter(|some| some.back <= now).map(|some| some.number).sum();
            taken.retain(|some| some.back > now);
            self.level += back * self.one;
            self.stopped_until = self.stopped_until.filter(|&until| now < until);
            self.at = now;
            return;
        }
        if self.stopped_until.is_some_and(|until| now < until) {
            self.at = now;
            return;
        }
        if self.stopped_until.take().is_some() {
            self.level = self.capacity;
        }
        let grown = self.amount * (now - self.at).as_nanos() as i128;
        self.level = (self.level + grown).min(self.capacity);
        self.at = now;
    }

    /// What is left, in whole numbers, by now.
    pub(super) fn left_by(&self, now: Moment) -> i64 {
        let mut limit = self.clone();
        limit.look(now);
        limit.counted() as i64
    }

    /// In whole numbers, as of the last look.
    fn counted(&self) -> i128 {
        self.level.div_euclid(self.one)
    }

    /// What decides how it goes on.
    pub(super) fn hash_essence(&self, now: Moment, into: &mut impl Hasher) {
        let mut limit = self.clone();
        limit.look(now);
        let stopped = limit.stopped_until.map(|until| until - now);
        (limit.level, stopped).hash(into);
        for Taken { from, back, number } in limit.taken.iter().flatten() {
            (from.map(|from| now - from), *back - now, number).hash(into);
        }
    }

    fn has(&self, number: u64) -> bool {
        self.level >= self.one * i128::from(number)
    }

    fn ready_at(&self, number: u64) -> Option<Moment> {
        let needed = self.one * i128::from(number);
        if needed > self.capacity {
            return None;
        }
        if self.has(number) {
            return Some(self.at);
        }
        let missing = needed - self.level;
        if let Some(taken) = &self.taken {
            let mut back = 0;
            let enough = taken.iter().find(|some| {
                back += some.number * self.one;
                back >= missing
            });
            return enough.map(|some| some.back);
        }
        let growth = (missing + self.amount - 1) / self.amount;
        let by_growth = self.at + Moment::from_nanos(growth as u64);
        Some(self.stopped_until.unwrap_or(by_growth))
    }

    fn take(&mut self, number: u64) {
        let number = i128::from(number);
        self.level -= number * self.one;
        let Some(taken) = self.taken.as_mut().filter(|_| number > 0) else { return };
        let now = self.at;
        let period = Moment::from_nanos(self.one as u64);
        let back = self.stopped_until.unwrap_or(now + period);
        match taken.last_mut() {
            Some(last)
                if last.back == back || last.from.is_some_and(|from| now - from < period / 64) =>
            {
                last.back = back;
                last.number += number;
            }
            _ => taken.push(Taken { from: Some(now), back, number }),
        }
    }

    /// Puts back what was taken at `since`.
    fn put(&mut self, number: u64, since: Moment) {
        let mut number = i128::from(number);
        let Some(taken) = &mut self.taken else {
            self.level = (self.level + number * self.one).min(self.capacity);
            return;
        };
        for some in taken.iter_mut().rev() {
            if some.from.is_none_or(|from| from <= since) {
                let put = number.min(some.number);
                some.number -= put;
                number -= put;
                self.level += put * self.one;
            }
        }
        taken.retain(|some| some.number > 0);
    }

    /// The upstream says that so much is left, and when it is all back.
    fn correct(&mut self, left: u64, reset: Option<Moment>) {
        let before = self.level;
        self.level = (self.one * i128::from(left)).min(self.capacity);
        self.stopped_until = reset.filter(|&at| at > self.at);
        let away = (self.capacity - self.level) / self.one;
        let Some(taken) = &mut self.taken else { return };
        for some in &mut *taken {
            some.back = some.back.min(self.at + Moment::from_nanos(self.one as u64));
        }
        if let Some(back) = self.stopped_until {
            *taken = vec![Taken { from: None, back, number: away }];
            taken.retain(|some| some.number > 0);
        } else if self.level < before {
            let more = (before - self.level) / self.one;
            self.level = before;
            self.take(more as u64);
        } else {
            let mut less = (self.level - before) / self.one;
            for some in taken.iter_mut() {
                let back = less.min(some.number);
                some.number -= back;
                less -= back;
            }
            taken.retain(|some| some.number > 0);
        }
    }

    fn by_default(&self) -> u64 {
        u64::from(&*self.dimension == "requests")
    }

    /// What an attempt takes of it.
    fn cost(&self, terms: &Terms) -> u64 {
        let stated = terms.costs.iter().find(|(dimension, _)| *dimension == self.dimension);
        stated.map_or(self.by_default(), |(_, cost)| *cost)
    }
}

impl Reference {
    /// Full ones of these quotas; answers which.
    pub(super) fn fill(&mut self, quotas: &[Quota], now: Moment) -> Vec<usize> {
        let first = self.limits.len();
        self.limits.extend(quotas.iter().map(|quota| Limit::full(quota, now)));
        (first..self.limits.len()).collect()
    }

    /// The quotas of a membership, its own and its group's.
    pub(super) fn limits_of(&self, membership: usize) -> impl Iterator<Item = &Limit> + Clone {
        self.memberships[membership].limits.iter().map(|&limit| &self.limits[limit])
    }

    fn change_limits(&mut self, membership: usize, mut change: impl FnMut(&mut Limit)) {
        for &limit in &self.memberships[membership].limits {
            change(&mut self.limits[limit]);
        }
    }

    fn look_at(&mut self, membership: usize, now: Moment) {
        self.change_limits(membership, |limit| limit.look(now));
        self.see_whether_spent(membership);
    }

    /// Whether its group has quotas.
    fn shares(&self, membership: usize) -> bool {
        let group = self.memberships[membership].profile.group.as_ref();
        group.is_some_and(|group| !self.groups[group].is_empty())
    }

    /// All of its group find out that something was taken, or given back.
    fn tell_its_group(&mut self, membership: usize, now: Moment) {
        if !self.shares(membership) {
            return;
        }
        let group = self.memberships[membership].profile.group.clone();
        for other in 0..self.memberships.len() {
            if self.memberships[other].profile.group == group {
                let was_spent = self.memberships[other].spent_until.is_some();
                self.look_at(other, now);
                let is_spent = self.memberships[other].spent_until.is_some();
                if other != membership && is_spent && !was_spent {
                    self.note("one of a group spent what another would have had");
                }
            }
        }
    }

    fn see_whether_spent(&mut self, membership: usize) {
        let limits = self.limits_of(membership);
        let is_spent = limits.clone().any(|limit| !limit.has(1));
        let until = limits.filter_map(|limit| limit.ready_at(1)).max();
        let was_spent = self.memberships[membership].spent_until.is_some();
        self.memberships[membership].spent_until = until.filter(|_| is_spent);
        if was_spent && !is_spent {
            self.note("a spent resource has quota again");
        }
    }

    /// The quotas of whoever is healthy, and was spent until now.
    pub(super) fn notice_refills(&mut self, now: Moment) {
        for membership in 0..self.memberships.len() {
            let member = &self.memberships[membership];
            let is_looked_at = member.is_member && member.status == Status::Healthy;
            if is_looked_at && member.spent_until.is_some_and(|until| until <= now) {
                self.look_at(membership, now);
            }
        }
        self.look_for_a_recovery(now);
    }

    /// It is back: whatever has grown meanwhile is there.
    pub(super) fn refill(&mut self, membership: usize, now: Moment) {
        self.look_at(membership, now);
    }

    pub(super) fn spent_until_by(&self, membership: usize, now: Moment) -> Option<Moment> {
        self.memberships[membership].spent_until.filter(|&until| until > now)
    }

    /// From when on the run can pay there; `None` if never.
    pub(super) fn payable_at(&self, run: usize, membership: usize, now: Moment) -> Option<Moment> {
        let terms = &self.runs[run].terms;
        let mut latest = now;
        for limit in self.limits_of(membership) {
            let mut limit = limit.clone();
            limit.look(now);
            latest = latest.max(limit.ready_at(limit.cost(terms).max(1))?);
        }
        Some(latest)
    }

    pub(super) fn can_pay(&self, run: usize, membership: usize, now: Moment) -> bool {
        self.payable_at(run, membership, now) == Some(now)
    }

    /// When the run could be back there, if it is away: `None` if it is not, or for ever.
    pub(super) fn back_for(&self, run: usize, membership: usize, now: Moment) -> Option<Moment> {
        let member = &self.memberships[membership];
        let payable = self.payable_at(run, membership, now)?;
        match member.status {
            Status::Disabled => None,
            Status::CoolingDown => member.until.max(Some(payable).filter(|&at| at > now)),
            _ => Some(payable).filter(|&at| at > now),
        }
    }

    /// Takes what an attempt of the run costs; answers how much of each.
    pub(super) fn charge(&mut self, run: usize, membership: usize, now: Moment) -> Vec<u64> {
        self.look_at(membership, now);
        let terms = self.runs[run].terms.clone();
        let costs = self.limits_of(membership).map(|limit| limit.cost(&terms)).collect();
        self.change_limits(membership, |limit| limit.take(limit.cost(&terms)));
        self.see_whether_spent(membership);
        self.tell_its_group(membership, now);
        costs
    }

    /// Whether there is a place for a probe, and one of every dimension.
    pub(super) fn has_what_a_probe_takes(&self, membership: usize, now: Moment) -> bool {
        self.has_room(membership) && self.limits_of(membership).all(|limit| limit.left_by(now) >= 1)
    }

    /// Takes a request.
    pub(super) fn charge_for_a_probe(&mut self, membership: usize, now: Moment) {
        self.look_at(membership, now);
        self.change_limits(membership, |limit| {
            let cost = limit.by_default();
            limit.take(cost);
        });
        self.see_whether_spent(membership);
        self.tell_its_group(membership, now);
    }

    /// How long ago a promise was paid, where what it took would be back by itself.
    pub(super) fn age_of_promise(&self, run: usize, membership: usize, now: Moment) -> u128 {
        let place = self.runs[run].place.as_ref().expect("a run in line");
        let sliding = self.limits_of(membership).filter(|limit| limit.taken.is_some());
        let matters = sliding.map(|limit| limit.one as u128).max().unwrap_or(0);
        (now - place.promised_at).as_nanos().min(matters)
    }

    /// Takes back what a promise to the run has cost, which was given at `since`.
    pub(super) fn give_back(&mut self, run: usize, membership: usize, since: Moment) {
        let terms = self.runs[run].terms.clone();
        self.change_limits(membership, |limit| limit.put(limit.cost(&terms), since));
        self.see_whether_spent(membership);
        self.tell_its_group(membership, self.now);
    }

    /// What an operation says that it took: of one dimension, or of all.
    pub(crate) fn say_spent(
        &mut self,
        run: usize,
        dimension: Option<&str>,
        amount: u64,
        now: Moment,
    ) {
        self.notice_by_the_clock(now);
        let Some(usage) = self.place_of_usage(run) else { return };
        let usage = &mut self.usages[usage];
        let membership = usage.membership;
        let limits = &self.memberships[membership].limits;
        for (&limit, reserved) in limits.iter().zip(&mut usage.reserved) {
            let limit = &mut self.limits[limit];
            limit.look(now);
            if dimension.is_none_or(|dimension| *limit.dimension == *dimension) {
                match amount.checked_sub(*reserved) {
                    Some(more) => limit.take(more),
                    None => limit.put(*reserved - amount, usage.since),
                }
                *reserved = amount;
            }
        }
        self.note("an operation said what it took");
        if self.limits_of(membership).any(|limit| limit.level < 0) {
            self.note("a debt");
        }
        self.quotas_changed(membership, now);
    }

    /// What an upstream says that is left.
    pub(crate) fn say_left(
        &mut self,
        run: usize,
        dimension: &str,
        left: u64,
        reset: Option<Moment>,
        now: Moment,
    ) {
        self.notice_by_the_clock(now);
        let Some(usage) = self.place_of_usage(run) else { return };
        let &Usage { number, membership, .. } = &self.usages[usage];
        self.change_limits(membership, |limit| limit.look(now));
        let mut limits = self.memberships[membership].limits.iter();
        // Of its own quota; of the group's if it has none.
        let spoken_of = limits.find(|&&limit| *self.limits[limit].dimension == *dimension);
        if let Some(&limit) = spoken_of {
            let heard = self.limits[limit].heard;
            let [younger, older] = self.taken_beside(limit, usage, number.max(heard));
            let most = left.saturating_sub(younger);
            if most < left {
                self.note("what an upstream says is left has calls on their way to it");
            }
            let is_news = number >= heard;
            let least = if is_news { most.saturating_sub(older) } else { 0 };
            let counted = self.limits[limit].counted();
            let limit = &mut self.limits[limit];
            let reset = reset.map(|reset| now + reset);
            limit.heard = heard.max(number);
            if counted > most.into() {
                limit.correct(most, reset);
            } else if is_news && counted < least.into() {
                limit.correct(least, reset);
            } else if is_news && reset.is_some() {
                limit.correct(counted as u64, reset);
            }
            if !is_news && counted < most.into() {
                self.note("an older answer gives nothing back");
            } else if (i128::from(least)..most.into()).contains(&counted) {
                self.note("what is left may be what was counted");
            }
        }
        self.note("an upstream said what is left");
        self.quotas_changed(membership, now);
    }

    /// What others in flight took of a limit: of those younger than who is seen, the upstream cannot know; of those older
    /// it may.
    fn taken_beside(&self, limit: usize, of: usize, seen: u64) -> [u64; 2] {
        let of = &self.usages[of];
        let mut taken = [0, 0];
        for usage in &self.usages {
            let membership = &self.memberships[usage.membership];
            let Some(place) = membership.limits.iter().position(|&it| it == limit) else {
                continue;
            };
            let is_told = membership.is_member || usage.membership == of.membership;
            if is_told && usage.abortable && !usage.spared && usage.number != of.number {
                taken[usize::from(usage.number <= seen)] += usage.reserved[place];
            }
        }
        taken
    }

    fn quotas_changed(&mut self, membership: usize, now: Moment) {
        self.see_whether_spent(membership);
        self.tell_its_group(membership, now);
        let member = &self.memberships[membership];
        if member.is_member && !member.limits.is_empty() || self.shares(membership) {
            self.look_for_a_recovery(now);
            self.wake_all_without_a_line();
            self.attend_the_line();
        }
    }
}
