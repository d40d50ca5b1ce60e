//! A run on its way down a chain of alternatives.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use rotapool_core::after;

use super::chain::{Alternative, FallbackChain};
use super::contained;
use super::link::{ChainError, ChainSetupError, Passed, Served};
use crate::pool::handle::Pool;
use crate::terms::error::RunError;
use crate::terms::fault::Fault;
use crate::terms::lease::Lease;

/// A run of a [`FallbackChain`] with a deadline of its own. Made by [`FallbackChain::request`].
#[must_use = "a request does nothing until it is run"]
pub struct ChainRequest<'a, T, E> {
    chain: &'a FallbackChain<T, E>,
    deadline: Option<Instant>,
}

impl<'a, T, E> ChainRequest<'a, T, E> {
    pub(super) fn new(chain: &'a FallbackChain<T, E>, deadline: Option<Instant>) -> Self {
        Self { chain, deadline }
    }

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
        let mut descent = self.begin()?;
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
        Err(ChainError::Exhausted { passed: descent.passed })
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
        let mut descent = self.begin()?;
        for link in &self.chain.links {
            if descent.is_over() {
                return Err(descent.late(link));
            }
            match operation(&link.value) {
                Ok(value) => return Ok(value),
                Err(error) => descent = descent.go_on(link, error)?,
            }
        }
        Err(ChainError::Exhausted { passed: descent.passed })
    }

    fn begin(&self) -> Result<Descent<'a, T, E>, ChainSetupError> {
        self.chain.check()?;
        Ok(Descent { chain: self.chain, deadline: self.deadline, passed: Vec::new() })
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
        let mut descent = self.begin()?;
        for link in &self.chain.links {
            if descent.is_over() {
                return Err(descent.late(link));
            }
            let mut request = link.value.borrow().request();
            if let Some(deadline) = self.deadline {
                request = request.deadline(deadline);
            }
            let Some(result) = descent.in_time(request.run(&mut operation)).await else {
                return Err(descent.late(link));
            };
            match result {
                Ok(value) => return Ok(descent.served(link, value)),
                Err(error) => descent = descent.go_on(link, error)?,
            }
        }
        Err(ChainError::Exhausted { passed: descent.passed })
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

/// A run on its way down the chain.
struct Descent<'a, T, E> {
    chain: &'a FallbackChain<T, E>,
    deadline: Option<Instant>,
    passed: Vec<Passed<E>>,
}

impl<T, E> Descent<'_, T, E> {
    fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= self.chain.runtime.now())
    }

    /// Drives an operation to its end, or to the deadline: none. Whoever ends at the deadline ends in time.
    async fn in_time<O>(&self, operation: impl Future<Output = O>) -> Option<O> {
        let mut operation = pin!(operation);
        let Some(deadline) = self.deadline else { return Some(operation.await) };
        while !self.is_over() {
            let sleep = self.chain.runtime.sleep_until(deadline);
            if let Either::Left((output, _)) = select(operation.as_mut(), sleep).await {
                return Some(output);
            }
            // A sleep may end early: the clock is asked.
        }
        None
    }

    fn late(self, at: &Alternative<T>) -> ChainError<E> {
        ChainError::Deadline { name: Arc::clone(&at.name), passed: self.passed }
    }

    fn served<R>(self, by: &Alternative<T>, value: R) -> Served<R, E> {
        Served { name: Arc::clone(&by.name), value, passed: self.passed }
    }

    /// Takes an alternative's error down and goes on, if it is one to go on with.
    fn go_on(mut self, from: &Alternative<T>, error: E) -> Result<Self, ChainError<E>> {
        let name = Arc::clone(&from.name);
        if self.chain.go_on_if.as_ref().is_some_and(|go_on_if| !go_on_if(&error)) {
            return Err(ChainError::Stopped { name, error, passed: self.passed });
        }
        if let Some(on_fallback) = &self.chain.on_fallback {
            contained(|| on_fallback(&name, &error));
        }
        self.passed.push(Passed { name, error });
        Ok(self)
    }
}
