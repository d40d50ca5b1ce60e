//! Runs: an operation on a resource of the pool's choice.

use std::future::Future;
use std::sync::Arc;

use crate::drive::abort::AbortHandle;
use crate::drive::guard::Guard;
use crate::drive::lease::Lease;
use crate::drive::span::drive;
use crate::pool::handle::Pool;
use crate::pool::request::Request;
use crate::pool::wrapped::Wrapped;
use crate::terms::error::RunError;
use crate::terms::fault::Fault;

impl<T> Pool<T> {
    /// Runs an operation on a resource of the pool's choice, and elsewhere again when the operation
    /// signals that the resource let it down.
    ///
    /// The operation gets a [`Lease`] for each attempt and answers with a value, with an error of its
    /// own, or with a signal about the resource: see [`Fault`]. After a signal the run goes on with a resource that
    /// it has not tried, at once; only before it repeats itself it pauses. It ends when
    /// [`max_attempts`](Request::max_attempts) of its attempts failed, or when nothing is eligible: to wait then, or
    /// to set a time-out, make it a [request](Self::request).
    ///
    /// When an older operation on the same resource sends a cooldown or disable signal, this run's
    /// attempt there is dropped and tried again elsewhere. It may have reached the upstream by then:
    /// operations are carried out at least once, unless
    /// [`cancel_siblings`](crate::Builder::cancel_siblings) is off and they send no signal after they took
    /// effect.
    ///
    /// The future borrows freely, spawns nothing, and is `Send` when the operation's futures are. It borrows the
    /// pool, so `tokio::spawn(pool.run(..))` cannot work; a [request](Self::request) has its own handle of it:
    ///
    /// ```
    /// # use rotapool::{Fault, Pool, Resource};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let pool = Pool::builder().resource(Resource::new("a", 1)).build().unwrap();
    /// let run = tokio::spawn(pool.request().run(|value| async move { Ok::<_, Fault<String>>(*value) }));
    /// assert_eq!(run.await.unwrap(), Ok(1));
    ///
    /// let clone = pool.clone(); // or a clone, inside, which serves `async` closures that borrow too
    /// let run = tokio::spawn(async move { clone.run(async |value| Ok::<_, Fault<String>>(*value)).await });
    /// assert_eq!(run.await.unwrap(), Ok(1));
    /// # }
    /// ```
    ///
    /// ```compile_fail,E0597
    /// # use rotapool::{Fault, Pool, Resource};
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() {
    /// # let pool = Pool::builder().resource(Resource::new("a", 1)).build().unwrap();
    /// // error: `pool` does not live long enough .. argument requires that `pool` is borrowed for `'static`
    /// tokio::spawn(pool.run(|value| async move { Ok::<_, Fault<String>>(*value) }));
    /// # }
    /// ```
    ///
    /// An operation that returns a `Result` of other errors than a [`Fault`] does not compile here, and would teach
    /// the pool nothing if it did: say what its errors mean with [`Blame`](crate::Blame), or let
    /// [`Request::classify`] judge what it returns.
    ///
    /// ```compile_fail,E0271
    /// # use rotapool::{Lease, Pool};
    /// async fn connect(to: Lease<&str>) -> std::io::Result<()> {
    ///     std::net::TcpStream::connect(*to).map(drop)
    /// }
    /// # async fn run(pool: Pool<&'static str>) {
    /// // error: expected `Result<_, Fault<_>>`, found `Result<(), std::io::Error>`
    /// pool.run(connect).await;
    /// # }
    /// ```
    ///
    /// An operation that only ever sends signals has to name an error all the same, as `Infallible`:
    ///
    /// ```compile_fail,E0282
    /// # use rotapool::{Fault, Pool};
    /// # async fn run(pool: Pool<&'static str>) {
    /// // error: type annotations needed .. `Err::<(), Fault<Infallible>>(..)` will do
    /// let _ = pool.run(async |_| Err::<(), _>(Fault::retry("hiccup"))).await;
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// [`RunError::Operation`] with the operation's own error; [`RunError::Exhausted`] when the pool
    /// cannot serve the run, with the full explanation.
    ///
    /// # Panics
    ///
    /// When the operation panics. The pool has recorded the attempt by then and stays usable.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point. The run then counts as cancelled if it had begun, says
    /// nothing about the resource, and gives back its place on it. The operation is dropped where it
    /// stands; what that means upstream is for the operation to know.
    pub fn run<F, Fut, R, E>(
        &self,
        operation: F,
    ) -> impl Future<Output = Result<R, RunError<E>>> + use<'_, T, F, Fut, R, E>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        drive(Guard::begin(&*self.shared, self.shared.defaults.into()), operation)
    }

    /// Starts a run with options of its own.
    pub fn request(&self) -> Request<T> {
        Request::new(Arc::clone(&self.shared))
    }

    /// Binds an operation to the pool: every call of the result is a run.
    ///
    /// The operation takes one argument beside the lease, which is cloned for each attempt; make it a
    /// tuple to pass several.
    ///
    /// ```
    /// # use rotapool::{Fault, Pool, Resource};
    /// # futures::executor::block_on(async {
    /// # let pool = Pool::builder().resource(Resource::new("a", "Ann")).build()?;
    /// let greet = pool.wrap(|name, whom: &'static str| async move {
    ///     Ok::<_, Fault<String>>(format!("{} greets {whom}", *name))
    /// });
    /// assert_eq!(greet.call("Bob").await.as_deref(), Ok("Ann greets Bob"));
    /// assert_eq!(greet.call("Eve").await.as_deref(), Ok("Ann greets Eve"));
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    pub fn wrap<A, F, Fut, R, E>(&self, operation: F) -> Wrapped<T, F>
    where
        F: Fn(Lease<T>, A) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        self.request().wrap(operation)
    }

    /// Runs an operation as [`run`](Self::run) does, with a handle to abort the run from elsewhere.
    ///
    /// For places where the run is not spawned and so has no task to cancel. The future owns its
    /// handle of the pool; it does nothing until polled.
    pub fn run_abortable<F, Fut, R, E>(
        &self,
        operation: F,
    ) -> (impl Future<Output = Result<R, RunError<E>>> + use<T, F, Fut, R, E>, AbortHandle)
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        self.request().run_abortable(operation)
    }
}
