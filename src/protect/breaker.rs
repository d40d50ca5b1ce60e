//! A circuit breaker that stands alone.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use rotapool_core::{
    Breaker, BreakerChange, BreakerMode, BreakerState, BreakerStats, Rejected, Runtime, Trip,
    TripError,
};
use thiserror::Error;

use super::judged::{ByResult, Judged};
use super::permit::Permit;
use super::protected::Protected;
use super::{Mutex, MutexGuard, contained, telling};

/// Keeps calls from an upstream that fails, and lets a few try whether it is back.
///
/// Closed, it lets all calls pass and looks at how they end. When a rule of its [`Trip`] is met it opens,
/// and for a while no call is made: each fails at once, with [`Rejected`], which says until when and why.
/// Then it is half open: as many calls as it has permits are made as trials. So many successes close it,
/// one failure opens it again.
///
/// A handle: clones are the same breaker.
///
/// ```
/// use std::time::Duration;
/// use rotapool::{BreakerError, BreakerState, CircuitBreaker, Trip};
///
/// # async fn fetch() -> Result<String, std::io::Error> { Err(std::io::Error::other("connection reset")) }
/// # futures::executor::block_on(async {
/// let breaker = CircuitBreaker::new(Trip::after_failures(2).open_for(Duration::from_secs(30)))?;
///
/// for _ in 0..2 {
///     assert!(matches!(breaker.call(fetch).await, Err(BreakerError::Operation(_))));
/// }
/// let Err(BreakerError::Rejected(rejected)) = breaker.call(fetch).await else { unreachable!() };
///
/// assert_eq!(breaker.state(), BreakerState::Open);
/// assert!(rejected.retry_after > Some(Duration::from_secs(29)));
/// assert_eq!(rejected.last_failure.as_deref(), Some("connection reset"));
/// # Ok::<(), rotapool::TripError>(())
/// # }).unwrap();
/// ```
///
/// # What a result does
///
/// - Every call carries the number of the last change before it. A result from before the last change counts in the
///   [`stats`](Self::stats) and changes nothing else: no late success closes, no late failure prolongs.
/// - What is given up, by a drop or a panic, is [ignored](Permit::ignore): it counts nowhere, resets nothing, and
///   gives its permit back at once.
/// - A trial that takes longer than its [bound](Trip::trial_bound) is lost: the next may try.
/// - The state is computed from the clock: once the open time is over, [`state`](Self::state) says half open, whether
///   or not anybody has called. The change is told with the next call.
///
/// Nothing foreign runs under its lock: no operation, callback, clock or formatter.
#[derive(Clone)]
pub struct CircuitBreaker {
    pub(super) shared: Arc<Shared>,
}

pub(super) type OnChange = Box<dyn Fn(&BreakerChange) + Send + Sync>;

pub(super) struct Shared {
    pub(super) name: Arc<str>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) locked: Mutex<Breaker>,
    pub(super) on_change: Option<OnChange>,
}

/// Why a call through a [`CircuitBreaker`] returned no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum BreakerError<E> {
    /// The call was not made.
    #[error(transparent)]
    Rejected(#[from] Rejected),
    /// The operation's own error, by value.
    #[error(transparent)]
    Operation(E),
}

impl CircuitBreaker {
    /// A closed breaker with these rules; [`builder`](Self::builder) sets more.
    ///
    /// # Errors
    ///
    /// [`TripError`] if a rule is out of its range.
    pub fn new(trip: Trip) -> Result<Self, TripError> {
        Self::builder(trip).build()
    }

    /// Makes a call if the breaker lets it pass, and takes its result as evidence: an `Err` is a failure.
    ///
    /// [`ignore_if`](Self::ignore_if), [`failure_if`](Self::failure_if) and [`stated_by`](Self::stated_by)
    /// say otherwise.
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
    pub async fn call<F, Fut, R, E>(&self, operation: F) -> Result<R, BreakerError<E>>
    where
        F: FnOnce() -> Fut,
        Fut: Future<Output = Result<R, E>>,
        E: fmt::Display,
    {
        self.by_result().call(operation).await
    }

    /// The same for an operation that blocks. The breaker itself never waits.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    ///
    /// # Panics
    ///
    /// When the operation panics; it counts as given up.
    pub fn call_blocking<R, E: fmt::Display>(
        &self,
        operation: impl FnOnce() -> Result<R, E>,
    ) -> Result<R, BreakerError<E>> {
        self.by_result().call_blocking(operation)
    }

    /// Binds an operation to the breaker: every [`call`](Protected::call) of the result is one of
    /// [`call`](Self::call).
    pub fn wrap<F>(&self, operation: F) -> Protected<Judged<ByResult>, F> {
        self.by_result().wrap(operation)
    }

    /// The breaker, for calls whose errors are none of its business where `ignore` says so: they count
    /// nowhere and reset nothing.
    ///
    /// ```
    /// use rotapool::{BreakerError, CircuitBreaker, Trip};
    ///
    /// let breaker = CircuitBreaker::new(Trip::after_failures(1))?;
    /// let missing = || Err::<(), _>("404");
    ///
    /// let answer = breaker.ignore_if(|error: &&str| *error == "404").call_blocking(missing);
    ///
    /// assert_eq!(answer, Err(BreakerError::Operation("404")));
    /// assert_eq!(breaker.stats().ignored, 1);
    /// # Ok::<(), rotapool::TripError>(())
    /// ```
    pub fn ignore_if<E, P: Fn(&E) -> bool>(
        &self,
        ignore: P,
    ) -> Judged<super::judged::IgnoreIf<ByResult, P>> {
        self.by_result().ignore_if(ignore)
    }

    /// The breaker, for calls whose answers are `Ok` and yet failures where `failure` says so. An `Err` is
    /// one anyway.
    ///
    /// ```
    /// use rotapool::{BreakerState, CircuitBreaker, Trip};
    ///
    /// let breaker = CircuitBreaker::new(Trip::after_failures(1))?;
    /// let status = || Ok::<_, String>(503);
    ///
    /// let unwell = |answer: &Result<u16, String>| matches!(answer, Ok(500..));
    /// assert_eq!(breaker.failure_if(unwell).call_blocking(status), Ok(503));
    /// assert_eq!(breaker.state(), BreakerState::Open);
    /// # Ok::<(), rotapool::TripError>(())
    /// ```
    pub fn failure_if<R, E, P: Fn(&Result<R, E>) -> bool>(
        &self,
        failure: P,
    ) -> Judged<super::judged::FailureIf<ByResult, P>> {
        self.by_result().failure_if(failure)
    }

    /// The breaker, for calls whose errors may state how long to stay away: if such a one trips it, it is
    /// open for so long.
    pub fn stated_by<E, P: Fn(&E) -> Option<Duration>>(
        &self,
        stated: P,
    ) -> Judged<super::judged::StatedBy<ByResult, P>> {
        self.by_result().stated_by(stated)
    }

    fn by_result(&self) -> Judged<ByResult> {
        Judged::new(self.clone())
    }

    /// Asks to make a call by hand. What became of it, the [`Permit`] is told.
    ///
    /// # Errors
    ///
    /// [`Rejected`] if the call must not be made.
    pub fn try_acquire(&self) -> Result<Permit, Rejected> {
        let admission = self.with(Breaker::admit)?;
        Ok(Permit::new(self.clone(), admission))
    }

    /// Lets nothing pass, until told otherwise.
    pub fn isolate(&self) {
        self.set_mode(BreakerMode::Isolated);
    }

    /// Lets everything pass and never opens, until told otherwise.
    pub fn force_close(&self) {
        self.set_mode(BreakerMode::ForcedClosed);
    }

    /// Lets everything pass, and shows by its state, its changes and their causes what its rules would do,
    /// until told otherwise.
    pub fn observe_only(&self) {
        self.set_mode(BreakerMode::ObserveOnly);
    }

    /// Hands the breaker back to its rules: closed, with nothing held against anybody. The statistics stay.
    pub fn reset(&self) {
        self.set_mode(BreakerMode::Automatic);
    }

    fn set_mode(&self, mode: BreakerMode) {
        self.with(|breaker, now| breaker.set_mode(mode, now));
    }

    /// The name that metrics and traces call it by.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    /// The state now.
    #[must_use]
    pub fn state(&self) -> BreakerState {
        let now = self.now();
        self.lock().state(now)
    }

    /// Who decides now: its rules or its operator.
    #[must_use]
    pub fn mode(&self) -> BreakerMode {
        self.lock().mode()
    }

    /// The figures now, of one moment.
    #[must_use]
    pub fn stats(&self) -> BreakerStats {
        let now = self.now();
        self.lock().stats(now)
    }

    pub(super) fn now(&self) -> Instant {
        self.shared.runtime.now()
    }

    /// Acts under the lock and tells outside of it what changed.
    #[inline]
    pub(super) fn with<R>(&self, act: impl FnOnce(&mut Breaker, Instant) -> R) -> R {
        let (result, changes) = self.act(self.now(), act);
        if !changes.is_empty() {
            self.tell(&changes);
        }
        result
    }

    /// Acts under the lock. What changed is to be told outside of any.
    pub(super) fn act<R>(
        &self,
        now: Instant,
        act: impl FnOnce(&mut Breaker, Instant) -> R,
    ) -> (R, Vec<BreakerChange>) {
        let mut breaker = self.lock();
        let result = act(&mut breaker, now);
        (result, breaker.take_changes())
    }

    #[cold]
    pub(super) fn tell(&self, changes: &[BreakerChange]) {
        for change in changes {
            contained(|| telling::trace(&self.shared.name, change));
            if let Some(on_change) = &self.shared.on_change {
                contained(|| on_change(change));
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Breaker> {
        self.shared.locked.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for CircuitBreaker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, stats) = (self.name(), self.stats());
        f.debug_struct("CircuitBreaker").field("name", &name).field("stats", &stats).finish()
    }
}
