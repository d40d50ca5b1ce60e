//! async-std: sleeps on async-io's reactor, spawns on async-std's executor.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use rotapool_core::{Runtime, Sleep, Spawn};

use crate::timer;

/// Sleeps on async-io's reactor, which async-std shares, and spawns on async-std's executor.
///
/// async-std is discontinued upstream (RUSTSEC-2025-0052). This is here for those still on it.
#[derive(Debug, Default, Clone, Copy)]
pub struct AsyncStdRuntime;

impl Runtime for AsyncStdRuntime {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        timer::sleep_until(at)
    }
}

impl Spawn for AsyncStdRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        drop(async_std::task::spawn(future));
    }
}
