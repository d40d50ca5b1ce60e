//! What the next run will find, without doing anything: cooldowns that have ended and are yet to be
//! noticed are brought back in a copy, and there handed to those in line, who come first.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashSet};
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

/// The members that the next step will find otherwise than they are, by their positions: where each is kept, and as it
/// will be.
#[derive(Debug, Default)]
pub(crate) struct Foreseen(BTreeMap<u64, (usize, Slot)>);

impl Foreseen {
    pub(super) fn of<'a>(&'a self, slot: &'a Slot) -> &'a Slot {
        self.0.get(&slot.position()).map_or(slot, |(_, slot)| slot)
    }
}

impl<A> State<A> {
    /// What the next step will do before it picks. O(n) while something has ended that nobody has noticed yet.
    pub(crate) fn foresee_all(&self, now: Instant) -> Foreseen {
        let mut foreseen = Foreseen::default();
        if !self.index.is_any_due(self.epoch().tick(now)) {
            return foreseen;
        }
        for (key, slot) in self.roster.keys() {
            if let Cow::Owned(noticed) = self.foresee(slot, now) {
                foreseen.0.insert(noticed.position(), (key, noticed));
            }
        }
        if !self.line.is_empty() && self.config.rules.line {
            self.foresee_handover(&mut foreseen, now);
        }
        foreseen
    }

    /// Hands what has come free to those in line.
    fn foresee_handover(&self, foreseen: &mut Foreseen, now: Instant) {
        let mut served = HashSet::new();
        let freed: Vec<u64> = foreseen.0.keys().copied().collect();
        for position in freed {
            while let Some((key, slot)) = foreseen.0.get_mut(&position) {
                if !slot.is_eligible() || !self.line.foresee_promise(slot, &mut served) {
                    break;
                }
                let Some(quotas) = slot.quotas().filter(|quotas| !quotas.shared().is_empty())
                else {
                    continue;
                };
                let limits = quotas.shared().to_vec();
                for other in self.groups.others(*key, slot) {
                    let slot = &self.roster[other];
                    let seen = foreseen.0.entry(slot.position());
                    seen.or_insert_with(|| (other, slot.clone())).1.adopt(&limits, now);
                }
            }
        }
    }

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
        foreseen: &Foreseen,
        now: Instant,
    ) -> Explanation {
        // As every other report has them: what is handed over next is not yet so.
        let row = |slot: &Slot| ResourceSnapshot::of(&self.foresee(slot, now), now, self.epoch());
        let retry_at = match next {
            Some(_) => Some(now),
            None => self.foresee_end(wish, foreseen, now),
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
        foreseen: &Foreseen,
        now: Instant,
    ) -> Vec<Candidate> {
        let candidate = |key: usize, slot: &Slot| {
            Candidate::of(key, slot, wish.has_tried(slot), now, &self.yardstick)
        };
        let mut fresh = Vec::new();
        let mut beyond = Vec::new();
        for (key, slot) in self.roster.keys() {
            let slot = foreseen.of(slot);
            let may_have =
                slot.is_eligible() && slot.can_pay_at(wish.costs(), now) && wish.admits(slot);
            if may_have && !wish.has_tried(slot) {
                match slot.is_within_pace() {
                    true => fresh.push(candidate(key, slot)),
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
                let slot = foreseen.of(slot);
                (slot.position() == position
                    && slot.is_eligible()
                    && slot.can_pay_at(wish.costs(), now)
                    && wish.admits(slot))
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
        foreseen: &Foreseen,
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
        if foreseen.0.is_empty() {
            return find(index, chance);
        }
        let mut index = index.clone();
        foreseen.0.values().for_each(|(key, slot)| index.place(*key, slot));
        find(&index, chance)
    }

    /// Whether a member that the run admits is healthy and has the quota: if none is to be picked, a place may come free
    /// at any time.
    pub(crate) fn foresee_busy(&self, wish: &Wish, foreseen: &Foreseen, now: Instant) -> bool {
        let is_busy = |slot: &Slot| {
            slot.status_at(now) == Status::Healthy
                && slot.can_pay_at(wish.costs(), now)
                && wish.admits(slot)
        };
        self.roster.members().any(|slot| is_busy(foreseen.of(slot)))
    }

    /// When the next resource is back, if nothing is to be picked: nobody knows if somebody healthy is only busy.
    fn foresee_end(&self, wish: &Wish, foreseen: &Foreseen, now: Instant) -> Option<Instant> {
        let costs = wish.costs();
        if self.foresee_busy(wish, foreseen, now) {
            return None;
        }
        let admitted = self.roster.members().filter(|slot| wish.admits(slot));
        admitted.filter_map(|slot| foreseen.of(slot).back_for(costs, now)).min()
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
            slot.recover(now, self.config.way_back());
        }
        slot.lose(tick, drop);
        slot.look_at_quotas(now);
        slot.foresee_taken_back(tick);
        Cow::Owned(slot)
    }
}
