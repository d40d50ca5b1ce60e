//! Alternatives, in order.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::{Either, select};
use rotapool_core::{Runtime, after};

use super::link::{ChainError, ChainSetupError, Passed, Served};
use super::{DefaultRuntime, contained};
use crate::{Fault, Lease, Pool, RunError};

/// Named alternatives of anything, tried in order until one serves.
///
/// `E` is the error of the operations; the compiler finds it out by the first [`run`](Self::run).
///
/// ```
/// use rotapool::FallbackChain;
///
/// # futures::executor::block_on(async {
/// let models = FallbackChain::new()
///     .then("large", "https://large.example")
///     .then("small", "https://small.example")
///     .on_fallback(|name, error: &String| println!("{name} did not serve: {error}"));
///
/// let ask = |url: &&'static str| {
///     let answer = if url.contains("large") { Err("503".to_owned()) } else { Ok("hello") };
///     async move { answer }
/// };
/// let served = models.run_detailed(ask).await?;
///
/// assert_eq!((&*served.name, served.value), ("small", "hello"));
/// assert_eq!(served.passed[0].error, "503");
/// # Ok::<(), rotapool::ChainError<String>>(())
/// # }).unwrap();
/// ```
///
/// A chain of pools is the same; [`run_pools`](Self::run_pools) takes what a pool's `run` takes, and each
/// pool has what is left of the chain's deadline:
///
/// ```
/// use std::time::Duration;
/// use rotapool::{FallbackChain, Fault, Lease, Pool, Resource, RunError};
///
/// # futures::executor::block_on(async {
/// let openai = Pool::builder().resource(Resource::new("key-1", "sk-revoked")).build()?;
/// let local = Pool::builder().resource(Resource::new("gpu-0", "http://10.0.0.1")).build()?;
/// let tier = FallbackChain::new()
///     .then("openai", &openai)
///     .then("local", &local)
///     .go_on_if(RunError::is_exhausted);
///
/// let ask = |at: Lease<&'static str>| async move {
///     if at.starts_with("sk-") { Err(Fault::disable("401")) } else { Ok::<_, Fault<String>>("hello") }
/// };
/// let served = tier.request().timeout(Duration::from_secs(20)).run_pools_detailed(ask).await;
///
/// assert_eq!(&*served.unwrap().name, "local");
/// # Ok::<(), rotapool::BuildError>(())
/// # }).unwrap();
/// ```
#[must_use = "a chain does nothing until it is run"]
pub struct FallbackChain<T, E> {
    links: Vec<Alternative<T>>,
    /// What [`then`](Self::then) was given that makes no sense.
    refused: Option<ChainSetupError>,
    timeout: Option<Duration>,
    runtime: Arc<dyn Runtime>,
    go_on_if: Option<GoOnIf<E>>,
    on_fallback: Option<OnFallback<E>>,
}

type GoOnIf<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;
type OnFallback<E> = Box<dyn Fn(&str, &E) + Send + Sync>;

struct Alternative<T> {
    name: Arc<str>,
    value: T,
}

impl<T, E> FallbackChain<T, E> {
    /// A chain without alternatives, which serves nothing yet.
    pub fn new() -> Self {
        Self {
            links: Vec::new(),
            refused: None,
            timeout: None,
            runtime: Arc::new(DefaultRuntime),
            go_on_if: None,
            on_fallback: None,
        }
    }

    /// Adds an alternative at the end.
    ///
    /// One that makes no sense is not added, and the chain is refused for it by [`check`](Self::check) and by
    /// whatever runs it.
    pub fn then(mut self, name: impl Into<Arc<str>>, value: T) -> Self {
        if let Err(refused) = self.insert(self.links.len(), name, value) {
            self.refused.get_or_insert(refused);
        }
        self
    }

    /// Adds an alternative at this place, counted from 0.
    ///
    /// # Errors
    ///
    /// [`ChainSetupError`] if the name is empty or taken, or there is no such place; then nothing changes.
    pub fn insert(
        &mut self,
        index: usize,
        name: impl Into<Arc<str>>,
        value: T,
    ) -> Result<(), ChainSetupError> {
        let (name, length) = (name.into(), self.links.len());
        if name.is_empty() {
            return Err(ChainSetupError::EmptyName);
        }
        if self.links.iter().any(|link| link.name == name) {
            return Err(ChainSetupError::DuplicateName { name });
        }
        if index > length {
            return Err(ChainSetupError::NoSuchPlace { index, length });
        }
        self.links.insert(index, Alternative { name, value });
        Ok(())
    }

    /// Takes an alternative out; none if there is none of that name.
    pub fn remove(&mut self, name: &str) -> Option<T> {
        let index = self.links.iter().position(|link| &*link.name == name)?;
        Some(self.links.remove(index).value)
    }

    /// The names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.links.iter().map(|link| &*link.name)
    }

    /// Goes on to the next alternative only after errors of which this is true; after others the chain
    /// [stops](ChainError::Stopped). After all of them by default.
    ///
    /// For pools, `RunError::is_exhausted` is a ready one: an operation's own error is its caller's then.
    pub fn go_on_if(mut self, predicate: impl Fn(&E) -> bool + Send + Sync + 'static) -> Self {
        self.go_on_if = Some(Box::new(predicate));
        self
    }

    /// Calls `hook` with the name and the error of every alternative that did not serve and after which the chain
    /// goes on, the last one included. A panic in it is contained.
    pub fn on_fallback(mut self, hook: impl Fn(&str, &E) + Send + Sync + 'static) -> Self {
        self.on_fallback = Some(Box::new(hook));
        self
    }

    /// How long a run may take, over all alternatives. No limit by default.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = Some(timeout);
        self
    }

    /// Whose clock and timer deadlines go by: [`DefaultRuntime`] unless set.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// Whether the chain makes sense, before it is run.
    ///
    /// # Errors
    ///
    /// [`ChainSetupError`] if it is empty, or was given an alternative that makes no sense.
    pub fn check(&self) -> Result<(), ChainSetupError> {
        match &self.refused {
            Some(refused) => Err(refused.clone()),
            None if self.links.is_empty() => Err(ChainSetupError::Empty),
            None => Ok(()),
        }
    }

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
    /// # Errors
    ///
    /// As [`run`](Self::run); why each pool could not serve is in its [`RunError`].
    pub async fn run_pools<V, F, Fut, R>(&self, operation: F) -> Result<R, ChainError<RunError<E>>>
    where
        T: Borrow<Pool<V>>,
        F: FnMut(Lease<V>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        self.request().run_pools(operation).await
    }
}

impl<T, E> Default for FallbackChain<T, E> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T, E> fmt::Debug for FallbackChain<T, E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.names().collect();
        f.debug_struct("FallbackChain").field("names", &names).finish_non_exhaustive()
    }
}

/// A run of a [`FallbackChain`] with a deadline of its own. Made by [`FallbackChain::request`].
#[must_use = "a request does nothing until it is run"]
pub struct ChainRequest<'a, T, E> {
    chain: &'a FallbackChain<T, E>,
    deadline: Option<Instant>,
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
