//! [`TokioRuntime`]: the timer and the spawn hook of the `rotapool` crate on tokio.
//!
//! The `rotapool` crate re-exports it under its feature `tokio`.
#![forbid(unsafe_code)]

use std::future::Future;
use std::pin::Pin;
use std::time::Instant;

use rotapool_core::{Runtime, Sleep, Spawn};

/// Sleeps on tokio's timer and reads tokio's clock, so `tokio::time::pause` and `advance` hold.
///
/// # Panics
///
/// Sleeping and spawning panic outside a tokio runtime, or inside one whose time driver is off, as
/// tokio's own functions do.
#[derive(Debug, Default, Clone, Copy)]
pub struct TokioRuntime;

impl Runtime for TokioRuntime {
    fn now(&self) -> Instant {
        tokio::time::Instant::now().into_std()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Box::pin(tokio::time::sleep_until(at.into()))
    }
}

impl Spawn for TokioRuntime {
    fn spawn(&self, future: Pin<Box<dyn Future<Output = ()> + Send>>) {
        drop(tokio::spawn(future));
    }
}
