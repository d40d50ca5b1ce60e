//! A resource that its holder settles.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;
use std::task::Waker;
use std::time::Duration;

use rotapool_core::{Outcome, Signal};
use thiserror::Error;

use crate::drive::guard::Guard;
use crate::drive::lease::Lease;
use crate::held::bell::Bell;
use crate::pool::Request;
use crate::terms::fault::Fault;
use crate::terms::secret::conceal;

/// A resource that was [checked out](crate::Pool::acquire): the value by [`Deref`], and its place until the holder gives
/// it up.
///
/// [`succeed`](Self::succeed), [`fail`](Self::fail) and [`signal`](Self::signal) say how it went. Dropped, it says
/// nothing of the resource and counts as a cancelled run. Each of these gives everything back: the place, the trial, the
/// turn of the line. It is `'static`, and `Send` and `Sync` when `T` is.
///
/// How long it is held says nothing of the resource's latency. What is held is shown by [`stats`](crate::Pool::stats)
/// and [`explain`](crate::Pool::explain): `held for 3.0 h by request req-7`.
///
/// A cooldown or disable signal of an older operation on the same resource ends no checkout by itself: it shows in
/// [`is_aborted`](Self::is_aborted), [`aborted`](Self::aborted) and [`guard`](Self::guard).
///
/// `Debug` shows the id and never the value.
#[must_use = "dropped at once, it gives its place back at once"]
pub struct Held<T> {
    pub(super) run: Guard<Box<Request<T>>>,
    pub(super) bell: Arc<Bell>,
    lease: Lease<T>,
    bound: Option<Duration>,
}

/// It was held for longer than the pool's [`held_bound`](crate::Builder::held_bound): its place was taken back before, and
/// what its holder says now counts nowhere.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the place on {} was taken back: held_bound is {bound:?}", rotapool_core::OneLine(.id))]
#[non_exhaustive]
pub struct TakenBack {
    /// The resource.
    pub id: Arc<str>,
    /// For how long it might be held.
    pub bound: Duration,
}

impl<T> Held<T> {
    pub(super) fn new(
        mut run: Guard<Box<Request<T>>>,
        lease: Lease<T>,
        bound: Option<Duration>,
    ) -> Self {
        let bell = Arc::<Bell>::default();
        run.watch(&Waker::from(Arc::clone(&bell)));
        Self { run, bell, lease, bound }
    }

    /// It went well: a success of the resource, and a served run.
    ///
    /// # Errors
    ///
    /// [`TakenBack`] if it was held for too long. Nothing is counted then.
    pub fn succeed(self) -> Result<(), TakenBack> {
        self.conclude(Outcome::Success)
    }

    /// The resource let its holder down, and stays in use: a failure, as [`Fault::retry`] is in a run.
    ///
    /// # Errors
    ///
    /// As [`succeed`](Self::succeed).
    pub fn fail(self, reason: impl Into<Box<dyn Error + Send + Sync>>) -> Result<(), TakenBack> {
        self.signal(Fault::retry(reason))
    }

    /// The resource let its holder down, and this is what to do about it: a signal as in a run, which aborts the younger
    /// operations on it too.
    ///
    /// ```
    /// # use rotapool::{Fault, Pool, Resource};
    /// # let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).build().unwrap();
    /// let key = pool.try_acquire().unwrap();
    /// key.signal(Fault::cooldown("429 from upstream")).unwrap();
    /// assert_eq!(pool.stats().cooling_down, 1);
    /// ```
    ///
    /// # Errors
    ///
    /// As [`succeed`](Self::succeed).
    pub fn signal(self, fault: Fault<Infallible>) -> Result<(), TakenBack> {
        let mut signal = match fault {
            Fault::Signal(signal) => signal,
            Fault::Operation(never) | Fault::Failure(never) => match never {},
        };
        drop(Signal::take_error(&mut signal));
        conceal(&mut signal, self.lease.secrets());
        self.conclude(Outcome::Signal(signal))
    }

    fn conclude(mut self, outcome: Outcome) -> Result<(), TakenBack> {
        match (self.run.conclude(outcome), self.bound) {
            (false, Some(bound)) => Err(TakenBack { id: self.id().into(), bound }),
            _ => Ok(()),
        }
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

    /// The id that the request was [given](crate::Request::request_id), to correlate logs.
    #[must_use]
    pub fn request_id(&self) -> Option<&str> {
        self.lease.request_id()
    }
}

impl<T> Deref for Held<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.lease
    }
}

impl<T> fmt::Debug for Held<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Held")
            .field("id", &self.id())
            .field("request_id", &self.request_id())
            .field("is_aborted", &self.is_aborted())
            .finish_non_exhaustive()
    }
}
