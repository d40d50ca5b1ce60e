//! Who looks at the clock of a pool that nobody uses.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Weak};
use std::task::{Context, Poll};
use std::time::Instant;

use rotapool_core::{Edge, Event, Lookout, Notice, Sleep, Spawn};

use crate::drive::pair::Target;
use crate::drive::shared::{Locked, Shared};
#[cfg(feature = "command")]
use crate::lifecycle::command::RecoveryCommand;
#[cfg(feature = "command")]
use crate::lifecycle::commands::Commands;
use crate::pool::Pool;
use crate::shield::contained;
use crate::watch::events::Events;

type Hook = Box<dyn FnMut(&Notice) + Send>;

/// Sees to it that a pool notices on time what ends: a future, which its user drives beside everything else.
///
/// A pool has no task and no timer of its own: the end of a cooldown is noticed, and told, by whatever the pool is told
/// next. That is soon enough for runs and for every question, but an idle pool tells nobody that it has recovered. A
/// monitor sleeps until the next known instant and has the pool notice it, so that the [events](Pool::events),
/// [`on_state_change`](crate::Builder::on_state_change) and traces come when things happen; and it tells hooks of its own
/// when the pool as a whole turns.
///
/// It keeps no pool alive, and is ready when the last handle of the pool is gone or the pool is closed.
///
/// ```
/// use std::time::Duration;
/// use rotapool::testing::VirtualTime;
/// use rotapool::{Fault, Pool, Resource};
///
/// # let time = VirtualTime::new();
/// let pool = Pool::builder()
///     .name("keys")
///     .resource(Resource::new("key-1", "sk-aaa"))
/// #     .runtime(time.clock())
///     .build()?;
/// let (exhausted, recovered) = std::sync::mpsc::channel();
/// let also = exhausted.clone();
/// let monitor = pool
///     .monitor()
///     .on_exhausted(move |notice| exhausted.send(notice.to_string()).unwrap())
///     .on_recovered(move |notice| also.send(notice.to_string()).unwrap());
/// time.spawn(monitor); // or `monitor.spawn(&TokioRuntime)`, or a branch of a `select!`
///
/// # time.block_on(async {
/// let limited = Fault::<String>::cooldown_for(Duration::from_secs(30), "429");
/// let refused = pool.run(async |_| Err::<(), _>(limited.clone())).await;
/// # assert!(refused.is_err());
/// # });
/// time.advance(Duration::from_secs(30)); // nobody uses the pool
/// let told: Vec<String> = recovered.try_iter().collect();
/// assert_eq!(
///     told,
///     [
///         "keys is exhausted: nothing to pick, first back in 30.0s; 1 resource: 1 cooling down",
///         "keys has recovered after 30.0s: next is key-1, by LeastInFlight; 1 resource: 1 eligible",
///     ]
/// );
/// # Ok::<(), rotapool::BuildError>(())
/// ```
///
/// # Cancel safety
///
/// It may be dropped at any point; the pool is as without it then.
#[must_use = "a monitor does nothing until polled"]
pub struct Monitor<T> {
    pool: Weak<Shared<T>>,
    lookout: Lookout,
    /// By what the pool calls when something ends earlier than was known; `None` before the first look.
    target: Option<Target>,
    sleep: Option<Sleep>,
    /// What changes in the pool, from the first poll on.
    changes: Option<Events>,
    /// Since when the pool is exhausted, as far as the hooks know.
    exhausted_since: Option<Instant>,
    /// Whether the pool was closed: nobody waits for its recovery.
    is_over: bool,
    hooks: Vec<(Edge, Hook)>,
    #[cfg(feature = "command")]
    commands: Commands,
}

impl<T> Pool<T> {
    /// A future that has the pool notice on time what ends, although nobody uses it: see [`Monitor`].
    pub fn monitor(&self) -> Monitor<T> {
        Monitor {
            pool: Arc::downgrade(self.shared()),
            lookout: Lookout::default(),
            target: None,
            sleep: None,
            changes: None,
            exhausted_since: None,
            is_over: false,
            hooks: Vec::new(),
            #[cfg(feature = "command")]
            commands: Commands::default(),
        }
    }
}

impl<T> Monitor<T> {
    /// Calls `hook` each time that the last healthy resource has gone out.
    ///
    /// Once for each time, in order, whatever single resources do meanwhile; and first of all if the pool is exhausted
    /// when the monitor is polled for the first time. The [notice](Notice) says what [`explain`](Pool::explain) says.
    ///
    /// The hook runs where the monitor is driven, never under the pool's lock and in no run. A panic in it is contained.
    pub fn on_exhausted(mut self, hook: impl FnMut(&Notice) + Send + 'static) -> Self {
        self.hooks.push((Edge::Exhausted, Box::new(hook)));
        self
    }

    /// Calls `hook` each time that a resource is healthy again, the first one since the pool was exhausted: as
    /// [`on_exhausted`](Self::on_exhausted).
    pub fn on_recovered(mut self, hook: impl FnMut(&Notice) + Send + 'static) -> Self {
        self.hooks.push((Edge::Recovered, Box::new(hook)));
        self
    }

    /// Runs a command each time that the last healthy resource has gone out: see [`RecoveryCommand`].
    ///
    /// One at a time: a turn that comes while a command runs gets [none](crate::CommandEnd::Busy).
    #[cfg(feature = "command")]
    #[cfg_attr(docsrs, doc(cfg(feature = "command")))]
    pub fn on_exhausted_run(mut self, command: RecoveryCommand) -> Self {
        self.commands.add(Edge::Exhausted, command);
        self
    }

    /// Runs a command each time that a resource is healthy again, the first one since the pool was exhausted: as
    /// [`on_exhausted_run`](Self::on_exhausted_run).
    #[cfg(feature = "command")]
    #[cfg_attr(docsrs, doc(cfg(feature = "command")))]
    pub fn on_recovered_run(mut self, command: RecoveryCommand) -> Self {
        self.commands.add(Edge::Recovered, command);
        self
    }

    /// Has a runtime drive it in the background, until the pool is gone.
    pub fn spawn(self, runtime: &impl Spawn)
    where
        T: Send + Sync + 'static,
    {
        runtime.spawn(Box::pin(self));
    }

    /// Looks at the clock for the pool, and sets its alarm anew.
    fn look(&mut self, shared: &Shared<T>) {
        let Self { lookout, target, .. } = self;
        let now = shared.runtime.now();
        let (comes_at, fresh) = shared.with(|Locked { state, pairs, .. }| {
            let mut fresh = None;
            let comes_at = state.look_out(lookout, now, || {
                let (trigger, target) = pairs.take();
                fresh = Some(target);
                trigger
            });
            (comes_at, fresh)
        });
        if let Some(fresh) = fresh {
            *target = Some(fresh);
        }
        self.sleep = comes_at.map(|at| shared.runtime.sleep_until(at));
    }

    /// Begins to listen. What is, is told first.
    fn begin(&mut self, pool: &Pool<T>) {
        if self.changes.is_some() {
            return;
        }
        // What has ended by now is noticed and told to others before: it is no turn that this one has seen.
        self.look(pool.shared());
        let (changes, since) = pool.shared().with(|Locked { audience, state, .. }| {
            self.is_over = state.closed_since().is_some();
            (audience.admit_to_changes(), state.exhausted_since())
        });
        self.changes = Some(changes);
        if let Some(since) = since.filter(|_| !self.is_over) {
            self.tell(pool, Edge::Exhausted, since);
        }
    }

    /// Has the hooks hear of a turn that they do not know.
    fn tell(&mut self, pool: &Pool<T>, edge: Edge, at: Instant) {
        let since = self.exhausted_since;
        if since.is_some() == (edge == Edge::Exhausted) {
            return;
        }
        self.exhausted_since = (edge == Edge::Exhausted).then_some(at);
        #[cfg(feature = "command")]
        self.commands.turn(edge, pool.shared());
        if !self.hooks.iter().any(|(of, _)| *of == edge) {
            return;
        }
        let name = Arc::clone(&pool.shared().name);
        // A choice of the user's own is asked for it, and may panic.
        let Some(explanation) = contained(|| pool.explain()) else { return };
        let notice = Notice::new(name, edge, at, since, explanation);
        for (_, hook) in self.hooks.iter_mut().filter(|(of, _)| *of == edge) {
            contained(|| hook(&notice));
        }
    }

    /// Whether the pool has called, or what was known to end has ended. Else the task is woken when either is so.
    fn is_wanted(&mut self, task: &mut Context<'_>) -> bool {
        if let Some(target) = &self.target {
            target.watch(task.waker());
            if target.is_called() {
                return true;
            }
        }
        self.sleep.as_mut().is_some_and(|sleep| sleep.as_mut().poll(task).is_ready())
    }

    /// Has the hooks hear of all turns up to now.
    fn listen(&mut self, pool: &Pool<T>, task: &Context<'_>) {
        while let Some(Poll::Ready(Some(event))) =
            self.changes.as_mut().map(|changes| changes.poll_event(task))
        {
            match event {
                Event::PoolClosed { .. } => self.is_over = true,
                Event::PoolExhausted { at, .. } => self.tell(pool, Edge::Exhausted, at),
                Event::PoolRecovered { at, .. } => self.tell(pool, Edge::Recovered, at),
                _ => {}
            }
        }
    }
}

impl<T> Future for Monitor<T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<()> {
        let this = &mut *self;
        for _ in 0..LOOKS_A_POLL {
            let Some(shared) = this.pool.upgrade() else { return Poll::Ready(()) };
            let pool = Pool::of(shared);
            this.begin(&pool);
            this.listen(&pool, task);
            #[cfg(feature = "command")]
            this.commands.drive(pool.shared(), task);
            if this.is_over {
                return Poll::Ready(());
            }
            if !this.is_wanted(task) {
                return Poll::Pending;
            }
            // Sets the alarm anew also before others have their turn: one that has rung is not polled again.
            this.look(pool.shared());
        }
        // A timer that is always ready: others want their turn.
        task.waker().wake_by_ref();
        Poll::Pending
    }
}

/// How often it looks at the clock in one poll.
const LOOKS_A_POLL: u32 = 3;

impl<T> Drop for Monitor<T> {
    fn drop(&mut self) {
        self.target.iter().for_each(Target::unwatch);
        if let Some(shared) = self.pool.upgrade() {
            shared.with(|locked| locked.state.stand_down(&self.lookout));
        }
    }
}

impl<T> fmt::Debug for Monitor<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Monitor")
            .field("hooks", &self.hooks.len())
            .field("asleep", &self.sleep.is_some())
            .finish_non_exhaustive()
    }
}
