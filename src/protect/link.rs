//! What goes into a chain of alternatives, and what comes out of it.

use std::error::Error;
use std::fmt::{self, Display};
use std::sync::Arc;

use rotapool_core::OneLine;
use thiserror::Error as ErrorOf;

/// An alternative that did not serve.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Passed<E> {
    /// Its name.
    pub name: Arc<str>,
    /// Why not: the operation's own error, by value.
    pub error: E,
}

/// What a chain answered, and how it came to that.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Served<R, E> {
    /// The alternative that served.
    pub name: Arc<str>,
    /// What it answered.
    pub value: R,
    /// Everybody before it, in order, and why they did not serve.
    pub passed: Vec<Passed<E>>,
}

/// Why a chain served nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ChainError<E> {
    /// None of its alternatives served. The last of them is who the caller was left with.
    Exhausted {
        /// All of them, in order, and why not.
        passed: Vec<Passed<E>>,
    },
    /// An alternative failed with an error that is not to go on with; see
    /// [`go_on_if`](crate::FallbackChain::go_on_if).
    Stopped {
        /// The alternative.
        name: Arc<str>,
        /// Its error, by value.
        error: E,
        /// Everybody before it, in order, and why they did not serve.
        passed: Vec<Passed<E>>,
    },
    /// The deadline came first.
    Deadline {
        /// The alternative that was under way, or would have been next.
        name: Arc<str>,
        /// Everybody before it, in order, and why they did not serve.
        passed: Vec<Passed<E>>,
    },
    /// The chain makes no sense; nothing was tried.
    Setup(ChainSetupError),
}

/// Why a chain of alternatives makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, ErrorOf)]
#[non_exhaustive]
pub enum ChainSetupError {
    /// It has no alternative.
    #[error("the fallback chain is empty; give it at least one alternative")]
    Empty,
    /// A name was the empty string.
    #[error("the name of an alternative is empty; give every one a name of one character or more")]
    EmptyName,
    /// Two alternatives have one name.
    #[error("the fallback chain has an alternative `{}` already; names are unique", OneLine(name))]
    DuplicateName {
        /// The name.
        name: Arc<str>,
    },
    /// There is no such place in the chain.
    #[error("place {index} is not in the fallback chain; allowed is 0 to {length}")]
    NoSuchPlace {
        /// The place that was asked for.
        index: usize,
        /// How many alternatives there are.
        length: usize,
    },
}

impl<E> ChainError<E> {
    /// Who was tried before the end, in order, and why they did not serve.
    #[must_use]
    pub fn passed(&self) -> &[Passed<E>] {
        match self {
            Self::Exhausted { passed }
            | Self::Stopped { passed, .. }
            | Self::Deadline { passed, .. } => passed,
            Self::Setup(_) => &[],
        }
    }

    /// The last error of an alternative, by value, if there was one.
    #[must_use]
    pub fn into_last_error(self) -> Option<E> {
        match self {
            Self::Stopped { error, .. } => Some(error),
            Self::Exhausted { mut passed } | Self::Deadline { mut passed, .. } => {
                passed.pop().map(|passed| passed.error)
            }
            Self::Setup(_) => None,
        }
    }
}

impl<E> From<ChainSetupError> for ChainError<E> {
    fn from(error: ChainSetupError) -> Self {
        Self::Setup(error)
    }
}

impl<E: Display> Display for ChainError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Exhausted { .. } => f.write_str("no alternative served")?,
            Self::Stopped { name, error, .. } => {
                write!(f, "stopped at {}: {}", OneLine(name), OneLine(&error.to_string()))?;
            }
            Self::Deadline { name, .. } => write!(f, "the deadline came at {}", OneLine(name))?,
            Self::Setup(error) => return error.fmt(f),
        }
        for (number, Passed { name, error }) in self.passed().iter().enumerate() {
            let before = match (self, number) {
                (Self::Exhausted { .. }, 0) => ": ",
                (_, 0) => "; before, ",
                _ => "; ",
            };
            write!(f, "{before}{}: {}", OneLine(name), OneLine(&error.to_string()))?;
        }
        Ok(())
    }
}

impl<E: Error + 'static> Error for ChainError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Stopped { error, .. } => Some(error),
            Self::Setup(error) => Some(error),
            _ => self.passed().last().map(|passed| &passed.error as _),
        }
    }
}
