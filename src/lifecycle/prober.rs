//! Who asks resources that no run asks whether they work.

use std::fmt;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll, ready};

use futures_util::Stream as _;
use futures_util::stream::FuturesUnordered;
use pin_project_lite::pin_project;
use rotapool_core::{Outcome, Probe, ProbeError, ProbeRules, Sleep, Spawn};

use crate::drive::lease::Lease;
use crate::drive::shared::{Locked, Shared};
use crate::pool::Pool;
use crate::shield::contained;
use crate::terms::fault::Fault;
use crate::terms::secret::{Secrets, conceal};
use crate::watch::events::Events;

/// Asks resources that are out whether they work again: a future, which its user drives beside everything else. Made
/// by [`Pool::prober`].
///
/// # Cancel safety
///
/// It may be dropped at any point, and the probes under way with it: they change nothing then.
#[must_use = "a prober does nothing until polled"]
pub struct Prober<T, F, Fut> {
    pool: Weak<Shared<T>>,
    operation: F,
    core: rotapool_core::Prober,
    rules: ProbeRules,
    calls: FuturesUnordered<Call<Fut>>,
    /// What changes in the pool, from the first poll on.
    changes: Option<Events>,
    sleep: Option<Sleep>,
}

/// The operation is stored and called, never pinned; the calls pin themselves.
impl<T, F, Fut> Unpin for Prober<T, F, Fut> {}

impl<T> Pool<T> {
    /// A future that asks resources by calls of its own, so that one which works again need not wait for the end of
    /// its cooldown, and one which does not is found out by no run.
    ///
    /// `operation` is what a run's would be, and says the same: a value or an error of its own, that the resource
    /// works; any other [`Fault`], that it does not. It is called on one resource several times at once never, and
    /// on several resources side by side.
    ///
    /// - **A success** brings a resource that cools down back at once, as the end of its cooldown would: by the pool's
    ///   [`Recovery`](crate::Recovery).
    /// - **A failure** keeps it out until the next probe has had its time, and takes no step on the table of
    ///   cooldowns. An end that the operation states counts if it is later; a disable signal disables.
    /// - A healthy resource, if those are [asked](ProbeRules::healthy_too), goes out by a cooldown or disable signal
    ///   alone.
    ///
    /// Probes are no runs: they take no place on the resource and nothing of its quotas, unless they are to keep
    /// [within its limits](ProbeRules::within_limits); they wait in no line, abort nobody, and are in no counter or measure
    /// but [`probes`](crate::PoolStats::probes) and [`probe_failures`](crate::PoolStats::probe_failures), of the pool and of
    /// each [resource](crate::ResourceStats::probes), and the event [`ProbeSettled`](crate::Event::ProbeSettled). One that takes longer than its
    /// [limit](ProbeRules::limit), or panics, has failed. [`Lease::attempt`] is 0.
    ///
    /// It keeps no pool alive, and is ready when the last handle of the pool is gone or the pool is closed.
    ///
    /// ```
    /// use std::time::Duration;
    /// use rotapool::testing::VirtualTime;
    /// use rotapool::{Fault, Pool, ProbeRules, Resource, Status};
    ///
    /// # let time = VirtualTime::new();
    /// let pool = Pool::builder()
    ///     .resource(Resource::new("proxy-1", "http://10.0.0.1"))
    /// #     .runtime(time.clock())
    ///     .build()?;
    /// let prober = pool.prober(ProbeRules::every(Duration::from_secs(5)), async |proxy| {
    ///     # let reachable = |_: &str| Ok::<_, Fault<String>>(());
    ///     reachable(*proxy) // an ordinary operation, such as a `HEAD` through this proxy
    /// })?;
    /// time.spawn(prober); // or `prober.spawn(&TokioRuntime)`, or a branch of a `select!`
    ///
    /// # time.block_on(async {
    /// let down = Fault::<String>::cooldown_for(Duration::from_secs(600), "connection refused");
    /// let refused = pool.run(async |_| Err::<(), _>(down.clone())).await;
    /// # assert!(refused.is_err());
    /// # });
    /// assert_eq!(pool.snapshot()[0].status, Status::CoolingDown);
    /// time.advance(Duration::from_secs(6));
    /// assert_eq!(pool.snapshot()[0].status, Status::Healthy);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Rules that cannot work: see [`ProbeRules::check`].
    pub fn prober<F, Fut, R, E>(
        &self,
        rules: ProbeRules,
        operation: F,
    ) -> Result<Prober<T, F, Fut>, ProbeError>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        rules.check()?;
        Ok(Prober {
            pool: Arc::downgrade(self.shared()),
            operation,
            core: rotapool_core::Prober::new(rules.clone()),
            rules,
            calls: FuturesUnordered::new(),
            changes: None,
            sleep: None,
        })
    }
}

impl<T, F, Fut, R, E> Prober<T, F, Fut>
where
    F: FnMut(Lease<T>) -> Fut,
    Fut: Future<Output = Result<R, Fault<E>>>,
{
    /// Has a runtime drive it in the background, until the pool is gone.
    pub fn spawn(self, runtime: &impl Spawn)
    where
        T: Send + Sync + 'static,
        F: Send + 'static,
        Fut: Send + 'static,
    {
        runtime.spawn(Box::pin(self));
    }

    /// Begins the probes that are due, and sets the alarm for the next.
    fn step(&mut self, shared: &Shared<T>) {
        let now = shared.runtime.now();
        let core = &mut self.core;
        let (probes, next) = shared.with(|locked| {
            let Locked { state, random, .. } = locked;
            let (probes, next) = core.step(state, now, || random.f64());
            let leased = |probe: Probe| (locked.entry(probe.slot()), probe);
            (probes.into_iter().map(leased).collect::<Vec<_>>(), next)
        });
        self.sleep = next.map(|at| shared.runtime.sleep_until(at));
        let limit = rotapool_core::after(now, self.rules.longest());
        for (entry, probe) in probes {
            let lease = Lease::new(entry, 0, None);
            let secrets = lease.secrets().cloned();
            let operation = &mut self.operation;
            let call = contained(|| operation(lease));
            let limit = shared.runtime.sleep_until(limit);
            self.calls.push(Call { call, limit, probe: Some(probe), secrets });
        }
    }

    fn settle(&mut self, shared: &Shared<T>, probe: Probe, outcome: &Outcome) {
        let now = shared.runtime.now();
        let core = &mut self.core;
        shared.with(|Locked { state, random, .. }| {
            core.settle(state, probe, outcome, now, || random.f64());
        });
    }

    /// Whether anything has happened that may make somebody due. Else the task is woken when it has.
    fn is_wanted(&mut self, shared: &Shared<T>, task: &mut Context<'_>) -> bool {
        let mut wanted = false;
        let Some(changes) = &mut self.changes else {
            self.changes = Some(shared.with(|locked| locked.audience.admit_to_changes()));
            return true;
        };
        while let Poll::Ready(Some(_)) = changes.poll_event(task) {
            wanted = true;
        }
        while let Poll::Ready(Some((probe, outcome))) = Pin::new(&mut self.calls).poll_next(task) {
            self.settle(shared, probe, &outcome);
            wanted = true;
        }
        let is_due = |sleep: &mut Sleep| sleep.as_mut().poll(task).is_ready();
        wanted || self.sleep.as_mut().is_some_and(is_due)
    }
}

impl<T, F, Fut, R, E> Future for Prober<T, F, Fut>
where
    F: FnMut(Lease<T>) -> Fut,
    Fut: Future<Output = Result<R, Fault<E>>>,
{
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        for _ in 0..STEPS_A_POLL {
            let Some(shared) = self.pool.upgrade() else { return Poll::Ready(()) };
            if shared.with(|locked| locked.state.closed_since().is_some()) {
                return Poll::Ready(());
            }
            if !self.is_wanted(&shared, task) {
                return Poll::Pending;
            }
            self.step(&shared);
        }
        // Probes that are always ready: others want their turn.
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

/// The probes under way give back what they have taken.
impl<T, F, Fut> Drop for Prober<T, F, Fut> {
    fn drop(&mut self) {
        // Gone before what they take is free.
        contained(|| self.calls.clear());
        if let Some(shared) = self.pool.upgrade() {
            let (now, core) = (shared.runtime.now(), &mut self.core);
            shared.with(|locked| core.give_up(&mut locked.state, now));
        }
    }
}

/// Steps in one poll.
const STEPS_A_POLL: u32 = 32;

impl<T, F, Fut> fmt::Debug for Prober<T, F, Fut> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prober")
            .field("rules", &self.rules)
            .field("under_way", &self.calls.len())
            .finish_non_exhaustive()
    }
}

pin_project! {
    /// A probe under way.
    struct Call<Fut> {
        // Nothing, if the operation panicked before there was anything to poll.
        #[pin]
        call: Option<Fut>,
        limit: Sleep,
        probe: Option<Probe>,
        secrets: Option<Arc<Secrets>>,
    }
}

impl<Fut, R, E> Future for Call<Fut>
where
    Fut: Future<Output = Result<R, Fault<E>>>,
{
    type Output = (Probe, Outcome);

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let mut this = self.project();
        let outcome = match this.call.as_mut().as_pin_mut() {
            None => Outcome::Panic,
            Some(call) => match catch_unwind(AssertUnwindSafe(|| call.poll(task))) {
                Err(_) => Outcome::Panic,
                Ok(Poll::Ready(answer)) => meaning(answer, this.secrets.as_ref()),
                Ok(Poll::Pending) => {
                    ready!(this.limit.as_mut().poll(task));
                    Outcome::TimedOut
                }
            },
        };
        contained(|| this.call.set(None));
        match this.probe.take() {
            Some(probe) => Poll::Ready((probe, outcome)),
            None => unreachable!("a call that has ended is polled no more"),
        }
    }
}

/// What an answer says of the resource.
fn meaning<R, E>(answer: Result<R, Fault<E>>, secrets: Option<&Arc<Secrets>>) -> Outcome {
    match answer {
        Ok(_) => Outcome::Success,
        Err(Fault::Operation(_)) => Outcome::Error,
        Err(Fault::Failure(_)) => Outcome::Failure,
        Err(Fault::Signal(mut signal)) => {
            // The error is the user's, and does not go into the pool.
            drop(signal.take_error());
            conceal(&mut signal, secrets);
            Outcome::Signal(signal)
        }
    }
}
