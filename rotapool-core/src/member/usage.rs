//! The usages: attempts in flight, each with what it takes to abort it.
//!
//! The usages of one resource form a lane: a doubly linked list through the slab, by age. Who was aborted
//! leaves the list at once, although its run has yet to hear of it: so entering, leaving and aborting touch
//! no usage twice, and none of another resource. Who is spared leaves it too, and keeps its handle.

use std::num::NonZeroU64;

use slab::Slab;

use crate::time::Tick;

/// The order of acquisition. It starts at 1; 0 is before any usage.
pub(crate) type Sequence = u64;

/// Where the slab keeps a usage.
pub(crate) type Place = u32;

/// No usage: four thousand million at once fill no machine's memory by far.
const NOBODY: Place = Place::MAX;
/// Where the neighbours of a usage would be that is in no list any more.
const DETACHED: Place = NOBODY - 1;

/// A usage that has to end: settled or abandoned, once, by giving this up.
#[derive(Debug)]
#[must_use = "a usage that is never ended keeps its place on the resource for ever"]
pub(crate) struct Ticket {
    place: Place,
    slot: u32,
}

impl Ticket {
    /// The ticket of a usage that is taken back from whoever has it.
    pub(crate) fn again(place: Place, slot: usize) -> Self {
        Self { place, slot: slot as u32 }
    }

    #[inline]
    pub(crate) fn slot(&self) -> usize {
        self.slot as usize
    }

    #[inline]
    pub(crate) fn place(&self) -> Place {
        self.place
    }
}

/// Which usage it is, for what its operation says of it while it is in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct UsageKey {
    // The first is 1, so that an optional key takes no more room than one that is there.
    sequence: NonZeroU64,
    place: Place,
    slot: u32,
}

impl UsageKey {
    pub(crate) fn sequence(self) -> Sequence {
        self.sequence.get()
    }
}

#[derive(Debug)]
struct Usage<A> {
    sequence: Sequence,
    since: Tick,
    /// Taken when this usage is aborted, which leaves the list then.
    abort: Option<A>,
    older: Place,
    younger: Place,
    /// Whether a trial has given it up: it took too long.
    lost: bool,
}

/// What is left of a usage that has ended.
pub(crate) struct Left<A> {
    pub(crate) sequence: Sequence,
    pub(crate) since: Tick,
    /// Its abort handle, unless a sibling has taken it.
    pub(crate) abort: Option<A>,
    pub(crate) lost: bool,
}

/// Of which usages of a lane a signal is the end.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Doomed {
    /// The usage that sent it: its younger siblings.
    pub(crate) younger_than: Sequence,
    pub(crate) up_to: Sequence,
    /// None that began before this. Who is younger began no earlier.
    pub(crate) begun_from: Tick,
}

/// The usages in flight on one membership.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane {
    /// Of those that nobody has aborted.
    youngest: Place,
    len: u32,
}

impl Lane {
    pub(crate) const EMPTY: Self = Self { youngest: NOBODY, len: 0 };

    #[inline]
    pub(crate) fn len(self) -> u32 {
        self.len
    }

    /// The lane as it is without one of them, where only the number counts.
    pub(crate) fn without_one(self) -> Self {
        Self { len: self.len.saturating_sub(1), ..self }
    }
}

/// All usages in flight in a pool.
#[derive(Debug)]
pub(crate) struct Usages<A> {
    slab: Slab<Usage<A>>,
    newest: Sequence,
}

impl<A> Usages<A> {
    /// The bytes that one usage takes.
    #[cfg(test)]
    pub(crate) const SIZE: usize = size_of::<Usage<A>>();

    pub(crate) fn new() -> Self {
        Self { slab: Slab::new(), newest: 0 }
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.slab.len()
    }

    /// The sequence number of the newest usage that ever was.
    #[inline]
    pub(crate) fn newest(&self) -> Sequence {
        self.newest
    }

    pub(crate) fn sequence(&self, ticket: &Ticket) -> Sequence {
        self.slab[ticket.place as usize].sequence
    }

    /// What names a usage for as long as it is in flight; every one has such a key.
    #[inline]
    pub(crate) fn key(&self, ticket: &Ticket) -> Option<UsageKey> {
        let sequence = NonZeroU64::new(self.sequence(ticket))?;
        Some(UsageKey { sequence, place: ticket.place, slot: ticket.slot })
    }

    /// Where the resource of a usage is kept, and when the usage began; `None` if it has ended.
    pub(crate) fn find(&self, key: UsageKey) -> Option<(usize, Tick)> {
        let usage = self.slab.get(key.place as usize)?;
        (usage.sequence == key.sequence()).then_some((key.slot as usize, usage.since))
    }

    /// When a usage began.
    pub(crate) fn since(&self, ticket: &Ticket) -> Tick {
        self.slab[ticket.place as usize].since
    }

    /// A usage counts as if it had begun now.
    pub(crate) fn forget_age(&mut self, ticket: &Ticket, now: Tick) {
        self.slab[ticket.place as usize].since = now;
    }

    /// Gives a usage up for lost.
    pub(crate) fn lose(&mut self, place: Place) {
        if let Some(usage) = self.slab.get_mut(place as usize) {
            usage.lost = true;
        }
    }

    /// The number of a usage, unless a trial has given it up.
    #[inline]
    pub(crate) fn evidence(&self, ticket: &Ticket) -> Option<Sequence> {
        let usage = &self.slab[ticket.place as usize];
        (!usage.lost).then_some(usage.sequence)
    }

    pub(crate) fn is_lost(&self, ticket: &Ticket) -> bool {
        self.slab[ticket.place as usize].lost
    }

    /// The usages of a lane, youngest first, without those aborted or spared.
    pub(crate) fn of(&self, lane: Lane) -> impl Iterator<Item = Sequence> + '_ {
        let older = |usage: &&Usage<A>| self.slab.get(usage.older as usize);
        let lane = std::iter::successors(self.slab.get(lane.youngest as usize), older);
        lane.map(|usage| usage.sequence)
    }

    /// Registers a usage as the youngest of its lane.
    #[inline(always)]
    pub(crate) fn enter(&mut self, lane: &mut Lane, slot: usize, abort: A, now: Tick) -> Ticket {
        self.newest += 1;
        let older = lane.youngest;
        let (sequence, abort) = (self.newest, Some(abort));
        let usage = Usage { sequence, since: now, abort, older, younger: NOBODY, lost: false };
        let place = self.slab.insert(usage) as Place;
        if let Some(older) = self.slab.get_mut(older as usize) {
            older.younger = place;
        }
        lane.youngest = place;
        lane.len += 1;
        Ticket { place, slot: slot as u32 }
    }

    /// Takes a usage's abort handle, unless a sibling has: nothing can abort it any more.
    pub(crate) fn take_abort(&mut self, lane: &mut Lane, ticket: &Ticket) -> Option<A> {
        let abort = self.slab[ticket.place as usize].abort.take();
        self.detach(lane, ticket.place);
        abort
    }

    /// From here on no sibling aborts a usage. If one has already, it gets a handle anew.
    #[cold]
    pub(crate) fn spare(&mut self, lane: &mut Lane, ticket: &Ticket, abort: impl FnOnce() -> A) {
        self.slab[ticket.place as usize].abort.get_or_insert_with(abort);
        self.detach(lane, ticket.place);
    }

    /// Takes the abort handle of a usage that was spared, with its number.
    pub(crate) fn take_spared(&mut self, place: Place) -> Option<(Sequence, A)> {
        let usage = self.slab.get_mut(place as usize)?;
        usage.abort.take().map(|abort| (usage.sequence, abort))
    }

    /// Ends a usage.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a usage ends by giving its ticket up")]
    pub(crate) fn leave(&mut self, lane: &mut Lane, ticket: Ticket) -> Left<A> {
        let Usage { sequence, since, abort, older, younger, lost } =
            self.slab.remove(ticket.place as usize);
        if older != DETACHED {
            self.join(lane, older, younger);
        }
        lane.len -= 1;
        Left { sequence, since, abort, lost }
    }

    /// Aborts the younger siblings of those who are `doomed` that no one has aborted yet: takes their handles, oldest
    /// first.
    ///
    /// From the youngest on: whoever is met is taken and not met again, unless it is younger than `up_to`.
    pub(crate) fn take_younger(
        &mut self,
        lane: &mut Lane,
        doomed: Doomed,
        into: &mut Vec<A>,
    ) -> u64 {
        let Doomed { younger_than, up_to, begun_from } = doomed;
        let before = into.len();
        let mut next = lane.youngest;
        while let Some(sibling) = self.slab.get_mut(next as usize) {
            let (place, sequence) = (next, sibling.sequence);
            if sequence <= younger_than || sibling.since < begun_from {
                break;
            }
            next = sibling.older;
            if sequence <= up_to {
                into.extend(sibling.abort.take());
                self.detach(lane, place);
            }
        }
        into[before..].reverse();
        (into.len() - before) as u64
    }

    /// Takes the abort handles of all usages of a lane, with their numbers.
    pub(crate) fn take_all(&mut self, lane: &mut Lane, into: &mut Vec<(Sequence, A)>) {
        while let Some(usage) = self.slab.get_mut(lane.youngest as usize) {
            let (place, sequence) = (lane.youngest, usage.sequence);
            into.extend(usage.abort.take().map(|abort| (sequence, abort)));
            self.detach(lane, place);
        }
    }

    /// Takes a usage out of the list of those that can be aborted.
    fn detach(&mut self, lane: &mut Lane, place: Place) {
        let usage = &mut self.slab[place as usize];
        let older = std::mem::replace(&mut usage.older, DETACHED);
        let younger = std::mem::replace(&mut usage.younger, DETACHED);
        if older != DETACHED {
            self.join(lane, older, younger);
        }
    }

    /// Makes neighbours of two usages, or of one and an end of the list.
    #[inline]
    fn join(&mut self, lane: &mut Lane, older: Place, younger: Place) {
        if let Some(older) = self.slab.get_mut(older as usize) {
            older.younger = younger;
        }
        match self.slab.get_mut(younger as usize) {
            Some(younger) => younger.older = older,
            None => lane.youngest = older,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all_younger(than: Sequence) -> Doomed {
        Doomed { younger_than: than, up_to: Sequence::MAX, begun_from: Tick(0) }
    }

    fn younger(usages: &mut Usages<char>, lane: &mut Lane, ticket: &Ticket) -> Vec<char> {
        // Behind what is there already.
        let mut taken = vec!['-'];
        let than = usages.sequence(ticket);
        let count = usages.take_younger(lane, all_younger(than), &mut taken);
        taken.remove(0);
        assert_eq!(count as usize, taken.len());
        taken
    }

    #[test]
    fn only_strictly_younger_usages_of_the_same_lane_are_taken_and_only_once() {
        let now = Tick(0);
        let (mut usages, mut lane, mut other) = (Usages::new(), Lane::EMPTY, Lane::EMPTY);
        let a = usages.enter(&mut lane, 0, 'a', now);
        let b = usages.enter(&mut lane, 0, 'b', now);
        let x = usages.enter(&mut other, 1, 'x', now);
        let c = usages.enter(&mut lane, 0, 'c', now);
        let d = usages.enter(&mut lane, 0, 'd', now);
        assert_eq!(usages.leave(&mut lane, c).abort, Some('c'));
        assert_eq!(younger(&mut usages, &mut lane, &b), ['d']);
        assert_eq!(younger(&mut usages, &mut lane, &a), ['b']);
        assert_eq!(usages.leave(&mut lane, a).abort, Some('a'));
        assert_eq!(usages.leave(&mut lane, d).abort, None);
        assert_eq!(usages.leave(&mut lane, b).abort, None);
        assert_eq!(usages.leave(&mut other, x).abort, Some('x'));
        assert_eq!((lane.len(), other.len(), usages.newest()), (0, 0, 5));
    }

    #[test]
    fn a_reused_place_in_the_slab_is_younger_all_the_same() {
        let now = Tick(0);
        let (mut usages, mut lane) = (Usages::new(), Lane::EMPTY);
        let a = usages.enter(&mut lane, 0, 'a', now);
        let b = usages.enter(&mut lane, 0, 'b', now);
        usages.leave(&mut lane, a);
        let c = usages.enter(&mut lane, 0, 'c', now);
        assert!(usages.sequence(&c) > usages.sequence(&b));
        assert_eq!(younger(&mut usages, &mut lane, &b), ['c']);
        usages.leave(&mut lane, b);
        usages.leave(&mut lane, c);
    }

    #[test]
    fn signals_from_the_youngest_on_meet_each_sibling_once() {
        let now = Tick(0);
        let (mut usages, mut lane) = (Usages::new(), Lane::EMPTY);
        let tickets: Vec<Ticket> =
            (0..6).map(|number| usages.enter(&mut lane, 0, number, now)).collect();
        let mut taken = Vec::new();
        for signaller in [4, 2, 3, 0] {
            let than = usages.sequence(&tickets[signaller]);
            usages.take_younger(&mut lane, all_younger(than), &mut taken);
        }
        assert_eq!(taken, [5, 3, 4, 1, 2], "each once, although 3 signalled after it was aborted");
        for ticket in tickets {
            usages.leave(&mut lane, ticket);
        }
        assert_eq!((lane.len(), usages.slab.len()), (0, 0));
    }

    #[test]
    fn who_is_spared_keeps_a_handle_that_no_sibling_takes() {
        let now = Tick(0);
        let (mut usages, mut lane) = (Usages::new(), Lane::EMPTY);
        let tickets = ['a', 'b', 'c', 'd'].map(|name| usages.enter(&mut lane, 0, name, now));
        usages.spare(&mut lane, &tickets[1], || unreachable!("nobody has taken it"));
        usages.spare(&mut lane, &tickets[1], || unreachable!("it is still there"));
        assert_eq!(younger(&mut usages, &mut lane, &tickets[0]), ['c', 'd']);
        usages.spare(&mut lane, &tickets[2], || 'C');
        assert_eq!(younger(&mut usages, &mut lane, &tickets[0]), [] as [char; 0]);

        let mut all = Vec::new();
        usages.take_all(&mut lane, &mut all);
        assert_eq!(all, [(1, 'a')]);
        let spared = [1, 2, 3].map(|place| usages.take_spared(place));
        assert_eq!(spared, [Some((2, 'b')), Some((3, 'C')), None]);
        assert_eq!(usages.take_spared(1), None, "once");
        for ticket in tickets {
            usages.leave(&mut lane, ticket);
        }
        assert_eq!((lane.len(), usages.slab.len()), (0, 0));
    }

    #[test]
    fn those_that_began_later_than_a_known_outage_are_spared() {
        let now = Tick(0);
        let (mut usages, mut lane) = (Usages::new(), Lane::EMPTY);
        let tickets = ['a', 'b', 'c'].map(|name| usages.enter(&mut lane, 0, name, now));
        let mut taken = Vec::new();
        let doomed = Doomed { up_to: 2, ..all_younger(1) };
        assert_eq!(usages.take_younger(&mut lane, doomed, &mut taken), 1);
        assert_eq!(taken, ['b']);
        assert_eq!(younger(&mut usages, &mut lane, &tickets[0]), ['c']);
    }

    #[test]
    fn those_that_began_too_early_to_be_meant_are_spared() {
        let (mut usages, mut lane) = (Usages::new(), Lane::EMPTY);
        for (name, at) in [('a', 0), ('b', 4), ('c', 5), ('d', 6)] {
            let _ = usages.enter(&mut lane, 0, name, Tick(at));
        }
        let mut taken = Vec::new();
        let doomed = Doomed { begun_from: Tick(5), ..all_younger(1) };
        assert_eq!(usages.take_younger(&mut lane, doomed, &mut taken), 2);
        assert_eq!(taken, ['c', 'd']);
    }
}
