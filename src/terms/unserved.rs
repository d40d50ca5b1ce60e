//! A run that the pool could not serve, with the error that its last attempt left.

use std::convert::Infallible;
use std::error::Error;
use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

use rotapool_core::{Exhausted, Signal};

type Cause = Arc<dyn Error + Send + Sync>;

/// How a run ended that the pool could not serve: the [`Exhausted`], by [`Deref`], and the last error.
///
/// It shows what the `Exhausted` does. As an error it has the last error as its source.
#[derive(Clone)]
pub struct Unserved<E> {
    exhausted: Exhausted,
    last: Option<Last<E>>,
}

/// The error of an attempt that ended with a signal.
#[derive(Clone)]
pub(crate) enum Last<E> {
    /// The operation's own, which a classifier judged.
    Own(E),
    /// What the operation made the signal of.
    Cause(Cause),
}

impl<E> Unserved<E> {
    pub(crate) fn new(exhausted: Exhausted, last: Option<Last<E>>) -> Self {
        Self { exhausted, last }
    }

    /// The operation's own error by which the last attempt that had one failed, where a
    /// [classifier](crate::Request::classify) made a signal of it.
    #[must_use]
    pub fn last_error(&self) -> Option<&E> {
        match &self.last {
            Some(Last::Own(error)) => Some(error),
            _ => None,
        }
    }

    /// The same by value.
    #[must_use]
    pub fn into_last_error(self) -> Option<E> {
        match self.last {
            Some(Last::Own(error)) => Some(error),
            _ => None,
        }
    }

    /// The error of which the operation made its last signal that had one: what [`Fault::retry`](crate::Fault::retry)
    /// and the others were given, or [`because`](crate::Fault::because) after them.
    ///
    /// It is the operation's, as it was: secrets are hidden in reasons, not in here.
    #[must_use]
    pub fn last_cause(&self) -> Option<&Arc<dyn Error + Send + Sync>> {
        match &self.last {
            Some(Last::Cause(error)) => Some(error),
            _ => None,
        }
    }

    pub(crate) fn map<F>(self, turn: impl FnOnce(E) -> F) -> Unserved<F> {
        let last = self.last.map(|last| match last {
            Last::Own(error) => Last::Own(turn(error)),
            Last::Cause(error) => Last::Cause(error),
        });
        Unserved { exhausted: self.exhausted, last }
    }

    /// The same for whoever does not know the operation's own error.
    pub(crate) fn erase(self) -> Unserved<Infallible>
    where
        E: Into<Box<dyn Error + Send + Sync>>,
    {
        let last = self.last.map(|last| match last {
            Last::Own(error) => Last::Cause(Arc::from(error.into())),
            Last::Cause(error) => Last::Cause(error),
        });
        Unserved { exhausted: self.exhausted, last }
    }
}

impl<E> Deref for Unserved<E> {
    type Target = Exhausted;

    fn deref(&self) -> &Exhausted {
        &self.exhausted
    }
}

/// What caused the last signal does not count.
impl<E: PartialEq> PartialEq for Unserved<E> {
    fn eq(&self, other: &Self) -> bool {
        self.exhausted == other.exhausted && self.last_error() == other.last_error()
    }
}

impl<E: Eq> Eq for Unserved<E> {}

impl<E> fmt::Display for Unserved<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.exhausted, f)
    }
}

/// The line of `Display`, for this is what `main` and `unwrap` show, and a log. Without the error: its text is not ours, and
/// may hold what a reason must not.
impl<E> fmt::Debug for Unserved<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<E: Error + 'static> Error for Unserved<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match &self.last {
            Some(Last::Own(error)) => Some(error),
            Some(Last::Cause(error)) => Some(&**error),
            None => None,
        }
    }
}

/// What the exhaustion of an inner pool is to an outer one.
pub(crate) fn of_inner(exhausted: &Exhausted) -> Signal {
    match exhausted.retry_after().filter(|after| !after.is_zero()) {
        Some(after) => Signal::cooldown_for(after, exhausted.to_string()),
        None => Signal::retry(exhausted.to_string()),
    }
}
