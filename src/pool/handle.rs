//! The handle of a pool: runs, admin calls, questions.

use std::fmt;
use std::future::Future;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Instant;

use rotapool_core::{Explanation, PoolStats, ResourceError, ResourceSnapshot};

use crate::drive::abort::AbortHandle;
use crate::drive::guard::Run;
use crate::drive::shared::{Locked, Shared};
use crate::drive::span::drive;
use crate::pool::builder::Builder;
use crate::pool::request::Request;
use crate::pool::resource::Resource;
use crate::pool::wrapped::Wrapped;
use crate::terms::error::RunError;
use crate::terms::fault::Fault;
use crate::terms::lease::Entry;
use crate::terms::lease::Lease;
use crate::terms::select;
use crate::watch::events::{CAPACITY, Events};

/// How many resources are listed in one critical section.
const SLICE: usize = 256;

/// A pool of interchangeable resources.
///
/// A `Pool` is a handle: clones are cheap and share the pool. It is `Send` and `Sync` when `T` is.
/// No call of it blocks on anything but a short critical section, and no thread, task or timer exists
/// for it unless a run is sleeping.
///
/// ```
/// use rotapool::{Fault, Pool, Resource};
///
/// # futures::executor::block_on(async {
/// let pool = Pool::builder()
///     .resource(Resource::new("key-1", "sk-aaa"))
///     .resource(Resource::new("key-2", "sk-bbb"))
///     .retry_delay(std::time::Duration::ZERO)
///     .build()?;
/// let served_by = pool
///     .run(|key| async move {
///         match *key {
///             "sk-aaa" => Err(Fault::<String>::cooldown("429 from upstream")),
///             _ => Ok(key.id().to_owned()),
///         }
///     })
///     .await;
/// assert_eq!(served_by.as_deref(), Ok("key-2"));
/// assert_eq!(pool.stats().cooling_down, 1);
/// # Ok::<(), rotapool::BuildError>(())
/// # }).unwrap();
/// ```
pub struct Pool<T> {
    shared: Arc<Shared<T>>,
}

impl<T> Pool<T> {
    pub(crate) fn new(shared: Shared<T>) -> Self {
        Self { shared: Arc::new(shared) }
    }

    /// Starts to describe a pool.
    pub fn builder() -> Builder<T> {
        Builder::new()
    }

    /// What metrics and traces call the pool.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.shared.name
    }

    // Runs.

    /// Runs an operation on a resource of the pool's choice, and elsewhere again when the operation
    /// signals that the resource let it down.
    ///
    /// The operation gets a [`Lease`] for each attempt and answers with a value, with an error of its
    /// own, or with a signal about the resource: see [`Fault`]. A signal costs one attempt of the
    /// run's budget, which is the smaller of `max_attempts` and the number of resources; between
    /// attempts the run pauses.
    ///
    /// When an older operation on the same resource sends a cooldown or disable signal, this run's
    /// attempt there is dropped and tried again elsewhere. It may have reached the upstream by then:
    /// operations are carried out at least once, unless
    /// [`cancel_siblings`](Builder::cancel_siblings) is off and they send no signal after they took
    /// effect.
    ///
    /// The future borrows freely, spawns nothing, and is `Send` when the operation's futures are.
    ///
    /// # Errors
    ///
    /// [`RunError::Operation`] with the operation's own error; [`RunError::Exhausted`] when the pool
    /// cannot serve the run, with the full explanation.
    ///
    /// # Panics
    ///
    /// When the operation panics. The pool has recorded the attempt by then and stays usable.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point. The run then counts as cancelled if it had begun, says
    /// nothing about the resource, and gives back its place on it. The operation is dropped where it
    /// stands; what that means upstream is for the operation to know.
    pub fn run<F, Fut, R, E>(
        &self,
        operation: F,
    ) -> impl Future<Output = Result<R, RunError<E>>> + use<'_, T, F, Fut, R, E>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        drive(Run::begin(&self.shared, self.shared.defaults.for_core(), None), operation)
    }

    /// Starts a run with options of its own.
    pub fn request(&self) -> Request<T> {
        Request::new(Arc::clone(&self.shared))
    }

    /// Binds an operation to the pool: every call of the result is a run.
    ///
    /// The operation takes one argument beside the lease, which is cloned for each attempt; make it a
    /// tuple to pass several.
    ///
    /// ```
    /// # use rotapool::{Fault, Pool, Resource};
    /// # futures::executor::block_on(async {
    /// # let pool = Pool::builder().resource(Resource::new("a", "Ann")).build()?;
    /// let greet = pool.wrap(|name, whom: &'static str| async move {
    ///     Ok::<_, Fault<String>>(format!("{} greets {whom}", *name))
    /// });
    /// assert_eq!(greet.call("Bob").await.as_deref(), Ok("Ann greets Bob"));
    /// assert_eq!(greet.call("Eve").await.as_deref(), Ok("Ann greets Eve"));
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    pub fn wrap<A, F, Fut, R, E>(&self, operation: F) -> Wrapped<T, F>
    where
        F: Fn(Lease<T>, A) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        self.request().wrap(operation)
    }

    /// Runs an operation as [`run`](Self::run) does, with a handle to abort the run from elsewhere.
    ///
    /// For places where the run is not spawned and so has no task to cancel. The future owns its
    /// handle of the pool; it does nothing until polled.
    pub fn run_abortable<F, Fut, R, E>(
        &self,
        operation: F,
    ) -> (impl Future<Output = Result<R, RunError<E>>> + use<T, F, Fut, R, E>, AbortHandle)
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        self.request().run_abortable(operation)
    }

    // Admin calls.

    /// Adds a healthy resource at the end of the pool order and wakes the runs that wait.
    ///
    /// An id that was removed may be used again: it starts afresh, except that operations still
    /// running from its earlier stay count toward its cap.
    ///
    /// # Errors
    ///
    /// An id that is empty or taken, a `max_in_flight` of 0, or a weight out of range. The pool is
    /// unchanged then.
    pub fn add(&self, resource: Resource<T>) -> Result<(), ResourceError> {
        let Resource { profile, value } = resource;
        let entry = Arc::new(Entry { id: Arc::clone(&profile.id), value });
        let now = self.now();
        // On refusal the entry is dropped out here: it is the user's value.
        self.shared.with(|locked| match locked.state.add(profile, now) {
            Ok(slot) => {
                locked.put(slot, Arc::clone(&entry));
                Ok(())
            }
            Err(error) => Err(error),
        })
    }

    /// Takes a resource out of the pool at once and wakes the runs that wait.
    ///
    /// Operations in flight on it go on; the pool lets go of the value now, and the last of them drops
    /// it. What they signal changes nothing any more, except that a disable signal still aborts its
    /// younger siblings.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn remove(&self, id: &str) -> Result<(), ResourceError> {
        let now = self.now();
        let entry = self
            .shared
            .with(|locked| locked.state.remove(id, now).map(|slot| locked.take(slot)))?;
        // The user's value: dropped after the lock was released.
        drop(entry);
        Ok(())
    }

    /// Makes a resource healthy, whatever kept it away, and starts its escalation anew.
    ///
    /// # Errors
    ///
    /// An unknown id. A resource that is healthy already is no error.
    pub fn enable(&self, id: &str) -> Result<(), ResourceError> {
        let now = self.now();
        self.shared.with(|locked| locked.state.enable(id, now))
    }

    /// Takes a resource out of use until it is [enabled](Self::enable).
    ///
    /// Operations in flight on it are left alone.
    ///
    /// # Errors
    ///
    /// An unknown id. A resource that is disabled already is no error.
    pub fn disable(&self, id: &str) -> Result<(), ResourceError> {
        let now = self.now();
        self.shared.with(|locked| locked.state.disable(id, now))
    }

    // Events.

    /// Subscribes to what happens in the pool from now on: attempts and runs, changes of a resource's
    /// status, siblings aborted, the pool exhausted and recovered.
    ///
    /// The subscriber may be 1,024 events behind before it loses the oldest, and is told how many it
    /// lost. Without subscribers nothing is recorded.
    ///
    /// ```
    /// use rotapool::{Event, Fault, Pool, Resource};
    ///
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).build()?;
    /// let mut events = pool.events();
    /// let _ = pool.run(|_key| async { Err::<(), _>(Fault::<String>::disable("revoked")) }).await;
    /// drop(pool);
    ///
    /// let mut exhausted = 0;
    /// while let Some(event) = events.next().await {
    ///     println!("{event}");
    ///     exhausted += usize::from(matches!(event, Event::PoolExhausted { .. }));
    /// }
    /// assert_eq!(exhausted, 1);
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    pub fn events(&self) -> Events {
        self.events_with_capacity(CAPACITY)
    }

    /// Subscribes as [`events`](Self::events) does, with another bound on how many events the
    /// subscriber may be behind. An event takes less than 200 bytes.
    pub fn events_with_capacity(&self, capacity: NonZeroUsize) -> Events {
        self.shared.with(|locked| {
            locked.state.follow_runs(true);
            locked.audience.admit(capacity)
        })
    }

    // Questions.

    /// The present moment by the pool's clock, which [deadlines](Request::deadline) and snapshots go by.
    #[must_use]
    pub fn now(&self) -> Instant {
        self.shared.runtime.now()
    }

    /// Which resource the next [`run`](Self::run) gets if nothing happens in between, and of every other
    /// why not.
    ///
    /// It is exact for every strategy, and it changes nothing: no cooldown is noticed as ended, nothing
    /// is told, no random number is used up. A [`Select`](crate::Select) is asked, without the pool's
    /// lock; when that fails, the strategy's choice is named, as it would serve. The first 100 resources
    /// are listed.
    ///
    /// It takes one critical section, in which it copies the pool's index, O(n), if a cooldown has ended
    /// that no selection has noticed yet.
    ///
    /// ```
    /// # use rotapool::{Pool, Resource};
    /// let pool = Pool::builder()
    ///     .resource(Resource::new("key-1", "sk-aaa"))
    ///     .resource(Resource::new("key-2", "sk-bbb").max_in_flight(4))
    ///     .build()?;
    /// pool.disable("key-1").unwrap();
    ///
    /// let explanation = pool.explain();
    /// assert_eq!(explanation.next.as_deref(), Some("key-2"));
    /// println!("{explanation}");
    /// // next is key-2, by LeastInFlight; 2 resources: 1 disabled, 1 eligible
    /// //   key-1: disabled 0.0ns ago: by an admin call
    /// // > key-2: eligible: 0 in flight
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    #[must_use]
    pub fn explain(&self) -> Explanation {
        let now = self.now();
        let (mut explanation, candidates) = self.shared.with(|locked| {
            let mut random = locked.random.clone();
            let explanation = locked.state.explain(now, || random.f64());
            (explanation, locked.state.foreign_candidates(now))
        });
        if let (Some(select), false) = (&self.shared.hooks.select, candidates.is_empty()) {
            if let Some(choice) = select::ask(&**select, candidates) {
                (explanation.next, explanation.strategy) = (Some(choice.id), None);
            }
        }
        explanation
    }

    /// How every resource stands now, in pool order: status, why, since when, until when.
    ///
    /// A pool of up to 256 resources is listed in one critical section: all of it was so at one moment.
    /// A larger one is listed 256 at a time, so that no pick waits for the whole list. Each 256 were so
    /// at one moment; who joined since the list was begun is not on it, who left may be, and no id is on it twice.
    #[must_use]
    pub fn snapshot(&self) -> Vec<ResourceSnapshot> {
        let now = self.now();
        let mut rows = Vec::with_capacity(SLICE);
        let mut next = self.shared.with(|Locked { state, .. }| {
            state.list_snapshot(&mut rows, state.positions(), SLICE, now)
        });
        while let Some(rest) = next {
            rows.reserve(SLICE);
            let list =
                |locked: &mut Locked<T>| locked.state.list_snapshot(&mut rows, rest, SLICE, now);
            next = self.shared.with(list);
        }
        rows
    }

    /// Gauges and counters of the pool and of every resource.
    ///
    /// A pool of up to 256 resources is taken in one critical section: all of it was so at one moment.
    /// A larger one is listed 256 at a time, as [`snapshot`](Self::snapshot) is, so that no pick waits for the
    /// whole list. Then the pool's counters and [`waiting`](PoolStats::waiting) are those of the beginning, each 256
    /// resources were so at one moment, and the gauges are the sums of the list: an attempt that began
    /// meanwhile may be counted in a resource's `acquires` and in `in_flight`, and not yet in the pool's `attempts`.
    #[must_use]
    pub fn stats(&self) -> PoolStats {
        let now = self.now();
        let room = Vec::with_capacity(SLICE);
        let (mut stats, mut next) = self.shared.with(|locked| {
            let mut stats = locked.state.counted();
            stats.resources = room;
            let all = locked.state.positions();
            let next = locked.state.list_stats(&mut stats, all, SLICE, now);
            (stats, next)
        });
        while let Some(rest) = next {
            stats.resources.reserve(SLICE);
            next = self.shared.with(|locked| locked.state.list_stats(&mut stats, rest, SLICE, now));
        }
        stats
    }
}

impl<T> Clone for Pool<T> {
    fn clone(&self) -> Self {
        Self { shared: Arc::clone(&self.shared) }
    }
}

impl<T> fmt::Debug for Pool<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let stats = self.stats();
        f.debug_struct("Pool")
            .field("name", &self.shared.name)
            .field("resources", &stats.resources.len())
            .field("eligible", &stats.eligible)
            .field("in_flight", &stats.in_flight)
            .finish_non_exhaustive()
    }
}
