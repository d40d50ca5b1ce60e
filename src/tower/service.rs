//! A pool as a service: every call is a run.

use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::task::{Context, Poll};

use tower_service::Service;

use super::attempt::Factory;
use super::future::{PoolFuture, Whole};
use super::remake::{Cloned, Remake};
use crate::drive::lease::Lease;
use crate::pool::{Pool, Request};
use crate::terms::error::RunError;
use crate::terms::fault::Fault;

/// A pool as a `tower` service: every call is a run.
///
/// A factory makes the attempts: it gets a [`Lease`](crate::Lease) and the request, and answers as an operation of
/// [`Pool::run`] does. Each attempt gets a clone of the request; one that is no `Clone`, or dear to clone, is made anew by a
/// [closure](Self::remaking).
///
/// It is always ready and `poll_ready` reserves nothing: choosing, waiting [in line](Request::wait) and pausing happen
/// in the response's future, which knows the request. So a clone that is polled ready and then left alone keeps nobody out, and a
/// clone that never was polled ready may be called. How many requests are under way is for the resources'
/// [`max_in_flight`](crate::Resource::max_in_flight), or a limit around the service, to say.
///
/// Clones share the pool, and all there is to remember is the pool's. Dropping the response's future is
/// [cancel safe](Pool::run).
///
/// ```
/// use rotapool::{Fault, Lease, Pool, PoolService, Resource};
/// use tower::{Service, ServiceExt};
///
/// async fn ask(key: Lease<&str>, prompt: String) -> Result<String, Fault<std::io::Error>> {
///     match *key {
///         "sk-aaa" => Err(Fault::cooldown("429 from upstream")),
///         _ => Ok(prompt.to_uppercase()),
///     }
/// }
///
/// # futures::executor::block_on(async {
/// let pool = Pool::builder()
///     .resource(Resource::new("key-1", "sk-aaa"))
///     .resource(Resource::new("key-2", "sk-bbb"))
///     .build()
///     .unwrap();
/// let service = PoolService::new(&pool, ask);
/// assert_eq!(service.oneshot("hello".to_owned()).await.unwrap(), "HELLO");
/// assert_eq!(pool.stats().cooling_down, 1);
/// # });
/// ```
///
/// # Errors
///
/// Those of [`Request::run`]. `tower`'s own layers box errors, for which the operation's error has to be a
/// `std::error::Error`. One that is not, such as a boxed one, is first taken out with
/// `ServiceExt::map_err(RunError::flatten)`.
pub struct PoolService<T, F, G = Cloned>(Arc<Whole<T, F, G>>);

impl<T, F> PoolService<T, F> {
    /// Makes runs of a pool, or of a [`Request`] for runs with options of their own. A
    /// [`timeout`](Request::timeout) counts from the call on.
    pub fn new<Q, Fut, R, E>(of: impl Into<Request<T>>, factory: F) -> Self
    where
        F: Fn(Lease<T>, Q) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        Self::whole(of.into(), Cloned, factory)
    }
}

impl<T, F, G> PoolService<T, F, G> {
    /// The same with requests that are made anew for each attempt by a closure: the factory gets what that
    /// answers.
    ///
    /// ```
    /// # use rotapool::{Fault, Lease, Pool, PoolService, Resource};
    /// # fn service(pool: &Pool<reqwest::Client>) -> impl tower::Service<reqwest::Request> {
    /// let send = |client: Lease<reqwest::Client>, request: Option<reqwest::Request>| async move {
    ///     let request = request.ok_or("a body that is a stream cannot be sent again".to_owned())?;
    ///     client.execute(request).await.map_err(Fault::retry)
    /// };
    /// PoolService::remaking(pool, reqwest::Request::try_clone, send)
    /// # }
    /// ```
    pub fn remaking<Q, P, Fut, R, E>(of: impl Into<Request<T>>, remake: G, factory: F) -> Self
    where
        G: Fn(&Q) -> P,
        F: Fn(Lease<T>, P) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        Self::whole(of.into(), remake, factory)
    }

    pub(super) fn whole(request: Request<T>, remake: G, factory: F) -> Self {
        Self(Arc::new(Whole { request, remake, factory }))
    }
}

impl<T, F, G, Q> Service<Q> for PoolService<T, F, G>
where
    G: Remake<Q>,
    F: Factory<T, G::Request>,
{
    type Response = F::Response;
    type Error = RunError<F::Error>;
    type Future = PoolFuture<T, F, G, Q>;

    /// Ready, always.
    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Q) -> Self::Future {
        PoolFuture::new(&self.0, request)
    }
}

impl<T, F, G> Clone for PoolService<T, F, G> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T, F, G> fmt::Debug for PoolService<T, F, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolService").field("request", &self.0.request).finish_non_exhaustive()
    }
}

impl<T> From<&Pool<T>> for Request<T> {
    fn from(pool: &Pool<T>) -> Self {
        pool.request()
    }
}

impl<T> From<Pool<T>> for Request<T> {
    fn from(pool: Pool<T>) -> Self {
        pool.request()
    }
}
