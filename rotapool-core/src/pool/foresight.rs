//! What the next run will find, without doing anything: cooldowns that have ended and are yet to be
//! noticed are brought back in a copy.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Instant;

use super::State;
use crate::member::profile::Metadata;
use crate::member::slot::Slot;
use crate::member::standing::Standing;
use crate::report::explanation::Explanation;
use crate::report::snapshot::ResourceSnapshot;
use crate::select::candidate::Candidate;
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
        let candidates = match self.config.foreign_choice {
            true => self.foresee_candidates(&wish, now),
            false => Vec::new(),
        };
        (self.explain_to(&wish, now, chance), candidates)
    }

    /// The members and their metadata, for a caller to judge.
    #[must_use]
    pub fn members_to_judge(&self) -> Vec<(u64, Arc<Metadata>)> {
        let data = |slot: &Slot| (slot.position(), Arc::clone(&slot.profile().metadata));
        self.roster.members().map(data).collect()
    }

    fn explain_to(
        &self,
        wish: &Wish,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) -> Explanation {
        let next = self.foresee_pick(wish, now, &mut chance);
        let recovery = || self.foresee_recovery(wish, now);
        let row = |slot: &Slot| ResourceSnapshot::of(&self.foresee(slot, now), now, self.epoch());
        Explanation {
            next: next.map(|key| Arc::clone(self.roster[key].id())),
            ..self.explanation(wish, next.is_some(), recovery, now, row)
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
            return index.foretell(wish, roster, yardstick, tick, chance);
        }
        let mut index = index.clone();
        for (key, slot) in roster.keys() {
            if let Cow::Owned(recovered) = self.foresee(slot, now) {
                index.place(key, &recovered);
            }
        }
        index.foretell(wish, roster, yardstick, tick, chance)
    }

    /// When the next cooldown ends, if nothing is to be picked: those that have ended are of no help.
    fn foresee_recovery(&self, wish: &Wish, now: Instant) -> Option<Instant> {
        match self.index.due(self.epoch().tick(now)) {
            None => self.next_recovery(wish, now),
            Some(_) => {
                let admitted = self.roster.members().filter(|slot| wish.admits(slot));
                let ends = admitted.filter_map(|slot| slot.standing().until());
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
