//! Waking a task, which is foreign code.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Wakes a task, not under a lock. What its waker does is its own affair: a panic in it keeps nobody else
/// from being woken.
pub(crate) fn wake(waker: Waker) {
    let _ = catch_unwind(AssertUnwindSafe(|| waker.wake()));
}
