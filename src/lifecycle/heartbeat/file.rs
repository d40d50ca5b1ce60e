//! A file that is whole whenever anybody looks.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};

use rotapool_core::lifecycle::Unreadable;

/// No beat is longer, neither to be written nor to be read.
pub(super) const LONGEST: usize = 1 << 20;

/// Puts a new file in the place of the old one, so that a reader sees either, and whole. Nothing is flushed to
/// the disk: that can take minutes, and a beat need not survive a power cut.
pub(super) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let beside = beside(path);
    let written = create(&beside).and_then(|mut file| file.write_all(content));
    let replaced = written.and_then(|()| fs::rename(&beside, path));
    if replaced.is_err() {
        let _ = fs::remove_file(&beside);
    }
    replaced
}

/// Whether the file could be replaced: creates and removes what would be renamed.
pub(super) fn probe(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Err(io::Error::from(io::ErrorKind::IsADirectory));
    }
    let beside = beside(path);
    create(&beside)?;
    fs::remove_file(&beside)
}

fn create(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// A name that no other beat has: of this process, of another, or of another machine on the same disk.
fn beside(path: &Path) -> PathBuf {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let mut name = std::ffi::OsString::from(".");
    name.push(path.file_name().unwrap_or_default());
    name.push(format!(".{}.{number}.{:016x}.tmp", process::id(), fastrand::u64(..)));
    path.with_file_name(name)
}

/// All of a file, whatever it is.
pub(super) fn read(path: &Path) -> Result<Vec<u8>, Unreadable> {
    // A pipe would block in `open` already.
    if !fs::metadata(path).map_err(|error| unreadable(&error))?.is_file() {
        return Err(Unreadable::NotAFile);
    }
    let mut content = Vec::new();
    let file = File::open(path).map_err(|error| unreadable(&error))?;
    let most = u64::try_from(LONGEST).unwrap_or(u64::MAX).saturating_add(1);
    file.take(most).read_to_end(&mut content).map_err(|error| unreadable(&error))?;
    match content.len() > LONGEST {
        true => Err(Unreadable::TooLong { limit: LONGEST }),
        false => Ok(content),
    }
}

fn unreadable(error: &io::Error) -> Unreadable {
    match error.kind() {
        io::ErrorKind::NotFound => Unreadable::Missing,
        _ => Unreadable::Io { reason: error.to_string() },
    }
}
