//! What a script says to one call.

use std::convert::Infallible;
use std::fmt;
use std::time::Duration;

use crate::terms::fault::Fault;

/// How one call of an operation goes: what it comes to, and when.
///
/// It comes at once unless [`after`](Self::after) says otherwise.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<R, E = Infallible> {
    /// `None` never comes.
    pub(super) result: Option<Result<R, Fault<E>>>,
    pub(super) after: Duration,
}

impl<R, E> Answer<R, E> {
    /// The operation returns a value.
    pub fn ok(value: R) -> Self {
        Ok(value).into()
    }

    /// The operation fails with an error of its own.
    pub fn error(error: E) -> Self {
        Err(Fault::Operation(error)).into()
    }

    /// A signal as by [`Fault::cooldown`].
    pub fn cooldown(reason: impl fmt::Display) -> Self {
        Err(Fault::cooldown(reason.to_string())).into()
    }

    /// A signal as by [`Fault::cooldown_for`].
    pub fn cooldown_for(after: impl Into<Option<Duration>>, reason: impl fmt::Display) -> Self {
        Err(Fault::cooldown_for(after, reason.to_string())).into()
    }

    /// A signal as by [`Fault::disable`].
    pub fn disable(reason: impl fmt::Display) -> Self {
        Err(Fault::disable(reason.to_string())).into()
    }

    /// A signal as by [`Fault::retry`].
    pub fn retry(reason: impl fmt::Display) -> Self {
        Err(Fault::retry(reason.to_string())).into()
    }

    /// The operation never returns: it is in flight until an older sibling's signal aborts it or its
    /// caller gives up.
    #[must_use]
    pub fn hang() -> Self {
        Self { result: None, after: Duration::ZERO }
    }

    /// The same, this long after the call by the clock of the script. Above a hundred years counts as
    /// a hundred years.
    #[must_use]
    pub fn after(mut self, duration: Duration) -> Self {
        self.after = duration;
        self
    }
}

/// What an operation returns, at once.
impl<R, E> From<Result<R, Fault<E>>> for Answer<R, E> {
    fn from(result: Result<R, Fault<E>>) -> Self {
        Self { result: Some(result), after: Duration::ZERO }
    }
}
