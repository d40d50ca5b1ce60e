//! Foreign code that has nothing to do with whoever happens to call it: hooks and wakers. None of it is
//! called under a lock.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Calls foreign code. A panic in it is its author's to find, by the message of the panic; the pool, the
/// caller and everybody else to be told go on.
pub(crate) fn contained(foreign: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(foreign));
}

/// Wakes a task.
pub(crate) fn wake(waker: Waker) {
    contained(|| waker.wake());
}
