//! Foreign code that has nothing to do with whoever happens to call it: hooks, wakers, subscribers. None of it is
//! called under a lock.

use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Calls foreign code. A panic in it is its author's to find, by the message of the panic; the pool, the
/// caller and everybody else to be told go on, without an answer.
#[inline]
pub(crate) fn contained<R>(foreign: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(foreign)).map_err(forget).ok()
}

/// What it panicked with is foreign too, and its drop may panic in turn.
#[cold]
fn forget(panicked_with: Box<dyn std::any::Any + Send>) {
    if let Err(again) = catch_unwind(AssertUnwindSafe(|| drop(panicked_with))) {
        mem::forget(again);
    }
}

/// Wakes a task.
pub(crate) fn wake(waker: Waker) {
    contained(|| waker.wake());
}
