//! The quotas of one resource: what is left of them, what is reserved, and until when they are spent.
//!
//! A level is as of the last look at it, and so is everything that follows from it: whether the resource is spent, and
//! until when. Whoever takes from a level looks at it first. A resource is spent while a dimension has less than one left, also
//! to a run that states no cost in it: an upstream that counts tokens refuses a request when none are left.

use std::collections::BTreeMap;
use std::time::Instant;

use super::costs::Costs;
use super::limit::{Limit, Word};
use super::quota::Quota;
use super::usage::Sequence;
use crate::error::QuotaError;
use crate::time::{Epoch, Tick};

#[derive(Debug, Clone)]
pub(crate) struct Quotas {
    /// Its own, and from `own` on a copy of those that its group has in common.
    limits: Vec<Limit>,
    own: usize,
    /// What usages in flight have reserved, each limit in turn, of those that do not have the default.
    reserved: BTreeMap<Sequence, Vec<u64>>,
    spent_until: Option<Instant>,
    /// When somebody in line can afford it, who cannot now.
    watch: Option<Instant>,
}

impl Quotas {
    /// Full ones of its own, and what its group has left; `None` if there are no quotas.
    pub(crate) fn new(
        quotas: &[Quota],
        shared: &[Limit],
        epoch: Epoch,
        now: Instant,
    ) -> Result<Option<Self>, QuotaError> {
        let mut limits = Limit::all(quotas, None, epoch, now)?;
        let own = limits.len();
        limits.extend_from_slice(shared);
        let reserved = BTreeMap::new();
        let mut quotas = Self { limits, own, reserved, spent_until: None, watch: None };
        quotas.look(now);
        Ok((!quotas.limits.is_empty()).then_some(quotas))
    }

    /// What was taken of these by the rules before stays taken: nobody gets a full quota by another rule.
    pub(crate) fn take_over(&mut self, mut former: Self, now: Instant) {
        former.look(now);
        let own = self.own;
        for limit in &mut self.limits[..own] {
            let same = |other: &&Limit| other.stands_for(limit);
            match former.limits.iter().find(same) {
                Some(before) if before.quota == limit.quota => *limit = before.clone(),
                Some(before) => {
                    limit.heard = before.heard;
                    let capacity = i64::try_from(before.level.capacity()).unwrap_or(i64::MAX);
                    let taken = capacity.saturating_sub(before.level.whole());
                    limit.level.spend(u64::try_from(taken).unwrap_or_default());
                }
                None => {}
            }
        }
        let place = |limit: &Limit| former.limits.iter().position(|other| other.stands_for(limit));
        let places: Vec<Option<usize>> = self.limits.iter().map(place).collect();
        let moved = |taken: &Vec<u64>| {
            places.iter().map(|place| place.map_or(0, |place| taken[place])).collect()
        };
        let reserved = former.reserved.iter();
        self.reserved = reserved.map(|(&usage, taken)| (usage, moved(taken))).collect();
        self.watch = former.watch;
        self.see_whether_spent();
    }

    /// Whether the group has quotas.
    #[inline]
    pub(crate) fn are_shared(&self) -> bool {
        self.own < self.limits.len()
    }

    /// A copy of what the group has in common.
    pub(crate) fn shared(&self) -> &[Limit] {
        &self.limits[self.own..]
    }

    /// Another member of the group has changed what they have in common.
    pub(crate) fn adopt(&mut self, shared: &[Limit], now: Instant) {
        self.limits.truncate(self.own);
        self.limits.extend_from_slice(shared);
        self.look(now);
    }

    /// Its own, without those of its group.
    pub(crate) fn own(&self) -> &[Limit] {
        &self.limits[..self.own]
    }

    pub(crate) fn limits(&self) -> &[Limit] {
        &self.limits
    }

    /// Until when a dimension has less than one left.
    #[inline]
    pub(crate) fn spent_until(&self) -> Option<Instant> {
        self.spent_until
    }

    /// Whether it is to be looked at again at a known instant.
    #[inline]
    pub(crate) fn are_watched(&self) -> bool {
        self.spent_until.is_some() || self.watch.is_some()
    }

    /// When it is to be looked at again.
    pub(crate) fn next_look(&self) -> Option<Instant> {
        self.spent_until.into_iter().chain(self.watch).min()
    }

    // As of the last look.

    /// Whether an attempt of this cost can be paid.
    pub(crate) fn can_pay(&self, costs: &Costs) -> bool {
        self.limits.iter().all(|limit| limit.level.has(limit.need(costs)))
    }

    /// From when on an attempt of this cost can be paid if nobody takes anything; `None` if never.
    pub(crate) fn payable_at(&self, costs: &Costs) -> Option<Instant> {
        let mut latest = None;
        for limit in &self.limits {
            latest = latest.max(Some(limit.level.ready_at(limit.need(costs))?));
        }
        latest
    }

    // Changes.

    /// Lets grow what has grown by now.
    pub(crate) fn look(&mut self, now: Instant) {
        self.limits.iter_mut().for_each(|limit| limit.level.refill(now));
        self.watch = self.watch.filter(|&watch| watch > now);
        self.see_whether_spent();
    }

    /// Takes what an attempt of this cost takes, from all dimensions at once.
    pub(crate) fn pay(&mut self, costs: &Costs) {
        for limit in &mut self.limits {
            limit.level.spend(limit.cost(costs));
        }
        self.see_whether_spent();
    }

    /// Takes back what an attempt of this cost was to take, which was paid at `since`.
    pub(crate) fn give_back(&mut self, costs: &Costs, since: Tick) {
        for limit in &mut self.limits {
            limit.level.put(limit.cost(costs), since);
        }
        self.see_whether_spent();
    }

    /// A usage has begun: what it takes is reserved for it.
    #[inline]
    pub(crate) fn began(&mut self, usage: Sequence, costs: &Costs, epoch: Epoch, now: Tick) {
        if self.are_watched() || costs.are_stated() {
            return self.began_at_length(usage, costs, epoch.instant(now));
        }
        // What nothing is taken from has one left as before, and need not be looked at: it grows by itself.
        let mut is_spent = false;
        for Limit { level, by_default, .. } in &mut self.limits {
            // One of it, then.
            if *by_default > 0 {
                is_spent |= !level.spend_one(now);
            }
        }
        if is_spent {
            self.see_whether_spent();
        }
    }

    #[cold]
    fn began_at_length(&mut self, usage: Sequence, costs: &Costs, now: Instant) {
        self.look(now);
        self.pay(costs);
        if costs.are_stated() {
            let taken = self.limits.iter().map(|limit| limit.cost(costs)).collect();
            self.reserved.insert(usage, taken);
        }
    }

    /// Whether anything is noted of what usages in flight have reserved.
    #[inline]
    pub(crate) fn have_reserved(&self) -> bool {
        !self.reserved.is_empty()
    }

    /// A usage has ended: what it has taken, it has taken.
    pub(crate) fn ended(&mut self, usage: Sequence) {
        self.reserved.remove(&usage);
    }

    /// A usage that began at `since` has taken so much of a dimension, or of every one, and not what was reserved.
    pub(crate) fn correct_usage(
        &mut self,
        usage: Sequence,
        since: Tick,
        dimension: Option<&str>,
        amount: u64,
    ) {
        let limits = &mut self.limits;
        let by_default = || limits.iter().map(|limit| limit.by_default).collect();
        let reserved = self.reserved.entry(usage).or_insert_with(by_default);
        for (limit, reserved) in limits.iter_mut().zip(reserved) {
            if dimension.is_none_or(|dimension| limit.is_of(dimension)) {
                match amount.checked_sub(*reserved) {
                    Some(more) => limit.level.spend(more),
                    None => limit.level.put(*reserved - amount, since),
                }
                *reserved = amount;
            }
        }
        self.see_whether_spent();
    }

    /// Of which limit an upstream speaks that names a dimension: the resource's own, or its group's if it has none.
    pub(crate) fn spoken_of(&self, dimension: &str) -> Option<&Limit> {
        self.limits.iter().find(|limit| limit.is_of(dimension))
    }

    /// What a usage in flight has reserved of a limit that is its resource's too.
    pub(crate) fn reserved_for(&self, usage: Sequence, limit: &Limit) -> u64 {
        let place = self.limits.iter().position(|own| own.stands_for(limit));
        let stated =
            |place: usize| self.reserved.get(&usage).map_or(limit.by_default, |all| all[place]);
        place.map_or(0, stated)
    }

    /// An upstream says what is left of the limit that is spoken of where it names this dimension.
    pub(crate) fn correct(&mut self, dimension: &str, word: &Word, now: Instant) {
        if let Some(limit) = self.limits.iter_mut().find(|limit| limit.is_of(dimension)) {
            limit.hear(word, now);
        }
        self.see_whether_spent();
    }

    /// Somebody in line can afford it then, or earlier than was known; or nobody waits for that.
    pub(crate) fn watch(&mut self, at: Option<Instant>) {
        self.watch = at;
    }

    /// As of when the levels are: that of the last look, for what is older is as good as looked at then.
    pub(crate) fn looked(&self) -> Option<Instant> {
        self.limits.iter().map(|limit| limit.level.as_of()).max()
    }

    pub(crate) fn watched(&self) -> Option<Instant> {
        self.watch
    }

    #[cold]
    fn see_whether_spent(&mut self) {
        self.spent_until = match self.limits.iter().all(|limit| limit.level.has(1)) {
            true => None,
            false => self.limits.iter().filter_map(|limit| limit.level.ready_at(1)).max(),
        };
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn quotas(given: &[Quota], now: Instant) -> Quotas {
        Quotas::new(given, &[], Epoch::new(now), now).unwrap().unwrap()
    }

    #[test]
    fn what_a_usage_has_reserved_is_noted_until_it_ends() {
        let now = Instant::now();
        let mut quotas = quotas(&[Quota::per_minute(100).of("tokens")], now);
        let costs = Costs::new(vec![("tokens".into(), 5)]);
        let epoch = Epoch::new(now);
        quotas.began(7, &costs, epoch, epoch.tick(now));
        assert!(quotas.have_reserved());
        quotas.ended(7);
        assert!(!quotas.have_reserved());
    }

    #[test]
    fn a_watch_is_kept_up_to_its_instant() {
        let now = Instant::now();
        let mut quotas = quotas(&[Quota::per_minute(100).sliding()], now);
        let at = now + Duration::from_secs(1);
        quotas.watch(Some(at));
        let before = at - Duration::from_nanos(1);
        quotas.look(before);
        assert_eq!((quotas.watched(), quotas.looked()), (Some(at), Some(before)));
        quotas.look(at);
        assert_eq!(quotas.watched(), None);
    }

    #[test]
    fn a_quota_that_stays_as_it_is_keeps_what_has_grown_to_the_last_part() {
        let now = Instant::now();
        let requests = Quota::per_second(1);
        for sliding in [false, true] {
            let requests = if sliding { requests.clone().sliding() } else { requests.clone() };
            let mut former = quotas(std::slice::from_ref(&requests), now);
            former.pay(&Costs::UNSTATED);
            let later = now + Duration::from_millis(500);
            let mut both = quotas(&[requests, Quota::per_minute(100).of("tokens")], later);
            both.take_over(former, later);
            assert_eq!(both.spent_until(), Some(now + Duration::from_secs(1)));
            assert_eq!(both.limits()[1].level.whole(), 100, "nothing of that was taken");
        }
    }

    #[test]
    fn what_was_taken_by_another_quota_of_the_dimension_stays_taken() {
        let now = Instant::now();
        for (taken, left) in [(1, 9), (4, 6), (99, -89)] {
            for former in [Quota::per_minute(4), Quota::per_minute(4).sliding()] {
                let mut former = quotas(&[former], now);
                former.pay(&Costs::new(vec![("requests".into(), taken)]));
                let mut new = quotas(&[Quota::per_hour(10)], now);
                new.take_over(former, now);
                assert_eq!(new.limits()[0].level.whole(), left);
            }
        }
    }
}
