//! Tasks that are polled by hand, in the order in which they were woken, until nothing more happens.

use std::collections::VecDeque;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};

/// A handful of futures on one thread, none of them `Send`.
#[derive(Default)]
pub(crate) struct Troupe {
    /// A future is gone once it has ended or was dropped.
    tasks: Vec<Option<Pin<Box<dyn Future<Output = ()>>>>>,
    woken: Arc<Mutex<VecDeque<usize>>>,
}

struct Cue {
    task: usize,
    woken: Arc<Mutex<VecDeque<usize>>>,
}

impl Wake for Cue {
    fn wake(self: Arc<Self>) {
        let mut woken = self.woken.lock().unwrap();
        if !woken.contains(&self.task) {
            woken.push_back(self.task);
        }
    }
}

#[allow(dead_code, reason = "each test binary uses its part")]
impl Troupe {
    /// Takes a future on, to be polled by the next [`settle`](Self::settle), and answers its number.
    pub(crate) fn enter(&mut self, future: impl Future<Output = ()> + 'static) -> usize {
        let task = self.tasks.len();
        self.tasks.push(Some(Box::pin(future)));
        self.woken.lock().unwrap().push_back(task);
        task
    }

    /// Polls whoever was woken until nobody is.
    pub(crate) fn settle(&mut self) {
        loop {
            let next = self.woken.lock().unwrap().pop_front();
            let Some(task) = next else { return };
            let Some(future) = &mut self.tasks[task] else { continue };
            let waker = Waker::from(Arc::new(Cue { task, woken: Arc::clone(&self.woken) }));
            if let Poll::Ready(()) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                self.tasks[task] = None;
            }
        }
    }

    /// Drops a future where it stands; nothing if it has ended.
    pub(crate) fn dismiss(&mut self, task: usize) {
        self.tasks[task] = None;
    }

    pub(crate) fn is_live(&self, task: usize) -> bool {
        self.tasks[task].is_some()
    }
}
