//! How the line is served: who is first in it, whom it refuses, and when to look again.

use std::time::Instant;

use super::{Decided, Limiter};
use crate::protect::line::{Ticket, Waiting};
use crate::time::after;

impl<W> Limiter<W> {
    /// Gives whoever is first what is there, and sends away whose deadline has come.
    #[inline]
    pub(super) fn serve(&mut self, now: Instant) {
        self.bucket.refill(now);
        if !self.line.is_empty() {
            self.serve_line(now);
        }
    }

    fn serve_line(&mut self, now: Instant) {
        loop {
            while let Some(first) = self.line.first() {
                if !self.bucket.take(first.tokens) {
                    break;
                }
                self.decide(0, |waiting| Decided::Served {
                    tokens: waiting.tokens,
                    waited: now.saturating_duration_since(waiting.since),
                });
            }
            let Some(place) = self.line.overdue(now) else { break };
            self.refuse(place);
        }
        // Whoever has become first, or has less to wait than the timer thinks, has to set it anew.
        let wanted = self.wanted_alarm();
        let set = self
            .alarm
            .zip(wanted)
            .is_some_and(|((for_whom, at), (first, earliest))| for_whom == first && at <= earliest);
        if !set {
            self.woken.extend(self.line.take_first_waker());
        }
    }

    /// Sends away, after a change for the worse, whose turn cannot come in time any more.
    pub(super) fn review(&mut self, now: Instant) {
        let (mut ahead, mut place) = (0_u64, 0);
        while let Some(waiting) = self.line.get(place) {
            let turn = after(now, self.time_behind(ahead, waiting.tokens));
            let late = waiting.deadline.is_some_and(|deadline| turn > deadline);
            if late || waiting.tokens > self.bucket.capacity() {
                self.refuse(place);
            } else {
                ahead = ahead.saturating_add(waiting.tokens);
                place += 1;
            }
        }
        self.serve(now);
    }

    fn refuse(&mut self, place: usize) {
        let Some(waiting) = self.line.get(place) else { return };
        // It would have to stand behind all the others if it came again, but not behind itself.
        let (tokens, others) = (waiting.tokens, self.line.wanted().saturating_sub(waiting.tokens));
        let refusal = self.refusal_behind(others, tokens);
        self.decide(place, |_| Decided::Refused(refusal));
    }

    fn decide(&mut self, place: usize, decided: impl FnOnce(&Waiting<W>) -> Decided) {
        let Some(mut waiting) = self.line.remove(place) else { return };
        self.woken.extend(waiting.waker.take());
        self.decided.insert(waiting.ticket, decided(&waiting));
    }

    /// Whom the timer should be for, and for when: the first one's turn, or the first deadline of anybody.
    pub(super) fn wanted_alarm(&self) -> Option<(Ticket, Instant)> {
        let first = self.line.first()?;
        let wait = self.bucket.time_until(self.bucket.grains(first.tokens));
        let turn = after(self.bucket.as_of(), wait);
        let deadline = self.line.first_deadline();
        Some((first.ticket, deadline.map_or(turn, |deadline| deadline.min(turn))))
    }
}
