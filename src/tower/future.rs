//! The future of a service's response.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;

use super::attempt::Factory;
use super::remake::Remake;
use crate::drive::caller::Caller;
use crate::drive::guard::Guard;
use crate::drive::lease::Lease;
use crate::drive::operation::Operation;
use crate::drive::shared::Shared;
use crate::drive::span::{Driven, drive};
use crate::pool::Request;
use crate::terms::error::{OptionsError, RunError};
use crate::terms::options::Options;

/// What the clones of a service share, and the runs that they make.
pub(super) struct Whole<T, F, G> {
    pub(super) request: Request<T>,
    pub(super) factory: F,
    pub(super) remake: G,
}

impl<T, F, G> Caller for Arc<Whole<T, F, G>> {
    type Value = T;

    fn shared(&self) -> &Shared<T> {
        self.request.shared()
    }

    fn options(&self) -> Option<&Options> {
        Some(self.request.options())
    }
}

/// One request of a service, made anew for each attempt.
pub(super) struct Repeated<T, F, G, Q> {
    whole: Arc<Whole<T, F, G>>,
    request: Q,
}

impl<T, F, G, Q> Operation<T> for Repeated<T, F, G, Q>
where
    G: Remake<Q>,
    F: Factory<T, G::Request>,
{
    type Call = F::Future;

    fn call(&mut self, lease: Lease<T>) -> F::Future {
        let Whole { factory, remake, .. } = &*self.whole;
        factory.attempt(lease, remake.remake(&self.request))
    }
}

type Run<T, F, G, Q> = Driven<
    Guard<Arc<Whole<T, F, G>>>,
    Repeated<T, F, G, Q>,
    <F as Factory<T, <G as Remake<Q>>::Request>>::Future,
    <F as Factory<T, <G as Remake<Q>>::Request>>::Error,
>;

pin_project! {
    /// The run of one request of a [`PoolService`](crate::PoolService).
    ///
    /// It does nothing until polled, and is `Send` when what the factory makes is.
    #[must_use = "a run does nothing until polled"]
    pub struct PoolFuture<T, F, G, Q>
    where
        G: Remake<Q>,
        F: Factory<T, G::Request>,
    {
        #[pin]
        run: Option<Run<T, F, G, Q>>,
        // Why there is none.
        refused: Option<OptionsError>,
    }
}

impl<T, F, G, Q> PoolFuture<T, F, G, Q>
where
    G: Remake<Q>,
    F: Factory<T, G::Request>,
{
    pub(super) fn new(whole: &Arc<Whole<T, F, G>>, request: Q) -> Self {
        match whole.request.for_core() {
            Err(refused) => Self { run: None, refused: Some(refused) },
            Ok(options) => {
                let guard = Guard::begin(Arc::clone(whole), options);
                let run = drive(guard, Repeated { whole: Arc::clone(whole), request });
                Self { run: Some(run), refused: None }
            }
        }
    }
}

impl<T, F, G, Q> Future for PoolFuture<T, F, G, Q>
where
    G: Remake<Q>,
    F: Factory<T, G::Request>,
{
    type Output = Result<F::Response, RunError<F::Error>>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        match (this.run.as_pin_mut(), this.refused.take()) {
            (Some(run), _) => run.poll(task),
            (None, Some(refused)) => Poll::Ready(Err(RunError::Options(refused))),
            (None, None) => panic!("polled after its end"),
        }
    }
}

impl<T, F, G, Q> fmt::Debug for PoolFuture<T, F, G, Q>
where
    G: Remake<Q>,
    F: Factory<T, G::Request>,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolFuture").finish_non_exhaustive()
    }
}
