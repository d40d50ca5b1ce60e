//! What a result means for the resource, told by somebody else than the operation.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use pin_project_lite::pin_project;
use rotapool_core::{Outcome, Signal};

use crate::terms::answer::{Answers, Otherwise};

/// What the result of an operation means for its resource: what a
/// [classifier](crate::Request::classify) answers.
///
/// A classifier may as well answer with a [`Signal`] or with `Option<Signal>`, where `None` is
/// [`Fine`](Self::Fine).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Meaning {
    /// The resource did its part: the run ends with the result, be it a value or an error.
    Fine,
    /// The run ends with the result, and the resource's [health measures](crate::Health) count a failure.
    Failure,
    /// The pool acts on the resource, and the run goes on. The result is dropped, but for the error of the last
    /// attempt: the exhausted run [hands it back](crate::Unserved::last_error).
    Signal(Signal),
}

impl From<Signal> for Meaning {
    fn from(signal: Signal) -> Self {
        Self::Signal(signal)
    }
}

impl From<Option<Signal>> for Meaning {
    fn from(signal: Option<Signal>) -> Self {
        signal.map_or(Self::Fine, Self::Signal)
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
    V: Into<Meaning>,
{
    type Output = Judgement<R, E>;

    fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<Self::Output> {
        let this = self.project();
        let result = ready!(this.call.poll(task));
        let meaning = (this.judge)(&result).into();
        Poll::Ready(Judgement { result, meaning })
    }
}

/// A result and what it means.
#[doc(hidden)]
#[derive(Debug)]
pub struct Judgement<R, E> {
    pub(crate) result: Result<R, E>,
    pub(crate) meaning: Meaning,
}

impl<R, E> Answers for Judgement<R, E> {
    type Value = R;
    type Error = E;

    fn answer(self) -> Result<R, Otherwise<R, E>> {
        match (self.result, self.meaning) {
            (Ok(value), Meaning::Fine) => Ok(value),
            (Err(error), Meaning::Fine) => Err(Otherwise::Returned(Err(error), Outcome::Error)),
            (result, Meaning::Failure) => Err(Otherwise::Returned(result, Outcome::Failure)),
            (result, Meaning::Signal(signal)) => Err(Otherwise::Again(signal, result.err())),
        }
    }
}
