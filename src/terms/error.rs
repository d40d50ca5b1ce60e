//! How a run fails.

use std::convert::Infallible;
use std::time::Duration;

use rotapool_core::Exhausted;
use thiserror::Error;

/// Why a run returned no value.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum RunError<E> {
    /// The pool could not serve the run: why, how every resource stands, and when to come back.
    #[error(transparent)]
    Exhausted(Box<Exhausted>),
    /// The operation's own error, by value. It shows and has as its source what the error itself does.
    #[error(transparent)]
    Operation(E),
    /// The run's options make no sense; nothing was attempted.
    #[error(transparent)]
    Options(#[from] OptionsError),
    /// The run was aborted through its [`AbortHandle`](crate::AbortHandle).
    #[error("the run was aborted by its caller")]
    Aborted,
}

impl<E> RunError<E> {
    /// Whether the pool could not serve the run.
    #[must_use]
    pub fn is_exhausted(&self) -> bool {
        self.exhausted().is_some()
    }

    /// The explanation, if the pool could not serve the run.
    #[must_use]
    pub fn exhausted(&self) -> Option<&Exhausted> {
        match self {
            Self::Exhausted(exhausted) => Some(exhausted),
            _ => None,
        }
    }

    /// The operation's own error, if that is what it was; else the run's error again.
    ///
    /// # Errors
    ///
    /// The error itself, if it is not the operation's.
    pub fn into_operation(self) -> Result<E, Self> {
        match self {
            Self::Operation(error) => Ok(error),
            other => Err(other),
        }
    }

    /// The operation's own error as it is, and any other end of the run as an error of the same type.
    ///
    /// For errors that take in any other, such as `anyhow::Error` or `Box<dyn Error + Send + Sync>`.
    /// They are no `std::error::Error` themselves, so a `RunError` of them is none either, and `?`
    /// alone could not convert it.
    ///
    /// ```
    /// use rotapool::{Fault, Lease, Pool, Resource, RunError};
    ///
    /// type BoxError = Box<dyn std::error::Error + Send + Sync>;
    ///
    /// async fn parse(text: Lease<&str>) -> Result<i32, Fault<BoxError>> {
    ///     Ok(text.parse().map_err(BoxError::from)?)
    /// }
    ///
    /// async fn forty_two(pool: &Pool<&'static str>) -> Result<i32, BoxError> {
    ///     pool.run(parse).await.map_err(RunError::flatten)
    /// }
    /// # let pool = Pool::builder().resource(Resource::new("a", "42")).build().unwrap();
    /// # assert_eq!(futures::executor::block_on(forty_two(&pool)).unwrap(), 42);
    /// ```
    #[must_use]
    pub fn flatten(self) -> E
    where
        E: From<RunError<Infallible>>,
    {
        match self {
            Self::Operation(error) => error,
            Self::Exhausted(exhausted) => RunError::Exhausted(exhausted).into(),
            Self::Options(error) => RunError::Options(error).into(),
            Self::Aborted => RunError::Aborted.into(),
        }
    }

    /// How long after the run ended the pool can serve again, as far as it can know: for a
    /// `Retry-After` of your own.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.exhausted().and_then(Exhausted::retry_after)
    }
}

/// Why a run was not begun.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum OptionsError {
    /// `max_attempts` was 0.
    #[error("max_attempts of the run is 0; a run needs at least 1 attempt")]
    ZeroMaxAttempts,
    /// `attempt_timeout` was zero.
    #[error("attempt_timeout of the run is zero; allowed is more than that, or none for no limit")]
    ZeroAttemptTimeout,
}
