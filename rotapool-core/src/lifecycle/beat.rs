//! What a beat of the heart tells.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// One beat: who lives, and the work that proves it.
///
/// A timer that still fires proves little. So a beat tells of three others: the loop that it comes from
/// ([`LoopProgress`]), the pools that the service lives on ([`PoolProgress`]), and the writer of the file
/// ([`WriterProgress`]).
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Beat {
    /// When the heart beat, by the wall clock: the loop's stamp, not that of the writer.
    pub time: SystemTime,
    /// The process.
    pub pid: u32,
    /// The machine.
    pub host: String,
    /// Counts the beats that this heart got into the file, this one included.
    pub sequence: u64,
    /// How often it beats.
    pub interval: Duration,
    /// The loop; `None` of a heart that beats by hand alone.
    pub event_loop: Option<LoopProgress>,
    /// The pools, in the order in which they were given.
    pub pools: Vec<PoolProgress>,
    /// The writer of the file.
    pub writer: WriterProgress,
    /// Whom the heart beats for; `None` if nobody was named.
    pub target: Option<Target>,
    /// What its owner wants readers to know.
    pub metadata: BTreeMap<String, String>,
}

impl Beat {
    /// A beat of which no more is known than who made it, and when.
    #[must_use]
    pub fn new(time: SystemTime, pid: u32, host: String, sequence: u64) -> Self {
        Self {
            time,
            pid,
            host,
            sequence,
            interval: Duration::ZERO,
            event_loop: None,
            pools: Vec::new(),
            writer: WriterProgress { written: time, missed: 0, last_took: None },
            target: None,
            metadata: BTreeMap::new(),
        }
    }
}

/// How the loop keeps up, as its ticks show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LoopProgress {
    /// How many ticks it has made.
    pub ticks: u64,
    /// How late the last tick was: what else the loop was busy with.
    pub late: Duration,
    /// The latest tick so far.
    pub worst_late: Duration,
}

/// What a pool has got done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PoolProgress {
    /// The pool.
    pub name: String,
    /// How many attempts have ended, aborted and abandoned ones included.
    pub settled: u64,
    /// How many are in flight.
    pub in_flight: u64,
    /// When the last attempt was settled that said something about its resource, by the wall clock; `None` if
    /// none was.
    pub last_settled: Option<SystemTime>,
}

/// How the writer of the file keeps up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WriterProgress {
    /// When it took this beat up, by the wall clock: between its [`time`](Beat::time) and this it waited for
    /// its turn.
    pub written: SystemTime,
    /// How many beats never got into the file so far.
    pub missed: u64,
    /// How long it took to write the beat before; `None` at the first.
    pub last_took: Option<Duration>,
}

/// Whom a heart beats for, as its own check found it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Target {
    /// It lives.
    Alive,
    /// It does not, for this reason.
    Dead(String),
}
