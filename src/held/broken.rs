//! How a stream ends that has begun, and does not come to its end.

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{OneLine, Signal};

/// Why a [stream](crate::HeldStream) ended in its middle. It has been counted by then as it says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum StreamError<E> {
    /// The operation's own error, by value: a [`Fault::Operation`](crate::Fault::Operation), a success of the resource, or a
    /// [`Fault::Failure`](crate::Fault::Failure). It shows and has as its source what the error itself does.
    Operation(E),
    /// An item was a signal: the resource let the stream down, and the pool has acted on it as in any run. Nothing was repeated,
    /// for the reader has had the beginning.
    Broken(Signal),
    /// Nothing came for as long as [`stall_timeout`](crate::Request::stall_timeout) allows: a failure of the resource.
    Stalled {
        /// The resource.
        id: Arc<str>,
        /// For how long it was silent.
        silence: Duration,
    },
    /// It took longer than [`stream_timeout`](crate::Request::stream_timeout) or [`held_bound`](crate::Builder::held_bound)
    /// allows: its place was taken back, and nothing is known of the resource.
    TimedOut {
        /// The resource.
        id: Arc<str>,
    },
    /// An older operation's signal sent the resource away, in a pool that [cancels streams](crate::Builder::cancel_streams)
    /// then; or the pool [drained](crate::Pool::drain), and its time was up.
    Aborted {
        /// The resource.
        id: Arc<str>,
    },
}

impl<E> StreamError<E> {
    /// The operation's own error, if that is what it was.
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
}

impl<E: fmt::Display> fmt::Display for StreamError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Operation(error) => error.fmt(f),
            Self::Broken(signal) => write!(f, "the stream broke off: {signal}"),
            Self::Stalled { id, silence } => {
                write!(f, "the stream of {} was silent for {silence:?}", OneLine(id))
            }
            Self::TimedOut { id } => {
                write!(f, "the stream of {} took longer than it may", OneLine(id))
            }
            Self::Aborted { id } => {
                let id = OneLine(id);
                write!(
                    f,
                    "the stream of {id} was ended by an older operation's signal, or with its pool"
                )
            }
        }
    }
}

impl<E: Error + 'static> Error for StreamError<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Operation(error) => error.source(),
            Self::Broken(signal) => signal.source(),
            _ => None,
        }
    }
}
