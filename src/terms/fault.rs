//! How an operation fails.

use std::fmt;
use std::time::Duration;

use rotapool_core::Signal;

/// Why an attempt failed: a signal about the resource, or the operation's own error.
///
/// A signal makes the pool act on the resource and try again. An error of the operation's own says
/// that the resource did its part: it ends the run at once and reaches the caller by value.
///
/// `?` converts an `E` into the latter. So **a transport error behind a plain `?` ends the run and
/// counts as a success of the resource**; to try elsewhere, say `.map_err(Fault::retry)?`.
///
/// Every signal takes a reason, which shows up wherever somebody asks why the resource is out. Leave
/// secrets out of it: beware of error texts that quote a URL with a key in it.
///
/// ```
/// use std::time::Duration;
/// use rotapool::Fault;
///
/// fn judge(status: u16, retry_after: Option<Duration>) -> Result<(), Fault<String>> {
///     match status {
///         429 => Err(Fault::cooldown_for(retry_after, "429 from upstream")),
///         401 => Err(Fault::disable("key revoked")),
///         502..=504 => Err(Fault::retry("upstream hiccup")),
///         404 => Err("no such model".to_owned())?,
///         _ => Ok(()),
///     }
/// }
/// # assert!(matches!(judge(404, None), Err(Fault::Operation(_))));
/// # assert!(matches!(judge(429, None), Err(Fault::Signal(_))));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault<E> {
    /// What the operation says of the resource.
    Signal(Signal),
    /// The operation's own error, of which the resource is innocent.
    Operation(E),
    /// The operation's own error, which it blames on the resource: it ends the run all the same, and
    /// counts as a failure of the resource, in its [health measures](crate::Health) too. It resets no
    /// escalation, and sends a resource on trial away again.
    Failure(E),
}

impl<E> Fault<E> {
    /// The resource is over its limit: send it away for as long as the pool's cooldown table says.
    ///
    /// Each cooldown since the last success takes the next entry of the table.
    pub fn cooldown(reason: impl fmt::Display) -> Self {
        Self::Signal(Signal::cooldown(reason))
    }

    /// The resource is over its limit and the upstream said for how long, as by `Retry-After`.
    ///
    /// `None` leaves it to the table. A cooldown that is running already is never shortened. Above a
    /// hundred years counts as a hundred years.
    pub fn cooldown_for(after: impl Into<Option<Duration>>, reason: impl fmt::Display) -> Self {
        Self::Signal(Signal::cooldown_for(after, reason))
    }

    /// The resource is unusable, as by a revoked key: take it out until
    /// [`enable`](crate::Pool::enable).
    pub fn disable(reason: impl fmt::Display) -> Self {
        Self::Signal(Signal::disable(reason))
    }

    /// A hiccup that changes nothing about the resource's status: spend an attempt and try again, perhaps
    /// on the same resource. The health measures count a failure, as for every signal.
    ///
    /// It goes well with `map_err`: `send().await.map_err(Fault::retry)?`.
    pub fn retry(reason: impl fmt::Display) -> Self {
        Self::Signal(Signal::retry(reason))
    }
}

impl<E> From<E> for Fault<E> {
    fn from(error: E) -> Self {
        Self::Operation(error)
    }
}
