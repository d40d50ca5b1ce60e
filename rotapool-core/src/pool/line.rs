//! The runs in line for a resource: first come, first served.
//!
//! A run comes with the rank of its beginning, however often it comes. What comes free is promised to the first
//! in line who may have it; until that run comes for it, nobody else gets it. Who has yet to judge it may have it: it
//! is theirs until they have.
//!
//! A run that pauses stands here too, for what it has not tried, and is not counted: it waits for no place.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::time::Instant;

use super::hopes::Hopes;
use super::pauses::Pauses;
use super::posts::{Lookout, Posts};
use super::waiting::{Turn, Waiting};
use crate::member::slot::Slot;
use crate::member::usage::Sequence;
use crate::select::wish::Wish;
use crate::time::Tick;

#[derive(Debug)]
pub(crate) struct Line<A> {
    waiting: BTreeMap<Turn, Waiting<A>>,
    promised: BTreeMap<Turn, (usize, Waiting<A>)>,
    /// How many of those that wait for a promise hurry, and how many state what they cost.
    hurried: usize,
    costly: usize,
    /// Those that wait for a promise, by when what comes is too late for them.
    hopes: Hopes,
    /// How many of those that wait for a promise only pause.
    only_pausing: usize,
    /// Of those that wait for a promise: who pauses, by what each has tried, and who does not.
    pauses: Pauses,
    steady: BTreeSet<Turn>,
    arrivals: u64,
    /// Who is in no line and looks at the clock all the same.
    lookouts: Posts<A>,
    /// Whether anybody has to be told of an earlier instant: one look on the way of a healthy run.
    is_attended: bool,
}

impl<A> Line<A> {
    pub(crate) fn new() -> Self {
        Self {
            waiting: BTreeMap::new(),
            promised: BTreeMap::new(),
            hurried: 0,
            only_pausing: 0,
            pauses: Pauses::default(),
            steady: BTreeSet::new(),
            arrivals: 0,
            lookouts: Posts::new(),
            is_attended: false,
            costly: 0,
            hopes: Hopes::default(),
        }
    }

    #[inline]
    pub(crate) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// Whether anybody looks at the clock: who is in line, or a lookout.
    #[inline]
    pub(crate) fn is_attended(&self) -> bool {
        self.is_attended
    }

    fn attend(&mut self) {
        self.is_attended = !self.waiting.is_empty() || !self.lookouts.is_empty();
    }

    pub(super) fn keep_lookout(
        &mut self,
        lookout: &mut Lookout,
        comes_at: Tick,
        handle: impl FnOnce() -> A,
    ) {
        self.lookouts.keep(lookout, comes_at, handle);
        self.attend();
    }

    pub(super) fn dismiss_lookout(&mut self, lookout: &Lookout) -> Option<A> {
        let handle = self.lookouts.leave(lookout);
        self.attend();
        handle
    }

    /// The lookouts that would come later than this.
    pub(super) fn late_lookouts(&mut self, earliest: Tick) -> impl Iterator<Item = A> {
        self.lookouts.call(earliest)
    }

    /// How many are in line, those included who have been promised a place and have yet to come for it, and without
    /// those who only pause.
    pub(crate) fn len(&self) -> usize {
        self.waiting.len() + self.promised.len() - self.only_pausing
    }

    /// Since when the one in line waits who has waited longest.
    pub(crate) fn longest_since(&self) -> Option<Tick> {
        let promised = self.promised.values().map(|(_, waiting)| waiting);
        let waiting = self.waiting.values().filter(|waiting| !waiting.only_pauses);
        waiting.chain(promised).map(|waiting| waiting.since).min()
    }

    /// The turn of a run that has had no usage, while `newest` is the newest usage of the pool.
    pub(crate) fn arrive(&mut self, newest: Sequence) -> Turn {
        self.arrivals += 1;
        (newest, self.arrivals)
    }

    pub(crate) fn enter(&mut self, turn: Turn, waiting: Waiting<A>) {
        self.hurried += usize::from(waiting.hurries);
        self.costly += usize::from(waiting.wish.costs().are_stated());
        self.hopes.enter(turn, &waiting);
        self.only_pausing += usize::from(waiting.only_pauses);
        match waiting.pauses {
            true => self.pauses.enter(&waiting.wish),
            false => _ = self.steady.insert(turn),
        }
        self.waiting.insert(turn, waiting);
        self.attend();
    }

    /// Takes out one that waits for a promise.
    fn take(&mut self, turn: Turn) -> Option<Waiting<A>> {
        let waiting = self.waiting.remove(&turn)?;
        self.hurried -= usize::from(waiting.hurries);
        self.costly -= usize::from(waiting.wish.costs().are_stated());
        self.hopes.leave(turn, &waiting);
        self.only_pausing -= usize::from(waiting.only_pauses);
        match waiting.pauses {
            true => self.pauses.leave(&waiting.wish),
            false => _ = self.steady.remove(&turn),
        }
        self.attend();
        Some(waiting)
    }

    /// Takes a run out of line, with the resource that it was promised, if it was.
    pub(crate) fn leave(&mut self, turn: Turn) -> Option<(Waiting<A>, Option<usize>)> {
        if let Some(waiting) = self.take(turn) {
            return Some((waiting, None));
        }
        self.promised.remove(&turn).map(|(key, waiting)| (waiting, Some(key)))
    }

    /// What a run in line wants.
    pub(crate) fn wish(&mut self, turn: Turn) -> Option<&mut Wish> {
        let promised = self.promised.get_mut(&turn).map(|(_, waiting)| waiting);
        promised.or_else(|| self.waiting.get_mut(&turn)).map(|waiting| &mut waiting.wish)
    }

    /// What a run in line was promised, and what it wants.
    pub(crate) fn promised(&self, turn: Turn) -> Option<(usize, &Wish)> {
        self.promised.get(&turn).map(|(key, waiting)| (*key, &waiting.wish))
    }

    /// The turn of the first in line, and what it knows.
    pub(crate) fn first(&mut self) -> Option<(Turn, &mut Waiting<A>)> {
        self.waiting.iter_mut().next().map(|(&turn, waiting)| (turn, waiting))
    }

    /// Promises a place on `slot` to the first in line who may have it, which beyond the pace of its ramp are those
    /// that hurry, and who can pay; answers whether there is one, and what wakes it. What it costs is paid.
    pub(crate) fn promise(&mut self, key: usize, slot: &mut Slot, now: Tick) -> Option<Option<A>> {
        let is_within_pace = slot.is_within_pace();
        if !is_within_pace && self.hurried == 0 {
            return None;
        }
        let may_have = |waiting: &Waiting<A>| waiting.may_have(slot, is_within_pace);
        // A herd that has failed here pauses in front of those who wait: nobody of it need be asked.
        let turn = match self.pauses.keep_off(slot) {
            true => *self.steady.iter().find(|&turn| may_have(&self.waiting[turn]))?,
            false => *self.waiting.iter().find(|(_, waiting)| may_have(waiting))?.0,
        };
        let mut waiting = self.take(turn)?;
        let handle = waiting.handle.take();
        slot.promise(waiting.wish.costs());
        waiting.promised_at = now;
        self.promised.insert(turn, (key, waiting));
        Some(handle)
    }

    /// Promises a place on a copy of a resource, without anybody knowing; answers whether there is somebody for it who is
    /// not `served`.
    pub(super) fn foresee_promise(&self, slot: &mut Slot, served: &mut HashSet<Turn>) -> bool {
        let is_within_pace = slot.is_within_pace();
        let mut waiting = self.waiting.iter().filter(|(turn, _)| !served.contains(turn));
        let Some((&turn, first)) = waiting.find(|(_, one)| one.may_have(slot, is_within_pace))
        else {
            return false;
        };
        slot.promise(first.wish.costs());
        served.insert(turn)
    }

    /// Whether anybody in line states what it costs.
    #[inline]
    pub(crate) fn has_costly(&self) -> bool {
        self.costly > 0
    }

    /// When somebody in line can pay on `slot` who cannot yet, as of the last look at its quotas.
    pub(crate) fn payable_at(&self, slot: &Slot, looked: Instant) -> Option<Instant> {
        let costly = self.waiting.values().filter(|waiting| waiting.wish.costs().are_stated());
        let admitted = costly.filter(|waiting| waiting.wish.may_admit(slot));
        let payable =
            admitted.filter_map(|waiting| slot.quotas()?.payable_at(waiting.wish.costs()));
        payable.filter(|&at| at > looked).min()
    }

    /// The resource is out: who was promised a place on it is in line as before.
    pub(crate) fn break_promises(&mut self, key: usize, slot: &mut Slot) {
        let is_broken = |(&turn, (on, _)): (&Turn, &(usize, _))| (*on == key).then_some(turn);
        let broken: Vec<Turn> = self.promised.iter().filter_map(is_broken).collect();
        for turn in broken {
            if let Some((_, waiting)) = self.promised.remove(&turn) {
                slot.take_promise_back(waiting.wish.costs(), waiting.promised_at);
                self.enter(turn, waiting);
            }
        }
    }

    /// Wakes those that have made no attempt yet: the pool has closed.
    pub(crate) fn refuse_newcomers(&mut self, into: &mut Vec<A>) {
        let new = self.waiting.values_mut().filter(|waiting| waiting.is_new);
        into.extend(new.filter_map(|waiting| waiting.handle.take()));
    }

    /// Whether what holds for whoever takes anything holds for all that wait for a promise.
    #[inline]
    pub(super) fn takes_anything(&self) -> bool {
        self.hopes.are_easy()
    }

    /// Those that sleep and of whom `is_meant` is true, among those for whom [something is too late](Hopes::dashed_by).
    pub(super) fn sleepers(
        &self,
        (anything, one_of_theirs): (Option<Tick>, Option<Tick>),
        is_meant: impl Fn(&Waiting<A>) -> bool,
    ) -> Vec<Turn> {
        let mut sleepers = self.hopes.dashed_by(anything, one_of_theirs);
        sleepers.retain(|turn| {
            let waiting = &self.waiting[turn];
            waiting.handle.is_some() && is_meant(waiting)
        });
        sleepers
    }

    /// Wakes one.
    pub(super) fn wake_one(&mut self, turn: Turn) -> Option<A> {
        self.waiting.get_mut(&turn)?.handle.take()
    }

    /// Wakes those of whom `is_meant` is true.
    pub(crate) fn wake(&mut self, is_meant: impl Fn(&Waiting<A>) -> bool, into: &mut Vec<A>) {
        let meant = self.waiting.values_mut().filter(|waiting| is_meant(waiting));
        into.extend(meant.filter_map(|waiting| waiting.handle.take()));
    }
}
