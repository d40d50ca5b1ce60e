//! Tasks that are polled by hand, in order, until nothing more happens.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A handful of futures on one thread, none of them `Send`.
#[derive(Default)]
pub(crate) struct Troupe {
    tasks: Vec<Task>,
}

struct Task {
    /// Gone once it has ended or was dropped.
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    woken: Arc<Woken>,
}

struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::SeqCst);
    }
}

#[allow(dead_code, reason = "each test binary uses its part")]
impl Troupe {
    /// Takes a future on, to be polled by the next [`settle`](Self::settle), and answers its number.
    pub(crate) fn enter(&mut self, future: impl Future<Output = ()> + 'static) -> usize {
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        self.tasks.push(Task { future: Some(Box::pin(future)), woken });
        self.tasks.len() - 1
    }

    /// Polls whoever was woken until nobody is.
    pub(crate) fn settle(&mut self) {
        while self.round() {}
    }

    /// Drops a future where it stands; nothing if it has ended.
    pub(crate) fn dismiss(&mut self, task: usize) {
        self.tasks[task].future = None;
    }

    pub(crate) fn is_live(&self, task: usize) -> bool {
        self.tasks[task].future.is_some()
    }

    fn round(&mut self) -> bool {
        let mut any = false;
        for task in &mut self.tasks {
            let Some(future) = &mut task.future else { continue };
            if task.woken.0.swap(false, Ordering::SeqCst) {
                any = true;
                let waker = Waker::from(Arc::clone(&task.woken));
                if let Poll::Ready(()) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    task.future = None;
                }
            }
        }
        any
    }
}
