//! An operation bound to what protects its upstream.

use std::fmt;
use std::future::Future;

use super::breaker::BreakerError;
use super::judged::{Judge, Judged};
use super::limiter::RateLimiter;

/// An operation behind a breaker or a limiter: every `call` goes through it. Made by
/// [`CircuitBreaker::wrap`](crate::CircuitBreaker::wrap) and [`RateLimiter::wrap`].
#[derive(Clone)]
pub struct Protected<P, F> {
    by: P,
    operation: F,
}

impl<P, F> Protected<P, F> {
    pub(super) fn new(by: P, operation: F) -> Self {
        Self { by, operation }
    }
}

impl<J, F> Protected<Judged<J>, F> {
    /// Calls the operation with this argument if the breaker lets it pass.
    ///
    /// # Errors
    ///
    /// [`BreakerError::Rejected`] if the call was not made, and the operation's own error.
    ///
    /// # Panics
    ///
    /// When the operation panics; it counts as given up.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the operation, and then its permit is free.
    pub async fn call<A, Fut, R, E>(&self, argument: A) -> Result<R, BreakerError<E>>
    where
        F: Fn(A) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: fmt::Display,
        J: Judge<R, E>,
    {
        self.by.call(|| (self.operation)(argument)).await
    }
}

impl<F> Protected<RateLimiter, F> {
    /// Waits for a token, then calls the operation with this argument.
    ///
    /// # Panics
    ///
    /// When the operation panics.
    ///
    /// # Cancel safety
    ///
    /// Dropped while it waits, it leaves the line and takes no token.
    pub async fn call<A, Fut>(&self, argument: A) -> Fut::Output
    where
        F: Fn(A) -> Fut,
        Fut: Future,
    {
        // Without a deadline, one token is never refused: every bucket holds one.
        let _ = self.by.acquire().await;
        (self.operation)(argument).await
    }
}

impl<P: fmt::Debug, F> fmt::Debug for Protected<P, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Protected").field("by", &self.by).finish_non_exhaustive()
    }
}
