//! What keeps the panics of foreign code to itself.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

/// Calls foreign code that has nothing to do with whoever happens to call it. A panic in it is its
/// author's to find, by the message of the panic; the pool and the caller go on.
pub(crate) fn contained(foreign: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(foreign));
}

/// A future whose task is woken with its panics contained.
///
/// `event-listener` wakes all listeners in one go and loses count when a waker panics: it would wake
/// nobody any more.
pub(crate) struct Shielded<F>(pub(crate) F);

impl<F: Future + Unpin> Future for Shielded<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<F::Output> {
        let waker = Waker::from(Arc::new(Shield(task.waker().clone())));
        Pin::new(&mut self.0).poll(&mut Context::from_waker(&waker))
    }
}

struct Shield(Waker);

impl Wake for Shield {
    fn wake(self: Arc<Self>) {
        contained(|| self.0.wake_by_ref());
    }
}
