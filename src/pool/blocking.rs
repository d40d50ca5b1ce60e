//! Runs of callers that block: scripts, and code around clients without async.

use crate::drive::blocking;
use crate::drive::caller::Caller;
use crate::drive::guard::Guard;
use crate::drive::lease::Lease;
use crate::drive::span::around;
use crate::pool::classified::Classified;
use crate::pool::handle::Pool;
use crate::pool::request::Request;
use crate::terms::answer::Answers;
use crate::terms::error::RunError;
use crate::terms::fault::Fault;
use crate::terms::meaning::{Judgement, Meaning};

impl<T> Pool<T> {
    /// Runs an operation that blocks, on the thread that calls: as [`run`](Self::run) does, without any runtime.
    ///
    /// The choice, the signals, the retries, the pauses and the line are the same. The thread is parked while the run
    /// pauses or stands in line.
    ///
    /// ```
    /// use rotapool::{Fault, Pool, Resource};
    ///
    /// # fn get(key: &str) -> Result<String, std::io::Error> {
    /// #     if key == "sk-aaa" { Err(std::io::Error::other("reset")) } else { Ok(key.to_uppercase()) }
    /// # }
    /// let pool = Pool::builder()
    ///     .resource(Resource::new("key-1", "sk-aaa"))
    ///     .resource(Resource::new("key-2", "sk-bbb"))
    ///     .build()?;
    /// let reply = pool.run_blocking(|key| get(key).map_err(Fault::<std::io::Error>::retry));
    /// assert_eq!(reply.unwrap(), "SK-BBB");
    /// # Ok::<(), rotapool::BuildError>(())
    /// ```
    ///
    /// **Nothing can interrupt the operation.** So:
    ///
    /// - A sibling's cooldown or disable signal shows as [`Lease::is_aborted`] to loops that look. Whoever sees it returns
    ///   with [`Fault::retry`], which counts as the abort that it is: it costs no attempt and says nothing of the resource.
    /// - A [`deadline`](Request::deadline) and an [`attempt_timeout`](Request::attempt_timeout) are for the operation to
    ///   keep: [`Lease::limit`] says when its time is up. A [`Fault::retry`] after that counts as the time-out that it
    ///   is. The pool itself keeps to them in its pauses and in line, and begins no attempt after the deadline.
    /// - Whatever else it returns counts as it does in any run, however late it comes.
    ///
    /// In an async runtime it blocks the thread that its tasks share, and whoever waits in line for a place that one of
    /// these tasks holds may wait for ever. Nothing refuses it: call it on a thread for that, such as
    /// `tokio::task::spawn_blocking` gives.
    ///
    /// # Errors
    ///
    /// As [`run`](Self::run).
    ///
    /// # Panics
    ///
    /// When the operation panics. The pool has recorded the attempt by then and stays usable.
    pub fn run_blocking<R, E>(
        &self,
        operation: impl FnMut(&Lease<T>) -> Result<R, Fault<E>>,
    ) -> Result<R, RunError<E>> {
        drive(Guard::begin(&*self.shared, self.shared.defaults.into()), operation)
    }
}

impl<T> Request<T> {
    /// Runs an operation that blocks, as [`Pool::run_blocking`] does, with these options.
    ///
    /// # Errors
    ///
    /// As [`Request::run`].
    ///
    /// # Panics
    ///
    /// When the operation panics.
    pub fn run_blocking<R, E>(
        &self,
        operation: impl FnMut(&Lease<T>) -> Result<R, Fault<E>>,
    ) -> Result<R, RunError<E>> {
        drive(self.begin()?, operation)
    }
}

impl<T, J> Classified<T, J> {
    /// Runs an operation that blocks, as [`Pool::run_blocking`] does, and has each result judged.
    ///
    /// # Errors
    ///
    /// As [`Request::run`].
    ///
    /// # Panics
    ///
    /// When the operation panics, or the classifier.
    pub fn run_blocking<R, E, V>(
        &self,
        mut operation: impl FnMut(&Lease<T>) -> Result<R, E>,
    ) -> Result<R, RunError<E>>
    where
        J: Fn(&Result<R, E>) -> V,
        V: Into<Meaning>,
    {
        let judged = |lease: &Lease<T>| {
            let result = operation(lease);
            let meaning = (self.judge)(&result).into();
            Judgement { result, meaning }
        };
        drive(self.request.begin()?, judged)
    }
}

fn drive<C: Caller, A: Answers>(
    run: Guard<C>,
    operation: impl FnMut(&Lease<C::Value>) -> A,
) -> Result<A::Value, RunError<A::Error>> {
    around(run, |run| blocking::drive(run, operation))
}
