//! Proving life: a file that is written as long as work is done.

mod builder;
mod error;
mod file;
mod json;

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rotapool_core::lifecycle::{
    Beat, Cadence, Liveness, LoopProgress, NotAlive, Onset, Target, Tick, Unreadable,
    WriterProgress,
};

use crate::lifecycle::caught::caught;
use crate::sync::{AtomicBool, Mutex, MutexGuard};

pub use self::builder::HeartbeatBuilder;
pub use self::error::HeartbeatError;

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
/// [pools](HeartbeatBuilder::pool) have got done, and how the writer keeps up, so that a reader may ask for more
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
    inner: Arc<Inner>,
}

struct Inner {
    parts: HeartbeatBuilder,
    host: String,
    /// Somebody drives `run`.
    running: AtomicBool,
    /// A beat of `run` is being written.
    writing: AtomicBool,
    books: Mutex<Books>,
    /// Held while the file is replaced, so that the beats of one heart get there in order.
    in_file: Mutex<InFile>,
}

/// The beat in the file.
struct InFile {
    sequence: u64,
    time: SystemTime,
}

#[derive(Default)]
struct Books {
    beats: u64,
    missed: u64,
    event_loop: Option<LoopProgress>,
    last_took: Option<Duration>,
    last_beat: Option<Instant>,
    last_error: Option<HeartbeatError>,
    hook_panics: u64,
    missing: Onset,
    dying: Onset,
    target_dead: bool,
}

/// How a heart has been beating.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct HeartbeatStats {
    /// Whether somebody drives [`run`](Heartbeat::run).
    pub running: bool,
    /// Beats that got into the file.
    pub beats: u64,
    /// Beats that did not, whatever kept them, those that were due while the loop was away included.
    pub missed: u64,
    /// How long ago the last beat got into the file; `None` if none has.
    pub since_beat: Option<Duration>,
    /// How the loop keeps up; `None` before its first tick.
    pub event_loop: Option<LoopProgress>,
    /// How long it took to write the last beat.
    pub last_took: Option<Duration>,
    /// Why the last missed beat was missed.
    pub last_error: Option<HeartbeatError>,
    /// Whether the target was dead at the last beat.
    pub target_dead: bool,
    /// Hooks that panicked. Their panics harm nobody else.
    pub hook_panics: u64,
}

impl Heartbeat {
    /// A heart that beats into this file, every 10 s unless said otherwise.
    pub fn builder(path: impl Into<PathBuf>) -> HeartbeatBuilder {
        HeartbeatBuilder::new(path.into())
    }

    fn of(parts: HeartbeatBuilder) -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        let (running, writing) = (AtomicBool::new(false), AtomicBool::new(false));
        let in_file = Mutex::new(InFile { sequence: 0, time: SystemTime::UNIX_EPOCH });
        let books = Mutex::default();
        Self { inner: Arc::new(Inner { parts, host, running, writing, books, in_file }) }
    }

    /// Whether a beat can be told at all.
    fn check(&self) -> Result<(), HeartbeatError> {
        self.inner.render(&self.inner.compose(None)).map(drop)
    }

    /// Beats until it is dropped: at once, and then at whole intervals from there, without drift.
    ///
    /// A beat that is due while the one before is still being written is missed, and so are those that were due
    /// while the loop was away: they are not made up for.
    ///
    /// # Errors
    ///
    /// [`HeartbeatError::Beating`], at once, when the heart is driven already. Missed beats do not end it: they
    /// are counted, and told to [`on_missed_beat`](HeartbeatBuilder::on_missed_beat).
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point, and `run` called again. A beat that was being written is written.
    pub fn run(&self) -> impl Future<Output = Result<Infallible, HeartbeatError>> + Send + use<> {
        let inner = Arc::clone(&self.inner);
        async move {
            let _running = Running::claim(&inner)?;
            let runtime = &inner.parts.runtime;
            let mut cadence = Cadence::new(inner.parts.interval, runtime.now());
            loop {
                match cadence.tick(runtime.now()) {
                    Some(tick) => inner.tick(tick),
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
        let inner = &self.inner;
        let beat = inner.compose(inner.ask_target());
        let written = inner.write(beat, false);
        inner.settle(written.clone());
        written
    }

    /// How it has been beating.
    #[must_use]
    pub fn stats(&self) -> HeartbeatStats {
        let now = self.inner.parts.runtime.now();
        let running = self.inner.running.load(Ordering::Acquire);
        let books = self.inner.books();
        HeartbeatStats {
            running,
            beats: books.beats,
            missed: books.missed,
            since_beat: books.last_beat.map(|beat| now.saturating_duration_since(beat)),
            event_loop: books.event_loop,
            last_took: books.last_took,
            last_error: books.last_error.clone(),
            target_dead: books.target_dead,
            hook_panics: books.hook_panics,
        }
    }

    /// The beat in a file.
    ///
    /// # Errors
    ///
    /// Whatever is there instead, typed; it never panics, blocks or reads without end.
    pub fn read(path: impl AsRef<Path>) -> Result<Beat, Unreadable> {
        json::read(&file::read(path.as_ref())?)
    }

    /// Whether a file proves life by the clock of this system: the beat, if it does. A [`Duration`] is the age
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

/// Whoever drives it.
struct Running<'a>(&'a Inner);

impl<'a> Running<'a> {
    fn claim(inner: &'a Inner) -> Result<Self, HeartbeatError> {
        match inner.running.swap(true, Ordering::AcqRel) {
            true => Err(HeartbeatError::Beating),
            false => Ok(Self(inner)),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Release);
    }
}

impl Inner {
    /// A beat of the loop is due.
    fn tick(self: &Arc<Self>, Tick { late, skipped }: Tick) {
        let mut books = self.books();
        let before = books.event_loop;
        books.event_loop = Some(LoopProgress {
            ticks: before.map_or(0, |before| before.ticks).saturating_add(1),
            late,
            worst_late: before.map_or(late, |before| before.worst_late.max(late)),
        });
        drop(books);
        if skipped > 0 {
            self.miss(skipped, &HeartbeatError::Late { missed: skipped, late });
        }
        let beat = self.compose(self.ask_target());
        if self.writing.swap(true, Ordering::AcqRel) {
            return self.miss(1, &HeartbeatError::Writing);
        }
        let mut job = Job { inner: Arc::clone(self), beat: Some(beat) };
        self.call(|| (self.parts.hooks.write_by)(Box::new(move || job.write())));
    }

    /// What is to be told now. Its number it gets as it is written.
    fn compose(&self, target: Option<Target>) -> Beat {
        let wall = (self.parts.hooks.wall_clock)();
        let mut beat = Beat::new(wall, process::id(), self.host.clone(), 0);
        beat.interval = self.parts.interval;
        beat.pools = self.parts.pools.iter().map(|progress| progress(wall)).collect();
        beat.target = target;
        beat.metadata.clone_from(&self.parts.metadata);
        beat.event_loop = self.books().event_loop;
        beat
    }

    fn render(&self, beat: &Beat) -> Result<Vec<u8>, HeartbeatError> {
        let content = json::write(beat).ok_or(HeartbeatError::WallClock)?;
        match content.len() {
            length if length > file::LONGEST => {
                Err(HeartbeatError::TooLong { length, limit: file::LONGEST })
            }
            _ => Ok(content),
        }
    }

    /// Asks how the target is; tells its death.
    fn ask_target(&self) -> Option<Target> {
        let ask = self.parts.hooks.target.as_ref()?;
        let target = match caught(ask) {
            Ok(Ok(())) => Target::Alive,
            Ok(Err(error)) => Target::Dead(error.to_string()),
            Err(message) => Target::Dead(format!("its check panicked: {message}")),
        };
        let dead = matches!(target, Target::Dead(_));
        let mut books = self.books();
        books.target_dead = dead;
        let dies = books.dying.look(dead);
        drop(books);
        if let (true, Target::Dead(reason), Some(hook)) =
            (dies, &target, &self.parts.hooks.on_target_dead)
        {
            self.call(|| hook(reason));
        }
        Some(target)
    }

    /// Puts a beat into the file; one that may be `overtaken` is left out where the file has a later one.
    fn write(&self, mut beat: Beat, overtaken: bool) -> Result<(), HeartbeatError> {
        let written = (self.parts.hooks.wall_clock)();
        // The disk's time, not that of whoever plays with clocks; and nothing foreign from here on.
        let began = Instant::now();
        let mut in_file = self.in_file.lock().unwrap_or_else(PoisonError::into_inner);
        if overtaken && in_file.time > beat.time {
            return Ok(());
        }
        let Books { missed, last_took, .. } = *self.books();
        beat.sequence = in_file.sequence + 1;
        beat.writer = WriterProgress { written, missed, last_took };
        let content = self.render(&beat)?;
        file::replace(&self.parts.path, &content).map_err(|error| {
            let (path, reason) = (self.parts.path.clone(), error.to_string().into());
            HeartbeatError::Write { path, reason }
        })?;
        *in_file = InFile { sequence: beat.sequence, time: beat.time };
        self.books().last_took = Some(began.elapsed());
        Ok(())
    }

    fn settle(&self, written: Result<(), HeartbeatError>) {
        match written {
            Err(error) => self.miss(1, &error),
            Ok(()) => {
                let now = self.parts.runtime.now();
                let mut books = self.books();
                books.beats += 1;
                books.last_beat = Some(now);
                books.missing.look(false);
            }
        }
    }

    fn miss(&self, count: u64, error: &HeartbeatError) {
        let mut books = self.books();
        books.missed = books.missed.saturating_add(count);
        books.last_error = Some(error.clone());
        let begins = books.missing.look(true);
        drop(books);
        if let (true, Some(hook)) = (begins, &self.parts.hooks.on_missed_beat) {
            self.call(|| hook(error));
        }
    }

    /// Calls a hook.
    fn call(&self, hook: impl FnOnce()) {
        if caught(hook).is_err() {
            self.books().hook_panics += 1;
        }
    }

    fn books(&self) -> MutexGuard<'_, Books> {
        self.books.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A beat on its way to the file. Dropped without having been written, it is told as missed.
struct Job {
    inner: Arc<Inner>,
    beat: Option<Beat>,
}

impl Job {
    fn write(&mut self) {
        if let Some(beat) = self.beat.take() {
            let written = caught(|| self.inner.write(beat, true));
            self.end(written.unwrap_or(Err(HeartbeatError::NotWritten)));
        }
    }

    fn end(&self, written: Result<(), HeartbeatError>) {
        // Before the hook, which may take its time.
        self.inner.writing.store(false, Ordering::Release);
        self.inner.settle(written);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.beat.take().is_some() {
            self.end(Err(HeartbeatError::NotWritten));
        }
    }
}

impl fmt::Debug for Heartbeat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Heartbeat")
            .field("path", &self.inner.parts.path)
            .field("interval", &self.inner.parts.interval)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}
