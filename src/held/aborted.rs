//! The end that a holder does not choose: the resource is out, or its place was taken back.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use thiserror::Error;

use crate::held::checkout::Held;

/// What its holder did was ended: an older operation's signal sent the resource away, or the place was
/// [taken back](crate::Builder::held_bound).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("aborted: {} was sent away by an older operation's signal, or its place was taken back", rotapool_core::OneLine(.id))]
#[non_exhaustive]
pub struct Aborted {
    /// The resource.
    pub id: Arc<str>,
}

impl<T> Held<T> {
    /// Ready when an older operation's cooldown or disable signal has aborted what is done with the resource, or its place
    /// was [taken back](crate::Builder::held_bound); it stays so. Several tasks may wait for it.
    ///
    /// It changes nothing by itself: settle or drop the lease then, which gives the place back.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point.
    pub async fn aborted(&self) {
        let rings = self.bell.listen();
        if !self.is_aborted() {
            rings.await;
        }
    }

    /// Whether [`aborted`](Self::aborted) is ready, for loops that look.
    #[must_use]
    pub fn is_aborted(&self) -> bool {
        self.run.is_called()
    }

    /// Does `work` until it ends, or until it is [aborted](Self::aborted): then it is dropped.
    ///
    /// ```
    /// # use rotapool::{Fault, Pool, Resource};
    /// # futures::executor::block_on(async {
    /// # let pool = Pool::builder().resource(Resource::new("a", 7)).build()?;
    /// let older = pool.acquire().await.unwrap();
    /// let younger = pool.acquire().await.unwrap();
    /// assert_eq!(younger.guard(async { *younger + 1 }).await, Ok(8));
    ///
    /// older.signal(Fault::cooldown("429 from upstream")).unwrap();
    /// assert!(younger.guard(std::future::pending::<()>()).await.is_err());
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// [`Aborted`]; work that is ready when it is aborted counts as aborted.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the work.
    pub async fn guard<F: Future>(&self, work: F) -> Result<F::Output, Aborted> {
        let (mut work, mut aborted) = (pin!(work), pin!(self.aborted()));
        std::future::poll_fn(|task| {
            if !self.is_aborted() {
                if let Poll::Ready(output) = work.as_mut().poll(task) {
                    return Poll::Ready(Ok(output));
                }
            }
            aborted.as_mut().poll(task).map(|()| Err(Aborted { id: self.id().into() }))
        })
        .await
    }
}
