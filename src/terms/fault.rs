//! How an operation fails.

use std::error::Error;
use std::fmt;
use std::time::Duration;

use rotapool_core::Signal;

/// Why an attempt failed: a signal about the resource, or the operation's own error.
///
/// A signal makes the pool act on the resource and try again. An error of the operation's own says
/// that the resource did its part: it ends the run at once and reaches the caller by value.
///
/// `?` converts an `E` into the latter. So **a transport error behind a plain `?` ends the run and
/// counts as a success of the resource**; to try elsewhere, say [`.or_retry()?`](crate::Blame) or, which is the
/// same, `.map_err(Fault::retry)?`. A call with a time limit has two: `timeout(limit,
/// call).await.or_retry()?.or_retry()?`. An operation that is to know nothing of pools is
/// [judged from outside](crate::Request::classify).
///
/// Every signal takes a reason, which shows up wherever somebody asks why the resource is out: a text, or an
/// error, of which it shows [all that caused it](crate::chain) and keeps the error itself. It takes what
/// `std::io::Error::other` takes: `&str`, `String`, any error that is `Send`, `Sync` and owned, boxed ones, those
/// of `anyhow` and `eyre`. Make a text of anything else: `Fault::disable(status.to_string())`. Leave secrets out of
/// it, or tell the pool of [them](crate::Resource::secret); what URLs keep to themselves is hidden always. The pool keeps
/// the first 16 KiB of it.
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
    pub fn cooldown(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Signal(Signal::cooldown(reason))
    }

    /// The resource is over its limit and the upstream said for how long, as by `Retry-After`.
    ///
    /// `None` leaves it to the table. A cooldown that is running already is never shortened. Above a
    /// hundred years counts as a hundred years.
    pub fn cooldown_for(
        after: impl Into<Option<Duration>>,
        reason: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        Self::Signal(Signal::cooldown_for(after, reason))
    }

    /// The resource is unusable, as by a revoked key: take it out until
    /// [`enable`](crate::Pool::enable).
    pub fn disable(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Signal(Signal::disable(reason))
    }

    /// A hiccup that changes nothing about the resource's status: spend an attempt and try again, perhaps
    /// on the same resource. The health measures count a failure, as for every signal.
    ///
    /// It goes well with `map_err`: `send().await.map_err(Fault::retry)?`.
    pub fn retry(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Signal(Signal::retry(reason))
    }

    /// The same signal, but of all resources of the [group](crate::Resource::group) to which this one belongs: the upstream
    /// refused the organisation, not the key. All of them are out then, with this cause, and younger operations on each
    /// are aborted as on this one. Of a resource without a group it speaks as ever. A retry signal, and an error of the
    /// operation's own, are left alone.
    ///
    /// ```
    /// # use rotapool::{Fault, Group, Pool, Resource};
    /// # futures::executor::block_on(async {
    /// let pool = Pool::builder()
    ///     .group(Group::new("org-1"))
    ///     .resource(Resource::new("key-1", "sk-aaa").group("org-1"))
    ///     .resource(Resource::new("key-2", "sk-bbb").group("org-1"))
    ///     .build()?;
    /// let limited = || Err::<(), Fault<String>>(Fault::cooldown("429 of org-1").of_group());
    /// assert!(pool.run(async |_key| limited()).await.is_err());
    /// assert_eq!(pool.stats().attempts, 1); // it is of no use to ask with the other key
    /// # Ok::<(), rotapool::BuildError>(())
    /// # }).unwrap();
    /// ```
    #[must_use]
    pub fn of_group(self) -> Self {
        match self {
            Self::Signal(signal) => Self::Signal(signal.of_group()),
            own => own,
        }
    }

    /// The same signal, caused by this error; its reason stays as it is. An error of the operation's own is left
    /// alone.
    ///
    /// ```
    /// # use rotapool::Fault;
    /// let fault = Fault::<String>::disable("key revoked").because(std::io::Error::other("401"));
    /// # assert_eq!(fault.to_string(), "disable (key revoked)");
    /// ```
    #[must_use]
    pub fn because(self, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        match self {
            Self::Signal(signal) => Self::Signal(signal.because(error)),
            own => own,
        }
    }

    /// The same with the operation's own error turned into another; signals stay as they are.
    ///
    /// To pass on what a helper with errors of its own says of the resource:
    /// `helper(&key).await.map_err(|fault| fault.map(MyError::Helper))?`.
    pub fn map<F>(self, turn: impl FnOnce(E) -> F) -> Fault<F> {
        match self {
            Self::Signal(signal) => Fault::Signal(signal),
            Self::Operation(error) => Fault::Operation(turn(error)),
            Self::Failure(error) => Fault::Failure(turn(error)),
        }
    }
}

impl<E: fmt::Display> fmt::Display for Fault<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Signal(signal) => signal.fmt(f),
            Self::Operation(error) | Self::Failure(error) => error.fmt(f),
        }
    }
}

impl<E: Error + 'static> Error for Fault<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Signal(signal) => signal.source(),
            Self::Operation(error) | Self::Failure(error) => error.source(),
        }
    }
}

impl<E> From<E> for Fault<E> {
    fn from(error: E) -> Self {
        Self::Operation(error)
    }
}
