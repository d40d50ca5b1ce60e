//! The stream of what happens in a pool, for whoever subscribes.
//!
//! A subscriber's buffer is filled under the pool's lock, so that all hear the same order; it has a
//! small lock of its own, so that reading never takes the pool's. Wakers are foreign code: they are
//! taken out and called after the pool's lock was released.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Instant;

use futures_util::Stream;
use futures_util::future::poll_fn;
use rotapool_core::Event;

use crate::shield::wake;
use crate::sync::{AtomicWaker, Mutex, MutexGuard};

/// How many events a subscriber may be behind, unless it says otherwise.
pub(crate) const CAPACITY: NonZeroUsize = NonZeroUsize::new(1024).unwrap();

/// What happens in a pool from the subscription on, in the order in which it happens: a stream of
/// [`Event`]s. Made by [`Pool::events`](crate::Pool::events).
///
/// The buffer is bounded. A subscriber that falls behind loses the oldest events and is told how many,
/// in their place, by [`Event::Missed`]; one that never reads costs a full buffer and no more. One that
/// is dropped costs nothing from the pool's next event on.
///
/// The stream ends when the last handle of the pool is gone and what was buffered has been read. It
/// keeps no pool alive.
#[must_use = "a subscription that nobody reads is for nothing"]
pub struct Events {
    subscriber: Arc<Subscriber>,
}

impl Events {
    /// The next event, as soon as there is one; `None` when the pool is gone.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point: no event is lost by it.
    pub async fn next(&mut self) -> Option<Event> {
        poll_fn(|context| self.subscriber.poll(context)).await
    }

    /// The next event that is buffered already, without waiting.
    pub fn try_next(&mut self) -> Option<Event> {
        self.subscriber.buffer().take()
    }

    /// [`next`](Self::next), as a poll.
    pub(crate) fn poll_event(&mut self, context: &Context<'_>) -> Poll<Option<Event>> {
        self.subscriber.poll(context)
    }
}

impl Stream for Events {
    type Item = Event;

    fn poll_next(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Event>> {
        self.subscriber.poll(context)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        let mut buffer = self.subscriber.buffer();
        buffer.over = Some(Over::Subscription);
        let left = std::mem::take(&mut buffer.events);
        drop(buffer);
        drop(left);
        drop(self.subscriber.waker.take());
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let buffer = self.subscriber.buffer();
        let (buffered, capacity) = (buffer.events.len(), buffer.capacity);
        let missed = buffer.missed.map_or(0, |(count, _)| count);
        // Whoever formats is foreign code, and may call the pool.
        drop(buffer);
        f.debug_struct("Events")
            .field("buffered", &buffered)
            .field("capacity", &capacity)
            .field("missed", &missed)
            .finish_non_exhaustive()
    }
}

/// Those who listen to a pool. It is part of what the pool's lock guards.
#[derive(Default)]
pub(crate) struct Audience {
    subscribers: Vec<Arc<Subscriber>>,
    /// Those who hear only of what is rare: changes of a status, who joins and leaves, and the pool as a whole.
    of_changes: Vec<Arc<Subscriber>>,
}

impl Audience {
    /// Takes a subscriber in.
    pub(crate) fn admit(&mut self, capacity: NonZeroUsize) -> Events {
        admit(&mut self.subscribers, capacity)
    }

    /// Takes in a subscriber that hears of everything but attempts, probes and runs.
    pub(crate) fn admit_to_changes(&mut self) -> Events {
        admit(&mut self.of_changes, CAPACITY)
    }

    /// Whether nobody hears of attempts and runs.
    pub(crate) fn is_empty(&self) -> bool {
        self.subscribers.is_empty()
    }

    /// Tells everybody, lets go of who has left, and adds whom to wake outside the pool's lock.
    pub(crate) fn tell(&mut self, events: &[Event], wakers: &mut Vec<Waker>) {
        tell(&mut self.subscribers, &events.iter(), wakers);
        let is_change = |event: &&Event| {
            matches!(
                event,
                Event::StateChanged { .. }
                    | Event::ResourceAdded { .. }
                    | Event::ResourceRemoved { .. }
                    | Event::PoolClosed { .. }
                    | Event::PoolExhausted { .. }
                    | Event::PoolRecovered { .. }
            )
        };
        if !self.of_changes.is_empty() {
            tell(&mut self.of_changes, &events.iter().filter(is_change), wakers);
        }
    }
}

fn admit(subscribers: &mut Vec<Arc<Subscriber>>, capacity: NonZeroUsize) -> Events {
    subscribers.retain(|subscriber| subscriber.buffer().over.is_none());
    let subscriber = Arc::new(Subscriber {
        buffer: Mutex::new(Buffer {
            events: VecDeque::new(),
            capacity: capacity.get(),
            missed: None,
            over: None,
        }),
        waker: AtomicWaker::new(),
    });
    subscribers.push(Arc::clone(&subscriber));
    Events { subscriber }
}

fn tell<'a>(
    subscribers: &mut Vec<Arc<Subscriber>>,
    events: &(impl Iterator<Item = &'a Event> + Clone),
    wakers: &mut Vec<Waker>,
) {
    if events.clone().next().is_none() {
        return;
    }
    subscribers.retain(|subscriber| {
        let mut buffer = subscriber.buffer();
        if buffer.over.is_some() {
            return false;
        }
        events.clone().for_each(|event| buffer.put(event.clone()));
        drop(buffer);
        wakers.extend(subscriber.waker.take());
        true
    });
}

impl Drop for Audience {
    /// The pool is gone. Nobody holds its lock any more.
    fn drop(&mut self) {
        for subscriber in self.subscribers.iter().chain(&self.of_changes) {
            subscriber.buffer().over.get_or_insert(Over::Pool);
            if let Some(waker) = subscriber.waker.take() {
                wake(waker);
            }
        }
    }
}

struct Subscriber {
    buffer: Mutex<Buffer>,
    waker: AtomicWaker,
}

struct Buffer {
    events: VecDeque<Event>,
    capacity: usize,
    /// How many were lost since the last read, and when the last of them happened.
    missed: Option<(u64, Instant)>,
    over: Option<Over>,
}

/// Why nothing more comes.
enum Over {
    /// The pool is gone: what is buffered may still be read.
    Pool,
    /// The subscriber is gone.
    Subscription,
}

impl Subscriber {
    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn poll(&self, context: &Context<'_>) -> Poll<Option<Event>> {
        if let Poll::Ready(ready) = self.buffer().poll() {
            return Poll::Ready(ready);
        }
        // Outside the buffer's lock, for wakers are foreign code; then look again, lest an event has
        // slipped in between.
        self.waker.register(context.waker());
        self.buffer().poll()
    }
}

impl Buffer {
    fn put(&mut self, event: Event) {
        if self.events.len() == self.capacity {
            if let Some(lost) = self.events.pop_front() {
                let count = self.missed.map_or(0, |(count, _)| count);
                self.missed = Some((count + 1, lost.at()));
            }
        }
        self.events.push_back(event);
    }

    fn take(&mut self) -> Option<Event> {
        match self.missed.take() {
            Some((count, at)) => Some(Event::missed(count, at)),
            None => self.events.pop_front(),
        }
    }

    fn poll(&mut self) -> Poll<Option<Event>> {
        match (self.take(), &self.over) {
            (None, None) => Poll::Pending,
            (next, _) => Poll::Ready(next),
        }
    }
}
