//! Runs of a chain of alternatives.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::time::{Duration, Instant};

use rotapool_core::after;

use super::chain::FallbackChain;
use super::descent::Descent;
use super::link::{ChainError, Served};
use crate::drive::lease::Lease;
use crate::pool::handle::Pool;
use crate::terms::error::RunError;
use crate::terms::fault::Fault;

/// A run of a [`FallbackChain`] with a deadline of its own. Made by [`FallbackChain::request`].
#[must_use = "a request does nothing until it is run"]
pub struct ChainRequest<'a, T, E> {
    chain: &'a FallbackChain<T, E>,
    deadline: Option<Instant>,
}

impl<T, E> FallbackChain<T, E> {
    /// Starts a run with a deadline of its own.
    pub fn request(&self) -> ChainRequest<'_, T, E> {
        let deadline = self.timeout.map(|timeout| after(self.runtime.now(), timeout));
        ChainRequest { chain: self, deadline }
    }

    /// Runs `operation` with one alternative after the other until it serves.
    ///
    /// # Errors
    ///
    /// [`ChainError`] with the error of every alternative, by value.
    ///
    /// # Panics
    ///
    /// When the operation panics.
    ///
    /// # Cancel safety
    ///
    /// Dropped, it drops the operation; nothing else is left.
    pub async fn run<'a, F, Fut, R>(&'a self, operation: F) -> Result<R, ChainError<E>>
    where
        F: FnMut(&'a T) -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        self.request().run(operation).await
    }

    /// Runs `operation` as [`run`](Self::run) does, and tells who served, and of everybody before why not.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    pub async fn run_detailed<'a, F, Fut, R>(
        &'a self,
        operation: F,
    ) -> Result<Served<R, E>, ChainError<E>>
    where
        F: FnMut(&'a T) -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        self.request().run_detailed(operation).await
    }

    /// Runs an `operation` that blocks, on this thread.
    ///
    /// The deadline is looked at before each alternative; it interrupts none.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// As [`run`](Self::run).
    pub fn run_blocking<'a, R>(
        &'a self,
        operation: impl FnMut(&'a T) -> Result<R, E>,
    ) -> Result<R, ChainError<E>> {
        self.request().run_blocking(operation)
    }
}

impl<T, E> FallbackChain<T, RunError<E>> {
    /// Runs `operation` on one pool after the other, as each pool's [`run`](Pool::run) does.
    ///
    /// A pool that cannot serve now gives the next its turn: nobody stands in [line](crate::Request::wait) there. The last
    /// one has none to give it to, so with a deadline the run stands in line there, as any run with a deadline does.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run); why each pool could not serve is in its [`RunError`].
    ///
    /// # Panics
    ///
    /// When the operation panics.
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::run`].
    pub async fn run_pools<V, F, Fut, R>(&self, operation: F) -> Result<R, ChainError<RunError<E>>>
    where
        T: Borrow<Pool<V>>,
        F: FnMut(Lease<V>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        self.request().run_pools(operation).await
    }
}

impl<'a, T, E> ChainRequest<'a, T, E> {
    /// Ends the run at this instant of the chain's clock, over all alternatives: whoever is under way then is
    /// dropped.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sets the [`deadline`](Self::deadline) so long after now.
    pub fn timeout(self, timeout: Duration) -> Self {
        let deadline = after(self.chain.runtime.now(), timeout);
        self.deadline(deadline)
    }

    /// As [`FallbackChain::run`].
    ///
    /// # Errors
    ///
    /// [`ChainError`] with the error of every alternative, by value.
    pub async fn run<F, Fut, R>(self, operation: F) -> Result<R, ChainError<E>>
    where
        F: FnMut(&'a T) -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        Ok(self.run_detailed(operation).await?.value)
    }

    /// As [`FallbackChain::run_detailed`].
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub async fn run_detailed<F, Fut, R>(
        self,
        mut operation: F,
    ) -> Result<Served<R, E>, ChainError<E>>
    where
        F: FnMut(&'a T) -> Fut,
        Fut: Future<Output = Result<R, E>>,
    {
        let mut descent = Descent::begin(self.chain, self.deadline)?;
        for link in &self.chain.links {
            if descent.is_over() {
                return Err(descent.late(link));
            }
            let Some(result) = descent.in_time(operation(&link.value)).await else {
                return Err(descent.late(link));
            };
            match result {
                Ok(value) => return Ok(descent.served(link, value)),
                Err(error) => descent = descent.go_on(link, error)?,
            }
        }
        Err(descent.exhausted())
    }

    /// As [`FallbackChain::run_blocking`].
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    pub fn run_blocking<R>(
        self,
        mut operation: impl FnMut(&'a T) -> Result<R, E>,
    ) -> Result<R, ChainError<E>> {
        let mut descent = Descent::begin(self.chain, self.deadline)?;
        for link in &self.chain.links {
            if descent.is_over() {
                return Err(descent.late(link));
            }
            match operation(&link.value) {
                Ok(value) => return Ok(value),
                Err(error) => descent = descent.go_on(link, error)?,
            }
        }
        Err(descent.exhausted())
    }
}

impl<T, E> ChainRequest<'_, T, RunError<E>> {
    /// As [`FallbackChain::run_pools`]. The run of each pool has this request's deadline.
    ///
    /// # Errors
    ///
    /// As [`FallbackChain::run_pools`].
    pub async fn run_pools<V, F, Fut, R>(self, operation: F) -> Result<R, ChainError<RunError<E>>>
    where
        T: Borrow<Pool<V>>,
        F: FnMut(Lease<V>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        Ok(self.run_pools_detailed(operation).await?.value)
    }

    /// The same, and tells which pool served, and of everyone before why not.
    ///
    /// # Errors
    ///
    /// As [`FallbackChain::run_pools`].
    pub async fn run_pools_detailed<V, F, Fut, R>(
        self,
        mut operation: F,
    ) -> Result<Served<R, RunError<E>>, ChainError<RunError<E>>>
    where
        T: Borrow<Pool<V>>,
        F: FnMut(Lease<V>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        let mut descent = Descent::begin(self.chain, self.deadline)?;
        let mut links = self.chain.links.iter().peekable();
        while let Some(link) = links.next() {
            if descent.is_over() {
                return Err(descent.late(link));
            }
            let mut request = link.value.borrow().request();
            if let Some(deadline) = self.deadline {
                request = request.deadline(deadline);
            }
            if links.peek().is_some() {
                request = request.wait(false);
            }
            let Some(result) = descent.in_time(request.run(&mut operation)).await else {
                return Err(descent.late(link));
            };
            match result {
                Ok(value) => return Ok(descent.served(link, value)),
                Err(error) => descent = descent.go_on(link, error)?,
            }
        }
        Err(descent.exhausted())
    }
}

impl<T, E> fmt::Debug for ChainRequest<'_, T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChainRequest")
            .field("chain", &self.chain)
            .field("deadline", &self.deadline)
            .finish()
    }
}
