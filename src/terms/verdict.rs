//! What a result means for the resource, told by somebody else than the operation.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use rotapool_core::{Outcome, Signal};

use crate::terms::answer::{Answer, Answers};
use crate::terms::error::RunError;

/// What the result of an operation means for its resource: what a
/// [classifier](crate::Request::classify) answers.
///
/// A classifier may as well answer with a [`Signal`] or with `Option<Signal>`, where `None` is
/// [`Fine`](Self::Fine).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verdict {
    /// The resource did its part: the run ends with the result, be it a value or an error.
    Fine,
    /// The run ends with the result, and the resource's [health measures](crate::Health) count a failure.
    Failure,
    /// The pool acts on the resource, and the run goes on. The result is dropped, but for the error of the last
    /// attempt: the exhausted run [hands it back](crate::Unserved::last_error).
    Signal(Signal),
}

impl From<Signal> for Verdict {
    fn from(signal: Signal) -> Self {
        Self::Signal(signal)
    }
}

impl From<Option<Signal>> for Verdict {
    fn from(signal: Option<Signal>) -> Self {
        signal.map_or(Self::Fine, Self::Signal)
    }
}

/// A ready-made classifier, for errors that take in any other: finds the [`Signal`] that travels in one.
///
/// The error is one of `anyhow`, `eyre` or the like, a `Box<dyn Error + Send + Sync>`, or a [`Signal`] itself.
/// It is searched as [`signal_in`] does; an error without a signal is the operation's own.
///
/// ```
/// use rotapool::{Lease, Pool, Resource, Signal, signals};
///
/// type BoxError = Box<dyn std::error::Error + Send + Sync>;
///
/// async fn ask(key: Lease<&str>) -> Result<i32, BoxError> {
///     if *key == "sk-aaa" {
///         return Err(Signal::cooldown("429 from upstream").into());
///     }
///     Ok("42".parse()?) // an error of its own ends the run
/// }
///
/// # futures::executor::block_on(async {
/// # let pool = Pool::builder()
/// #     .resource(Resource::new("key-1", "sk-aaa"))
/// #     .resource(Resource::new("key-2", "sk-bbb"))
/// #     .retry_delay(std::time::Duration::ZERO)
/// #     .build()
/// #     .unwrap();
/// let answer = pool.request().classify(signals).run(ask).await;
/// assert_eq!(answer.unwrap(), 42);
/// assert_eq!(pool.stats().cooling_down, 1);
/// # });
/// ```
pub fn signals<R, E>(result: &Result<R, E>) -> Option<Signal>
where
    E: AsRef<dyn Error + Send + Sync>,
{
    result.as_ref().err().and_then(|error| signal_in(error.as_ref()))
}

/// The [`Signal`] that an error is, or that is among what caused it.
///
/// The run of an inner pool that was exhausted is a signal to the outer one: a cooldown until the inner pool
/// can serve again, or a try elsewhere if that is not known. It is found as an
/// [`Exhausted`](crate::Exhausted), and as a `RunError` that was [flattened](RunError::flatten) or whose
/// operation's error is an `io::Error`; of others only their type tells:
/// see [`RunError::signal`].
#[must_use]
pub fn signal_in(error: &(dyn Error + 'static)) -> Option<Signal> {
    let mut next = Some(error);
    // As deep as a reason shows it: a chain that goes in a circle ends.
    for _ in 0..32 {
        let error = next?;
        if let Some(signal) = told_by(error) {
            return Some(signal);
        }
        // What an `io::Error` was made of is not its source: its source is the source of that.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn told_by(error: &(dyn Error + 'static)) -> Option<Signal> {
    let signal = error.downcast_ref::<Signal>().cloned();
    signal
        .or_else(|| error.downcast_ref::<Box<Signal>>().map(|signal| (**signal).clone()))
        .or_else(|| error.downcast_ref::<Arc<Signal>>().map(|signal| (**signal).clone()))
        .or_else(|| error.downcast_ref::<RunError<Infallible>>().and_then(RunError::signal))
        .or_else(|| error.downcast_ref::<RunError<io::Error>>().and_then(RunError::signal))
        .or_else(|| error.downcast_ref::<RunError<Signal>>().and_then(RunError::signal))
        .or_else(|| error.downcast_ref::<rotapool_core::Exhausted>().map(of_inner))
}

/// What the exhaustion of an inner pool is to an outer one.
pub(crate) fn of_inner(exhausted: &rotapool_core::Exhausted) -> Signal {
    match exhausted.retry_after().filter(|after| !after.is_zero()) {
        Some(after) => Signal::cooldown_for(after, exhausted.to_string()),
        None => Signal::retry(exhausted.to_string()),
    }
}

pin_project! {
    /// An operation whose result somebody else judges.
    #[doc(hidden)]
    #[derive(Debug)]
    #[must_use = "a future does nothing until polled"]
    pub struct Judged<Fut, J> {
        #[pin]
        pub(crate) call: Fut,
        pub(crate) judge: Arc<J>,
    }
}

impl<Fut, J, R, E, V> Future for Judged<Fut, J>
where
    Fut: Future<Output = Result<R, E>>,
    J: Fn(&Result<R, E>) -> V,
    V: Into<Verdict>,
{
    type Output = Judgement<R, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.call.poll(task));
        let verdict = (this.judge)(&result).into();
        Poll::Ready(Judgement { result, verdict })
    }
}

/// A result and what it means.
#[doc(hidden)]
#[derive(Debug)]
pub struct Judgement<R, E> {
    result: Result<R, E>,
    verdict: Verdict,
}

impl<R, E> Answers for Judgement<R, E> {
    type Value = R;
    type Error = E;

    fn answer(self) -> Answer<R, E> {
        match (self.result, self.verdict) {
            (Ok(value), Verdict::Fine) => Answer::Served(value),
            (Err(error), Verdict::Fine) => Answer::Returned(Err(error), Outcome::Error),
            (result, Verdict::Failure) => Answer::Returned(result, Outcome::Failure),
            (result, Verdict::Signal(signal)) => Answer::Again(signal, result.err()),
        }
    }
}
