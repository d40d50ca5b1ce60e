//! Those who wait until something has changed.
//!
//! A change is a number that grows. Whoever waits looks at it first and then at what it waits for, so that no
//! change slips in between. Wakers are foreign code: cloned, called and dropped outside the lock.

use std::collections::BTreeMap;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::sync::{Mutex, MutexGuard};

/// Those who wait, and what for. Clones are the same.
#[derive(Clone, Default)]
pub(crate) struct Waiters(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    /// How many changes there were.
    changes: u64,
    /// How many ever listened: it tells them apart.
    listeners: u64,
    tasks: BTreeMap<u64, Waker>,
}

impl Waiters {
    /// Waits for the first change from now on.
    pub(crate) fn listen(&self) -> Change {
        let mut waiting = self.waiting();
        waiting.listeners += 1;
        Change { waiters: self.clone(), since: waiting.changes, number: waiting.listeners }
    }

    /// Something has changed. Answers whom to wake.
    pub(crate) fn change(&self) -> impl Iterator<Item = Waker> + use<> {
        let mut waiting = self.waiting();
        waiting.changes += 1;
        mem::take(&mut waiting.tasks).into_values()
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Ready when something has changed since.
pub(crate) struct Change {
    waiters: Waiters,
    since: u64,
    number: u64,
}

impl Future for Change {
    type Output = ();

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let waker = context.waker().clone();
        let mut waiting = self.waiters.waiting();
        if waiting.changes != self.since {
            return Poll::Ready(());
        }
        let replaced = waiting.tasks.insert(self.number, waker);
        drop(waiting);
        drop(replaced);
        Poll::Pending
    }
}

impl Drop for Change {
    fn drop(&mut self) {
        let task = self.waiters.waiting().tasks.remove(&self.number);
        drop(task);
    }
}
