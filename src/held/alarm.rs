//! A timer that may be shared, although nobody polls it but its owner.

use std::sync::{Mutex, PoisonError};
use std::task::{Context, Poll};

use rotapool_core::Sleep;

/// A [`Sleep`] is not `Sync`, and what boxes bodies asks for that. It is reached by its owner alone, so the mutex is never locked.
pub(super) struct Alarm(Mutex<Sleep>);

impl Alarm {
    pub(super) fn poll(&mut self, task: &mut Context<'_>) -> Poll<()> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).as_mut().poll(task)
    }
}

impl From<Sleep> for Alarm {
    fn from(sleep: Sleep) -> Self {
        Self(Mutex::new(sleep))
    }
}
