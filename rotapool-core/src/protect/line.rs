//! Those who wait for tokens, first come, first served.

use std::collections::{BTreeSet, VecDeque};
use std::time::Instant;

/// A place in line: to be [asked about](super::Limiter::turn) until it was served, or
/// [left](super::Limiter::leave).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

#[derive(Debug)]
pub(super) struct Waiting<W> {
    pub(super) ticket: Ticket,
    pub(super) tokens: u64,
    pub(super) since: Instant,
    pub(super) deadline: Option<Instant>,
    pub(super) waker: Option<W>,
}

/// The line. Tickets grow towards its end.
#[derive(Debug)]
pub(super) struct Line<W> {
    waiting: VecDeque<Waiting<W>>,
    /// What all want together, in tokens.
    wanted: u64,
    /// The tickets that have a deadline, the earliest first.
    deadlines: BTreeSet<(Instant, Ticket)>,
    tickets: u64,
}

impl<W> Line<W> {
    pub(super) fn new() -> Self {
        let (waiting, deadlines) = Default::default();
        Self { waiting, wanted: 0, deadlines, tickets: 0 }
    }

    #[inline]
    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn len(&self) -> usize {
        self.waiting.len()
    }

    pub(super) fn wanted(&self) -> u64 {
        self.wanted
    }

    pub(super) fn push(
        &mut self,
        tokens: u64,
        deadline: Option<Instant>,
        since: Instant,
    ) -> Ticket {
        self.tickets += 1;
        let ticket = Ticket(self.tickets);
        self.waiting.push_back(Waiting { ticket, tokens, since, deadline, waker: None });
        self.wanted = self.wanted.saturating_add(tokens);
        self.deadlines.extend(deadline.map(|deadline| (deadline, ticket)));
        ticket
    }

    pub(super) fn first(&self) -> Option<&Waiting<W>> {
        self.waiting.front()
    }

    pub(super) fn get(&self, place: usize) -> Option<&Waiting<W>> {
        self.waiting.get(place)
    }

    /// Where a ticket stands, if it is in line.
    pub(super) fn place(&self, ticket: Ticket) -> Option<usize> {
        self.waiting.binary_search_by_key(&ticket, |waiting| waiting.ticket).ok()
    }

    pub(super) fn remove(&mut self, place: usize) -> Option<Waiting<W>> {
        let waiting = self.waiting.remove(place)?;
        self.wanted = self.wanted.saturating_sub(waiting.tokens);
        if let Some(deadline) = waiting.deadline {
            self.deadlines.remove(&(deadline, waiting.ticket));
        }
        Some(waiting)
    }

    pub(super) fn first_deadline(&self) -> Option<Instant> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// The place of somebody whose deadline has come.
    pub(super) fn overdue(&self, now: Instant) -> Option<usize> {
        let (_, ticket) = self.deadlines.first().filter(|(deadline, _)| *deadline <= now)?;
        self.place(*ticket)
    }

    /// Keeps a waker at this place, and answers the one that was kept there.
    pub(super) fn keep(&mut self, place: usize, waker: W) -> Option<W> {
        match self.waiting.get_mut(place) {
            Some(waiting) => waiting.waker.replace(waker),
            None => Some(waker),
        }
    }

    /// The waker of whoever is first.
    pub(super) fn take_first_waker(&mut self) -> Option<W> {
        self.waiting.front_mut()?.waker.take()
    }
}
