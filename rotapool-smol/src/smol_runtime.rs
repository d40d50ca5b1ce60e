//! smol: sleeps on async-io's reactor, spawns on smol's global executor.

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use rotapool_core::{Runtime, Sleep, Spawn};

use crate::timer;

/// Sleeps on async-io's reactor and spawns on smol's global executor.
///
/// async-io drives its timers from a thread of its own when no executor does, so the timer works
/// under any executor.
#[derive(Debug, Default, Clone, Copy)]
pub struct SmolRuntime;

impl Runtime for SmolRuntime {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        timer::sleep_until(at)
    }
}

impl Spawn for SmolRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        smol::spawn(future).detach();
    }
}
