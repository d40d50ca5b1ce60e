//! How a caller gets a stream.

use std::future::Future;
use std::sync::Arc;

use futures_util::TryStream;

use crate::drive::lease::Lease;
use crate::drive::span::drive;
use crate::held::begun::{Begun, Streaming, begin};
use crate::held::stream::HeldStream;
use crate::pool::{Pool, Request};
use crate::terms::error::RunError;
use crate::terms::fault::Fault;

impl<T> Pool<T> {
    /// Runs an operation that answers with a stream, such as the events of a reply that is generated while it is sent, and
    /// hands the stream on once its first item is there.
    ///
    /// Up to the first item it is a [run](Self::run) as any: an error, a signal, a
    /// [silence](crate::Request::stall_timeout) or a sibling's abort before that is an attempt that failed, and the run goes
    /// on elsewhere. From then on it is **committed**: the reader has had something of it, so nothing is repeated, and what
    /// breaks reaches the reader as a [`StreamError`](crate::StreamError). The resource is [held](HeldStream) to the end of the
    /// stream.
    ///
    /// The operation is called as in a run; the items of its stream are results with the faults of this crate, so that each says
    /// what its error means: `.map_err(Fault::retry)` (of `futures::TryStreamExt`) where a transport's error is a hiccup. A
    /// stream without items is a success.
    ///
    /// ```
    /// use futures::{StreamExt as _, TryStreamExt as _, stream};
    /// use rotapool::{Fault, Lease, Pool, Resource, StreamError};
    /// # use std::io;
    ///
    /// # type Reply = futures::stream::Iter<std::vec::IntoIter<io::Result<&'static str>>>;
    /// # async fn post(key: &str) -> io::Result<Reply> {
    /// #     let cut = Err(io::Error::other("connection reset"));
    /// #     Ok(stream::iter(if key == "sk-aaa" { vec![cut] } else { vec![Ok("Hel"), Ok("lo"), cut] }))
    /// # }
    /// # futures::executor::block_on(async {
    /// let keys = [Resource::new("key-1", "sk-aaa"), Resource::new("key-2", "sk-bbb")];
    /// let pool = Pool::builder().resources(keys).build()?;
    ///
    /// // The first key's reply breaks off before anything has come of it, so the second key is asked.
    /// let mut reply = pool
    ///     .run_stream(async |key: Lease<&str>| {
    ///         let reply = post(&key).await.map_err(Fault::retry)?;
    ///         Ok::<_, Fault<io::Error>>(reply.map_err(Fault::retry))
    ///     })
    ///     .await
    ///     .unwrap();
    /// assert_eq!((reply.id(), pool.stats().in_flight), ("key-2", 1));
    /// assert_eq!(reply.next().await.unwrap().unwrap(), "Hel");
    /// assert_eq!(reply.next().await.unwrap().unwrap(), "lo");
    /// // This one breaks off later: the reader hears of it, and so does the pool.
    /// assert!(matches!(reply.next().await, Some(Err(StreamError::Broken(_)))));
    /// assert!(reply.next().await.is_none());
    /// assert_eq!((pool.stats().in_flight, pool.stats().failures), (0, 2));
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run): those of the time before the first item.
    ///
    /// # Panics
    ///
    /// When the operation panics, or its stream before the first item.
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    pub async fn run_stream<F, Fut, S, I, E>(
        &self,
        operation: F,
    ) -> Result<HeldStream<T, S>, RunError<E>>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<S, Fault<E>>>,
        S: TryStream<Ok = I, Error = Fault<E>>,
    {
        self.request().run_stream(operation).await
    }
}

impl<T> Request<T> {
    /// Runs an operation that answers with a stream as [`Pool::run_stream`] does, with these options.
    ///
    /// The [deadline](Self::deadline) and the [`attempt_timeout`](Self::attempt_timeout) bind the time to the first item,
    /// [`stream_timeout`](Self::stream_timeout) the whole, [`stall_timeout`](Self::stall_timeout) each silence.
    ///
    /// # Errors
    ///
    /// As [`Pool::run_stream`], and [`RunError::Options`] for options that make no sense.
    ///
    /// # Panics
    ///
    /// As [`Pool::run_stream`].
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::run`].
    pub async fn run_stream<F, Fut, S, I, E>(
        self,
        operation: F,
    ) -> Result<HeldStream<T, S>, RunError<E>>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<S, Fault<E>>>,
        S: TryStream<Ok = I, Error = Fault<E>>,
    {
        self.run_stream_from(|_| true, operation).await
    }

    /// The same, committed by the first item that counts as output.
    ///
    /// For streams that begin with items that are nothing to the reader yet, such as the role of who speaks or a keep-alive:
    /// what goes wrong after those is tried elsewhere too. They are kept and reach the reader before the first that counts, of
    /// the stream that was begun; those of an attempt that failed are dropped.
    ///
    /// ```
    /// # use futures::{TryStreamExt as _, stream};
    /// # use rotapool::{Fault, Pool, Resource};
    /// # futures::executor::block_on(async {
    /// # let pool = Pool::builder().resource(Resource::new("a", "a")).build()?;
    /// let reply = pool.request().run_stream_from(
    ///     |event: &&str| !event.starts_with(':'), // a comment
    ///     async |_key| Ok::<_, Fault<String>>(stream::iter([Ok(": hello"), Ok("data: 1"), Ok("data: 2")])),
    /// );
    /// let events: Vec<_> = reply.await.unwrap().try_collect().await.unwrap();
    /// assert_eq!(events, [": hello", "data: 1", "data: 2"]);
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    ///
    /// # Errors
    ///
    /// As [`run_stream`](Self::run_stream).
    ///
    /// # Panics
    ///
    /// As [`run_stream`](Self::run_stream), and when `counts` panics.
    ///
    /// The future is `Send` when `counts` may be shared between threads, beside what else it takes.
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::run`].
    pub async fn run_stream_from<F, Fut, S, I, E>(
        self,
        counts: impl Fn(&I) -> bool,
        mut operation: F,
    ) -> Result<HeldStream<T, S>, RunError<E>>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<S, Fault<E>>>,
        S: TryStream<Ok = I, Error = Fault<E>>,
    {
        let headless = move |lease| {
            let call = operation(lease);
            async move { Ok(((), call.await?)) }
        };
        let ((), stream) = open(self, counts, headless).await?;
        Ok(stream)
    }
}

/// Begins a stream that has something at its head, such as the head of a response.
pub(super) async fn open<T, F, Fut, H, S, E>(
    request: Request<T>,
    counts: impl Fn(&S::Ok) -> bool,
    mut operation: F,
) -> Result<(H, HeldStream<T, S>), RunError<E>>
where
    F: FnMut(Lease<T>) -> Fut,
    Fut: Future<Output = Result<(H, S), Fault<E>>>,
    S: TryStream<Error = Fault<E>>,
{
    let mut run = Streaming::begin(request)?;
    let (streaming, counts) = (Arc::clone(run.caller()), Arc::new(counts));
    let attempt = |lease: Lease<T>| {
        let call = operation(lease.clone());
        begin(lease, call, streaming.silence(), Arc::clone(&counts))
    };
    let begun: Begun<T, H, S> = drive(&mut run, attempt).await?;
    let end = streaming.end().map(|end| (end, run.sleep_until(end).into()));
    Ok(HeldStream::new(run, begun, end))
}
