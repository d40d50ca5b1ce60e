//! What a heart is made of.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use rotapool_core::Runtime;
use rotapool_core::lifecycle::PoolProgress;

use crate::lifecycle::heartbeat::error::HeartbeatError;

pub(super) struct Parts {
    pub(super) path: PathBuf,
    pub(super) interval: Duration,
    pub(super) metadata: BTreeMap<String, String>,
    pub(super) pools: Vec<Progress>,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) hooks: Hooks,
}

pub(super) type BoxError = Box<dyn Error + Send + Sync>;
type Job = Box<dyn FnOnce() + Send>;
/// A hook that is told something.
type Told<T> = Box<dyn Fn(&T) + Send + Sync>;

/// Code of the user's. None of it runs under a lock.
pub(super) struct Hooks {
    pub(super) target: Option<Box<dyn Fn() -> Result<(), BoxError> + Send + Sync>>,
    pub(super) on_missed_beat: Option<Told<HeartbeatError>>,
    pub(super) on_target_dead: Option<Told<str>>,
    pub(super) write_by: Box<dyn Fn(Job) + Send + Sync>,
    pub(super) wall_clock: Box<dyn Fn() -> SystemTime + Send + Sync>,
}

pub(super) type Progress = Box<dyn Fn(SystemTime) -> PoolProgress + Send + Sync>;
