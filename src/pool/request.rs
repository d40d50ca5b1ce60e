//! One run with options of its own.

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rotapool_core::{Metadata, fingerprint};

use crate::drive::abort::{AbortHandle, abortable};
use crate::drive::guard::Guard;
use crate::drive::shared::Shared;
use crate::drive::span::drive;
use crate::terms::error::{OptionsError, RunError};
use crate::terms::fault::Fault;
use crate::terms::lease::Lease;
use crate::terms::options::{Deadline, Only, Options};

/// The options of one run, or of several alike. Made by [`Pool::request`](crate::Pool::request).
///
/// What is not set is as the pool's builder was told.
#[must_use = "a request does nothing until `run`, `wrap` or `run_abortable`"]
pub struct Request<T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) options: Options,
}

impl<T> Request<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { options: Options::from(shared.defaults), shared }
    }

    /// The most attempts, over all resources together, those that a sibling's signal aborted
    /// included. At least 1, or the run is refused.
    ///
    /// A run that does not wait for cooldowns makes no more attempts than the pool has resources that
    /// its filters admit when it begins.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = attempts;
        self
    }

    /// The mean pause between attempts, drawn evenly from half to one and a half times this.
    /// Zero is no pause.
    pub fn retry_delay(mut self, mean: Duration) -> Self {
        self.options.retry_delay = mean;
        self
    }

    /// Starts no attempt, pause or wait at or after this instant of the pool's clock. None by default.
    ///
    /// It gates and never interrupts: an attempt that runs long overruns it. A run whose wait was
    /// begun in time selects once more even if its wake-up comes late. A deadline that has passed
    /// already ends the run as [exhausted](RunError::Exhausted), without an attempt.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.options.deadline = Some(Deadline::At(deadline));
        self
    }

    /// Sets the [`deadline`](Self::deadline) this long after the run begins.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.deadline = Some(Deadline::In(timeout));
        self
    }

    /// Whether to sleep until a cooldown ends when no resource is eligible. Off by default: the run
    /// fails at once.
    ///
    /// Only cooldowns are waited for. When nothing is cooling down and all the rest is disabled or
    /// saturated, nobody knows until when, and the run fails at once; nor does a place that comes free
    /// on a saturated resource end the sleep. The sleep ends up to one mean pause after the cooldown, so that those who
    /// wait do not come back all at once, and earlier when an admin call or a signal changed the pool.
    pub fn wait_for_cooldown(mut self, wait: bool) -> Self {
        self.options.wait_for_cooldown = wait;
        self
    }

    /// Uses only resources whose metadata pass this filter.
    ///
    /// It is called without the pool's lock, once for each resource and run, so it makes a run O(n); a
    /// resource added while the run is under way is judged then. When none passes, the run ends as
    /// exhausted with [`ExhaustedReason::NoResourceAdmitted`](crate::ExhaustedReason).
    pub fn only(mut self, filter: impl Fn(&Metadata) -> bool + Send + Sync + 'static) -> Self {
        self.options.only = Some(Only(Arc::new(filter)));
        self
    }

    /// Keeps the resource of this id out. Several calls keep several out; an unknown id keeps none out.
    pub fn exclude(mut self, id: impl Into<Arc<str>>) -> Self {
        self.options.exclude.push(id.into());
        self
    }

    /// The key to stay with, such as a session or a user, for
    /// [`Strategy::Affinity`](crate::Strategy::Affinity). Other strategies ignore it.
    pub fn affinity(mut self, key: impl AsRef<[u8]>) -> Self {
        self.options.affinity = Some(fingerprint(key.as_ref()));
        self
    }

    /// An id for the run, which its [leases](Lease::request_id) carry, to correlate logs.
    pub fn request_id(mut self, id: impl Into<Arc<str>>) -> Self {
        self.options.request_id = Some(id.into());
        self
    }

    /// Runs `operation` as [`Pool::run`](crate::Pool::run) does, with these options.
    ///
    /// # Errors
    ///
    /// As [`Pool::run`](crate::Pool::run), and [`RunError::Options`] for options that make no sense.
    ///
    /// # Panics
    ///
    /// When the operation panics.
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::run`](crate::Pool::run).
    pub async fn run<F, Fut, R, E>(self, operation: F) -> Result<R, RunError<E>>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        drive(self.begin()?, operation).await
    }

    /// Runs `operation` with a handle to abort the run from elsewhere, as
    /// [`Pool::run_abortable`](crate::Pool::run_abortable) does.
    pub fn run_abortable<F, Fut, R, E>(
        self,
        operation: F,
    ) -> (impl Future<Output = Result<R, RunError<E>>>, AbortHandle)
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        abortable(async move { self.run(operation).await })
    }

    pub(crate) fn begin(&self) -> Result<Guard<'_, T>, OptionsError> {
        let options = self.options.for_core(|| self.shared.runtime.now())?;
        Ok(Guard::begin(&self.shared, options, Some(&self.options)))
    }
}

impl<T> Clone for Request<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared), options: self.options.clone() }
    }
}

impl<T> fmt::Debug for Request<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("options", &self.options).finish_non_exhaustive()
    }
}

/// As for the [`Pool`](crate::Pool); a filter that panics is the user's own.
impl<T: RefUnwindSafe> UnwindSafe for Request<T> {}
impl<T: RefUnwindSafe> RefUnwindSafe for Request<T> {}
