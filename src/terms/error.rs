//! How a run fails.

use std::convert::Infallible;
use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use rotapool_core::{CostError, Exhausted, Signal};
use thiserror::Error;

use crate::terms::unserved::{Unserved, of_inner};

/// Why a run returned no value.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RunError<E> {
    /// The pool could not serve the run: why, how every resource stands, when to come back, and the error of the
    /// last attempt. It shows the [`Exhausted`], and has that error as its source.
    Exhausted(Box<Unserved<E>>),
    /// The operation's own error, by value. It shows and has as its source what the error itself does.
    Operation(E),
    /// The run's options make no sense; nothing was attempted.
    Options(OptionsError),
    /// The run was aborted through its [`AbortHandle`](crate::AbortHandle).
    Aborted,
}

impl<E: fmt::Display> fmt::Display for RunError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted(unserved) => unserved.fmt(f),
            Self::Operation(error) => error.fmt(f),
            Self::Options(error) => error.fmt(f),
            Self::Aborted => f.write_str("the run was aborted by its caller"),
        }
    }
}

impl<E: StdError + 'static> StdError for RunError<E> {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Exhausted(unserved) => unserved.source(),
            Self::Operation(error) => error.source(),
            Self::Options(_) | Self::Aborted => None,
        }
    }
}

impl<E> From<OptionsError> for RunError<E> {
    fn from(error: OptionsError) -> Self {
        Self::Options(error)
    }
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

    /// The same with the operation's own error turned into another, also that of a run that was not served.
    pub fn map_operation<F>(self, turn: impl FnOnce(E) -> F) -> RunError<F> {
        match self {
            Self::Exhausted(unserved) => RunError::Exhausted(Box::new(unserved.map(turn))),
            Self::Operation(error) => RunError::Operation(turn(error)),
            Self::Options(error) => RunError::Options(error),
            Self::Aborted => RunError::Aborted,
        }
    }

    /// What this is to an outer pool whose operation is a run of this one: of an exhausted run a cooldown until
    /// this pool can serve again, or a try elsewhere if that is not known. Any other end is no signal.
    ///
    /// ```
    /// # use rotapool::{Fault, Pool, Resource, RunError};
    /// # use std::io;
    /// async fn anywhere(regions: &Pool<Pool<String>>) -> Result<String, RunError<RunError<io::Error>>> {
    ///     let inner_is_out = |result: &Result<_, RunError<io::Error>>| {
    ///         result.as_ref().err().and_then(RunError::signal)
    ///     };
    ///     let keys = async |keys: rotapool::Lease<Pool<String>>| {
    ///         keys.run(async |key| Ok::<_, Fault<io::Error>>(key.to_uppercase())).await
    ///     };
    ///     regions.request().classify(inner_is_out).run(keys).await
    /// }
    /// ```
    #[must_use]
    pub fn signal(&self) -> Option<Signal> {
        self.exhausted().map(of_inner)
    }

    /// The operation's own error as it is, and any other end of the run as an error of the same type.
    ///
    /// For errors that take in any other, such as `anyhow::Error` or `Box<dyn Error + Send + Sync>`.
    /// The error of a run that was not served has the last attempt's as its source.
    ///
    /// Such errors are no `std::error::Error` themselves, so a `RunError` of them is none either, and `?`
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
    ///
    /// ```compile_fail,E0277
    /// # use rotapool::{Fault, Lease, Pool};
    /// # type BoxError = Box<dyn std::error::Error + Send + Sync>;
    /// # async fn parse(text: Lease<&str>) -> Result<i32, Fault<BoxError>> { Ok(42) }
    /// async fn forty_two(pool: &Pool<&'static str>) -> Result<i32, BoxError> {
    ///     // error: `?` couldn't convert the error: `RunError<Box<dyn Error + Send + Sync>>: Error` is not satisfied
    ///     Ok(pool.run(parse).await?)
    /// }
    /// ```
    #[must_use]
    pub fn flatten(self) -> E
    where
        E: From<RunError<Infallible>> + Into<Box<dyn StdError + Send + Sync>>,
    {
        match self {
            Self::Operation(error) => error,
            Self::Exhausted(unserved) => RunError::Exhausted(Box::new(unserved.erase())).into(),
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
    /// `stall_timeout` was zero.
    #[error("stall_timeout of the run is zero; allowed is more than that, or none for no limit")]
    ZeroStallTimeout,
    /// `stream_timeout` was zero.
    #[error("stream_timeout of the run is zero; allowed is more than that, or none for no limit")]
    ZeroStreamTimeout,
    /// A cost that the run states makes no sense in this pool.
    #[error(transparent)]
    Cost(#[from] CostError),
    /// The delay of hedges was zero.
    #[error("the delay of hedges is zero; allowed is more than that, or `Hedge::Never` for none")]
    ZeroHedge,
    /// The run or its attempts end before they would be hedged.
    #[error(
        "hedges begin after {hedge:?}, but the run or its attempts end after {timeout:?}; allowed is less than that"
    )]
    HedgeAfterTimeout {
        /// The delay of hedges.
        hedge: Duration,
        /// `timeout`, `attempt_timeout`, or of a stream its `stream_timeout`.
        timeout: Duration,
    },
}
