//! Signals of the operating system as the trigger (feature `signal`).

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use async_signal::{Signal, Signals};
use futures_util::StreamExt as _;
use rotapool_core::lifecycle::ShutdownReport;
use thiserror::Error;

use crate::lifecycle::caught::caught;
use crate::lifecycle::shutdown::Shutdown;

/// A signal that asks the process to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum TermSignal {
    /// SIGINT, and Ctrl-C on Windows.
    Interrupt,
    /// SIGTERM.
    Terminate,
}

impl TermSignal {
    /// The number that POSIX gives it: 2 and 15.
    #[must_use]
    pub fn number(self) -> u8 {
        match self {
            Self::Interrupt => 2,
            Self::Terminate => 15,
        }
    }
}

impl fmt::Display for TermSignal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "SIGINT",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// How a shutdown that listens to signals ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ShutdownEnd {
    /// It went its course.
    Complete(Arc<ShutdownReport>),
    /// A second signal came before it was over.
    CutShort {
        /// That signal.
        signal: TermSignal,
        /// How far it was.
        report: Arc<ShutdownReport>,
    },
}

impl ShutdownEnd {
    /// The exit code for `main` to return (`ExitCode::from(end.exit_code())`): 0 when every clean-up is done, 1
    /// when one is not, and for a second signal 128 and its number, as shells say it: 130 for SIGINT, 143 for
    /// SIGTERM.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Complete(report) => u8::from(!report.is_clean()),
            Self::CutShort { signal, .. } => 128 + signal.number(),
        }
    }

    /// What became of the clean-ups.
    #[must_use]
    pub fn report(&self) -> &ShutdownReport {
        match self {
            Self::Complete(report) | Self::CutShort { report, .. } => report,
        }
    }
}

impl fmt::Display for ShutdownEnd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Self::CutShort { signal, .. } = self {
            write!(f, "cut short by a second signal, {signal}; ")?;
        }
        fmt::Display::fmt(self.report(), f)
    }
}

/// Why signals cannot be heard. Never a signal, and never the end of the service by itself.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SignalError {
    /// The handlers could not be installed; nothing was.
    #[error(
        "cannot listen to SIGINT and SIGTERM: {reason}; end the service by `trigger`, or not at all"
    )]
    Install {
        /// What the system said.
        reason: Arc<str>,
    },
    /// They were installed, and their pipe has failed since.
    #[error("SIGINT and SIGTERM cannot be heard any more: {reason}")]
    Lost {
        /// What the system said.
        reason: Arc<str>,
    },
}

impl Shutdown {
    /// Lets SIGTERM and SIGINT (Ctrl-C on Windows) trigger the shutdown, and sees it through.
    ///
    /// It listens from this call on, not from the first poll, so that a signal during the start of the service
    /// counts. The first signal triggers, or joins in a shutdown that somebody else has triggered. The second
    /// ends the wait **at once**: the report says how far the clean-ups were, and `main` returns the
    /// [exit code](ShutdownEnd::exit_code). It also ends when a shutdown that somebody else triggered is over.
    ///
    /// Works under tokio, smol, async-std and a plain `block_on` (crate `async-signal`, whose thread is that
    /// of `async-io`). The handler of the signal writes a byte into a pipe and does nothing else.
    ///
    /// Once listened to, the signals do not end the process by themselves any more, not even after this future
    /// is gone: let `main` return.
    ///
    /// # Errors
    ///
    /// When the handlers cannot be installed, or their pipe fails. The shutdown is not triggered by it.
    ///
    /// # Cancel safety
    ///
    /// As of [`wait`](Self::wait). The signals are no more listened to then.
    pub fn on_signals(
        &self,
    ) -> impl Future<Output = Result<ShutdownEnd, SignalError>> + Send + use<> {
        let installed = install();
        let this = self.clone();
        async move {
            let mut signals = installed?;
            let mut first = true;
            let mut wait = pin!(this.wait());
            poll_fn(|context| {
                while let Poll::Ready(heard) = signals.poll_next_unpin(context) {
                    let signal = match heard {
                        Some(Ok(signal)) => which(signal),
                        Some(Err(error)) => return Poll::Ready(Err(lost(&error.to_string()))),
                        None => return Poll::Ready(Err(lost("the stream of signals has ended"))),
                    };
                    if first {
                        first = false;
                        this.trigger();
                    } else if let Some(report) = this.report() {
                        let report = Arc::new(report);
                        return Poll::Ready(Ok(ShutdownEnd::CutShort { signal, report }));
                    }
                }
                wait.as_mut().poll(context).map(|report| Ok(ShutdownEnd::Complete(report)))
            })
            .await
        }
    }
}

/// Starting the reactor of `async-io` panics where the system has no file descriptors left: that is an error
/// as well.
fn install() -> Result<Signals, SignalError> {
    let installed = caught(|| {
        #[cfg(windows)]
        let signals = [Signal::Int];
        #[cfg(not(windows))]
        let signals = [Signal::Int, Signal::Term];
        Signals::new(signals)
    });
    match installed {
        Ok(Ok(signals)) => Ok(signals),
        Ok(Err(error)) => Err(SignalError::Install { reason: error.to_string().into() }),
        Err(reason) => Err(SignalError::Install { reason }),
    }
}

fn which(signal: Signal) -> TermSignal {
    match signal {
        Signal::Int => TermSignal::Interrupt,
        _ => TermSignal::Terminate,
    }
}

fn lost(reason: &str) -> SignalError {
    SignalError::Lost { reason: reason.into() }
}
