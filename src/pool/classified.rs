//! Runs of operations that know nothing of pools: somebody else judges what they return.

use std::fmt;
use std::future::Future;
use std::sync::Arc;

use crate::drive::abort::{AbortHandle, abortable};
use crate::drive::lease::Lease;
use crate::drive::span::drive;
use crate::pool::request::Request;
use crate::pool::wrapped::Wrapped;
use crate::terms::error::RunError;
use crate::terms::meaning::{Judged, Meaning};

/// A request whose operations are ordinary code, and the classifier that judges what they return. Made by
/// [`Request::classify`].
#[must_use = "a request does nothing until `run`, `wrap` or `run_abortable`"]
pub struct Classified<T, J> {
    pub(super) request: Request<T>,
    pub(super) judge: Arc<J>,
}

impl<T> Request<T> {
    /// Lets `judge` say what a result means for the resource, so that operations are ordinary code with an error
    /// type of their own, and the policy is written once.
    ///
    /// It is called with the result of every attempt and answers with a [`Meaning`], a
    /// [`Signal`](crate::Signal), or `Option<Signal>`, where `None` is fine. A signal may be about an `Ok` too, such
    /// as a response with the status 429. It is called while the attempt still counts, without any lock; if it
    /// panics, so does the run.
    ///
    /// Set the other options first. A closure that looks into its argument has to name the type of that.
    ///
    /// ```
    /// use std::io;
    /// use std::time::Duration;
    /// use rotapool::{Lease, Pool, Resource, Signal, Meaning, chain};
    ///
    /// # struct Response { status: u16, retry_after: Option<Duration> }
    /// # async fn post(key: &str) -> io::Result<Response> {
    /// #     let status = if key == "sk-aaa" { 429 } else { 200 };
    /// #     Ok(Response { status, retry_after: Some(Duration::from_secs(7)) })
    /// # }
    /// fn judge(result: &io::Result<Response>) -> Meaning {
    ///     match result {
    ///         Ok(response) if response.status == 429 => {
    ///             Signal::cooldown_for(response.retry_after, "429 from upstream").into()
    ///         }
    ///         Ok(response) if response.status == 401 => Signal::disable("key revoked").into(),
    ///         Ok(_) => Meaning::Fine,
    ///         Err(error) => Signal::retry(chain(error)).into(),
    ///     }
    /// }
    ///
    /// async fn ask(key: Lease<&str>) -> io::Result<Response> {
    ///     post(&key).await // and whatever else, with `?`
    /// }
    ///
    /// # futures::executor::block_on(async {
    /// # let pool = Pool::builder()
    /// #     .resource(Resource::new("key-1", "sk-aaa"))
    /// #     .resource(Resource::new("key-2", "sk-bbb"))
    /// #     .retry_delay(Duration::ZERO)
    /// #     .build()
    /// #     .unwrap();
    /// let judged = pool.request().classify(judge);
    /// assert_eq!(judged.clone().run(ask).await.unwrap().status, 200);
    /// assert_eq!(pool.stats().cooling_down, 1);
    /// # });
    /// ```
    pub fn classify<J, R, E, V>(self, judge: J) -> Classified<T, J>
    where
        J: Fn(&Result<R, E>) -> V,
        V: Into<Meaning>,
    {
        Classified { request: self, judge: Arc::new(judge) }
    }
}

impl<T, J> Classified<T, J> {
    /// Runs `operation` as [`Pool::run`](crate::Pool::run) does, and has each result judged.
    ///
    /// # Errors
    ///
    /// As [`Request::run`]. A run that is exhausted has the error of the last attempt that had one:
    /// [`Unserved::last_error`](crate::Unserved::last_error).
    ///
    /// # Panics
    ///
    /// When the operation panics, or the classifier.
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::run`](crate::Pool::run).
    pub async fn run<F, Fut, R, E, V>(self, mut operation: F) -> Result<R, RunError<E>>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        J: Fn(&Result<R, E>) -> V,
        V: Into<Meaning>,
    {
        let Self { request, judge } = self;
        let judged = |lease| Judged { call: operation(lease), judge: Arc::clone(&judge) };
        drive(request.begin()?, judged).await
    }

    /// Runs `operation` with a handle to abort the run from elsewhere, as
    /// [`Pool::run_abortable`](crate::Pool::run_abortable) does.
    pub fn run_abortable<F, Fut, R, E, V>(
        self,
        operation: F,
    ) -> (impl Future<Output = Result<R, RunError<E>>>, AbortHandle)
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        J: Fn(&Result<R, E>) -> V,
        V: Into<Meaning>,
    {
        abortable(async move { self.run(operation).await })
    }

    /// Binds `operation` to the pool with these options and this classifier, as [`Pool::wrap`](crate::Pool::wrap)
    /// does.
    pub fn wrap<A, F, Fut, R, E, V>(
        self,
        operation: F,
    ) -> Wrapped<T, impl Fn(Lease<T>, A) -> Judged<Fut, J>>
    where
        F: Fn(Lease<T>, A) -> Fut,
        Fut: Future<Output = Result<R, E>>,
        J: Fn(&Result<R, E>) -> V,
        V: Into<Meaning>,
    {
        let Self { request, judge } = self;
        Wrapped::new(request, move |lease, argument| Judged {
            call: operation(lease, argument),
            judge: Arc::clone(&judge),
        })
    }
}

impl<T, J> Clone for Classified<T, J> {
    fn clone(&self) -> Self {
        Self { request: self.request.clone(), judge: Arc::clone(&self.judge) }
    }
}

impl<T, J> fmt::Debug for Classified<T, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Classified").field("request", &self.request).finish_non_exhaustive()
    }
}
