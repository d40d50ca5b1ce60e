//! An operation bound to its pool.

use std::fmt;
use std::future::Future;

use crate::drive::lease::Lease;
use crate::drive::span::drive;
use crate::pool::request::Request;
use crate::terms::answer::Answers;
use crate::terms::error::RunError;
use crate::terms::fault::Fault;

/// An operation bound to a pool: every [`call`](Self::call) is a run. Made by
/// [`Pool::wrap`](crate::Pool::wrap).
///
/// It has a method, not the call syntax: on Rust 1.95 the futures of a returned `impl AsyncFn` are
/// not known to be `Send`, so they could not be spawned on a multi-threaded runtime.
pub struct Wrapped<T, F> {
    request: Request<T>,
    operation: F,
}

impl<T> Request<T> {
    /// Binds `operation` to the pool with these options, as [`Pool::wrap`](crate::Pool::wrap) does.
    pub fn wrap<A, F, Fut, R, E>(self, operation: F) -> Wrapped<T, F>
    where
        F: Fn(Lease<T>, A) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        Wrapped::new(self, operation)
    }
}

impl<T, F> Wrapped<T, F> {
    pub(crate) fn new(request: Request<T>, operation: F) -> Self {
        Self { request, operation }
    }

    /// Runs the operation with this argument, which is cloned for each attempt.
    ///
    /// # Errors
    ///
    /// As [`Request::run`].
    ///
    /// # Panics
    ///
    /// When the operation panics.
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::run`](crate::Pool::run).
    pub async fn call<A, Fut, O, R, E>(&self, argument: A) -> Result<R, RunError<E>>
    where
        A: Clone,
        F: Fn(Lease<T>, A) -> Fut,
        Fut: Future<Output = O>,
        O: Answers<Value = R, Error = E>,
    {
        drive(self.request.begin()?, |lease| (self.operation)(lease, argument.clone())).await
    }
}

impl<T, F: Clone> Clone for Wrapped<T, F> {
    fn clone(&self) -> Self {
        Self { request: self.request.clone(), operation: self.operation.clone() }
    }
}

impl<T, F> fmt::Debug for Wrapped<T, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wrapped").field("request", &self.request).finish_non_exhaustive()
    }
}
