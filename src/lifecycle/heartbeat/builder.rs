//! How a heart is made.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant, SystemTime};

use rotapool_core::Runtime;
use rotapool_core::lifecycle::PoolProgress;

use crate::drive::timer::DefaultRuntime;
use crate::lifecycle::heartbeat::error::HeartbeatError;
use crate::lifecycle::heartbeat::file;
use crate::lifecycle::heartbeat::handle::Heartbeat;
use crate::lifecycle::heartbeat::heart::Heart;
use crate::lifecycle::heartbeat::parts::{BoxError, Hooks, Parts};
use crate::pool::Pool;

/// Collects what a heart beats for; [`build`](Self::build) checks it all. Made by [`Heartbeat::builder`].
#[must_use = "a builder does nothing until `build`"]
pub struct HeartbeatBuilder(Parts);

impl Heartbeat {
    /// A heart that beats into this file, every 10 s unless said otherwise.
    pub fn builder(path: impl Into<PathBuf>) -> HeartbeatBuilder {
        HeartbeatBuilder::new(path.into())
    }
}

impl HeartbeatBuilder {
    fn new(path: PathBuf) -> Self {
        let hooks = Hooks {
            target: None,
            on_missed_beat: None,
            on_target_dead: None,
            write_by: Box::new(|write| {
                // Where there is no thread to be had, the beat is dropped and told as missed.
                let _ = thread::Builder::new().name("rotapool-beat".to_owned()).spawn(write);
            }),
            wall_clock: Box::new(SystemTime::now),
        };
        Self(Parts {
            path,
            interval: Duration::from_secs(10),
            metadata: BTreeMap::new(),
            pools: Vec::new(),
            runtime: Arc::new(DefaultRuntime),
            hooks,
        })
    }

    /// How often the heart beats: 10 s by default, 10 ms to a day.
    pub fn interval(mut self, interval: Duration) -> Self {
        self.0.interval = interval;
        self
    }

    /// Something that readers should know, by a key. A key said twice keeps the later.
    pub fn metadata(mut self, key: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.metadata.insert(key.into(), value.into());
        self
    }

    /// A pool whose progress every beat tells. It is kept alive.
    pub fn pool<T: Send + Sync + 'static>(mut self, pool: &Pool<T>) -> Self {
        let pool = pool.clone();
        self.0.pools.push(Box::new(move |wall| progress(&pool, wall)));
        self
    }

    /// How whom the heart beats for is doing, asked at every beat, on the loop: quick, and no waiting. An
    /// error, or a panic, is its death; readers are told, and [`on_target_dead`](Self::on_target_dead).
    pub fn target<E: Into<BoxError>>(
        mut self,
        target: impl Fn() -> Result<(), E> + Send + Sync + 'static,
    ) -> Self {
        self.0.hooks.target = Some(Box::new(move || target().map_err(Into::into)));
        self
    }

    /// Told when beats begin to be missed: once, and again after a beat that was not. From whatever thread
    /// finds out.
    pub fn on_missed_beat(
        mut self,
        hook: impl Fn(&HeartbeatError) + Send + Sync + 'static,
    ) -> Self {
        self.0.hooks.on_missed_beat = Some(Box::new(hook));
        self
    }

    /// Told when the [target](Self::target) dies, and why: once, and again after it has lived.
    pub fn on_target_dead(mut self, hook: impl Fn(&str) + Send + Sync + 'static) -> Self {
        self.0.hooks.on_target_dead = Some(Box::new(hook));
        self
    }

    /// What runs the writing of a beat off the loop, such as tokio's `spawn_blocking`. By default a thread
    /// that lives as long as it writes, so that a heart at rest costs nothing. `|write| write()` writes on the
    /// loop, as tests in virtual time want it.
    pub fn write_by(
        mut self,
        hook: impl Fn(Box<dyn FnOnce() + Send>) + Send + Sync + 'static,
    ) -> Self {
        self.0.hooks.write_by = Box::new(hook);
        self
    }

    /// The clock of the stamps in the file: that of the system by default.
    pub fn wall_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.0.hooks.wall_clock = Box::new(clock);
        self
    }

    /// The clock and the timer of [`run`](Heartbeat::run); [`DefaultRuntime`] by default. That of the loop
    /// which should prove its life.
    pub fn runtime(mut self, runtime: impl Runtime) -> Self {
        self.0.runtime = Arc::new(runtime);
        self
    }

    /// A heart that has not beaten yet. Tries whether a file can be made where it should be, and leaves
    /// nothing there.
    ///
    /// # Errors
    ///
    /// An interval out of range, a path without a name, a directory that is missing or takes no files, and
    /// more metadata than a beat may have.
    pub fn build(self) -> Result<Heartbeat, HeartbeatError> {
        let Parts { path, interval, .. } = &self.0;
        let allowed = Duration::from_millis(10)..=Duration::from_secs(24 * 60 * 60);
        if !allowed.contains(interval) {
            return Err(HeartbeatError::Interval { interval: *interval });
        }
        if path.file_name().is_none() {
            return Err(HeartbeatError::NoFileName { path: path.clone() });
        }
        if let Err(error) = file::probe(path) {
            let reason = error.to_string().into();
            return Err(HeartbeatError::Unwritable { path: path.clone(), reason });
        }
        let heart = Heart::new(self.0);
        heart.check()?;
        Ok(Heartbeat::of(heart))
    }
}

impl std::fmt::Debug for HeartbeatBuilder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HeartbeatBuilder")
            .field("path", &self.0.path)
            .field("interval", &self.0.interval)
            .field("metadata", &self.0.metadata)
            .finish_non_exhaustive()
    }
}

fn progress<T>(pool: &Pool<T>, wall: SystemTime) -> PoolProgress {
    let (stats, now) = (pool.stats(), pool.now());
    let settled = |resource: &rotapool_core::ResourceStats| -> Option<Instant> {
        resource.health.last_success.max(resource.health.last_failure)
    };
    let last = stats.resources.iter().filter_map(settled).max();
    PoolProgress {
        name: pool.name().to_owned(),
        settled: stats.attempts.saturating_sub(stats.in_flight),
        in_flight: stats.in_flight,
        last_settled: last.and_then(|last| wall.checked_sub(now.saturating_duration_since(last))),
    }
}
