//! How a caller gets a resource to hold.

use std::convert::Infallible;
use std::future::poll_fn;

use rotapool_core::after;

use crate::drive::guard::{Guard, Next};
use crate::drive::lease::Lease;
use crate::drive::rest::Rest;
use crate::held::checkout::Held;
use crate::pool::{Pool, Request};
use crate::terms::error::{OptionsError, RunError};
use crate::terms::unserved::Unserved;

impl<T> Pool<T> {
    /// Checks a resource out: for work that outlives a call, such as a session or a connection in somebody else's
    /// framework.
    ///
    /// The resource is chosen as for a [run](Self::run). Its holder settles it, or drops it: see [`Held`]. To wait for
    /// one, or to filter, make it a [request](Request::acquire).
    ///
    /// ```
    /// use rotapool::{Pool, Resource};
    ///
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder().resource(Resource::new("browser-1", 9222).max_in_flight(1)).build()?;
    ///
    /// let browser = pool.acquire().await.unwrap();
    /// assert_eq!(*browser, 9222);
    /// assert!(pool.acquire().await.is_err(), "the only one is taken");
    ///
    /// browser.succeed().unwrap();
    /// assert!(pool.acquire().await.is_ok());
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`RunError::Exhausted`] when the pool has nothing to give, with the full explanation.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point.
    pub async fn acquire(&self) -> Result<Held<T>, RunError<Infallible>> {
        self.request().acquire().await
    }

    /// Checks a resource out if there is one to be had now, without waiting: see [`acquire`](Self::acquire).
    ///
    /// # Errors
    ///
    /// [`RunError::Exhausted`] when the pool has nothing to give.
    pub fn try_acquire(&self) -> Result<Held<T>, RunError<Infallible>> {
        self.request().try_acquire()
    }
}

impl<T> Request<T> {
    /// Checks a resource out as [`Pool::acquire`] does, with these options.
    ///
    /// It obeys what the request says of whom to use, and stands in line if the request waits. The
    /// [`deadline`](Self::deadline) is for getting the resource; how long it is held, only
    /// [`held_bound`](crate::Builder::held_bound) limits.
    ///
    /// # Errors
    ///
    /// As [`Pool::acquire`], and [`RunError::Options`] for options that make no sense.
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::acquire`]: who is dropped in line, or was handed a place and is dropped before it was told, passes it on.
    pub async fn acquire(self) -> Result<Held<T>, RunError<Infallible>> {
        let mut run = self.of_one_attempt()?.begin_owned()?;
        let lease = next(&mut run).await.map_err(exhausted)?;
        Ok(hold(run, lease))
    }

    /// Checks a resource out if there is one to be had now, whether or not the request waits.
    ///
    /// # Errors
    ///
    /// As [`acquire`](Self::acquire).
    pub fn try_acquire(self) -> Result<Held<T>, RunError<Infallible>> {
        let mut run = self.wait(false).of_one_attempt()?.begin_owned()?;
        match run.step() {
            Next::Attempt(lease) => Ok(hold(run, lease)),
            Next::Exhausted(why) => Err(exhausted(*why)),
            Next::Pause(_) | Next::Wait(_) => {
                unreachable!("a run that has not failed does not pause, and this one does not wait")
            }
        }
    }
}

impl<T> Request<T> {
    /// Once it is held there is nothing to fall back to: see [`probe_early`](crate::Builder::probe_early).
    fn of_one_attempt(self) -> Result<Self, OptionsError> {
        self.for_core()?;
        Ok(self.max_attempts(1))
    }
}

fn exhausted(why: rotapool_core::Exhausted) -> RunError<Infallible> {
    RunError::Exhausted(Box::new(Unserved::new(why, None)))
}

fn hold<T>(mut run: Guard<Box<Request<T>>>, lease: Lease<T>) -> Held<T> {
    let bound = run.held_bound();
    run.hold(bound.map(|bound| after(run.now(), bound)));
    Held::new(run, lease, bound)
}

/// The next resource that the run gets, after whatever pauses and waits that takes.
pub(super) async fn next<T>(
    run: &mut Guard<Box<Request<T>>>,
) -> Result<Lease<T>, rotapool_core::Exhausted> {
    let mut rested = false;
    loop {
        let mut rest = match run.step() {
            Next::Attempt(lease) => return Ok(lease),
            Next::Exhausted(why) => return Err(*why),
            Next::Pause(until) => Rest::new(run, Some(until), false),
            Next::Wait(until) => Rest::new(run, until, true),
        };
        poll_fn(|task| {
            // Woken too early, by a timer whose clock may stand still until this poll is over.
            if std::mem::take(&mut rested) {
                task.waker().wake_by_ref();
                return std::task::Poll::Pending;
            }
            rest.poll(run, task)
        })
        .await;
        rested = true;
    }
}
