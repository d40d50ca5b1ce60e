//! The executors that the load runs on, each with its own timer.

use std::future::Future;
use std::time::Duration;

use futures::future::BoxFuture;
use rotapool::{AsyncStdRuntime, SmolRuntime, Spawn, TokioRuntime};

pub(crate) trait Executor: rotapool::Runtime + Spawn + Copy {
    const NAME: &'static str;
    type Task: Send;

    fn block_on(self, work: impl Future<Output = ()>);
    fn start(self, work: BoxFuture<'static, ()>) -> Self::Task;
    /// Cancels a task in the executor's own way; it is gone when this is over.
    fn cancel(self, task: Self::Task) -> impl Future<Output = ()> + Send;

    fn sleep(self, duration: Duration) -> impl Future<Output = ()> + Send {
        self.sleep_until(self.now() + duration)
    }
}

impl Executor for TokioRuntime {
    const NAME: &'static str = "tokio";
    type Task = tokio::task::JoinHandle<()>;

    fn block_on(self, work: impl Future<Output = ()>) {
        let mut threads = tokio::runtime::Builder::new_multi_thread();
        threads.worker_threads(4).enable_all().build().expect("threads").block_on(work);
    }

    fn start(self, work: BoxFuture<'static, ()>) -> Self::Task {
        tokio::spawn(work)
    }

    async fn cancel(self, task: Self::Task) {
        task.abort();
        let _ = task.await;
    }
}

impl Executor for SmolRuntime {
    const NAME: &'static str = "smol";
    type Task = smol::Task<()>;

    fn block_on(self, work: impl Future<Output = ()>) {
        smol::block_on(work);
    }

    fn start(self, work: BoxFuture<'static, ()>) -> Self::Task {
        smol::spawn(work)
    }

    async fn cancel(self, task: Self::Task) {
        task.cancel().await;
    }
}

impl Executor for AsyncStdRuntime {
    const NAME: &'static str = "async-std";
    type Task = async_std::task::JoinHandle<()>;

    fn block_on(self, work: impl Future<Output = ()>) {
        async_std::task::block_on(work);
    }

    fn start(self, work: BoxFuture<'static, ()>) -> Self::Task {
        async_std::task::spawn(work)
    }

    async fn cancel(self, task: Self::Task) {
        task.cancel().await;
    }
}
