//! Waiting in line for tokens.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use rotapool_core::{Joined, RateLimited, Sleep, Ticket, Turn, after};

use super::limiter::RateLimiter;

/// Waits for tokens of a [`RateLimiter`]. Made by its [`acquire`](RateLimiter::acquire) and
/// [`acquire_many`](RateLimiter::acquire_many).
///
/// The place in line is taken by the first poll.
///
/// # Errors
///
/// [`RateLimited`]: on arrival if the turn cannot come by the deadline, or ever; later if a change of the rate or
/// a debt has made it so, or the deadline has come.
///
/// # Panics
///
/// When it is polled again after its end.
///
/// # Cancel safety
///
/// Dropped, it leaves the line and wakes whoever is next; tokens that it was given and has not seen go back.
#[must_use = "a future does nothing until it is polled"]
pub struct Acquire<'a> {
    limiter: &'a RateLimiter,
    tokens: u64,
    deadline: Option<Instant>,
    stage: Stage,
}

enum Stage {
    Coming,
    InLine {
        ticket: Ticket,
        /// Of whoever is first: until when, and the timer.
        alarm: Option<(Instant, Sleep)>,
    },
    Over,
}

impl RateLimiter {
    /// Waits for a token. The same as [`acquire_many(1)`](Self::acquire_many).
    pub fn acquire(&self) -> Acquire<'_> {
        self.acquire_many(1)
    }

    /// Waits for so many tokens, to be taken together.
    ///
    /// Awaited, it answers at once if they are there and nobody is in line, and takes a place in line else;
    /// or it fails at once, if the turn cannot come by the [deadline](Acquire::deadline) or the bucket can
    /// never hold so many. No tokens at all are there at once.
    pub fn acquire_many(&self, tokens: u64) -> Acquire<'_> {
        Acquire { limiter: self, tokens, deadline: None, stage: Stage::Coming }
    }

    /// Waits for a token on this thread, which is parked meanwhile. [`Acquire::blocking`] is the same with a number
    /// and a deadline.
    ///
    /// The timer is the [runtime](crate::LimiterBuilder::runtime)'s: the default one works on any thread.
    ///
    /// # Errors
    ///
    /// None without a deadline; the type is that of all who acquire.
    pub fn acquire_blocking(&self) -> Result<(), RateLimited> {
        self.acquire().blocking()
    }
}

impl Acquire<'_> {
    /// Waits no longer than until this instant of the limiter's clock. None by default. What is there on arrival
    /// needs no wait: it is taken even if the instant has passed.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the [`deadline`](Self::deadline) so long after now. Zero takes what is there at once.
    pub fn timeout(self, timeout: Duration) -> Self {
        let deadline = after(self.limiter.runtime().now(), timeout);
        self.deadline(deadline)
    }

    /// Waits on this thread, which is parked meanwhile.
    ///
    /// # Errors
    ///
    /// As when awaited.
    pub fn blocking(self) -> Result<(), RateLimited> {
        crate::park::block_on(self)
    }

    /// Takes the tokens, or a place in line: `None`.
    fn join(&mut self) -> Option<Result<(), RateLimited>> {
        let (tokens, deadline) = (self.tokens, self.deadline);
        let joined = self.limiter.with(|limiter, now| limiter.join(tokens, deadline, now));
        match joined {
            Ok(Joined::Served) => Some(Ok(())),
            Ok(Joined::InLine(ticket)) => {
                self.stage = Stage::InLine { ticket, alarm: None };
                None
            }
            Err(refusal) => Some(Err(refusal)),
        }
    }
}

impl Future for Acquire<'_> {
    type Output = Result<(), RateLimited>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.get_mut();
        loop {
            let (ticket, alarm) = match &mut this.stage {
                Stage::InLine { ticket, alarm } => (*ticket, alarm),
                Stage::Over => panic!("`Acquire` was polled again after its end"),
                Stage::Coming => {
                    if let Some(end) = this.join() {
                        this.stage = Stage::Over;
                        return Poll::Ready(end);
                    }
                    continue;
                }
            };
            let waker = context.waker().clone();
            let (turn, spare) = this.limiter.with(|limiter, now| limiter.turn(ticket, waker, now));
            // It is foreign: dropped here, outside the lock.
            drop(spare);
            let end = match turn {
                Turn::Served => Ok(()),
                Turn::Refused(refusal) => Err(refusal),
                Turn::Behind => {
                    *alarm = None;
                    return Poll::Pending;
                }
                Turn::First(at) => {
                    if alarm.as_ref().is_none_or(|(set_for, _)| *set_for != at) {
                        *alarm = Some((at, this.limiter.runtime().sleep_until(at)));
                    }
                    let Some((_, sleep)) = alarm else { continue };
                    ready!(sleep.as_mut().poll(context));
                    // Whichever it was that woke: the clock is read and core asked again.
                    *alarm = None;
                    continue;
                }
            };
            this.stage = Stage::Over;
            return Poll::Ready(end);
        }
    }
}

impl Drop for Acquire<'_> {
    fn drop(&mut self) {
        if let Stage::InLine { ticket, .. } = self.stage {
            // A waker is foreign: dropped outside the lock.
            drop(self.limiter.with(|limiter, now| limiter.leave(ticket, now)));
        }
    }
}

impl fmt::Debug for Acquire<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let in_line = matches!(self.stage, Stage::InLine { .. });
        f.debug_struct("Acquire")
            .field("tokens", &self.tokens)
            .field("in_line", &in_line)
            .finish_non_exhaustive()
    }
}
