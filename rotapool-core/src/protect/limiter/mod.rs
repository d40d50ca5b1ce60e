//! A token bucket with a line before it: first come, first served.
//!
//! Whoever is first in line is served as soon as there is enough, however much that is, and nobody before.
//! Only the first needs a timer: [`Turn::First`] says for when. All others are woken.

mod serving;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use super::bucket::Bucket;
use super::line::{Line, Ticket};
use super::rate::Rate;
use super::report::{LimiterStats, RateLimited};
use crate::error::RateError;
use crate::time::{Epoch, after};

/// A rate limiter: who may go on, and who has to wait for how long.
///
/// `W` is what wakes somebody who waits. It is never called in here; [`take_woken`](Self::take_woken) hands
/// out what is to be called. The `RateLimiter` of the crate `rotapool` is this, with a lock and a timer.
#[derive(Debug)]
pub struct Limiter<W> {
    bucket: Bucket,
    line: Line<W>,
    /// The tickets that were served or refused and whose owners have not been here since.
    decided: BTreeMap<Ticket, Decided>,
    /// Whom the timer is for, and for when.
    alarm: Option<(Ticket, Instant)>,
    woken: Vec<W>,
    acquired: u64,
    refused: u64,
    waited: Duration,
}

#[derive(Debug)]
enum Decided {
    Served { tokens: u64, waited: Duration },
    Refused(RateLimited),
}

/// What became of somebody who came for tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Joined {
    /// They have them.
    Served,
    /// They are in line.
    InLine(Ticket),
}

/// How somebody in line stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Turn {
    /// They have their tokens, and the ticket is spent.
    Served,
    /// They will not get them, and the ticket is spent.
    Refused(RateLimited),
    /// They are first: they ask again at that instant, or when woken.
    First(Instant),
    /// They ask again when woken.
    Behind,
}

impl<W> Limiter<W> {
    /// A full bucket of `burst` tokens, or one period's worth and at least 1, and nobody in line.
    ///
    /// # Errors
    ///
    /// [`RateError::Burst`] if the burst is not from 1 to 10¹².
    pub fn new(rate: Rate, burst: Option<u64>, now: Instant) -> Result<Self, RateError> {
        Ok(Self {
            bucket: Bucket::new(rate, burst, Epoch::new(now), now)?,
            line: Line::new(),
            decided: BTreeMap::new(),
            alarm: None,
            woken: Vec::new(),
            acquired: 0,
            refused: 0,
            waited: Duration::ZERO,
        })
    }

    /// Takes tokens if they are there and nobody is in line.
    ///
    /// # Errors
    ///
    /// [`RateLimited`] otherwise.
    #[inline]
    pub fn try_take(&mut self, tokens: u64, now: Instant) -> Result<(), RateLimited> {
        self.serve(now);
        if self.takes(tokens) {
            self.acquired += 1;
            return Ok(());
        }
        self.refused += 1;
        Err(self.refusal_behind(self.line.wanted(), tokens))
    }

    /// Takes what nobody waits for. Nothing at all is there for whoever wants it.
    #[inline]
    fn takes(&mut self, tokens: u64) -> bool {
        tokens == 0 || (self.line.is_empty() && self.bucket.take(tokens))
    }

    /// When whoever stands behind so many tokens' worth of others would get their own.
    fn time_behind(&self, others: u64, tokens: u64) -> Duration {
        match tokens {
            0 => Duration::ZERO,
            _ => self.bucket.time_until(self.bucket.grains(others.saturating_add(tokens))),
        }
    }

    #[cold]
    fn refusal_behind(&self, others: u64, tokens: u64) -> RateLimited {
        let capacity = self.bucket.capacity();
        if tokens > capacity {
            return RateLimited::AboveCapacity { tokens, capacity };
        }
        RateLimited::NotYet { retry_after: self.time_behind(others, tokens) }
    }

    /// Takes tokens, or a place at the end of the line for them. What is there for the taking needs no wait,
    /// so no deadline forbids it, not even one that has passed.
    ///
    /// # Errors
    ///
    /// [`RateLimited`] if the turn cannot come by the deadline, or not ever.
    pub fn join(
        &mut self,
        tokens: u64,
        deadline: Option<Instant>,
        now: Instant,
    ) -> Result<Joined, RateLimited> {
        self.serve(now);
        if self.takes(tokens) {
            self.acquired += 1;
            return Ok(Joined::Served);
        }
        let wait = self.time_behind(self.line.wanted(), tokens);
        let late = deadline.is_some_and(|deadline| after(now, wait) > deadline);
        if late || tokens > self.bucket.capacity() {
            self.refused += 1;
            return Err(self.refusal_behind(self.line.wanted(), tokens));
        }
        Ok(Joined::InLine(self.line.push(tokens, deadline, now)))
    }

    /// Asks how a ticket stands. Unless it is spent, `waker` is kept for it; the one kept before, or one that
    /// was not needed, comes back: it may be dropped outside whatever lock guards this.
    pub fn turn(&mut self, ticket: Ticket, waker: W, now: Instant) -> (Turn, Option<W>) {
        self.serve(now);
        match self.decided.remove(&ticket) {
            Some(Decided::Served { waited, .. }) => {
                self.acquired += 1;
                self.waited = self.waited.saturating_add(waited);
                return (Turn::Served, Some(waker));
            }
            Some(Decided::Refused(refusal)) => {
                self.refused += 1;
                return (Turn::Refused(refusal), Some(waker));
            }
            None => {}
        }
        let Some(place) = self.line.place(ticket) else {
            // A ticket that is spent already: nobody else's business.
            return (Turn::Behind, Some(waker));
        };
        let replaced = self.line.keep(place, waker);
        let alarm = self.wanted_alarm().filter(|(first, _)| *first == ticket);
        match alarm {
            Some((_, at)) => {
                self.alarm = alarm;
                (Turn::First(at), replaced)
            }
            None => (Turn::Behind, replaced),
        }
    }

    /// Gives a ticket up. Tokens that it was given and did not take go back. Answers its waker.
    pub fn leave(&mut self, ticket: Ticket, now: Instant) -> Option<W> {
        self.bucket.refill(now);
        let waker = match self.decided.remove(&ticket) {
            Some(Decided::Served { tokens, .. }) => {
                self.bucket.put(tokens);
                None
            }
            Some(Decided::Refused(_)) => None,
            None => self.line.place(ticket).and_then(|place| self.line.remove(place)?.waker),
        };
        self.serve(now);
        waker
    }

    /// Gives tokens back; what the bucket cannot hold is lost.
    pub fn refund(&mut self, tokens: u64, now: Instant) {
        self.bucket.refill(now);
        self.bucket.put(tokens);
        self.serve(now);
    }

    /// Takes tokens whether they are there or not: what something took beyond what was thought. What is not
    /// there is a debt, which grows back first.
    pub fn spend(&mut self, tokens: u64, now: Instant) {
        self.serve(now);
        self.bucket.spend(tokens);
        self.review(now);
    }

    /// Fills the bucket.
    pub fn reset(&mut self, now: Instant) {
        self.bucket.fill(now);
        self.serve(now);
    }

    /// Goes on at another rate. The level stays, unless the bucket holds less now.
    pub fn set_rate(&mut self, rate: Rate, now: Instant) {
        self.serve(now);
        self.bucket.set_rate(rate);
        self.review(now);
    }

    /// Believes the upstream: so many are left, no more come for `reset`, and then it is full. If `reset` is
    /// zero it says nothing of when, and the bucket grows as ever.
    pub fn correct(&mut self, remaining: u64, reset: Duration, now: Instant) {
        self.bucket.correct(remaining, after(now, reset), now);
        self.review(now);
    }

    /// After how long a newcomer would get so many, if nobody else came; none if never.
    #[must_use]
    pub fn time_until(&mut self, tokens: u64, now: Instant) -> Option<Duration> {
        self.serve(now);
        let ever = tokens <= self.bucket.capacity();
        ever.then(|| self.time_behind(self.line.wanted(), tokens))
    }

    /// The tokens that are there at `now`; below zero is a debt.
    #[must_use]
    pub fn available(&mut self, now: Instant) -> f64 {
        self.serve(now);
        self.bucket.level()
    }

    /// The figures at `now`.
    #[must_use]
    pub fn stats(&mut self, now: Instant) -> LimiterStats {
        LimiterStats {
            available: self.available(now),
            acquired: self.acquired,
            refused: self.refused,
            waiting: self.line.len(),
            waited: self.waited,
        }
    }

    /// Whom to wake, outside whatever lock guards this.
    #[inline]
    pub fn take_woken(&mut self) -> Vec<W> {
        std::mem::take(&mut self.woken)
    }
}
