//! A future that somebody else drives.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::rc::{Rc, Weak};
use std::task::{Context, Poll, Waker};

use futures_util::future::LocalBoxFuture;

/// A future on a [`VirtualTime`](crate::testing::VirtualTime), made by
/// [`spawn`](crate::testing::VirtualTime::spawn). Awaiting it gives the result; dropping it lets the
/// future go on.
///
/// # Panics
///
/// Awaiting a task that was [aborted](Self::abort), or whose result was taken, panics.
pub struct Task<R> {
    job: Weak<Job>,
    result: Rc<RefCell<Progress<R>>>,
}

/// How far a task is.
enum Progress<R> {
    /// On its way; who awaits the end.
    Running(Option<Waker>),
    Ended(R),
    /// The result was handed out.
    Taken,
    Aborted,
}

impl<R> Task<R> {
    /// Whether the future has ended or was aborted.
    #[must_use]
    pub fn is_finished(&self) -> bool {
        !matches!(*self.result.borrow(), Progress::Running(_))
    }

    /// Takes the result, if the future has ended and nobody has taken it before.
    #[must_use]
    pub fn take_result(&self) -> Option<R> {
        let progress = &mut *self.result.borrow_mut();
        match mem::replace(progress, Progress::Taken) {
            Progress::Ended(result) => Some(result),
            other => {
                *progress = other;
                None
            }
        }
    }

    /// Drops the future where it stands, as a caller who gives up does; nothing if it has ended.
    ///
    /// It is gone when this returns, unless it is the one who calls.
    pub fn abort(&self) {
        if self.is_finished() {
            return;
        }
        let was = mem::replace(&mut *self.result.borrow_mut(), Progress::Aborted);
        if let Progress::Running(Some(waiting)) = was {
            waiting.wake();
        }
        if let Some(job) = self.job.upgrade() {
            job.abort();
        }
    }
}

impl<R> Future for Task<R> {
    type Output = R;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<R> {
        if let Some(result) = self.take_result() {
            return Poll::Ready(result);
        }
        // A waker is foreign code: neither cloned nor dropped while the result is borrowed.
        let waker = context.waker().clone();
        let replaced = match &mut *self.result.borrow_mut() {
            Progress::Running(waiting) => waiting.replace(waker),
            Progress::Aborted => panic!("the task was aborted: it has no result to await"),
            _ => panic!("the task's result was taken already"),
        };
        drop(replaced);
        Poll::Pending
    }
}

impl<R> fmt::Debug for Task<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").field("is_finished", &self.is_finished()).finish_non_exhaustive()
    }
}

/// A task as its driver keeps it.
pub(super) struct Job {
    /// Gone once it has ended or was aborted, and while it is polled.
    future: RefCell<Option<LocalBoxFuture<'static, ()>>>,
    aborted: Cell<bool>,
    waker: Waker,
}

impl Job {
    pub(super) fn new<R: 'static>(
        future: impl Future<Output = R> + 'static,
        waker: Waker,
    ) -> (Rc<Self>, Task<R>) {
        let result = Rc::new(RefCell::new(Progress::Running(None)));
        let done = Rc::clone(&result);
        let future = async move {
            let ended = Progress::Ended(future.await);
            let was = mem::replace(&mut *done.borrow_mut(), ended);
            if let Progress::Running(Some(waiting)) = was {
                waiting.wake();
            }
        };
        let future = RefCell::new(Some(Box::pin(future) as LocalBoxFuture<'static, ()>));
        let job = Rc::new(Self { future, aborted: Cell::new(false), waker });
        let task = Task { job: Rc::downgrade(&job), result };
        (job, task)
    }

    /// Gives the future a turn and says whether it is over.
    pub(super) fn poll(&self) -> bool {
        // Not borrowed meanwhile: the future may reach its own task.
        let future = self.future.take();
        let Some(mut future) = future else { return true };
        let ended = future.as_mut().poll(&mut Context::from_waker(&self.waker)).is_ready();
        if !ended && !self.aborted.get() {
            *self.future.borrow_mut() = Some(future);
            return false;
        }
        true
    }

    fn abort(&self) {
        self.aborted.set(true);
        drop(self.future.take());
        // The next turn tells the driver that it is over.
        self.waker.wake_by_ref();
    }
}
