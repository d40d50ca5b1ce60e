//! What an attempt does with its lease and its request: a call of a factory, or of a service that is pooled.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use tower_service::Service;

use crate::drive::lease::Lease;
use crate::terms::answer::Answers;
use crate::terms::meaning::{Judged, Meaning};

/// What makes the attempts of a [`PoolService`](crate::PoolService): a closure
/// `Fn(Lease<T>, Request) -> impl Future<Output = Result<R, Fault<E>>>`, or [`Services`].
pub trait Factory<T, Request> {
    /// What the run returns.
    type Response;
    /// The operation's own error.
    type Error;
    #[doc(hidden)]
    type Answer: Answers<Value = Self::Response, Error = Self::Error>;
    #[doc(hidden)]
    type Future: Future<Output = Self::Answer>;

    #[doc(hidden)]
    fn attempt(&self, lease: Lease<T>, request: Request) -> Self::Future;
}

impl<F, T, Request, Fut, A, R, E> Factory<T, Request> for F
where
    F: Fn(Lease<T>, Request) -> Fut,
    Fut: Future<Output = A>,
    A: Answers<Value = R, Error = E>,
{
    type Response = R;
    type Error = E;
    type Answer = A;
    type Future = Fut;

    fn attempt(&self, lease: Lease<T>, request: Request) -> Fut {
        self(lease, request)
    }
}

/// The attempts are calls of the pooled services, and a classifier judges what they return. Made by
/// [`PoolLayer`](crate::PoolLayer).
pub struct Services<J> {
    pub(super) judge: Arc<J>,
}

impl<J> fmt::Debug for Services<J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Services").finish_non_exhaustive()
    }
}

impl<S, J, Request, V> Factory<S, Request> for Services<J>
where
    S: Service<Request> + Clone,
    J: Fn(&Result<S::Response, S::Error>) -> V,
    V: Into<Meaning>,
{
    type Response = S::Response;
    type Error = S::Error;
    type Answer = <Self::Future as Future>::Output;
    type Future = Judged<ReadyCall<S, Request>, J>;

    fn attempt(&self, lease: Lease<S>, request: Request) -> Self::Future {
        let call = ReadyCall::Waiting { service: S::clone(&lease), request: Some(request) };
        Judged { call, judge: Arc::clone(&self.judge) }
    }
}

pin_project! {
    /// A clone of the service, which is asked whether it is ready, and then called: never another one than was asked.
    #[project = ReadyCallProjection]
    #[doc(hidden)]
    pub enum ReadyCall<S: Service<Request>, Request> {
        Waiting { service: S, request: Option<Request> },
        Called { #[pin] response: S::Future },
    }
}

impl<S: Service<Request>, Request> Future for ReadyCall<S, Request> {
    type Output = Result<S::Response, S::Error>;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            let response = match self.as_mut().project() {
                ReadyCallProjection::Called { response } => return response.poll(task),
                ReadyCallProjection::Waiting { service, request } => {
                    ready!(service.poll_ready(task))?;
                    match request.take() {
                        Some(request) => service.call(request),
                        None => unreachable!("a request is there until its service is called"),
                    }
                }
            };
            self.set(Self::Called { response });
        }
    }
}
