//! How a pool ends: close it, and wait for what goes on.

use std::future::Future;
use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::select;
use rotapool_core::{DrainReport, State, after};

use crate::drive::pair::Trigger;
use crate::drive::shared::Shared;
use crate::pool::handle::Pool;

/// How long a drain waits for what it has aborted: until the tasks of those runs have had a turn.
const GRACE: Duration = Duration::from_millis(100);

impl<T> Pool<T> {
    /// Closes the pool for good: it begins no new runs.
    ///
    /// A run that has made no attempt yet is refused with [`ExhaustedReason::Closed`](crate::ExhaustedReason::Closed): one
    /// that begins, and one in line, which is woken to hear it. A run that has made an attempt was admitted, and goes
    /// on as if nothing had happened: it may retry elsewhere, pause and stand in line, within its budget and its deadline.
    /// [`drain`](Self::drain) waits for those.
    ///
    /// Everything else works as before: admin calls, snapshots, `stats`, which says that the pool is closed, as
    /// [`explain`](Self::explain) and an event do. Closing a closed pool changes nothing.
    ///
    /// ```
    /// use rotapool::{ExhaustedReason, Fault, Pool, Resource, RunError};
    ///
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).build()?;
    /// pool.close();
    /// let refused = pool.run(async |_key| Ok::<(), Fault<String>>(())).await;
    /// let RunError::Exhausted(why) = refused.unwrap_err() else { panic!("it served a run") };
    /// assert_eq!(why.reason, ExhaustedReason::Closed);
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    pub fn close(&self) {
        let now = self.now();
        self.shared.with(|locked| locked.state.close(now));
    }

    /// Whether the pool was closed.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        self.shared.with(|locked| locked.state.closed_since().is_some())
    }

    /// [Closes](Self::close) the pool, waits until the runs that were admitted are over, and says what became of them.
    ///
    /// What is not over `within` this time is aborted then: operations are dropped as by an
    /// [`AbortHandle`](crate::AbortHandle), pauses and waits end, and the runs fail with
    /// [`ExhaustedReason::Closed`](crate::ExhaustedReason::Closed). The report comes as soon as that is done, and at most
    /// 100 ms after the deadline: what blocks its thread, or is held by somebody who does not poll it, cannot be
    /// aborted, and is named with its resource.
    ///
    /// It may be called again, and by several at once: the shortest time counts, and each gets a report.
    ///
    /// # Cancel safety
    ///
    /// The pool closes when the future is first polled. A future that is dropped after that leaves it closed, aborts
    /// nobody, and loses nothing: another `drain` goes on where it was.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rotapool::{Fault, Pool, Resource};
    ///
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).build()?;
    /// let run = pool.run(async |_key| Ok::<_, Fault<String>>("served"));
    /// assert_eq!(run.await.unwrap(), "served");
    ///
    /// let report = pool.drain(Duration::from_secs(10)).await;
    /// assert!(report.is_complete());
    /// println!("{report}"); // drained in 0.0ns: 0 finished
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// As a clean-up of a [`Shutdown`](crate::lifecycle::Shutdown), with a limit of its own that is longer:
    ///
    /// ```
    /// use std::time::Duration;
    /// use rotapool::lifecycle::{CleanUp, Shutdown};
    /// # use rotapool::{Pool, Resource};
    ///
    /// # futures::executor::block_on(async {
    /// # let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).build()?;
    /// let shutdown = Shutdown::builder().build()?;
    /// let keys = pool.clone();
    /// let drain = CleanUp::new("keys", move || async move {
    ///     let report = keys.drain(Duration::from_secs(8)).await;
    ///     if report.is_complete() { Ok(()) } else { Err(report.to_string()) }
    /// });
    /// shutdown.register(drain.limit(Duration::from_secs(10)))?;
    /// shutdown.run().await;
    /// assert!(pool.is_closed());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn drain(&self, within: Duration) -> impl Future<Output = DrainReport> + use<T> {
        let shared = Arc::clone(&self.shared);
        async move {
            let began = shared.runtime.now();
            shared.with(|locked| locked.state.close(began));
            let is_over = |state: &State<Trigger>| state.in_progress() == 0;
            if !departure(&shared, is_over, Some(after(began, within))).await {
                let now = shared.runtime.now();
                shared.with(|locked| locked.state.end(now));
                departure(&shared, is_over, Some(after(now, GRACE))).await;
            }
            let now = shared.runtime.now();
            match shared.with(|locked| locked.state.drain_report(now)) {
                Some(report) => report,
                None => unreachable!("a pool that was closed stays closed"),
            }
        }
    }

    /// Waits until nothing is in flight any more on what was [removed](Self::remove) under this id, so that its key may be
    /// revoked or its process stopped.
    ///
    /// Ready at once if nothing was removed under it, or nothing was in flight. What is in flight on another resource
    /// that was added under the id since does not count.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point.
    ///
    /// ```
    /// # use rotapool::{Pool, Resource};
    /// # futures::executor::block_on(async {
    /// # let pool = Pool::builder().resource(Resource::new("key-1", "sk-aaa")).build()?;
    /// pool.remove("key-1")?;
    /// pool.drained("key-1").await;
    /// // Nobody uses the key any more.
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # }).unwrap();
    /// ```
    pub fn drained(&self, id: &str) -> impl Future<Output = ()> + use<T> {
        let (shared, id) = (Arc::clone(&self.shared), Arc::<str>::from(id));
        async move {
            departure(&shared, |state| state.draining(&id) == 0, None).await;
        }
    }
}

/// Waits until it is so, or until the deadline; answers whether it is.
async fn departure<T>(
    shared: &Shared<T>,
    is_so: impl Fn(&State<Trigger>) -> bool,
    deadline: Option<Instant>,
) -> bool {
    loop {
        let change = shared.departures.listen();
        if shared.with(|locked| is_so(&locked.state)) {
            return true;
        }
        match deadline {
            None => change.await,
            Some(deadline) if deadline <= shared.runtime.now() => return false,
            Some(deadline) => drop(select(change, shared.runtime.sleep_until(deadline)).await),
        }
    }
}
