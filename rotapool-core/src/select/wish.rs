//! What one run wants of the choice: resources to avoid, to keep out, to stay with.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::sync::Arc;

use crate::member::costs::Costs;
use crate::member::fingerprint::{fingerprint, mix};
use crate::member::slot::Slot;
use crate::rare::Rare;

/// What a run's caller asks of the choice. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Ids to keep out.
    pub exclude: Vec<Arc<str>>,
    /// Whether the caller judges members by their metadata: see [`Step::Judge`](crate::Step::Judge).
    pub judge: bool,
    /// The key to stay with, for [`Strategy::Affinity`](crate::Strategy::Affinity).
    pub affinity: Option<u64>,
    /// What an attempt costs, by the dimension of [quotas](crate::Quota): at least 1. One of `requests` and nothing of
    /// the rest where it is not stated.
    pub costs: Vec<(Arc<str>, u64)>,
}

/// The preferences with what the run has learnt.
///
/// Most runs ask for nothing and learn nothing, and most of a run's cost is the size of what it carries.
#[derive(Debug, Default)]
pub(crate) struct Wish(Rare<Asked>);

#[derive(Debug, Default)]
struct Asked {
    affinity: Option<u64>,
    costs: Costs,
    tried: Tried,
    exclude: Vec<Arc<str>>,
    judge: bool,
    /// What stands for who is kept out and who was admitted: the same of runs that may use the same.
    alike: u64,
    /// The positions of the members that the caller's judgement admitted.
    admitted: HashSet<u64>,
    /// Members from this position on have not been judged.
    judged_until: u64,
}

/// What a run has tried, and in which order.
#[derive(Debug, Default)]
struct Tried {
    /// By position: which turn was the last.
    turns: BTreeMap<u64, u64>,
    /// By turn: the position, and where the member was kept.
    order: BTreeMap<u64, (u64, usize)>,
    last: u64,
}

impl Wish {
    #[inline(always)] // As of the run that is made with it.
    pub(crate) fn new(preferences: Preferences) -> Self {
        let Preferences { exclude, judge, affinity, costs } = &preferences;
        match *judge || affinity.is_some() || !exclude.is_empty() || !costs.is_empty() {
            true => Self::asking(preferences),
            false => Self(Rare::NONE),
        }
    }

    #[cold]
    fn asking(Preferences { exclude, judge, affinity, costs }: Preferences) -> Self {
        let costs = Costs::new(costs);
        let alike = exclude
            .iter()
            .collect::<BTreeSet<_>>()
            .into_iter()
            .fold(0, |alike, id| alike ^ fingerprint(id.as_bytes()));
        Self(Rare::new(Asked { affinity, costs, exclude, judge, alike, ..Asked::default() }))
    }

    /// Whether the run has no wish at all.
    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_none()
    }

    #[inline]
    pub(crate) fn affinity(&self) -> Option<u64> {
        self.0.as_ref().and_then(|asked| asked.affinity)
    }

    /// What an attempt costs.
    #[inline]
    pub(crate) fn costs(&self) -> &Costs {
        const UNSTATED: &Costs = &Costs::UNSTATED;
        self.0.as_ref().map_or(UNSTATED, |asked| &asked.costs)
    }

    /// Whether the caller keeps any member out.
    #[inline]
    pub(crate) fn filters(&self) -> bool {
        self.0.as_ref().is_some_and(|asked| asked.judge || !asked.exclude.is_empty())
    }

    pub(crate) fn admits(&self, slot: &Slot) -> bool {
        self.0.as_ref().is_none_or(|asked| {
            !asked.exclude.contains(slot.id())
                && (!asked.judge || asked.admitted.contains(&slot.position()))
        })
    }

    /// Whether the run's caller has yet to say whether it admits this one.
    pub(crate) fn has_to_judge(&self, slot: &Slot) -> bool {
        self.judged_until().is_some_and(|judged_until| slot.position() >= judged_until)
            && !self.excludes(slot)
    }

    /// Whether the run may have this one, as far as its caller has judged.
    pub(crate) fn may_admit(&self, slot: &Slot) -> bool {
        self.admits(slot) || self.has_to_judge(slot)
    }

    fn excludes(&self, slot: &Slot) -> bool {
        self.0.as_ref().is_some_and(|asked| asked.exclude.contains(slot.id()))
    }

    /// What stands for the members that the caller keeps out and admits: the same of runs that are filtered
    /// alike.
    pub(crate) fn alike(&self) -> u64 {
        self.0.as_ref().map_or(0, |asked| asked.alike)
    }

    /// The same without the members from this position on; `None` if there is no judgement.
    pub(crate) fn alike_before(&self, position: u64) -> Option<u64> {
        let asked = self.0.as_ref().filter(|asked| asked.judge)?;
        let later = asked.admitted.iter().filter(|&&admitted| admitted >= position);
        Some(later.fold(asked.alike, |alike, &admitted| alike ^ part(admitted)))
    }

    /// Members from this position on have yet to be judged; `None` if there is no judgement.
    pub(crate) fn judged_until(&self) -> Option<u64> {
        self.0.as_ref().filter(|asked| asked.judge).map(|asked| asked.judged_until)
    }

    /// The members up to `position` have been judged.
    pub(crate) fn judged(&mut self, position: u64, admitted: bool) {
        if let Some(asked) = self.0.as_mut() {
            asked.judged_until = asked.judged_until.max(position + 1);
            if admitted && asked.admitted.insert(position) {
                asked.alike ^= part(position);
            }
        }
    }

    /// The members that the run has tried, the least recent first: their positions, and where they were kept.
    pub(crate) fn tried(&self) -> impl Iterator<Item = (u64, usize)> {
        self.0.iter().flat_map(|asked| asked.tried.order.values().copied())
    }

    #[inline]
    pub(crate) fn has_tried_any(&self) -> bool {
        self.0.as_ref().is_some_and(|asked| !asked.tried.order.is_empty())
    }

    /// Whether the run has tried every membership that there ever was: then nothing is fresh, and nobody need look.
    pub(crate) fn has_tried_all(&self, memberships: u64) -> bool {
        self.0.as_ref().is_some_and(|asked| asked.tried.turns.len() as u64 == memberships)
    }

    pub(crate) fn has_tried(&self, slot: &Slot) -> bool {
        self.0.as_ref().is_some_and(|asked| asked.tried.turns.contains_key(&slot.position()))
    }

    /// The run has tried this one, just now.
    pub(crate) fn note_tried(&mut self, key: usize, slot: &Slot) {
        let Tried { turns, order, last } = &mut self.0.get_or_insert_default().tried;
        *last += 1;
        if let Some(before) = turns.insert(slot.position(), *last) {
            order.remove(&before);
        }
        order.insert(*last, (slot.position(), key));
    }
}

/// The part that a member which a judgement admitted has in what stands for all.
pub(super) fn part(position: u64) -> u64 {
    // A step of SplitMix64, so that no position is mixed to nothing.
    mix(position.wrapping_add(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::profile::Profile;
    use crate::time::Epoch;

    fn excluding(ids: &[&str], judge: bool) -> Wish {
        let exclude = ids.iter().map(|&id| id.into()).collect();
        Wish::new(Preferences { exclude, judge, ..Preferences::default() })
    }

    #[test]
    fn runs_are_alike_that_keep_out_and_admit_the_same_in_any_order() {
        let [a, b] = ["a", "b"].map(|id| excluding(&[id], false).alike());
        for ids in [["a", "b"], ["b", "a"]] {
            assert_eq!(excluding(&ids, false).alike(), a ^ b);
        }
        assert_eq!(excluding(&["a", "a"], false).alike(), a, "once is enough");
        let mut wish = excluding(&["a"], true);
        wish.judged(0, true);
        let before = wish.alike();
        assert_eq!(before, a ^ part(0));
        wish.judged(1, false);
        wish.judged(2, true);
        wish.judged(2, true);
        assert_eq!(wish.alike(), before ^ part(2));
        let earlier = [0, 1, 2, 3].map(|position| wish.alike_before(position));
        assert_eq!(earlier, [a, before, before, wish.alike()].map(Some));
        assert_eq!(excluding(&["a"], false).alike_before(9), None, "it does not judge");
    }

    #[test]
    fn who_is_kept_out_by_id_need_not_be_judged() {
        let now = std::time::Instant::now();
        let slot = |id| Slot::new(Profile::new(id), 3, 0, &[], Epoch::new(now), now).unwrap();
        let mut wish = excluding(&["a"], true);
        assert!(!wish.has_to_judge(&slot("a")) && wish.has_to_judge(&slot("b")));
        wish.judged(3, false);
        assert!(!wish.has_to_judge(&slot("b")));
    }
}
