//! What the next run will find, without doing anything: cooldowns that have ended and are yet to be
//! noticed are brought back in a copy.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::State;
use crate::member::comeback::Comeback;
use crate::member::profile::Metadata;
use crate::member::slot::Slot;
use crate::member::standing::Status;
use crate::report::explanation::{EXPLAINED, Explanation, Outlook};
use crate::report::snapshot::ResourceSnapshot;
use crate::select::candidate::Candidate;
use crate::select::index::Index;
use crate::select::index::picking::Reach;
use crate::select::wish::Wish;

impl<A> State<A> {
    /// The members and their metadata, for a caller to judge.
    #[must_use]
    pub fn members_to_judge(&self) -> Vec<(u64, Arc<Metadata>)> {
        let data = |slot: &Slot| (slot.position(), Arc::clone(slot.metadata()));
        self.roster.members().map(data).collect()
    }

    /// What becomes of a run that takes `next`, or does not, at most 100 members one by one.
    pub(crate) fn explain_to(
        &self,
        wish: &Wish,
        next: Option<usize>,
        outlook: Outlook,
        now: Instant,
    ) -> Explanation {
        let row = |slot: &Slot| ResourceSnapshot::of(&self.foresee(slot, now), now, self.epoch());
        let retry_at = match next {
            Some(_) => Some(now),
            None => self.foresee_end(wish, now),
        };
        Explanation {
            next: next.map(|key| Arc::clone(self.roster[key].id())),
            ..self.explanation(wish, outlook, retry_at, now, EXPLAINED, row)
        }
    }

    /// The eligible members that the run admits, in pool order: those that it has not tried, as far as they are
    /// within their pace or `reach` goes beyond it; if there are none, those that it has, the least recent first, but
    /// only where nothing fresh is beyond its pace.
    pub(crate) fn foresee_candidates(
        &self,
        wish: &Wish,
        reach: Reach,
        now: Instant,
    ) -> Vec<Candidate> {
        let candidate = |key: usize, slot: &Slot| {
            Candidate::of(key, slot, wish.has_tried(slot), now, &self.yardstick)
        };
        let mut fresh = Vec::new();
        let mut beyond = Vec::new();
        for (key, slot) in self.roster.keys() {
            let slot = self.foresee(slot, now);
            let may_have =
                slot.is_eligible() && slot.can_pay_at(wish.costs(), now) && wish.admits(&slot);
            if may_have && !wish.has_tried(&slot) {
                match slot.is_within_pace() {
                    true => fresh.push(candidate(key, &slot)),
                    false => beyond.push((key, slot)),
                }
            }
        }
        if fresh.is_empty() && reach.beyond_pace {
            fresh.extend(beyond.iter().map(|(key, slot)| candidate(*key, slot)));
        }
        if fresh.is_empty() && reach.tried {
            let is_still = |&(position, key): &(u64, usize)| {
                let slot = self.roster.get(key).filter(|slot| slot.member)?;
                let slot = self.foresee(slot, now);
                (slot.position() == position
                    && slot.is_eligible()
                    && slot.can_pay_at(wish.costs(), now)
                    && wish.admits(&slot))
                .then_some((key, slot))
            };
            let again: Vec<_> = wish.tried().filter_map(|tried| is_still(&tried)).collect();
            let some_within = again.iter().any(|(_, slot)| slot.is_within_pace());
            let had = again.iter().filter(|(_, slot)| {
                if some_within { slot.is_within_pace() } else { reach.beyond_pace }
            });
            fresh.extend(had.map(|(key, slot)| candidate(*key, slot)));
            // What is fresh comes first, and be it beyond its pace.
            if !fresh.is_empty() && !beyond.is_empty() {
                fresh = beyond.iter().map(|(key, slot)| candidate(*key, slot)).collect();
            }
        }
        fresh
    }

    /// The member that a run picks which has tried nothing.
    pub(crate) fn foresee_pick(
        &self,
        wish: &Wish,
        reach: Reach,
        now: Instant,
        chance: &mut impl FnMut() -> f64,
    ) -> Option<usize> {
        let Self { index, roster, yardstick, .. } = self;
        let tick = self.epoch().tick(now);
        let find = |index: &Index, chance: &mut _| {
            let within = index.find_fresh(wish, roster, yardstick, tick, chance);
            let beyond =
                || index.find_fresh_beyond(wish, roster, tick).filter(|_| reach.beyond_pace);
            within.or_else(beyond)
        };
        if !index.is_any_due(tick) {
            return find(index, chance);
        }
        let mut index = index.clone();
        for (key, slot) in roster.keys() {
            if let Cow::Owned(noticed) = self.foresee(slot, now) {
                index.place(key, &noticed);
            }
        }
        find(&index, chance)
    }

    /// Whether a member that the run admits is healthy and has the quota: if none is to be picked, a place may come free
    /// at any time.
    pub(crate) fn foresee_busy(&self, wish: &Wish, now: Instant) -> bool {
        let is_busy = |slot: &Slot| {
            slot.status_at(now) == Status::Healthy
                && slot.can_pay_at(wish.costs(), now)
                && wish.admits(slot)
        };
        self.roster.members().any(is_busy)
    }

    /// When the next resource is back, if nothing is to be picked: nobody knows if somebody healthy is only busy.
    fn foresee_end(&self, wish: &Wish, now: Instant) -> Option<Instant> {
        let costs = wish.costs();
        if self.foresee_busy(wish, now) {
            return None;
        }
        let admitted = self.roster.members().filter(|slot| wish.admits(slot));
        admitted.filter_map(|slot| slot.back_for(costs, now)).min()
    }

    /// The slot as the next step would leave it.
    pub(super) fn foresee<'a>(&self, slot: &'a Slot, now: Instant) -> Cow<'a, Slot> {
        let tick = self.epoch().tick(now);
        let is_over = slot.standing().until().is_some_and(|until| until <= now);
        let refills = slot.spent_until().is_some_and(|until| until <= now);
        let loses = slot.comeback().and_then(Comeback::next_loss).is_some_and(|loss| loss <= tick);
        let ends = slot.holds.next_end().is_some_and(|end| end <= tick);
        if !is_over && !loses && !refills && !ends {
            return Cow::Borrowed(slot);
        }
        let mut slot = slot.clone();
        if is_over {
            slot.recover(now, self.config.recovery, self.config.rules);
        }
        slot.lose(tick, drop);
        slot.look_at_quotas(now);
        slot.foresee_taken_back(tick);
        Cow::Owned(slot)
    }
}
