//! The handle of a heart, and who reads the file.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::path::Path;
use std::sync::Arc;
use std::time::SystemTime;

use rotapool_core::lifecycle::{Beat, Cadence, Liveness, NotAlive, Unreadable};

use crate::lifecycle::heartbeat::error::HeartbeatError;
use crate::lifecycle::heartbeat::heart::{Heart, HeartbeatStats, Running};
use crate::lifecycle::heartbeat::{file, json};

/// A heart: a file that is replaced at a fixed rate while the loop that drives it comes round. Clones are
/// handles of the same.
///
/// ```
/// use std::time::Duration;
/// use rotapool::lifecycle::Heartbeat;
///
/// # let directory = std::env::temp_dir().join(format!("rotapool-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory).unwrap();
/// # let path = directory.join("service.beat");
/// let heart = Heartbeat::builder(&path).metadata("version", "1.2").build()?;
/// heart.beat()?; // by hand; `heart.run().await` beats until it is dropped
///
/// let beat = Heartbeat::is_alive(&path, Duration::from_secs(30)).unwrap();
/// assert_eq!(beat.pid, std::process::id());
/// # std::fs::remove_dir_all(&directory).unwrap();
/// # Ok::<(), rotapool::lifecycle::HeartbeatError>(())
/// ```
///
/// # What it proves
///
/// [`run`](Self::run) is a plain future. Drive it on the loop whose life is in question: a loop that is blocked
/// makes no beats, and the file grows old. Every [`Beat`] tells how late the loop came round, what the
/// [pools](crate::lifecycle::HeartbeatBuilder::pool) have got done, and how the writer keeps up, so that a reader may ask for more
/// than a stamp.
///
/// # The file
///
/// JSON, one object on one line; `docs/lifecycle.md` has an example. It is written off the loop, under a
/// temporary name of its own, and renamed: a reader sees a whole beat, however many threads and processes write
/// to one path. It is not flushed to the disk, which can take minutes; after a power cut it may be empty, and
/// reads as [half](Unreadable::Half) a beat. It stays when the heart stops: its age is the news. A process that is
/// killed while it writes leaves its temporary file, `.NAME.PID.….tmp`, behind.
#[derive(Clone)]
pub struct Heartbeat {
    heart: Arc<Heart>,
}

impl Heartbeat {
    pub(super) fn of(heart: Heart) -> Self {
        Self { heart: Arc::new(heart) }
    }

    /// Beats until it is dropped: at once, and then at whole intervals from there, without drift.
    ///
    /// A beat that is due while the one before is still being written is missed, and so are those that were due
    /// while the loop was away: they are not made up for.
    ///
    /// # Errors
    ///
    /// [`HeartbeatError::Beating`], at once, when the heart is driven already. Missed beats do not end it: they
    /// are counted, and told to [`on_missed_beat`](crate::lifecycle::HeartbeatBuilder::on_missed_beat).
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point, and `run` called again. A beat that was being written is written.
    pub fn run(&self) -> impl Future<Output = Result<Infallible, HeartbeatError>> + Send + use<> {
        let heart = Arc::clone(&self.heart);
        async move {
            let _running = Running::claim(&heart)?;
            let runtime = &heart.parts.runtime;
            let mut cadence = Cadence::new(heart.parts.interval, runtime.now());
            loop {
                match cadence.tick(runtime.now()) {
                    Some(tick) => heart.tick(tick),
                    None => runtime.sleep_until(cadence.due()).await,
                }
            }
        }
    }

    /// Beats once, by hand, and writes on this thread: not for a loop whose disk may be slow.
    ///
    /// Any number of threads may beat at once. The file gets every beat of one heart in order.
    ///
    /// # Errors
    ///
    /// Why the beat did not get into the file. It also counts as missed.
    pub fn beat(&self) -> Result<(), HeartbeatError> {
        let heart = &self.heart;
        let beat = heart.compose(heart.ask_target());
        let written = heart.write(beat, false);
        heart.settle(written.clone());
        written
    }

    /// How it has been beating.
    #[must_use]
    pub fn stats(&self) -> HeartbeatStats {
        self.heart.stats()
    }

    /// The beat in a file.
    ///
    /// # Errors
    ///
    /// Whatever is there instead, typed. It never panics, waits for a pipe, or reads without end.
    pub fn read(path: impl AsRef<Path>) -> Result<Beat, Unreadable> {
        json::read(&file::read(path.as_ref())?)
    }

    /// Whether a file proves life by the clock of this system: the beat, if it does. A [`Duration`](std::time::Duration) is the age
    /// that it may have; [`Liveness`] can ask for more, such as a process.
    ///
    /// # Errors
    ///
    /// Why it does not.
    pub fn is_alive(
        path: impl AsRef<Path>,
        liveness: impl Into<Liveness>,
    ) -> Result<Beat, NotAlive> {
        let beat = Self::read(path)?;
        liveness.into().judge(&beat, SystemTime::now())?;
        Ok(beat)
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat")
            .field("path", &self.heart.parts.path)
            .field("interval", &self.heart.parts.interval)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
