//! The handle of a watchdog, and the watch.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rotapool_core::Runtime;
use rotapool_core::lifecycle::{Cadence, NotAlive, Vigil, Watch};

use crate::lifecycle::watchdog::alarm::Alarm;
use crate::lifecycle::watchdog::silence::{Silence, WatchdogError};
use crate::lifecycle::watchdog::source::Source;
use crate::sync::AtomicBool;

/// Barks when there was no sign of life for too long: once per silence, and again after the next sign. Clones
/// are handles of the same.
///
/// ```
/// use std::time::Duration;
/// use rotapool::lifecycle::Watchdog;
///
/// let watchdog = Watchdog::builder(Duration::from_secs(30))
///     .name("event loop")
///     .on_silence(|silence| eprintln!("{silence}")) // event loop: silent for 30.0s, allowed is 30.0s
///     .build()?;
/// let watching = watchdog.start()?; // a thread of its own: a blocked executor is noticed
/// watchdog.ping(); // from anywhere, as often as you like
/// # drop(watching);
/// # Ok::<(), rotapool::lifecycle::WatchdogError>(())
/// ```
///
/// The limit counts from the last sign of life, or from the beginning of the watch: who has just started has the
/// whole limit for a first. A silence is noticed when it is as long as the limit, not at the next round of some
/// polling; that of a file at the next look at it.
#[derive(Clone)]
pub struct Watchdog {
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) name: Arc<str>,
    pub(super) limit: Duration,
    source: Source,
    pub(super) runtime: Arc<dyn Runtime>,
    alarm: Alarm,
    /// From when the pings count.
    epoch: Instant,
    /// The last ping, in nanoseconds since the epoch, and one more; 0 is none.
    last_ping: AtomicU64,
    silences: AtomicU64,
    watching: AtomicBool,
}

/// How a watchdog has been doing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct WatchdogStats {
    /// Whether somebody drives [`watch`](Watchdog::watch), or a thread of it is alive.
    pub watching: bool,
    /// How long ago the last ping was; `None` if there was none.
    pub since_ping: Option<Duration>,
    /// Silences that were barked at.
    pub silences: u64,
    /// Alarms that failed or panicked.
    pub alarm_failures: u64,
}

impl Watchdog {
    pub(super) fn of(
        name: Arc<str>,
        limit: Duration,
        source: Source,
        runtime: Arc<dyn Runtime>,
        alarm: Alarm,
    ) -> Self {
        let epoch = runtime.now();
        let (last_ping, silences) = Default::default();
        let watching = AtomicBool::new(false);
        let inner =
            Inner { name, limit, source, runtime, alarm, epoch, last_ping, silences, watching };
        Self { inner: Arc::new(inner) }
    }

    /// A sign of life. It reads the clock and moves an atomic, and wakes nobody.
    pub fn ping(&self) {
        let since = self.inner.runtime.now().saturating_duration_since(self.inner.epoch);
        let since = u64::try_from(since.as_nanos()).unwrap_or(u64::MAX);
        self.inner.last_ping.fetch_max(since.saturating_add(1), Ordering::Relaxed);
    }

    /// The watch as a plain future, for an executor other than the one that is watched, or for tests in virtual
    /// time. It never ends by itself.
    ///
    /// # Errors
    ///
    /// When it watches already or has no alarm.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point, and the next watch begins anew.
    pub fn watch(&self) -> impl Future<Output = Result<Infallible, WatchdogError>> + Send + use<> {
        let this = self.clone();
        async move {
            let _claim = this.claim()?;
            let now = this.inner.runtime.now();
            Ok(this.watch_from(now).await)
        }
    }

    pub(super) fn watch_from(
        &self,
        now: Instant,
    ) -> impl Future<Output = Infallible> + Send + use<> {
        let inner = Arc::clone(&self.inner);
        async move {
            let mut vigil = Vigil::new(inner.limit, now);
            let mut looks = inner.source.check_every().map(|every| Cadence::new(every, now));
            loop {
                let now = inner.runtime.now();
                let (sign, file) = inner.last_sign(now);
                let mut until = match vigil.look(sign, now) {
                    Watch::Until(until) => until,
                    Watch::Bark(silent_for) => {
                        inner.bark(silent_for, file);
                        continue;
                    }
                };
                if let Some(looks) = &mut looks {
                    looks.tick(now);
                    until = looks.due();
                }
                while inner.runtime.now() < until {
                    inner.runtime.sleep_until(until).await;
                }
            }
        }
    }

    /// How it has been doing.
    #[must_use]
    pub fn stats(&self) -> WatchdogStats {
        let now = self.inner.runtime.now();
        let last = self.inner.last_ping();
        WatchdogStats {
            watching: self.inner.watching.load(Ordering::Acquire),
            since_ping: last.map(|last| now.saturating_duration_since(last)),
            silences: self.inner.silences.load(Ordering::Relaxed),
            alarm_failures: self.inner.alarm.failures(),
        }
    }

    pub(super) fn claim(&self) -> Result<Claim, WatchdogError> {
        let name = Arc::clone(&self.inner.name);
        if !self.inner.alarm.is_there() {
            return Err(WatchdogError::NoAlarm { name });
        }
        match self.inner.watching.swap(true, Ordering::AcqRel) {
            true => Err(WatchdogError::Watching { name }),
            false => Ok(Claim(Arc::clone(&self.inner))),
        }
    }
}

/// Whoever watches.
pub(super) struct Claim(Arc<Inner>);

impl Drop for Claim {
    fn drop(&mut self) {
        self.0.watching.store(false, Ordering::Release);
    }
}

impl fmt::Debug for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Claim").field(&self.0.name).finish()
    }
}

impl Inner {
    pub(super) fn last_ping(&self) -> Option<Instant> {
        let since = self.last_ping.load(Ordering::Relaxed).checked_sub(1)?;
        self.epoch.checked_add(Duration::from_nanos(since))
    }

    /// The last sign of life from anywhere, and what is wrong with the file if that is too long ago.
    fn last_sign(&self, now: Instant) -> (Option<Instant>, Option<NotAlive>) {
        let ping = self.last_ping();
        match self.source.look() {
            None => (ping, None),
            // The reason of a silence that is just as long as allowed.
            Some(Ok(age)) => {
                let old = NotAlive::Stale { age, max_age: self.limit };
                (ping.max(now.checked_sub(age)), Some(old))
            }
            Some(Err(reason)) => (ping, Some(reason)),
        }
    }

    pub(super) fn silence(&self, silent_for: Duration, file: Option<NotAlive>) -> Silence {
        Silence { name: Arc::clone(&self.name), silent_for, limit: self.limit, file }
    }

    fn bark(&self, silent_for: Duration, file: Option<NotAlive>) {
        self.silences.fetch_add(1, Ordering::Relaxed);
        self.alarm.raise(&self.silence(silent_for, file));
    }
}

impl fmt::Debug for Watchdog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watchdog")
            .field("name", &self.inner.name)
            .field("limit", &self.inner.limit)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
