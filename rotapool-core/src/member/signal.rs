//! What an operation says of its resource.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::reason::chain;
use crate::one_line::OneLine;

/// What an operation says of the resource that it was given.
///
/// Every signal carries a reason: it is what snapshots and errors show to whoever asks why the
/// resource is out, so say what happened (`"429 from upstream"`) and leave secrets out of it. A reason is a
/// text or an error; of an error it shows the [whole chain](chain), and keeps the error.
///
/// A signal is an error itself, so it can travel in `Box<dyn Error>` and the like. Two signals are equal
/// if they say the same, whatever the errors that caused them.
#[derive(Clone)]
#[non_exhaustive]
pub enum Signal {
    /// Over its limit: leave it alone for a while.
    Cooldown {
        /// How long, when the upstream said so; without it the pool's cooldown table decides.
        after: Option<Duration>,
        /// Whether `after` is a guess of whoever sends this, and not the upstream's word.
        guessed: bool,
        /// Why.
        reason: Arc<str>,
        /// Whether it [speaks of the group](Signal::of_group).
        of_group: bool,
        /// The error that caused it, on its way to whoever made the run. Reports of the pool leave it out.
        error: Option<Arc<dyn Error + Send + Sync>>,
    },
    /// Unusable until somebody enables it again.
    Disable {
        /// Why.
        reason: Arc<str>,
        /// Whether it [speaks of the group](Signal::of_group).
        of_group: bool,
        /// The error that caused it, as in a cooldown.
        error: Option<Arc<dyn Error + Send + Sync>>,
    },
    /// A hiccup that leaves the resource's status alone: just try again. It counts as a failure in the
    /// health measures, as every signal does.
    Retry {
        /// Why.
        reason: Arc<str>,
        /// The error that caused it, as in a cooldown.
        error: Option<Arc<dyn Error + Send + Sync>>,
    },
}

impl Signal {
    /// A cooldown as long as the pool's table says.
    pub fn cooldown(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::cooldown_for(None, reason)
    }

    /// A cooldown of a stated length, or as the table says when `after` is `None`.
    pub fn cooldown_for(
        after: impl Into<Option<Duration>>,
        reason: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let (reason, error) = kept(reason.into());
        Self::Cooldown { after: after.into(), guessed: false, reason, of_group: false, error }
    }

    /// A cooldown of this length, which nobody has stated: reports say that it was guessed. Like a stated one it takes no
    /// step on the pool's table and is brought within the pool's bounds.
    pub fn cooldown_guess(
        after: Duration,
        reason: impl Into<Box<dyn Error + Send + Sync>>,
    ) -> Self {
        let (reason, error) = kept(reason.into());
        Self::Cooldown { after: Some(after), guessed: true, reason, of_group: false, error }
    }

    /// The resource is unusable.
    pub fn disable(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (reason, error) = kept(reason.into());
        Self::Disable { reason, of_group: false, error }
    }

    /// Try again, here or elsewhere.
    pub fn retry(reason: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        let (reason, error) = kept(reason.into());
        Self::Retry { reason, error }
    }

    /// The same signal, but of all resources of the [group](crate::Group) to which this one belongs: a limit that they
    /// share is spent, or the account that they belong to is closed. Each takes it as if its own operation had sent it,
    /// unless an admin has enabled it since this attempt began. Of a resource without a group it speaks as ever, and a
    /// retry signal says nothing of anybody.
    #[must_use]
    pub fn of_group(mut self) -> Self {
        match &mut self {
            Self::Cooldown { of_group, .. } | Self::Disable { of_group, .. } => *of_group = true,
            Self::Retry { .. } => {}
        }
        self
    }

    /// Whether it speaks of the whole [group](Self::of_group).
    #[must_use]
    pub fn is_of_group(&self) -> bool {
        match self {
            Self::Cooldown { of_group, .. } | Self::Disable { of_group, .. } => *of_group,
            Self::Retry { .. } => false,
        }
    }

    /// The same signal, caused by this error; the reason stays as it is.
    #[must_use]
    pub fn because(mut self, error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        *self.parts_mut().1 = Some(Arc::from(error.into()));
        self
    }

    /// Why the operation sent this signal.
    #[must_use]
    pub fn reason(&self) -> &str {
        self.parts().0
    }

    /// The error that caused it, if it still has it.
    #[must_use]
    pub fn error(&self) -> Option<&Arc<dyn Error + Send + Sync>> {
        self.parts().1.as_ref()
    }

    /// The same with its reason told another way, as without a secret. The error stays as it is.
    pub fn rephrase(&mut self, tell: impl FnOnce(&str) -> Option<String>) {
        let reason = self.parts_mut().0;
        if let Some(told) = tell(reason) {
            *reason = told.into();
        }
    }

    /// Takes the error that caused it out of the signal.
    pub fn take_error(&mut self) -> Option<Arc<dyn Error + Send + Sync>> {
        self.parts_mut().1.take()
    }

    fn parts(&self) -> (&Arc<str>, &Option<Arc<dyn Error + Send + Sync>>) {
        match self {
            Self::Cooldown { reason, error, .. }
            | Self::Disable { reason, error, .. }
            | Self::Retry { reason, error } => (reason, error),
        }
    }

    fn parts_mut(&mut self) -> (&mut Arc<str>, &mut Option<Arc<dyn Error + Send + Sync>>) {
        match self {
            Self::Cooldown { reason, error, .. }
            | Self::Disable { reason, error, .. }
            | Self::Retry { reason, error } => (reason, error),
        }
    }

    /// All that it says: what it asks for, for how long, why, and whether of the whole group.
    fn said(&self) -> (u8, Option<Duration>, bool, &str, bool) {
        match self {
            Self::Cooldown { after, guessed, reason, of_group, .. } => {
                (0, *after, *guessed, reason, *of_group)
            }
            Self::Disable { reason, of_group, .. } => (1, None, false, reason, *of_group),
            Self::Retry { reason, .. } => (2, None, false, reason, false),
        }
    }
}

/// What a reason shows of an error, and the error, unless it was made of a mere text: that is the reason, and
/// would show again what was taken out of it.
fn kept(error: Box<dyn Error + Send + Sync>) -> (Arc<str>, Option<Arc<dyn Error + Send + Sync>>) {
    let is_text = error.source().is_none() && is_text(&*error);
    (chain(&*error).into(), (!is_text).then(|| Arc::from(error)))
}

/// The type in which the standard library boxes a text cannot be named, but it prints itself as the text does, and
/// no error that has anything else to say is printed so.
fn is_text(error: &(dyn Error + Send + Sync)) -> bool {
    format!("{error:?}") == format!("{:?}", error.to_string())
}

impl PartialEq for Signal {
    fn eq(&self, other: &Self) -> bool {
        self.said() == other.said()
    }
}

impl Eq for Signal {}

/// Without the error that caused it: its text is not ours, and may hold what a reason must not.
impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cooldown { after, guessed, reason, of_group, .. } => f
                .debug_struct("Cooldown")
                .field(if *guessed { "guess" } else { "after" }, after)
                .field("reason", reason)
                .field("of_group", of_group)
                .finish(),
            Self::Disable { reason, of_group, .. } => f
                .debug_struct("Disable")
                .field("reason", reason)
                .field("of_group", of_group)
                .finish(),
            Self::Retry { reason, .. } => f.debug_struct("Retry").field("reason", reason).finish(),
        }
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cooldown { after: None, .. } => f.write_str("cooldown")?,
            Self::Cooldown { after: Some(after), guessed, .. } => {
                let whose = if *guessed { ", guessed" } else { "" };
                write!(f, "cooldown of {after:.1?}{whose}")?;
            }
            Self::Disable { .. } => f.write_str("disable")?,
            Self::Retry { .. } => f.write_str("retry")?,
        }
        if self.is_of_group() {
            f.write_str(" of the group")?;
        }
        write!(f, " ({})", OneLine(self.reason()))
    }
}

impl Error for Signal {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self.error() {
            Some(error) => Some(&**error),
            None => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_the_same_if_they_say_the_same() {
        let second = Duration::from_secs(1);
        let signals = [
            Signal::cooldown("why"),
            Signal::cooldown("another why"),
            Signal::cooldown_for(second, "why"),
            Signal::cooldown_guess(second, "why"),
            Signal::cooldown("why").of_group(),
            Signal::disable("why"),
            Signal::disable("why").of_group(),
            Signal::retry("why"),
        ];
        for (n, one) in signals.iter().enumerate() {
            for (m, other) in signals.iter().enumerate() {
                assert_eq!(one == other, n == m, "{one:?} and {other:?}");
            }
        }
    }
}
