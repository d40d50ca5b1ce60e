//! A response whose body holds its resource to the end.

use std::fmt;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Buf;
use futures_util::Stream;
use http::Response;
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;

use crate::drive::lease::Lease;
use crate::held::broken::StreamError;
use crate::held::stream::HeldStream;
use crate::held::streaming::open;
use crate::pool::{Pool, Request};
use crate::terms::error::RunError;
use crate::terms::fault::Fault;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl<T> Pool<T> {
    /// Runs an operation that answers with a response whose body may be long, and hands it on once the first of the body is
    /// there: [`run_stream`](Self::run_stream) for [`http_body::Body`].
    ///
    /// An error of the body itself is a retry signal: a hiccup of the resource. A body without data is a success at once;
    /// empty frames and trailers are no data. One that [knows its end](Body::is_end_stream) is a success with its last frame, read or
    /// not, for then nobody asks it for more.
    ///
    /// # Errors
    ///
    /// As [`run_stream`](Self::run_stream).
    ///
    /// # Panics
    ///
    /// As [`run_stream`](Self::run_stream).
    ///
    /// # Cancel safety
    ///
    /// As [`run`](Self::run).
    #[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
    pub async fn run_body<F, Fut, B, E>(
        &self,
        operation: F,
    ) -> Result<Response<HeldBody<T, B, E>>, RunError<E>>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<Response<B>, Fault<E>>>,
        B: Body,
        B::Error: Into<BoxError>,
    {
        self.request().run_body(operation).await
    }
}

impl<T> Request<T> {
    /// Runs an operation that answers with a response as [`Pool::run_body`] does, with these options.
    ///
    /// ```
    /// use http_body_util::{BodyExt as _, Full};
    /// # use std::io;
    /// # use rotapool::{Fault, Lease, Pool, Resource};
    /// # async fn send(key: &str) -> io::Result<http::Response<Full<&'static [u8]>>> {
    /// #     Ok(http::Response::new(Full::new(b"hello")))
    /// # }
    /// # futures::executor::block_on(async {
    /// # let pool = Pool::builder().resource(Resource::new("a", "a")).build()?;
    /// let response = pool.run_body(async |key: Lease<&str>| {
    ///     let response = send(&key).await.map_err(Fault::retry)?;
    ///     Ok::<_, Fault<io::Error>>(response) // or judged first, with `key.judge(&response)?`
    /// });
    /// let (head, body) = response.await.unwrap().into_parts();
    /// assert_eq!(head.status.as_u16(), 200);
    /// assert_eq!(body.collect().await.unwrap().to_bytes(), "hello");
    /// assert_eq!(pool.stats().in_flight, 0);
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
    /// As [`Pool::run_stream`].
    ///
    /// # Cancel safety
    ///
    /// As [`Pool::run`].
    #[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
    pub async fn run_body<F, Fut, B, E>(
        self,
        mut operation: F,
    ) -> Result<Response<HeldBody<T, B, E>>, RunError<E>>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<Response<B>, Fault<E>>>,
        B: Body,
        B::Error: Into<BoxError>,
    {
        let parted = move |lease| {
            let call = operation(lease);
            async move {
                let (head, body) = call.await?.into_parts();
                Ok((head, Frames { body, boxed: Into::into, error: PhantomData }))
            }
        };
        let (head, stream) = open(self, has_data, parted).await?;
        let mut body = HeldBody { stream };
        body.finish_early(false);
        Ok(Response::from_parts(head, body))
    }
}

fn has_data<D: Buf>(frame: &Frame<D>) -> bool {
    frame.data_ref().is_some_and(Buf::has_remaining)
}

pin_project! {
    /// A body as a stream of its frames.
    struct Frames<B: Body, E> {
        #[pin]
        body: B,
        // And no bound on the error: of boxed errors the compiler would not believe in a spawned task that they have it.
        boxed: fn(B::Error) -> BoxError,
        error: PhantomData<fn() -> E>,
    }
}

impl<B, E> Stream for Frames<B, E>
where
    B: Body,
{
    type Item = Result<Frame<B::Data>, Fault<E>>;

    fn poll_next(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let this = self.project();
        let frame = ready!(this.body.poll_frame(task));
        Poll::Ready(frame.map(|frame| frame.map_err(|error| Fault::retry((this.boxed)(error)))))
    }
}

/// A body from a resource, which it holds to its end: made by [`Pool::run_body`](crate::Pool::run_body). What is said of a
/// [`HeldStream`] holds of it; it is fit for `BodyExt::boxed`, `axum::body::Body::new` and `reqwest::Body::wrap`.
#[must_use = "dropped at once, it gives its place back at once"]
#[cfg_attr(docsrs, doc(cfg(feature = "http-body")))]
pub struct HeldBody<T, B, E>
where
    B: Body,
{
    stream: HeldStream<T, Frames<B, E>>,
}

impl<T, B, E> HeldBody<T, B, E>
where
    B: Body,
{
    /// Servers that know where a body ends drop it there, and ask no more.
    fn finish_early(&mut self, are_trailers: bool) {
        self.stream.end_if(|frames| are_trailers || frames.body.is_end_stream());
    }

    /// The lease: see [`HeldStream::lease`].
    #[must_use]
    pub fn lease(&self) -> &Lease<T> {
        self.stream.lease()
    }

    /// The id of the resource.
    #[must_use]
    pub fn id(&self) -> &str {
        self.stream.id()
    }
}

impl<T, B, E> Body for HeldBody<T, B, E>
where
    B: Body,
{
    type Data = B::Data;
    type Error = StreamError<E>;

    fn poll_frame(
        self: Pin<&mut Self>,
        task: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, StreamError<E>>>> {
        let this = self.get_mut();
        let next = ready!(Pin::new(&mut this.stream).poll_next(task));
        if let Some(Ok(frame)) = &next {
            this.finish_early(frame.is_trailers());
        }
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.stream.is_over()
    }

    fn size_hint(&self) -> SizeHint {
        let (first, rest) = self.stream.left();
        let first: u64 =
            first.filter_map(Frame::data_ref).map(|data| data.remaining() as u64).sum();
        let rest = rest.map_or_else(|| SizeHint::with_exact(0), |rest| rest.body.size_hint());
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper.saturating_add(first));
        }
        hint.set_lower(rest.lower().saturating_add(first));
        hint
    }
}

impl<T, B, E> fmt::Debug for HeldBody<T, B, E>
where
    B: Body,
{
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("HeldBody").field(&self.stream).finish()
    }
}
