//! What a heart does at a beat: asks, tells, writes, and keeps the books.

use std::process;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use rotapool_core::lifecycle::{Beat, LoopProgress, Onset, Target, Tick, WriterProgress};

use crate::lifecycle::caught::caught;
use crate::lifecycle::heartbeat::error::HeartbeatError;
use crate::lifecycle::heartbeat::parts::Parts;
use crate::lifecycle::heartbeat::{file, json};
use crate::sync::{AtomicBool, Mutex, MutexGuard};

pub(super) struct Heart {
    pub(super) parts: Parts,
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
    /// Whether somebody drives [`run`](crate::lifecycle::Heartbeat::run).
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

/// Whoever drives it.
pub(super) struct Running<'a>(&'a Heart);

impl<'a> Running<'a> {
    pub(super) fn claim(heart: &'a Heart) -> Result<Self, HeartbeatError> {
        match heart.running.swap(true, Ordering::AcqRel) {
            true => Err(HeartbeatError::Beating),
            false => Ok(Self(heart)),
        }
    }
}

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.store(false, Ordering::Release);
    }
}

impl Heart {
    pub(super) fn new(parts: Parts) -> Self {
        let host = gethostname::gethostname().to_string_lossy().into_owned();
        let (running, writing) = (AtomicBool::new(false), AtomicBool::new(false));
        let in_file = Mutex::new(InFile { sequence: 0, time: SystemTime::UNIX_EPOCH });
        let books = Mutex::default();
        Self { parts, host, running, writing, books, in_file }
    }

    pub(super) fn stats(&self) -> HeartbeatStats {
        let now = self.parts.runtime.now();
        let running = self.running.load(Ordering::Acquire);
        let books = self.books();
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

    /// Whether a beat can be told at all.
    pub(super) fn check(&self) -> Result<(), HeartbeatError> {
        self.render(&self.compose(None)).map(drop)
    }

    /// A beat of the loop is due.
    pub(super) fn tick(self: &Arc<Self>, Tick { late, skipped }: Tick) {
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
        let mut job = Job { heart: Arc::clone(self), beat: Some(beat) };
        self.call(|| (self.parts.hooks.write_by)(Box::new(move || job.write())));
    }

    /// What is to be told now. Its number it gets as it is written.
    pub(super) fn compose(&self, target: Option<Target>) -> Beat {
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
    pub(super) fn ask_target(&self) -> Option<Target> {
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
    pub(super) fn write(&self, mut beat: Beat, overtaken: bool) -> Result<(), HeartbeatError> {
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

    pub(super) fn settle(&self, written: Result<(), HeartbeatError>) {
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
    heart: Arc<Heart>,
    beat: Option<Beat>,
}

impl Job {
    fn write(&mut self) {
        if let Some(beat) = self.beat.take() {
            let written = caught(|| self.heart.write(beat, true));
            self.end(written.unwrap_or(Err(HeartbeatError::NotWritten)));
        }
    }

    fn end(&self, written: Result<(), HeartbeatError>) {
        // Before the hook, which may take its time.
        self.heart.writing.store(false, Ordering::Release);
        self.heart.settle(written);
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if self.beat.take().is_some() {
            self.end(Err(HeartbeatError::NotWritten));
        }
    }
}
