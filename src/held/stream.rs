//! A stream that has begun, and holds its resource to its end.

use std::collections::VecDeque;
use std::fmt;
use std::mem;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use futures_util::stream::FusedStream;
use futures_util::{Stream, TryStream};
use rotapool_core::{Outcome, Signal};

use crate::drive::guard::Guard;
use crate::drive::lease::Lease;
use crate::held::alarm::Alarm;
use crate::held::begun::{Begun, Streaming};
use crate::held::broken::StreamError;
use crate::held::silence::Silence;
use crate::terms::fault::Fault;
use crate::terms::secret::conceal;

/// A stream from a resource, which it holds to its end: made by [`Pool::run_stream`](crate::Pool::run_stream), with its first
/// item there.
///
/// It gives its place back once, when the first of these comes: its end, an error, its [drop](#cancel-safety). An exhausted
/// stream that is kept holds nothing. What it has still to say to the pool it says then:
///
/// | what comes | the reader gets | the resource |
/// |---|---|---|
/// | the end | the end | a success |
/// | [`Fault::Operation`] | [`StreamError::Operation`], the end | a success |
/// | [`Fault::Failure`] | [`StreamError::Operation`], the end | a failure |
/// | a signal | [`StreamError::Broken`], the end | what the signal says |
/// | nothing for [`stall_timeout`](crate::Request::stall_timeout) | [`StreamError::Stalled`], the end | a failure |
/// | [`stream_timeout`](crate::Request::stream_timeout), [`held_bound`](crate::Builder::held_bound) | [`StreamError::TimedOut`], the end | nothing |
/// | an older operation's cooldown or disable signal | no end: it goes on | nothing |
/// | the same, with [`cancel_streams`](crate::Builder::cancel_streams) | [`StreamError::Aborted`], the end | nothing |
/// | the deadline of a [`drain`](crate::Pool::drain) | [`StreamError::Aborted`], the end | nothing |
///
/// Its latency is the time to the first item; how long the whole took is in
/// [`ResourceStats::streamed`](crate::ResourceStats::streamed). It is `'static` when the stream is, and `Send` and `Sync`
/// when that and its items are and `T` may be shared: fit for `axum::body::Body::from_stream` and `reqwest::Body::wrap_stream`.
///
/// `Debug` shows the id and never the value.
///
/// # Cancel safety
///
/// Dropped in its middle it says nothing of the resource, and counts as a cancelled run. What it took of
/// [quotas](crate::Quota) stays taken, as far as [its operation said](Lease::spent), else as was reserved.
#[must_use = "dropped at once, it gives its place back at once"]
pub struct HeldStream<T, S: TryStream> {
    first: VecDeque<S::Ok>,
    // Gone before its place is given back.
    rest: Option<Pin<Box<S>>>,
    lease: Lease<T>,
    silence: Silence,
    end: Option<(Instant, Alarm)>,
    run: Guard<Arc<Streaming<T>>>,
}

/// Only what is behind a box of its own is pinned.
impl<T, S: TryStream> Unpin for HeldStream<T, S> {}

impl<T, S: TryStream> HeldStream<T, S> {
    pub(super) fn new<H>(
        mut run: Guard<Arc<Streaming<T>>>,
        begun: Begun<T, H, S>,
        end: Option<(Instant, Alarm)>,
    ) -> (H, Self) {
        let Begun { lease, head, first, rest, silence } = begun;
        if rest.is_none() {
            run.conclude(Outcome::Success);
        }
        (head, Self { first, rest, lease, silence, end, run })
    }

    /// The lease, for what it says of an attempt beside how it ends: what it takes of the [quotas](Lease::spent) of its
    /// resource. A clone of it keeps nothing.
    #[must_use]
    pub fn lease(&self) -> &Lease<T> {
        &self.lease
    }

    /// The id of the resource.
    #[must_use]
    pub fn id(&self) -> &str {
        self.lease.id()
    }

    /// Whether nothing more comes of it.
    pub(super) fn is_over(&self) -> bool {
        self.rest.is_none() && self.first.is_empty()
    }

    /// Ends it if the stream itself says that nothing more comes.
    #[cfg(feature = "http-body")]
    pub(super) fn end_if(&mut self, is_over: impl FnOnce(&S) -> bool) {
        if self.rest.as_deref().is_some_and(is_over) {
            self.conclude(Outcome::Success);
        }
    }

    /// What is still to come: what is there already, and the rest.
    #[cfg(feature = "http-body")]
    pub(super) fn left(&self) -> (impl Iterator<Item = &S::Ok>, Option<&S>) {
        (self.first.iter(), self.rest.as_deref())
    }

    /// Ends it: the stream is dropped, and then its place is given back, also if that panics.
    fn conclude(&mut self, outcome: Outcome) {
        self.end = None;
        self.silence.end();
        let rest = self.rest.take();
        let ends = Ends { run: &mut self.run, outcome: Some(outcome) };
        drop(rest);
        drop(ends);
    }

    /// What ends it from outside, if anything has: its time, the end of the pool, or a sibling.
    fn called<E>(&mut self) -> Option<StreamError<E>> {
        if !self.run.is_called() {
            return None;
        }
        let id = self.lease.id().into();
        let error = match self.run.is_taken_back() {
            true => StreamError::TimedOut { id },
            false => StreamError::Aborted { id },
        };
        self.conclude(Outcome::Aborted);
        Some(error)
    }

    /// The same when nothing has come; afterwards the task is woken for what comes.
    fn interrupted<E>(&mut self, task: &mut Context<'_>) -> Option<StreamError<E>> {
        self.run.watch(task.waker());
        let is_due = self.end.as_mut().is_some_and(|(_, end)| end.poll(task).is_ready());
        if let (true, Some((at, _))) = (is_due, &self.end) {
            let at = *at;
            if self.run.is_past(at) {
                let id = self.lease.id().into();
                self.conclude(Outcome::Aborted);
                return Some(StreamError::TimedOut { id });
            }
            // Too early, which a timer may be: another one, by the next poll.
            self.end = Some((at, self.run.sleep_until(at).into()));
            task.waker().wake_by_ref();
        }
        self.called()
    }

    /// An item was no item.
    fn fail<E>(&mut self, fault: Fault<E>) -> StreamError<E> {
        match fault {
            Fault::Operation(error) => {
                self.conclude(Outcome::Error);
                StreamError::Operation(error)
            }
            Fault::Failure(error) => {
                self.conclude(Outcome::Failure);
                StreamError::Operation(error)
            }
            Fault::Signal(mut signal) => {
                conceal(&mut signal, self.lease.secrets());
                let mut told = signal.clone();
                drop(Signal::take_error(&mut told));
                self.conclude(Outcome::Signal(told));
                StreamError::Broken(signal)
            }
        }
    }
}

impl<T, S, E> FusedStream for HeldStream<T, S>
where
    S: TryStream<Error = Fault<E>>,
{
    fn is_terminated(&self) -> bool {
        self.is_over()
    }
}

impl<T, S, E> Stream for HeldStream<T, S>
where
    S: TryStream<Error = Fault<E>>,
{
    type Item = Result<S::Ok, StreamError<E>>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.get_mut();
        if let Some(item) = this.first.pop_front() {
            return Poll::Ready(Some(Ok(item)));
        }
        if this.rest.is_none() {
            return Poll::Ready(None);
        }
        if let Some(error) = this.called() {
            return Poll::Ready(Some(Err(error)));
        }
        match Word(this).next(task) {
            Poll::Ready(Some(Ok(item))) => {
                this.silence.broken();
                Poll::Ready(Some(Ok(item)))
            }
            Poll::Ready(Some(Err(fault))) => Poll::Ready(Some(Err(this.fail(fault)))),
            Poll::Ready(None) => {
                this.conclude(Outcome::Success);
                Poll::Ready(None)
            }
            Poll::Pending => {
                if let Some(error) = this.interrupted(task) {
                    return Poll::Ready(Some(Err(error)));
                }
                let Poll::Ready(silence) = this.silence.poll(task) else { return Poll::Pending };
                let id = this.lease.id().into();
                this.conclude(Outcome::Stalled(silence));
                Poll::Ready(Some(Err(StreamError::Stalled { id, silence })))
            }
        }
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        // An error may come in place of the next item, and no item more.
        (self.first.len(), None)
    }
}

/// Gives a place back when it is dropped.
struct Ends<'a, T> {
    run: &'a mut Guard<Arc<Streaming<T>>>,
    outcome: Option<Outcome>,
}

impl<T> Drop for Ends<'_, T> {
    fn drop(&mut self) {
        if let Some(outcome) = self.outcome.take() {
            self.run.conclude(outcome);
        }
    }
}

/// The stream while it has the word. If it panics, dropping this ends its usage; the panic goes on to the reader.
struct Word<'a, T, S: TryStream>(&'a mut HeldStream<T, S>);

impl<T, S: TryStream> Word<'_, T, S> {
    fn next(self, task: &mut Context<'_>) -> Poll<Option<Result<S::Ok, S::Error>>> {
        let next = match &mut self.0.rest {
            Some(rest) => rest.as_mut().try_poll_next(task),
            None => Poll::Ready(None),
        };
        mem::forget(self);
        next
    }
}

impl<T, S: TryStream> Drop for Word<'_, T, S> {
    #[cold]
    fn drop(&mut self) {
        self.0.conclude(Outcome::Panic);
    }
}

impl<T, S: TryStream> fmt::Debug for HeldStream<T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeldStream")
            .field("id", &self.id())
            .field("request_id", &self.lease.request_id())
            .field("has_ended", &self.rest.is_none())
            .finish_non_exhaustive()
    }
}
