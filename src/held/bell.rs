//! Those who wait for one call: a pair has room for one task, and whoever holds a lease may share it.

use std::sync::Arc;
use std::task::Wake;

use crate::shield::wake;
use crate::waiters::{Change, Waiters};

/// Wakes all who listen, once it is woken itself.
#[derive(Default)]
pub(super) struct Bell(Waiters);

impl Bell {
    /// Ready when it rings. Look whether it rang *after* this.
    pub(super) fn listen(&self) -> Change {
        self.0.listen()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.0.change().for_each(wake);
    }
}
