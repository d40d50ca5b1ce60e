//! One place, as each crate has it.

use std::convert::Infallible;
use std::future::Future;

use rotapool::{Fault, Pool, Resource};

/// Something that one at a time may hold.
pub(crate) trait Peer {
    /// Waits for the place, holds it while at work, and lets it go.
    fn hold(&self, work: impl Future<Output = ()>) -> impl Future<Output = ()>;
}

pub(crate) fn pool() -> impl Peer {
    Pool::builder()
        .resource(Resource::new("the only one", ()).max_in_flight(1))
        .build()
        .expect("it has a resource")
}

impl Peer for Pool<()> {
    async fn hold(&self, work: impl Future<Output = ()>) {
        let mut work = Some(work);
        self.request()
            .wait(true)
            .run(|_| {
                let work = work.take().expect("what never fails is called once");
                async {
                    work.await;
                    Ok::<_, Fault<Infallible>>(())
                }
            })
            .await
            .expect("the line has room for all");
    }
}

pub(crate) fn deadpool() -> impl Peer {
    deadpool::unmanaged::Pool::from(vec![()])
}

impl Peer for deadpool::unmanaged::Pool<()> {
    async fn hold(&self, work: impl Future<Output = ()>) {
        let _object = self.get().await.expect("it is open");
        work.await;
    }
}

pub(crate) fn tokio_semaphore() -> impl Peer {
    tokio::sync::Semaphore::new(1)
}

impl Peer for tokio::sync::Semaphore {
    async fn hold(&self, work: impl Future<Output = ()>) {
        let _permit = self.acquire().await.expect("it is open");
        work.await;
    }
}

pub(crate) fn async_lock() -> impl Peer {
    async_lock::Semaphore::new(1)
}

impl Peer for async_lock::Semaphore {
    async fn hold(&self, work: impl Future<Output = ()>) {
        let _permit = self.acquire().await;
        work.await;
    }
}

/// bb8 knows no other home than tokio: its one connection is made there beforehand, and it finds its timers there.
pub(crate) fn with_bb8(measure: impl FnOnce(&bb8::Pool<Nothing>)) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.expect("a runtime on this thread");
    let pool = runtime.block_on(async {
        let pool = bb8::Pool::builder().max_size(1).build(Nothing).await;
        let pool = pool.expect("nothing is connected in no time");
        drop(pool.get().await);
        pool
    });
    let _entered = runtime.enter();
    measure(&pool);
}

/// Connects to nothing, without a hitch.
#[derive(Debug)]
pub(crate) struct Nothing;

impl bb8::ManageConnection for Nothing {
    type Connection = ();
    type Error = Infallible;

    async fn connect(&self) -> Result<(), Infallible> {
        Ok(())
    }

    async fn is_valid(&self, (): &mut ()) -> Result<(), Infallible> {
        Ok(())
    }

    fn has_broken(&self, (): &mut ()) -> bool {
        false
    }
}

impl Peer for bb8::Pool<Nothing> {
    async fn hold(&self, work: impl Future<Output = ()>) {
        let _connection = self.get().await.expect("its connection is there");
        work.await;
    }
}
