//! The pool that a competent engineer writes in an afternoon: one lock around a list, a walk over
//! the list per pick, and a guard that gives the place back.
//!
//! It does less than rotapool: no aborting of siblings, no escalation, no caps, no waiting, no
//! explanation when it is exhausted, no counters.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A pool of resources that are picked by fewest in flight, then by least recent use.
#[derive(Debug)]
pub struct Pool<T> {
    slots: Arc<Mutex<Vec<Slot<T>>>>,
    max_attempts: usize,
}

#[derive(Debug)]
struct Slot<T> {
    value: Arc<T>,
    in_flight: usize,
    last_used: Instant,
    cooling_until: Option<Instant>,
}

/// How an operation fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Failure<E> {
    /// The resource is over its limit for so long: try another one.
    Cooldown(Duration),
    /// The operation's own error: give up.
    Other(E),
}

/// How a run fails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Error<E> {
    /// No resource is healthy, or the attempts are spent.
    Exhausted,
    /// The operation's own error.
    Operation(E),
}

impl<T> Pool<T> {
    /// A pool of healthy resources.
    pub fn new(values: impl IntoIterator<Item = T>) -> Self {
        let now = Instant::now();
        let slots = values.into_iter().map(|value| Slot {
            value: Arc::new(value),
            in_flight: 0,
            last_used: now,
            cooling_until: None,
        });
        Self { slots: Arc::new(Mutex::new(slots.collect())), max_attempts: 3 }
    }

    /// The same resources with another budget of attempts per run.
    #[must_use]
    pub fn max_attempts(&self, max_attempts: usize) -> Self {
        Self { max_attempts, ..self.clone() }
    }

    /// Runs the operation on a healthy resource, and elsewhere when that one has to cool down.
    ///
    /// # Errors
    ///
    /// The operation's own error; or [`Error::Exhausted`].
    pub async fn run<F, Fut, R, E>(&self, mut operation: F) -> Result<R, Error<E>>
    where
        F: FnMut(Arc<T>) -> Fut,
        Fut: Future<Output = Result<R, Failure<E>>>,
    {
        for _ in 0..self.max_attempts {
            let (value, place) = self.acquire().ok_or(Error::Exhausted)?;
            match operation(value).await {
                Ok(result) => return Ok(result),
                Err(Failure::Cooldown(duration)) => place.cool_down(duration),
                Err(Failure::Other(error)) => return Err(Error::Operation(error)),
            }
        }
        Err(Error::Exhausted)
    }

    fn acquire(&self) -> Option<(Arc<T>, Place<'_, T>)> {
        let now = Instant::now();
        let mut slots = self.lock();
        let (index, slot) = slots
            .iter_mut()
            .enumerate()
            .filter(|(_, slot)| slot.cooling_until.is_none_or(|until| until <= now))
            .min_by_key(|(_, slot)| (slot.in_flight, slot.last_used))?;
        slot.in_flight += 1;
        slot.last_used = now;
        Some((Arc::clone(&slot.value), Place { pool: self, index }))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Slot<T>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self { slots: Arc::clone(&self.slots), max_attempts: self.max_attempts }
    }
}

/// A place on a resource, given back on drop.
struct Place<'a, T> {
    pool: &'a Pool<T>,
    index: usize,
}

impl<T> Place<'_, T> {
    fn cool_down(&self, duration: Duration) {
        self.pool.lock()[self.index].cooling_until = Some(Instant::now() + duration);
    }
}

impl<T> Drop for Place<'_, T> {
    fn drop(&mut self) {
        self.pool.lock()[self.index].in_flight -= 1;
    }
}
