//! What an attempt's result means to the run.

use rotapool_core::{Outcome, Signal};

use crate::terms::fault::Fault;

/// What becomes of the run.
#[doc(hidden)]
#[derive(Debug)]
pub enum Answer<R, E> {
    /// It ends with this value, and the resource works.
    Served(R),
    /// It ends with this result, and the attempt ended so.
    Returned(Result<R, E>, Outcome),
    /// It goes on: the resource let it down. With the operation's own error, if that was judged so.
    Again(Signal, Option<E>),
}

/// What an operation may return: `Result<R, Fault<E>>`, or any `Result` with its verdict.
#[doc(hidden)]
pub trait Answers {
    type Value;
    type Error;

    fn answer(self) -> Answer<Self::Value, Self::Error>;
}

impl<R, E> Answers for Result<R, Fault<E>> {
    type Value = R;
    type Error = E;

    #[inline(always)]
    fn answer(self) -> Answer<R, E> {
        match self {
            Ok(value) => Answer::Served(value),
            Err(Fault::Operation(error)) => Answer::Returned(Err(error), Outcome::Error),
            Err(Fault::Failure(error)) => Answer::Returned(Err(error), Outcome::Failure),
            Err(Fault::Signal(signal)) => Answer::Again(signal, None),
        }
    }
}
