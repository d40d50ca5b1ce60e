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
use crate::report::explanation::{EXPLAINED, Explanation};
use crate::report::snapshot::ResourceSnapshot;
use crate::select::candidate::Candidate;
use crate::select::index::Index;
use crate::select::index::picking::Reach;
use crate::select::wish::{Preferences, Wish};

impl<A> State<A> {
    /// Which member a run without preferences would pick now, and of the others why not.
    ///
    /// `chance` has to draw what the run would draw. O(1) or O(log n) beside the rows, but O(n) while a
    /// cooldown has ended that nobody has noticed yet.
    #[must_use]
    pub fn explain(&self, now: Instant, chance: impl FnMut() -> f64) -> Explanation {
        self.explain_to(&Wish::default(), now, chance)
    }

    /// The same for a run with preferences, whose caller judges the [members](Self::members_to_judge) like this;
    /// and whom its caller's own code could choose from: nobody if the pool's strategy chooses.
    #[must_use]
    pub fn explain_for(
        &self,
        preferences: Preferences,
        verdicts: impl IntoIterator<Item = (u64, bool)>,
        now: Instant,
        chance: impl FnMut() -> f64,
    ) -> (Explanation, Vec<Candidate>) {
        let mut wish = Wish::new(preferences);
        verdicts.into_iter().for_each(|(position, admitted)| wish.judged(position, admitted));
        let candidates = match self.config.foreign_choice && self.closed_since().is_none() {
            true => self.foresee_candidates(&wish, Reach { tried: true, beyond_pace: true }, now),
            false => Vec::new(),
        };
        (self.explain_to(&wish, now, chance), candidates)
    }

    /// The members and their metadata, for a caller to judge.
    #[must_use]
    pub fn members_to_judge(&self) -> Vec<(u64, Arc<Metadata>)> {
        let data = |slot: &Slot| (slot.position(), Arc::clone(slot.metadata()));
        self.roster.members().map(data).collect()
    }

    fn explain_to(
        &self,
        wish: &Wish,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) -> Explanation {
        let next = match self.closed_since() {
            None => self.foresee_pick(wish, now, &mut chance),
            Some(_) => None,
        };
        let row = |slot: &Slot| ResourceSnapshot::of(&self.foresee(slot, now), now, self.epoch());
        let retry_at = match next {
            Some(_) => Some(now),
            None => self.foresee_end(wish, now),
        };
        Explanation {
            next: next.map(|key| Arc::clone(self.roster[key].id())),
            ..self.explanation(wish, retry_at, now, EXPLAINED, row)
        }
    }

    /// The eligible members that the run admits, in pool order: those that it has not tried, as far as they are
    /// within their pace or `reach` goes beyond it; if there are none, those that it has, the least recent first.
    pub(super) fn foresee_candidates(
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
        }
        fresh
    }

    fn foresee_pick(
        &self,
        wish: &Wish,
        now: Instant,
        chance: &mut impl FnMut() -> f64,
    ) -> Option<usize> {
        let Self { index, roster, yardstick, .. } = self;
        let tick = self.epoch().tick(now);
        let find = |index: &Index, chance: &mut _| {
            let within = index.find_fresh(wish, roster, yardstick, tick, chance);
            within.or_else(|| index.find_fresh_beyond(wish, roster, tick))
        };
        if index.due(tick).is_none() {
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

    /// When the next resource is back, if nothing is to be picked: nobody knows if somebody healthy is only busy.
    fn foresee_end(&self, wish: &Wish, now: Instant) -> Option<Instant> {
        let costs = wish.costs();
        let is_busy = |slot: &Slot| {
            slot.status_at(now) == Status::Healthy
                && slot.can_pay_at(costs, now)
                && wish.admits(slot)
        };
        if self.roster.members().any(is_busy) {
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
        if !is_over && !loses && !refills {
            return Cow::Borrowed(slot);
        }
        let mut slot = slot.clone();
        if is_over {
            slot.recover(self.config.recovery, self.config.rules);
        }
        slot.lose(tick, drop);
        slot.look_at_quotas(now);
        Cow::Owned(slot)
    }
}
