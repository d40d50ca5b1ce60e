//! Alternatives, in order.

use std::borrow::Borrow;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Runtime, after};

use super::DefaultRuntime;
use super::descent::ChainRequest;
use super::link::{ChainError, ChainSetupError, Served};
use crate::pool::handle::Pool;
use crate::terms::error::RunError;
use crate::terms::fault::Fault;
use crate::terms::lease::Lease;

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
    pub(super) links: Vec<Alternative<T>>,
    /// What [`then`](Self::then) was given that makes no sense.
    refused: Option<ChainSetupError>,
    timeout: Option<Duration>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) go_on_if: Option<GoOnIf<E>>,
    pub(super) on_fallback: Option<OnFallback<E>>,
}

type GoOnIf<E> = Box<dyn Fn(&E) -> bool + Send + Sync>;
type OnFallback<E> = Box<dyn Fn(&str, &E) + Send + Sync>;

pub(super) struct Alternative<T> {
    pub(super) name: Arc<str>,
    pub(super) value: T,
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
        ChainRequest::new(self, deadline)
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
