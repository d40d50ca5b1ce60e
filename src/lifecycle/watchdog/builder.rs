//! How a watchdog is made.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::Runtime;
use rotapool_core::lifecycle::Ending;

use crate::drive::timer::DefaultRuntime;
use crate::lifecycle::clean_up::IntoEnding;
use crate::lifecycle::watchdog::alarm::{Alarm, OnFailure, Raise, at_once, spawned};
use crate::lifecycle::watchdog::handle::Watchdog;
use crate::lifecycle::watchdog::silence::{Silence, WatchdogError};
use crate::lifecycle::watchdog::source::Source;

/// Shorter limits would have it do nothing but look.
const SHORTEST: Duration = Duration::from_millis(1);

/// Collects what a watchdog watches over and whom it tells; [`build`](Self::build) checks it all. Made by
/// [`Watchdog::builder`] and `Watchdog::from_heartbeat`.
#[must_use = "a builder does nothing until `build`"]
pub struct WatchdogBuilder {
    name: Arc<str>,
    limit: Duration,
    source: Source,
    runtime: Arc<dyn Runtime>,
    raise: Option<Raise>,
    on_failure: Option<OnFailure>,
}

impl Watchdog {
    /// A watchdog that waits for [pings](Self::ping); it allows for a silence of less than `limit`.
    pub fn builder(limit: Duration) -> WatchdogBuilder {
        WatchdogBuilder::new(limit, Source::Pings)
    }

    /// A watchdog over another process: its signs of life are the beats in this file.
    ///
    /// A beat counts from when it was made. The first has all of `max_age` to come; a file that is missing, old,
    /// unreadable, from the future or of the dead is no sign of life, and [`Silence::file`] says which. It takes
    /// [pings](Self::ping), too.
    #[cfg(feature = "heartbeat")]
    #[cfg_attr(docsrs, doc(cfg(feature = "heartbeat")))]
    pub fn from_heartbeat(
        path: impl Into<std::path::PathBuf>,
        max_age: Duration,
    ) -> WatchdogBuilder {
        let source = Source::File {
            path: path.into(),
            liveness: max_age.into(),
            check_every: (max_age / 4).max(Duration::from_millis(1)),
            wall_clock: Box::new(std::time::SystemTime::now),
        };
        WatchdogBuilder::new(max_age, source)
    }
}

impl WatchdogBuilder {
    fn new(limit: Duration, source: Source) -> Self {
        Self {
            name: "watchdog".into(),
            limit,
            source,
            runtime: Arc::new(DefaultRuntime),
            raise: None,
            on_failure: None,
        }
    }

    /// What alarms call it; `watchdog` by default.
    pub fn name(mut self, name: impl Into<Arc<str>>) -> Self {
        self.name = name.into();
        self
    }

    /// What to do about a silence: answers `()`, or a `Result`. Called on the thread of the watchdog, which
    /// sees nothing as long as it lasts.
    pub fn on_silence<R: IntoEnding>(
        mut self,
        alarm: impl Fn(&Silence) -> R + Send + Sync + 'static,
    ) -> Self {
        self.raise = Some(at_once(alarm));
        self
    }

    /// The same for an alarm that awaits, in whatever `spawn` gives it to: `move |alarm| runtime.spawn(alarm)`
    /// of any [`Spawn`](crate::Spawn), or `move |alarm| drop(handle.spawn(alarm))` of a tokio `Handle`, which
    /// works from outside its runtime. It replaces [`on_silence`](Self::on_silence).
    ///
    /// An executor that is blocked runs no alarms either: spawn on another than the one that is watched.
    pub fn on_silence_spawn<Fut>(
        mut self,
        spawn: impl Fn(Pin<Box<dyn Future<Output = ()> + Send>>) + Send + Sync + 'static,
        alarm: impl Fn(Silence) -> Fut + Send + Sync + 'static,
    ) -> Self
    where
        Fut: Future<Output: IntoEnding> + Send + 'static,
    {
        self.raise = Some(spawned(spawn, alarm));
        self
    }

    /// Told when an alarm fails or panics. By default it is a line on standard error: an alarm that fails in
    /// silence would be none.
    pub fn on_alarm_failure(
        mut self,
        hook: impl Fn(&Silence, &Ending) + Send + Sync + 'static,
    ) -> Self {
        self.on_failure = Some(Box::new(hook));
        self
    }

    /// How often to look at the file of a heartbeat; a quarter of the allowed age by default. Nobody looks in
    /// between. It changes nothing where there is no file.
    #[cfg(feature = "heartbeat")]
    #[cfg_attr(docsrs, doc(cfg(feature = "heartbeat")))]
    pub fn check_every(mut self, interval: Duration) -> Self {
        if let Source::File { check_every, .. } = &mut self.source {
            *check_every = interval;
        }
        self
    }

    /// The clock that the stamps in the file of a heartbeat are held against: that of the system by default.
    #[cfg(feature = "heartbeat")]
    #[cfg_attr(docsrs, doc(cfg(feature = "heartbeat")))]
    pub fn wall_clock(
        mut self,
        clock: impl Fn() -> std::time::SystemTime + Send + Sync + 'static,
    ) -> Self {
        if let Source::File { wall_clock, .. } = &mut self.source {
            *wall_clock = Box::new(clock);
        }
        self
    }

    /// The clock and the timer; [`DefaultRuntime`] by default, whose timer is a thread. Not those of the
    /// executor that is watched: a timer that is blocked with it notices nothing, and that of `TokioRuntime` is for
    /// tokio's threads alone, so that [`start`](Watchdog::start) refuses it.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.runtime = Arc::new(runtime);
        self
    }

    /// A watchdog that does not watch yet.
    ///
    /// # Errors
    ///
    /// A limit or an interval of less than 1 ms.
    pub fn build(self) -> Result<Watchdog, WatchdogError> {
        let Self { name, limit, source, runtime, raise, on_failure } = self;
        if limit < SHORTEST {
            return Err(WatchdogError::Limit { name, limit });
        }
        if let Some(interval) = source.check_every().filter(|interval| *interval < SHORTEST) {
            return Err(WatchdogError::CheckInterval { name, interval });
        }
        let alarm = Alarm::new(raise, on_failure);
        Ok(Watchdog::of(name, limit, source, runtime, alarm))
    }
}

impl fmt::Debug for WatchdogBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WatchdogBuilder")
            .field("name", &self.name)
            .field("limit", &self.limit)
            .finish_non_exhaustive()
    }
}
