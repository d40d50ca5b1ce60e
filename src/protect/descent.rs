//! A run on its way down a chain of alternatives.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::Instant;

use futures_util::future::{Either, select};

use super::chain::{Alternative, FallbackChain};
use super::link::{ChainError, ChainSetupError, Passed, Served};
use crate::shield::contained;

/// A run on its way down the chain.
pub(super) struct Descent<'a, T, E> {
    chain: &'a FallbackChain<T, E>,
    deadline: Option<Instant>,
    passed: Vec<Passed<E>>,
}

impl<'a, T, E> Descent<'a, T, E> {
    /// At the top of a chain that makes sense.
    pub(super) fn begin(
        chain: &'a FallbackChain<T, E>,
        deadline: Option<Instant>,
    ) -> Result<Self, ChainSetupError> {
        chain.check()?;
        Ok(Self { chain, deadline, passed: Vec::new() })
    }

    pub(super) fn is_over(&self) -> bool {
        self.deadline.is_some_and(|deadline| deadline <= self.chain.runtime.now())
    }

    /// Drives an operation to its end, or to the deadline: none. Whoever ends at the deadline ends in time.
    pub(super) async fn in_time<O>(&self, operation: impl Future<Output = O>) -> Option<O> {
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

    pub(super) fn late(self, at: &Alternative<T>) -> ChainError<E> {
        ChainError::Deadline { name: Arc::clone(&at.name), passed: self.passed }
    }

    pub(super) fn served<R>(self, by: &Alternative<T>, value: R) -> Served<R, E> {
        Served { name: Arc::clone(&by.name), value, passed: self.passed }
    }

    pub(super) fn exhausted(self) -> ChainError<E> {
        ChainError::Exhausted { passed: self.passed }
    }

    /// Takes an alternative's error down and goes on, if it is one to go on with.
    pub(super) fn go_on(mut self, from: &Alternative<T>, error: E) -> Result<Self, ChainError<E>> {
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
