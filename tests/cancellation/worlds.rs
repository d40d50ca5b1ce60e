//! Who polls, and by which clock. Time passes without anybody waiting for it.

use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use rotapool::testing::{Task, VirtualClock, VirtualTime};
use rotapool::{Runtime, TokioRuntime};

use crate::stage::pause_for_others;

pub(crate) trait Clock: Runtime + Clone {
    /// Whether nobody sleeps by it, as far as it can be asked.
    fn is_quiet(&self) -> bool;
}

impl Clock for VirtualClock {
    fn is_quiet(&self) -> bool {
        self.sleeps().is_empty()
    }
}

impl Clock for TokioRuntime {
    /// tokio does not tell; that a sleep was dropped shows by the waker, which it holds.
    fn is_quiet(&self) -> bool {
        true
    }
}

pub(crate) trait World {
    type Task;

    fn clock(&self) -> impl Clock;
    fn spawn(&self, life: BoxFuture<'static, ()>) -> Self::Task;
    /// Cancels a task in the executor's own way; it is gone when this is over.
    async fn cancel(&self, task: Self::Task);
    /// Lets time pass while everybody sleeps.
    async fn pass_time(&self);
}

pub(crate) type Story<W> = fn(W) -> Pin<Box<dyn Future<Output = ()>>>;

/// Longer than any pause, shorter than any cooldown of the shapes.
const MOMENT: Duration = Duration::from_millis(250);

async fn pass_moment(clock: &VirtualClock) {
    for _ in 0..3 {
        pause_for_others().await;
    }
    if !clock.is_quiet() {
        clock.advance(MOMENT);
    }
}

// Virtual time.

pub(crate) struct InVirtualTime(std::rc::Rc<VirtualTime>);

impl World for InVirtualTime {
    type Task = Task<()>;

    fn clock(&self) -> impl Clock {
        self.0.clock()
    }

    fn spawn(&self, life: BoxFuture<'static, ()>) -> Task<()> {
        self.0.spawn(life)
    }

    async fn cancel(&self, task: Task<()>) {
        task.abort();
    }

    async fn pass_time(&self) {
        self.0.clock().sleep(MOMENT).await;
    }
}

pub(crate) fn virtual_time(story: Story<InVirtualTime>) {
    let time = std::rc::Rc::new(VirtualTime::new());
    time.block_on(story(InVirtualTime(std::rc::Rc::clone(&time))));
}

// tokio.

pub(crate) struct OnTokio(VirtualClock);

impl World for OnTokio {
    type Task = tokio::task::JoinHandle<()>;

    fn clock(&self) -> impl Clock {
        self.0.clone()
    }

    fn spawn(&self, life: BoxFuture<'static, ()>) -> Self::Task {
        tokio::spawn(life)
    }

    async fn cancel(&self, task: Self::Task) {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    async fn pass_time(&self) {
        pass_moment(&self.0).await;
    }
}

pub(crate) fn tokio_threads(story: Story<OnTokio>) {
    let threads = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    threads.block_on(story(OnTokio(VirtualClock::new())));
}

/// tokio's own timer under tokio's paused clock, which jumps when everybody sleeps.
pub(crate) struct OnPausedTokio;

impl World for OnPausedTokio {
    type Task = tokio::task::JoinHandle<()>;

    fn clock(&self) -> impl Clock {
        TokioRuntime
    }

    fn spawn(&self, life: BoxFuture<'static, ()>) -> Self::Task {
        tokio::spawn(life)
    }

    async fn cancel(&self, task: Self::Task) {
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
    }

    async fn pass_time(&self) {
        for _ in 0..3 {
            pause_for_others().await;
        }
        tokio::time::advance(MOMENT).await;
    }
}

pub(crate) fn tokio_paused(story: Story<OnPausedTokio>) {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_time().start_paused(true).build().unwrap().block_on(story(OnPausedTokio));
}

// smol and async-std.

pub(crate) struct OnSmol(VirtualClock);

impl World for OnSmol {
    type Task = smol::Task<()>;

    fn clock(&self) -> impl Clock {
        self.0.clone()
    }

    fn spawn(&self, life: BoxFuture<'static, ()>) -> Self::Task {
        smol::spawn(life)
    }

    async fn cancel(&self, task: Self::Task) {
        assert_eq!(task.cancel().await, None);
    }

    async fn pass_time(&self) {
        pass_moment(&self.0).await;
    }
}

pub(crate) fn smol_global(story: Story<OnSmol>) {
    smol::block_on(story(OnSmol(VirtualClock::new())));
}

pub(crate) struct OnAsyncStd(VirtualClock);

impl World for OnAsyncStd {
    type Task = async_std::task::JoinHandle<()>;

    fn clock(&self) -> impl Clock {
        self.0.clone()
    }

    fn spawn(&self, life: BoxFuture<'static, ()>) -> Self::Task {
        async_std::task::spawn(life)
    }

    async fn cancel(&self, task: Self::Task) {
        assert_eq!(task.cancel().await, None);
    }

    async fn pass_time(&self) {
        pass_moment(&self.0).await;
    }
}

pub(crate) fn async_std_global(story: Story<OnAsyncStd>) {
    async_std::task::block_on(story(OnAsyncStd(VirtualClock::new())));
}

// No executor at all: the tasks live in a list that is polled beside the story.

type Tasks = Arc<Mutex<BTreeMap<u32, BoxFuture<'static, ()>>>>;

pub(crate) struct OnBlockOn {
    clock: VirtualClock,
    tasks: Tasks,
    spawned: std::cell::Cell<u32>,
}

impl World for OnBlockOn {
    type Task = u32;

    fn clock(&self) -> impl Clock {
        self.clock.clone()
    }

    fn spawn(&self, life: BoxFuture<'static, ()>) -> u32 {
        self.spawned.set(self.spawned.get() + 1);
        self.tasks.lock().unwrap().insert(self.spawned.get(), life);
        self.spawned.get()
    }

    async fn cancel(&self, task: u32) {
        let task = self.tasks.lock().unwrap().remove(&task);
        drop(task.expect("it is among the tasks"));
    }

    async fn pass_time(&self) {
        pass_moment(&self.clock).await;
    }
}

pub(crate) fn plain_block_on(story: Story<OnBlockOn>) {
    let tasks = Tasks::default();
    let (clock, spawned) = (VirtualClock::new(), std::cell::Cell::new(0));
    let mut story = story(OnBlockOn { clock, tasks: Arc::clone(&tasks), spawned });
    futures::executor::block_on(poll_fn(|task| {
        tasks.lock().unwrap().retain(|_, life| life.as_mut().poll(task).is_pending());
        story.as_mut().poll(task)
    }));
}
