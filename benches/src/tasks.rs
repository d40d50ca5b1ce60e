//! Tasks on one thread, polled in the order in which they were woken; it counts who wakes whom.

use std::collections::VecDeque;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Wake, Waker};

/// The tasks, and the queue of those that were woken.
#[derive(Default)]
pub struct Tasks<'a> {
    tasks: Vec<Option<Task<'a>>>,
    queue: Arc<Mutex<Queue>>,
}

struct Task<'a> {
    future: Pin<Box<dyn Future<Output = ()> + 'a>>,
    waker: Waker,
}

#[derive(Default)]
struct Queue {
    woken: VecDeque<usize>,
    /// By task, so that nobody stands in the queue twice.
    waits: Vec<bool>,
    wakes: usize,
}

struct Bell {
    task: usize,
    queue: Arc<Mutex<Queue>>,
}

impl<'a> Tasks<'a> {
    /// Adds a task and polls it once; it has this number.
    pub fn spawn(&mut self, future: impl Future<Output = ()> + 'a) -> usize {
        let task = self.tasks.len();
        let waker = Waker::from(Arc::new(Bell { task, queue: Arc::clone(&self.queue) }));
        self.tasks.push(Some(Task { future: Box::pin(future), waker }));
        lock(&self.queue).waits.push(false);
        self.poll(task);
        task
    }

    /// Polls a task, whether or not it was woken.
    pub fn poll(&mut self, number: usize) {
        if let Some(task) = &mut self.tasks[number] {
            let done = task.future.as_mut().poll(&mut Context::from_waker(&task.waker));
            if done == Poll::Ready(()) {
                self.tasks[number] = None;
            }
        }
    }

    /// Polls whoever was woken, first woken first, until nobody is left who was.
    pub fn run(&mut self) {
        while self.turn() {}
    }

    /// Polls the task that was woken first; false if none was.
    pub fn turn(&mut self) -> bool {
        let mut queue = lock(&self.queue);
        let Some(next) = queue.woken.pop_front() else { return false };
        queue.waits[next] = false;
        drop(queue);
        self.poll(next);
        true
    }

    /// How many wake-ups there were since this was asked last. Of a task that was woken already, none.
    pub fn take_wakes(&self) -> usize {
        std::mem::take(&mut lock(&self.queue).wakes)
    }

    /// How many tasks have not ended.
    #[must_use]
    pub fn left(&self) -> usize {
        self.tasks.iter().flatten().count()
    }
}

impl fmt::Debug for Tasks<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tasks").field("left", &self.left()).finish_non_exhaustive()
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        let mut queue = lock(&self.queue);
        if !queue.waits[self.task] {
            queue.waits[self.task] = true;
            queue.wakes += 1;
            queue.woken.push_back(self.task);
        }
    }
}

fn lock(queue: &Mutex<Queue>) -> MutexGuard<'_, Queue> {
    queue.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Lets whoever was woken before go first.
pub async fn turn_over() {
    let mut waited = false;
    std::future::poll_fn(|cx| {
        if std::mem::replace(&mut waited, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}
