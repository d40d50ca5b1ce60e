//! The fate of an error, said where it is born.

use std::error::Error;
use std::time::Duration;

use crate::terms::fault::Fault;

type AnyError = Box<dyn Error + Send + Sync>;

/// Says of an error, where it is born, what it means for the resource.
///
/// Each turns the error of a `Result` into a [`Fault`], to be passed on by `?`. All but
/// [`or_failure`](Self::or_failure) make a signal of it: its reason shows the error with all that caused it, and
/// the run that is exhausted in the end hands the last error back. Texts will do as errors.
///
/// ```
/// use std::net::AddrParseError;
/// use rotapool::{Blame, Fault};
///
/// fn parse(text: &str) -> Result<std::net::IpAddr, Fault<AddrParseError>> {
///     let first = text.split(' ').next().ok_or("nothing there").or_retry()?;
///     first.parse().or_failure()
/// }
/// # assert!(matches!(parse("x"), Err(Fault::Failure(_))));
/// ```
///
/// An error that borrows, or that another thread may not have, cannot be kept; nor can what is no error at all. Make a
/// text of it: `.map_err(|status| status.to_string()).or_disable()?`.
///
/// ```compile_fail,E0277
/// use rotapool::{Blame, Fault};
///
/// fn check(status: Result<(), u16>) -> Result<(), Fault<String>> {
///     // error: the trait bound `Box<dyn Error + Send + Sync>: From<u16>` is not satisfied
///     status.or_disable()
/// }
/// ```
pub trait Blame<T, X>: Sized {
    /// Spends an attempt and tries again: see [`Fault::retry`].
    ///
    /// # Errors
    ///
    /// The signal, if this is an error.
    fn or_retry<E>(self) -> Result<T, Fault<E>>
    where
        X: Into<AnyError>;

    /// Sends the resource away for as long as the pool's table says: see [`Fault::cooldown`].
    ///
    /// # Errors
    ///
    /// The signal, if this is an error.
    fn or_cooldown<E>(self) -> Result<T, Fault<E>>
    where
        X: Into<AnyError>;

    /// Sends the resource away for this long, or as the table says: see [`Fault::cooldown_for`].
    ///
    /// # Errors
    ///
    /// The signal, if this is an error.
    fn or_cooldown_for<E>(self, after: impl Into<Option<Duration>>) -> Result<T, Fault<E>>
    where
        X: Into<AnyError>;

    /// Takes the resource out of use: see [`Fault::disable`].
    ///
    /// # Errors
    ///
    /// The signal, if this is an error.
    fn or_disable<E>(self) -> Result<T, Fault<E>>
    where
        X: Into<AnyError>;

    /// Ends the run with this error, and blames the resource: see [`Fault::Failure`].
    ///
    /// # Errors
    ///
    /// The failure, if this is an error.
    fn or_failure<E>(self) -> Result<T, Fault<E>>
    where
        X: Into<E>;
}

impl<T, X> Blame<T, X> for Result<T, X> {
    fn or_retry<E>(self) -> Result<T, Fault<E>>
    where
        X: Into<AnyError>,
    {
        self.map_err(Fault::retry)
    }

    fn or_cooldown<E>(self) -> Result<T, Fault<E>>
    where
        X: Into<AnyError>,
    {
        self.map_err(Fault::cooldown)
    }

    fn or_cooldown_for<E>(self, after: impl Into<Option<Duration>>) -> Result<T, Fault<E>>
    where
        X: Into<AnyError>,
    {
        self.map_err(|error| Fault::cooldown_for(after, error))
    }

    fn or_disable<E>(self) -> Result<T, Fault<E>>
    where
        X: Into<AnyError>,
    {
        self.map_err(Fault::disable)
    }

    fn or_failure<E>(self) -> Result<T, Fault<E>>
    where
        X: Into<E>,
    {
        self.map_err(|error| Fault::Failure(error.into()))
    }
}
