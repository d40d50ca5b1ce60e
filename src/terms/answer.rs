//! What an attempt's result means to the run.

use std::time::Duration;

use rotapool_core::{Outcome, Signal};

use crate::terms::fault::Fault;

/// What becomes of a run that is not simply served.
#[doc(hidden)]
#[derive(Debug)]
pub enum Otherwise<R, E> {
    /// It ends with this result, and the attempt ended so.
    Returned(Result<R, E>, Outcome),
    /// It goes on: the resource let it down. With the operation's own error, if that was judged so.
    Again(Signal, Option<E>),
    /// It goes on: the resource had nothing to show for so long.
    Stalled(Duration),
}

/// What an operation may return: `Result<R, Fault<E>>`, or any `Result` with its verdict.
#[doc(hidden)]
pub trait Answers {
    type Value;
    type Error;

    /// The value, if the run ends with that and the resource works.
    fn answer(self) -> Result<Self::Value, Otherwise<Self::Value, Self::Error>>;
}

impl<R, E> Answers for Result<R, Fault<E>> {
    type Value = R;
    type Error = E;

    #[inline(always)]
    fn answer(self) -> Result<R, Otherwise<R, E>> {
        self.map_err(|fault| match fault {
            Fault::Operation(error) => Otherwise::Returned(Err(error), Outcome::Error),
            Fault::Failure(error) => Otherwise::Returned(Err(error), Outcome::Failure),
            Fault::Signal(signal) => Otherwise::Again(signal, None),
        })
    }
}
