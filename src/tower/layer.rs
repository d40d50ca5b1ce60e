//! Pools whose resources are services themselves.

use std::fmt;
use std::sync::Arc;

use tower_layer::Layer;

use super::attempt::Services;
use super::remake::Cloned;
use super::service::PoolService;
use crate::pool::{Pool, Request};
use crate::terms::meaning::Meaning;

/// Makes a service of a pool of services: every call is a run, whose attempts call a clone of a pooled service.
///
/// The innermost service of the stack is the [`Pool`] itself, or a [`Request`] of it for runs with options of their own. The
/// layer has no state of its own, so it does no harm to apply it once per connection or request: what
/// is remembered of the resources is the pool's.
///
/// The pooled services are `Clone`, as tower's clients are: each attempt clones the one that it was given, waits for
/// that clone to be ready, and calls it. Time spent until it is ready is time of the attempt. One whose `poll_ready` fails is judged as any
/// other error, and dropped; a service that breaks for good, and all its clones with it, stays in the pool: judge that error by
/// [`Signal::disable`](crate::Signal::disable).
///
/// A classifier says what results mean, as for [`Request::classify`]: it gets the service's `Result` and answers with
/// a [`Meaning`](crate::Meaning), a [`Signal`](crate::Signal), or an `Option<Signal>`. Many services succeed with
/// responses such as a 503; they are for it to notice.
///
/// ```
/// use rotapool::{Pool, PoolLayer, Resource, Signal};
/// use tower::{ServiceBuilder, ServiceExt, service_fn};
///
/// # futures::executor::block_on(async {
/// let upstream = |status: u16| service_fn(move |_: &str| async move { Ok::<_, std::io::Error>(status) });
/// let pool = Pool::builder()
///     .resource(Resource::new("eu", upstream(503)))
///     .build()?;
/// pool.add(Resource::new("us", upstream(200)))?;
///
/// let judge = |result: &std::io::Result<u16>| match result {
///     Ok(200..=499) => None,
///     Ok(status) => Some(Signal::retry(status.to_string())),
///     Err(error) => Some(Signal::retry(error.to_string())),
/// };
/// let service = ServiceBuilder::new()
///     .concurrency_limit(64)
///     .layer(PoolLayer::new(judge))
///     .service(pool);
/// assert_eq!(service.oneshot("hello").await.unwrap(), 200);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # }).unwrap();
/// ```
pub struct PoolLayer<J, G = Cloned> {
    judge: Arc<J>,
    remake: G,
}

impl<J> PoolLayer<J> {
    /// A layer whose services are judged by this classifier.
    pub fn new<R, E, V>(judge: J) -> Self
    where
        J: Fn(&Result<R, E>) -> V,
        V: Into<Meaning>,
    {
        Self { judge: Arc::new(judge), remake: Cloned }
    }
}

impl<J, G> PoolLayer<J, G> {
    /// The same for requests that are no `Clone`: a closure makes of each what the pooled services take, anew for
    /// each attempt.
    pub fn remaking<Q, P, R, E, V>(remake: G, judge: J) -> Self
    where
        G: Fn(&Q) -> P,
        J: Fn(&Result<R, E>) -> V,
        V: Into<Meaning>,
    {
        Self { judge: Arc::new(judge), remake }
    }
}

impl<J, G: Clone, S> Layer<Request<S>> for PoolLayer<J, G> {
    type Service = PoolService<S, Services<J>, G>;

    fn layer(&self, of: Request<S>) -> Self::Service {
        let services = Services { judge: Arc::clone(&self.judge) };
        PoolService::whole(of, self.remake.clone(), services)
    }
}

impl<J, G: Clone, S> Layer<Pool<S>> for PoolLayer<J, G> {
    type Service = PoolService<S, Services<J>, G>;

    fn layer(&self, pool: Pool<S>) -> Self::Service {
        self.layer(pool.request())
    }
}

impl<J, G: Clone> Clone for PoolLayer<J, G> {
    fn clone(&self) -> Self {
        Self { judge: Arc::clone(&self.judge), remake: self.remake.clone() }
    }
}

impl<J, G> fmt::Debug for PoolLayer<J, G> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PoolLayer").finish_non_exhaustive()
    }
}
