//! What becomes of quotas beside the attempts that take from them: what operations say of them, and who waits for them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use crate::error::CostError;
use crate::member::limit::Word;
use crate::member::usage::UsageKey;
use crate::select::wish::Wish;
use crate::time::Tick;

impl<A> State<A> {
    /// Whether a run may state this as its cost: at least 1, of a dimension of which a member has or had a quota (or of
    /// `requests`), and not more than fits into every one of the members' quotas.
    ///
    /// # Errors
    ///
    /// The first that makes no sense, and what is allowed.
    pub fn check_costs<'a>(
        &self,
        costs: impl IntoIterator<Item = &'a (Arc<str>, u64)>,
    ) -> Result<(), CostError> {
        let members = self.len();
        let mut costs = costs.into_iter();
        costs.try_for_each(|(dimension, cost)| self.dimensions.check(dimension, *cost, members))
    }

    /// A usage in flight has taken so much of a dimension, whatever was reserved for it: more is a debt where it is not
    /// there, less is given back. Of a dimension of which its resource has no quota, and of a usage that has ended,
    /// nothing is changed.
    pub fn spent(&mut self, usage: UsageKey, dimension: &str, amount: u64, now: Instant) {
        self.correct_usage(usage, Some(dimension), amount, now);
    }

    /// A usage in flight has taken nothing of any dimension: all that was reserved for it is given back.
    pub fn unspent(&mut self, usage: UsageKey, now: Instant) {
        self.correct_usage(usage, None, 0, now);
    }

    /// The answer to a usage says how much is left of a dimension of the quotas of its resource, or of its group if it
    /// has none of its own of that, and when all of it is back: that counts, whatever was counted here. Until `reset`
    /// nothing grows; without one it grows as ever.
    ///
    /// Of usages in flight it is not known whether their calls are in that. Those younger than whoever has heard the
    /// upstream are not: what they have reserved is taken from it. Those older may be: what was counted is not raised by
    /// what they have reserved. An answer to a usage older than one that was heard may take, and gives nothing back.
    pub fn correct_quota(
        &mut self,
        usage: UsageKey,
        dimension: &str,
        remaining: u64,
        reset: Option<Duration>,
        now: Instant,
    ) {
        self.notice(now);
        let Some((key, _)) = self.metered(usage, now) else { return };
        let said = Word { usage: usage.sequence(), remaining, reset, younger: 0, older: 0 };
        let word = self.beside(said, key, dimension);
        if let Some(quotas) = self.roster[key].quotas_mut() {
            quotas.look(now);
            quotas.correct(dimension, &word, now);
        }
        self.quotas_changed(key, now);
    }

    /// A word on a dimension with what is reserved of it for usages in flight that the upstream may not have seen.
    fn beside(&self, mut word: Word, key: usize, dimension: &str) -> Word {
        let slot = &self.roster[key];
        let limit = slot.quotas().and_then(|quotas| quotas.spoken_of(dimension));
        let Some(limit) = limit else { return word };
        let seen = word.usage.max(limit.heard);
        let others = limit.group.as_ref().map(|_| self.groups.others(key, slot));
        for key in others.into_iter().flatten().chain([key]) {
            let slot = &self.roster[key];
            let Some(quotas) = slot.quotas() else { continue };
            for other in self.usages.of(slot.lane) {
                word.note(other, seen, quotas.reserved_for(other, limit));
            }
        }
        word
    }

    #[cold]
    fn correct_usage(
        &mut self,
        usage: UsageKey,
        dimension: Option<&str>,
        amount: u64,
        now: Instant,
    ) {
        self.notice(now);
        let Some((key, since)) = self.metered(usage, now) else { return };
        if let Some(quotas) = self.roster[key].quotas_mut() {
            quotas.look(now);
            quotas.correct_usage(usage.sequence(), since, dimension, amount);
        }
        self.quotas_changed(key, now);
    }

    /// The resource of a usage that is in flight, if it has quotas, and since when it is in flight.
    fn metered(&mut self, usage: UsageKey, now: Instant) -> Option<(usize, Tick)> {
        let (key, since) = self.usages.find(usage)?;
        self.catch_up(key, now);
        self.roster[key].quotas().is_some().then_some((key, since))
    }

    fn quotas_changed(&mut self, key: usize, now: Instant) {
        let slot = &self.roster[key];
        let (is_member, is_shared) = (slot.member, slot.shares_quotas());
        if is_member {
            self.index.refresh(key, slot);
            self.watch_for_the_line(key);
        }
        if is_member || is_shared {
            self.share(key);
            self.tell_recovery(now);
            self.share_and_offer(key);
            self.disappoint_those_of(key, now);
            self.look_who_is_first();
            self.rethink();
        }
    }

    /// The level of a resource's quotas is another, or was looked at: when can somebody in line pay who cannot now?
    #[inline]
    pub(super) fn watch_for_the_line(&mut self, key: usize) {
        if self.roster[key].is_held() {
            self.watch_one(key);
        }
    }

    #[cold]
    fn watch_one(&mut self, key: usize) {
        let slot = &mut self.roster[key];
        let Some(quotas) = slot.quotas() else { return };
        let (before, Some(looked)) = (quotas.watched(), quotas.looked()) else { return };
        let costly = self.config.rules.line && self.line.has_costly();
        let watch = if costly { self.line.payable_at(slot, looked) } else { None };
        if watch != before {
            if let Some(quotas) = slot.quotas_mut() {
                quotas.watch(watch);
            }
            self.index.refresh(key, slot);
        }
    }

    /// A run that states its cost is about to get in line: every resource is watched for when it can pay there. O(n), for
    /// such runs alone.
    #[cold]
    pub(crate) fn watch_everywhere(&mut self, wish: &Wish, now: Instant) {
        if !self.config.rules.line {
            return;
        }
        let keys: Vec<usize> = self.roster.keys().map(|(key, _)| key).collect();
        for key in keys {
            let slot = &mut self.roster[key];
            if !wish.admits(slot) {
                continue;
            }
            let Some(quotas) = slot.quotas_mut() else { continue };
            let payable = quotas.payable_at(wish.costs()).filter(|&at| at > now);
            let earlier = payable.filter(|&at| quotas.watched().is_none_or(|watch| at < watch));
            if earlier.is_some() {
                quotas.watch(earlier);
                self.index.refresh(key, slot);
            }
        }
        self.look_who_is_first();
    }
}
