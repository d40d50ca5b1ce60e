//! Leaving in order.

use std::fmt;
use std::future::Future;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use rotapool_core::Runtime;
use rotapool_core::lifecycle::{CleanUps, ShutdownError, ShutdownReport, ShutdownRules};

use crate::drive::timer::DefaultRuntime;
use crate::lifecycle::clean_up::{CleanUp, Work};
use crate::lifecycle::course::{Driven, Known};
use crate::lifecycle::seat::Seat;
use crate::lifecycle::token::ShutdownToken;
use crate::sync::{Mutex, MutexGuard};

/// The end of a service: named clean-ups, run once and in order, within one deadline. Clones are handles of
/// the same.
///
/// ```
/// use std::time::Duration;
/// use rotapool::lifecycle::{CleanUp, Shutdown};
///
/// # futures::executor::block_on(async {
/// let shutdown = Shutdown::builder().deadline(Duration::from_secs(20)).build()?;
/// shutdown.register(CleanUp::new("say goodbye", || async { println!("bye") }).priority(1))?;
/// shutdown.register(CleanUp::blocking("fail", || Err::<(), _>("no such file")))?;
///
/// shutdown.trigger();
/// let report = shutdown.wait().await;
///
/// assert!(report.of("say goodbye").unwrap().is_done());
/// assert_eq!(report.of("fail").unwrap().ending.to_string(), "failed: no such file");
/// # Ok::<(), rotapool::lifecycle::ShutdownError>(())
/// # }).unwrap();
/// ```
///
/// # What holds
///
/// - Lower [priorities](CleanUp::priority) come first, ties by registration. One at a time, unless those of
///   one priority may go [side by side](ShutdownBuilder::side_by_side).
/// - Whoever triggers first begins it; every other trigger does nothing. Each clean-up runs once.
/// - One that fails, panics or is late does not stop the rest. The report says of each what became of it.
/// - The [deadline](ShutdownBuilder::deadline) is that of all together. A clean-up ends at its own
///   [limit](CleanUp::limit) or at the deadline, whichever comes first.
/// - It spawns nothing: the clean-ups run while somebody awaits [`wait`](Self::wait), [`run`](Self::run) or
///   `on_signals`. Any of them may be dropped; the clean-ups stand still then, the clock does not, and whoever
///   else awaits goes on with them.
#[derive(Clone)]
pub struct Shutdown {
    inner: Arc<Inner>,
}

struct Inner {
    runtime: Arc<dyn Runtime>,
    token: ShutdownToken,
    state: Mutex<State>,
}

struct State {
    clean_ups: CleanUps<Work>,
    /// Once it has begun.
    under_way: Option<Seat>,
}

/// Collects what a [`Shutdown`] keeps to.
#[derive(Debug, Clone)]
#[must_use = "a builder does nothing until `build`"]
pub struct ShutdownBuilder {
    rules: ShutdownRules,
    runtime: Arc<dyn Runtime>,
}

impl ShutdownBuilder {
    /// How long all clean-ups together may take, counted from the trigger; more than zero, 30 s by default.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.rules.deadline = deadline;
        self
    }

    /// Whether clean-ups of one priority run side by side, in the same task. Off by default.
    pub fn side_by_side(mut self, side_by_side: bool) -> Self {
        self.rules.side_by_side = side_by_side;
        self
    }

    /// The clock and the timer of limits and deadline; [`DefaultRuntime`] by default.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// A shutdown that has not begun and has nothing to do.
    ///
    /// # Errors
    ///
    /// [`ShutdownError::ZeroDeadline`].
    pub fn build(self) -> Result<Shutdown, ShutdownError> {
        let state = State { clean_ups: CleanUps::new(self.rules)?, under_way: None };
        let (runtime, token) = (self.runtime, ShutdownToken::new());
        Ok(Shutdown { inner: Arc::new(Inner { runtime, token, state: Mutex::new(state) }) })
    }
}

impl Shutdown {
    /// A deadline of 30 s, one clean-up at a time, and a timer that works under any executor, unless said
    /// otherwise.
    pub fn builder() -> ShutdownBuilder {
        let rules = ShutdownRules { deadline: Duration::from_secs(30), side_by_side: false };
        ShutdownBuilder { rules, runtime: Arc::new(DefaultRuntime) }
    }

    /// Adds a clean-up.
    ///
    /// One that holds a handle of its own shutdown keeps it alive until it has run; a [token](Self::token) does not.
    ///
    /// # Errors
    ///
    /// A name that is empty or taken, a limit of zero, and a shutdown that has begun. The clean-up is dropped
    /// then, without having run.
    pub fn register(&self, clean_up: CleanUp) -> Result<(), ShutdownError> {
        let CleanUp { plan, work } = clean_up;
        let registered = self.inner.state().clean_ups.register(plan, work);
        // Foreign code is dropped here, outside the lock.
        registered.map_err(|(error, _work)| error)
    }

    /// Takes a clean-up off the list; answers whether it was there. Once the shutdown has begun nothing is.
    pub fn unregister(&self, name: &str) -> bool {
        let work = self.inner.state().clean_ups.unregister(name);
        work.is_some()
    }

    /// Knows whether the shutdown has begun, for loops that should end then.
    #[must_use]
    pub fn token(&self) -> ShutdownToken {
        self.inner.token.clone()
    }

    /// Begins the shutdown; answers whether this call did.
    ///
    /// The clock runs from here on, and the tokens fire. The clean-ups run in whoever awaits
    /// [`wait`](Self::wait); if nobody does, nothing runs.
    pub fn trigger(&self) -> bool {
        let Inner { runtime, token, state } = &*self.inner;
        let now = runtime.now();
        let mut locked = state.lock().unwrap_or_else(PoisonError::into_inner);
        let Some((course, works)) = locked.clean_ups.begin(now) else { return false };
        let known = Known::new(course, Arc::clone(runtime));
        let driven = Driven::new(known.clone(), works);
        locked.under_way = Some(Seat::new(known, driven));
        drop(locked);
        token.ring();
        true
    }

    /// Waits until somebody triggers, sees the clean-ups through, and answers with the report when all is
    /// over. Everybody who waits gets the same.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point. The clean-ups stand still until somebody else waits; no limit
    /// is extended by that.
    pub fn wait(&self) -> impl Future<Output = Arc<ShutdownReport>> + Send + use<> {
        let this = self.clone();
        async move {
            this.inner.token.triggered().await;
            let under_way = this.inner.state().under_way.clone();
            match under_way {
                Some(seat) => seat.wait().await,
                None => unreachable!("the token fires after it is under way"),
            }
        }
    }

    /// Triggers, and waits: [`trigger`](Self::trigger) when it is first polled, then [`wait`](Self::wait).
    ///
    /// # Cancel safety
    ///
    /// As of [`wait`](Self::wait).
    pub fn run(&self) -> impl Future<Output = Arc<ShutdownReport>> + Send + use<> {
        let this = self.clone();
        async move {
            this.trigger();
            this.wait().await
        }
    }

    /// What has become of the clean-ups so far; `None` before the shutdown has begun.
    #[must_use]
    pub fn report(&self) -> Option<ShutdownReport> {
        let seat = self.inner.state().under_way.clone()?;
        Some(seat.report())
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Shutdown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.inner.state();
        let names: Vec<String> = state.clean_ups.names().map(str::to_owned).collect();
        let begun = state.clean_ups.has_begun();
        drop(state);
        f.debug_struct("Shutdown").field("begun", &begun).field("clean_ups", &names).finish()
    }
}
