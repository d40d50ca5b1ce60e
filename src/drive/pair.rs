//! What joins a run with whoever may call it: the sibling that aborts its attempt, the pool that hands it a place
//! in line, the caller that aborts it whole. A flag, and the task to wake.
//!
//! The pair does as `AbortHandle` and `AbortRegistration` of `futures` do, except that its two ends can
//! meet again: a pair by which nobody called serves the next run, so a healthy run allocates nothing.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Waker;

use crate::shield::wake;
use crate::sync::{AtomicBool, AtomicWaker};

#[derive(Debug, Default)]
struct Flag {
    raised: AtomicBool,
    task: AtomicWaker,
}

/// The end that calls. The state keeps it with the usage, or in line; of a whole run, the caller has it.
#[derive(Debug, Clone)]
pub(crate) struct Trigger(Arc<Flag>);

/// The end that is called. The run keeps it.
#[derive(Debug)]
pub(crate) struct Target(Arc<Flag>);

impl Trigger {
    /// Calls the run. This runs foreign code: the waker of its task.
    pub(crate) fn pull(&self) {
        // The waker's own synchronisation orders the flag.
        self.0.raised.store(true, Ordering::Relaxed);
        self.0.task.take().into_iter().for_each(wake);
    }
}

impl Target {
    #[inline]
    pub(crate) fn is_called(&self) -> bool {
        self.0.raised.load(Ordering::Relaxed)
    }

    /// Has the task woken when the run is called. Look whether it is *after* this.
    pub(crate) fn watch(&self, task: &Waker) {
        self.0.task.register(task);
    }

    /// Tells whether the call has come, to whoever keeps this for however long: a pair of which there is one serves no
    /// other attempt.
    pub(crate) fn look(&self) -> Look {
        Look(AssertUnwindSafe(Arc::clone(&self.0)))
    }

    /// Lets go of the task.
    #[cold]
    pub(crate) fn unwatch(&self) {
        drop(self.0.task.take());
    }
}

/// A look at a call, which outlives the pair. What it looks at is left in one piece by any panic.
pub(crate) struct Look(AssertUnwindSafe<Arc<Flag>>);

impl Look {
    pub(crate) fn has_come(&self) -> bool {
        self.0.raised.load(Ordering::Relaxed)
    }
}

/// A new pair.
pub(crate) fn pair() -> (Trigger, Target) {
    let flag = Arc::<Flag>::default();
    (Trigger(Arc::clone(&flag)), Target(flag))
}

/// Pairs at rest.
#[derive(Debug, Default)]
pub(crate) struct Pairs(Vec<(Trigger, Target)>);

impl Pairs {
    /// A pair for a new attempt or wait.
    #[inline]
    pub(crate) fn take(&mut self) -> (Trigger, Target) {
        self.0.pop().unwrap_or_else(pair)
    }

    /// Takes the two ends of one pair back, by which nobody called and which watches no task.
    #[inline]
    pub(crate) fn reunite(&mut self, trigger: Trigger, target: Target) {
        debug_assert!(Arc::ptr_eq(&trigger.0, &target.0) && !target.is_called());
        self.0.push((trigger, target));
    }
}
