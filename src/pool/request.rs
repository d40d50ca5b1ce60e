//! One run with options of its own.

use std::fmt;
use std::future::Future;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::time::{Duration, Instant};

use rotapool_core::{Hedge, Metadata, RunOptions, fingerprint};

use crate::drive::abort::{AbortHandle, abortable};
use crate::drive::caller::Caller;
use crate::drive::guard::Guard;
use crate::drive::lease::Lease;
use crate::drive::shared::Shared;
use crate::drive::span::drive;
use crate::terms::error::{OptionsError, RunError};
use crate::terms::fault::Fault;
use crate::terms::options::{Deadline, Only, Options, Wait};

/// The options of one run, or of several alike. Made by [`Pool::request`](crate::Pool::request).
///
/// What is not set is as the pool's builder was told.
#[must_use = "a request does nothing until `run`, `acquire` or another of its verbs"]
pub struct Request<T> {
    pub(super) shared: Arc<Shared<T>>,
    pub(super) options: Options,
}

impl<T> Request<T> {
    pub(crate) fn new(shared: Arc<Shared<T>>) -> Self {
        Self { options: Options::from(shared.defaults), shared }
    }

    /// The most attempts that may fail by a hiccup: by a retry signal, or for want of an answer in time. At least 1,
    /// or the run is refused.
    ///
    /// Finding that a resource is out, by a cooldown or disable signal or an abort by a sibling's, costs an attempt
    /// only from the second time on the same resource: it is no fault of the run's, and others may be fine. So a run
    /// calls its operation no more often than this plus the number of resources (who is removed and added again counts anew), and cannot go on for ever.
    pub fn max_attempts(mut self, attempts: u32) -> Self {
        self.options.max_attempts = attempts;
        self
    }

    /// The mean pause before the run repeats itself on a resource, drawn evenly from half to one and a half times
    /// this. Zero is no pause. See [`Builder::retry_delay`](crate::Builder::retry_delay).
    pub fn retry_delay(mut self, mean: Duration) -> Self {
        self.options.retry_delay = mean;
        self
    }

    /// Ends the run at this instant of the pool's clock, whatever it is doing. None by default.
    ///
    /// An attempt in flight is dropped then, which says nothing of its resource. A pause or a wait that is certain to
    /// come to nothing before is not begun: the run ends at once, as [exhausted](RunError::Exhausted). A run with a deadline stands
    /// in line when nothing is eligible, unless [`wait`](Self::wait) says otherwise.
    pub fn deadline(mut self, deadline: Instant) -> Self {
        self.options.deadline = Some(Deadline::At(deadline));
        self
    }

    /// Sets the [`deadline`](Self::deadline) this long after the run begins.
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.options.deadline = Some(Deadline::In(timeout));
        self
    }

    /// How long one attempt may take; more than zero, or the run is refused. By default as the pool's builder
    /// [was told](crate::Builder::attempt_timeout), which is no limit if it was told nothing.
    ///
    /// One that takes longer is dropped, counts as a failure of its resource, and costs an attempt; the run goes on
    /// elsewhere.
    pub fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.options.attempt_timeout = Some(timeout);
        self
    }

    /// How long a [stream](Self::run_stream) may be silent: before its first item, and between two. More than zero, or the
    /// run is refused. By default as the pool's builder [was told](crate::Builder::stall_timeout), which is no limit if it
    /// was told nothing.
    pub fn stall_timeout(mut self, timeout: Duration) -> Self {
        self.options.stall_timeout = Some(timeout);
        self
    }

    /// How long a [stream](Self::run_stream) may take as a whole, from the beginning of its run. More than zero, or the run is
    /// refused. By default as the pool's builder [was told](crate::Builder::stream_timeout), which is no limit if it was told
    /// nothing. The time to its first item is bound by the [`timeout`](Self::timeout) too.
    pub fn stream_timeout(mut self, timeout: Duration) -> Self {
        self.options.stream_timeout = Some(timeout);
        self
    }

    /// When an attempt has not answered after this long, begins a second one on another resource; the first good answer is
    /// the run's. A [`Duration`], or [`Hedge::P95`]; by default as the pool's builder [was told](crate::Builder::hedge),
    /// which is never if it was told nothing.
    ///
    /// For operations that may be carried out twice, of which a few are slow now and then: see
    /// [`Builder::hedge`](crate::Builder::hedge) for what it costs and what is fair. A delay of zero, or one that is no less
    /// than the [`timeout`](Self::timeout), the [`attempt_timeout`](Self::attempt_timeout), or of a stream the
    /// [`stream_timeout`](Self::stream_timeout), is refused; one that comes after a [`deadline`](Self::deadline) is never over.
    ///
    /// Without a [retry budget](crate::Builder::retry_budget), one of 20 runs of the last minute is hedged, counted from the
    /// first that asks for it: the first 20 are not.
    pub fn hedge(mut self, hedge: impl Into<Hedge>) -> Self {
        self.options.hedge = Some(hedge.into());
        self
    }

    /// Whether to stand in line when no resource is eligible: for the end of a cooldown or a trial, a place that
    /// comes free, or an admin call. By default a run that has a [`deadline`](Self::deadline) or a
    /// [`timeout`](Self::timeout) does, for who grants some time expects it to be used, and another does not.
    ///
    /// The line is one for the whole pool, first come, first served. What comes free is handed to the first who may
    /// have it, and is theirs from then on; a run that does not wait gets what nobody in line may have, and
    /// what is beyond the pace of a [ramp](crate::Recovery::Ramp), to which those in line keep for half of their time. Whoever
    /// tries again, or was aborted, comes back with the rank of its beginning. A run does not get in line if nothing is known
    /// that could end its wait (all that it admits is disabled), if no cooldown ends before its deadline and nothing
    /// is busy, or if [`max_waiting`](crate::Builder::max_waiting) runs are in line already. Should it come to the first or the
    /// second while it stands there, it hears of that at once.
    pub fn wait(mut self, wait: bool) -> Self {
        self.options.wait = if wait { Wait::Always } else { Wait::Never };
        self
    }

    /// Uses only resources whose metadata pass this filter.
    ///
    /// It is called without the pool's lock, once for each resource and run, so it makes a run O(n); a
    /// resource added while the run is under way is judged then. Who stands in line judges it when its turn comes, and it
    /// is held for them meanwhile: nobody who came later gets it first. When none passes, the run ends as
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

    /// What an attempt of this run takes of a dimension of its resource's [quotas](crate::Quota), as far as is known
    /// before: `cost("tokens", 1_200)`. Several calls state several dimensions. What is not stated is one of `requests` and
    /// nothing of the rest. The operation may [correct](Lease::spent) it.
    ///
    /// A run goes to a resource that can pay all of it, the first in the order of the strategy that can (by chance under
    /// [`Strategy::Weighted`](crate::Strategy::Weighted) if that is not the next in turn); in line it waits until one can.
    /// Nothing is kept back for it meanwhile: who costs less may overtake it. Finding one that can pay is O(log n) for each
    /// that cannot; beginning to wait looks at all, O(n).
    ///
    /// At least 1, of a dimension of which a resource has a quota, and no more than fits into all of them: else the run is
    /// refused with [`OptionsError::Cost`]. Where filters leave it only resources whose quotas never hold so much, it ends
    /// as exhausted.
    pub fn cost(mut self, dimension: impl Into<Arc<str>>, amount: u64) -> Self {
        self.options.costs.push((dimension.into(), amount));
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

    pub(crate) fn begin(&self) -> Result<Guard<&Self>, OptionsError> {
        Ok(Guard::begin(self, self.for_core()?))
    }

    pub(crate) fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    pub(crate) fn for_core(&self) -> Result<RunOptions, OptionsError> {
        let options = self.options.for_core(|| self.shared.runtime.now())?;
        if !self.options.costs.is_empty() {
            self.shared.with(|locked| locked.state.check_costs(&self.options.costs))?;
        }
        Ok(options)
    }
}

impl<T> Request<T> {
    /// A run that outlives the call that began it.
    pub(crate) fn begin_owned(self) -> Result<Guard<Box<Self>>, OptionsError> {
        let options = self.for_core()?;
        // Whoever holds a resource holds one.
        let mut guard = Guard::begin(Box::new(self), options);
        guard.forgo_hedges();
        Ok(guard)
    }
}

impl<T> Caller for Box<Request<T>> {
    type Value = T;

    fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    fn options(&self) -> Option<&Options> {
        Some(&self.options)
    }
}

impl<T> Caller for &Request<T> {
    type Value = T;

    fn shared(&self) -> &Shared<T> {
        &self.shared
    }

    fn options(&self) -> Option<&Options> {
        Some(&self.options)
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
