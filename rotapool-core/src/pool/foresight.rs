//! What the next run will find, without doing anything: cooldowns that have ended and are yet to be
//! noticed are brought back in a copy.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::State;
use crate::member::slot::Slot;
use crate::member::standing::Standing;
use crate::report::explanation::Explanation;
use crate::report::snapshot::ResourceSnapshot;
use crate::select::candidate::Candidate;
use crate::select::wish::Wish;

impl<A> State<A> {
    /// Which member a run without preferences would pick now, and of the others why not.
    ///
    /// `chance` has to draw what the run would draw. O(1) or O(log n) beside the rows, but O(n) while a
    /// cooldown has ended that nobody has noticed yet.
    #[must_use]
    pub fn explain(&self, now: Instant, mut chance: impl FnMut() -> f64) -> Explanation {
        let wish = Wish::default();
        let next = self.foresee_pick(&wish, now, &mut chance);
        let recovery = || self.foresee_recovery(now);
        let row = |slot: &Slot| ResourceSnapshot::of(&self.foresee(slot, now), now, self.epoch());
        Explanation {
            next: next.map(|key| Arc::clone(self.roster[key].id())),
            ..self.explanation(&wish, next.is_some(), recovery, now, row)
        }
    }

    /// Whom a caller's own code could choose from now; nobody if the pool's strategy chooses.
    #[must_use]
    pub fn foreign_candidates(&self, now: Instant) -> Vec<Candidate> {
        match self.config.foreign_choice {
            true => self.foresee_candidates(&Wish::default(), now),
            false => Vec::new(),
        }
    }

    /// The eligible members that the run admits, in pool order.
    pub(super) fn foresee_candidates(&self, wish: &Wish, now: Instant) -> Vec<Candidate> {
        self.roster
            .keys()
            .map(|(key, slot)| (key, self.foresee(slot, now)))
            .filter(|(_, slot)| slot.is_eligible() && wish.admits(slot))
            .map(|(key, slot)| {
                Candidate::of(key, &slot, wish.has_tried(&slot), now, &self.yardstick)
            })
            .collect()
    }

    fn foresee_pick(
        &self,
        wish: &Wish,
        now: Instant,
        chance: &mut impl FnMut() -> f64,
    ) -> Option<usize> {
        let Self { index, roster, yardstick, .. } = self;
        let tick = self.epoch().tick(now);
        if index.due(tick).is_none() {
            return index.find(wish, roster, yardstick, tick, chance, |_| true);
        }
        let mut index = index.clone();
        for (key, slot) in roster.keys() {
            if let Cow::Owned(recovered) = self.foresee(slot, now) {
                index.place(key, &recovered);
            }
        }
        index.find(wish, roster, yardstick, tick, chance, |_| true)
    }

    /// When the next cooldown ends, if nothing is to be picked: those that have ended are of no help.
    fn foresee_recovery(&self, now: Instant) -> Option<Instant> {
        match self.index.due(self.epoch().tick(now)) {
            None => self.next_recovery(&Wish::default(), now),
            Some(_) => {
                let ends = self.roster.members().filter_map(|slot| slot.standing().until());
                ends.filter(|&until| until > now).min()
            }
        }
    }

    /// The slot as a selection would leave it.
    fn foresee<'a>(&self, slot: &'a Slot, now: Instant) -> Cow<'a, Slot> {
        match slot.standing() {
            Standing::CoolingDown { until, .. } if *until <= now => {
                let mut slot = slot.clone();
                slot.recover(self.config.probe_on_recovery);
                Cow::Owned(slot)
            }
            _ => Cow::Borrowed(slot),
        }
    }
}
