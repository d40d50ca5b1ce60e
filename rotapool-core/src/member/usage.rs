//! The usages: attempts in flight, each with what it takes to abort it.
//!
//! The usages of one resource form a lane: a doubly linked list through the slab, oldest first.
//! Entering, leaving and finding the younger siblings of a usage touch no other resource's usages.

use slab::Slab;

use crate::time::Tick;

/// The order of acquisition. It starts at 1; 0 is before any usage.
pub(crate) type Sequence = u64;

/// Where the slab keeps a usage.
type Place = u32;

/// No usage: four thousand million at once fill no machine's memory by far.
const NOBODY: Place = Place::MAX;

/// A usage that has to end: settled or abandoned, once, by giving this up.
#[derive(Debug)]
#[must_use = "a usage that is never ended keeps its place on the resource for ever"]
pub(crate) struct Ticket {
    place: Place,
    slot: u32,
}

impl Ticket {
    #[inline]
    pub(crate) fn slot(&self) -> usize {
        self.slot as usize
    }
}

#[derive(Debug)]
struct Usage<A> {
    sequence: Sequence,
    since: Tick,
    /// Taken when an older sibling aborts this usage.
    abort: Option<A>,
    older: Place,
    younger: Place,
}

/// The usages in flight on one membership.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Lane {
    oldest: Place,
    youngest: Place,
    len: u32,
}

impl Lane {
    pub(crate) const EMPTY: Self = Self { oldest: NOBODY, youngest: NOBODY, len: 0 };

    #[inline]
    pub(crate) fn len(self) -> u32 {
        self.len
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

    /// The sequence number of the newest usage that ever was.
    #[inline]
    pub(crate) fn newest(&self) -> Sequence {
        self.newest
    }

    pub(crate) fn sequence(&self, ticket: &Ticket) -> Sequence {
        self.slab[ticket.place as usize].sequence
    }

    /// When a usage began.
    pub(crate) fn since(&self, ticket: &Ticket) -> Tick {
        self.slab[ticket.place as usize].since
    }

    /// Registers a usage as the youngest of its lane.
    #[inline]
    pub(crate) fn enter(&mut self, lane: &mut Lane, slot: usize, abort: A, now: Tick) -> Ticket {
        self.newest += 1;
        let older = lane.youngest;
        let (sequence, abort) = (self.newest, Some(abort));
        let usage = Usage { sequence, since: now, abort, older, younger: NOBODY };
        let place = self.slab.insert(usage) as Place;
        match self.slab.get_mut(older as usize) {
            Some(older) => older.younger = place,
            None => lane.oldest = place,
        }
        lane.youngest = place;
        lane.len += 1;
        Ticket { place, slot: slot as u32 }
    }

    /// Takes a usage's abort handle, unless a sibling has: nothing can abort it any more.
    pub(crate) fn take_abort(&mut self, ticket: &Ticket) -> Option<A> {
        self.slab[ticket.place as usize].abort.take()
    }

    /// Ends a usage and gives back its beginning and, unless a sibling has taken it, its abort handle.
    #[inline]
    #[expect(clippy::needless_pass_by_value, reason = "a usage ends by giving its ticket up")]
    pub(crate) fn leave(&mut self, lane: &mut Lane, ticket: Ticket) -> (Tick, Option<A>) {
        let Usage { since, abort, older, younger, .. } = self.slab.remove(ticket.place as usize);
        match self.slab.get_mut(older as usize) {
            Some(older) => older.younger = younger,
            None => lane.oldest = younger,
        }
        match self.slab.get_mut(younger as usize) {
            Some(younger) => younger.older = older,
            None => lane.youngest = older,
        }
        lane.len -= 1;
        (since, abort)
    }

    /// Takes the abort handles of the younger siblings that no one has aborted yet, oldest first.
    pub(crate) fn take_younger(&mut self, ticket: &Ticket, into: &mut Vec<A>) -> u64 {
        let before = into.len();
        let mut next = self.slab[ticket.place as usize].younger;
        while let Some(sibling) = self.slab.get_mut(next as usize) {
            into.extend(sibling.abort.take());
            next = sibling.younger;
        }
        (into.len() - before) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn younger(usages: &mut Usages<char>, ticket: &Ticket) -> Vec<char> {
        // Behind what is there already.
        let mut taken = vec!['-'];
        let count = usages.take_younger(ticket, &mut taken);
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
        assert_eq!(usages.leave(&mut lane, c).1, Some('c'));
        assert_eq!(younger(&mut usages, &b), ['d']);
        assert_eq!(younger(&mut usages, &a), ['b']);
        assert_eq!(usages.leave(&mut lane, a).1, Some('a'));
        assert_eq!(usages.leave(&mut lane, d).1, None);
        assert_eq!(usages.leave(&mut lane, b).1, None);
        assert_eq!(usages.leave(&mut other, x).1, Some('x'));
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
        assert_eq!(younger(&mut usages, &b), ['c']);
        usages.leave(&mut lane, b);
        usages.leave(&mut lane, c);
    }
}
