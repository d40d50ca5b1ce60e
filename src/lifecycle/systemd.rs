//! Telling the service manager (feature `systemd`): the protocol of `sd_notify(3)`.
//!
//! A message is one datagram of `KEY=value` lines, which the standard library can send. The crate `sd-notify` was
//! looked at: it blocks where the manager is slow, and knows no abstract addresses.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::future::Future;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::process;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rotapool_core::lifecycle::Cadence;
use rotapool_core::{OneLine, Runtime};
use thiserror::Error;

use crate::lifecycle::caught::caught;
use crate::sync::AtomicBool;

/// How often the status is renewed where the manager wants no signs of life.
const UNWATCHED: Duration = Duration::from_secs(10);

/// The service manager, as its environment variables name it. Clones tell the same.
///
/// ```no_run
/// # use rotapool::{Pool, Resource, TokioRuntime};
/// # use rotapool::lifecycle::Systemd;
/// # async fn serve(_: &Pool<()>) {}
/// # #[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let pool = Pool::builder().resource(Resource::new("a", ())).build()?;
/// if let Some(systemd) = Systemd::from_env()? {
///     systemd.ready()?;
///     let status = { let pool = pool.clone(); move || pool.explain().to_string() };
///     tokio::spawn(systemd.watch(TokioRuntime, status)); // on the loop that should prove its life
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Systemd {
    inner: Arc<Inner>,
}

struct Inner {
    socket: UnixDatagram,
    address: SocketAddr,
    watchdog: Option<Duration>,
    stopping: AtomicBool,
    lost: AtomicU64,
}

/// Why the service manager cannot be told.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum SystemdError {
    /// `NOTIFY_SOCKET` names no socket that there can be.
    #[error(
        "NOTIFY_SOCKET is `{}`, which is no address of a socket: it has to be an absolute path, or on \
         Linux a name after `@`",
        OneLine(address)
    )]
    Address {
        /// The variable.
        address: String,
    },
    /// `WATCHDOG_USEC` or `WATCHDOG_PID` makes no sense.
    #[error("{variable} is `{}`; it has to be a whole number above 0", OneLine(value))]
    Watchdog {
        /// Which of them.
        variable: &'static str,
        /// What it is.
        value: String,
    },
    /// The message could not be sent.
    #[error("the service manager cannot be told: {reason}")]
    Send {
        /// What the system said.
        reason: Arc<str>,
    },
}

impl Systemd {
    /// The manager that started this process and wants to be told; `None` if none does.
    ///
    /// It reads `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID`, and leaves them there: the children of this
    /// process see them too, as far as the unit's `NotifyAccess` lets them be heard.
    ///
    /// # Errors
    ///
    /// Variables that make no sense.
    pub fn from_env() -> Result<Option<Self>, SystemdError> {
        Self::from_variables(|name| std::env::var_os(name), process::id())
    }

    fn from_variables(
        variable: impl Fn(&str) -> Option<OsString>,
        pid: u32,
    ) -> Result<Option<Self>, SystemdError> {
        let Some(socket) = variable("NOTIFY_SOCKET") else { return Ok(None) };
        let address = address(&socket).ok_or_else(|| SystemdError::Address {
            address: socket.to_string_lossy().into_owned(),
        })?;
        let number = |name: &'static str| match variable(name) {
            None => Ok(None),
            Some(value) => match value.to_str().and_then(|value| value.parse::<u64>().ok()) {
                Some(number) if number > 0 => Ok(Some(number)),
                _ => {
                    let value = value.to_string_lossy().into_owned();
                    Err(SystemdError::Watchdog { variable: name, value })
                }
            },
        };
        let ours = number("WATCHDOG_PID")?.is_none_or(|watched| watched == u64::from(pid));
        // systemd writes its infinity as the greatest number.
        let watchdog = number("WATCHDOG_USEC")?.filter(|usec| ours && *usec < u64::MAX);
        let socket = UnixDatagram::unbound().map_err(|error| unsent(&error))?;
        // A manager that is busy must not hold the loop up.
        socket.set_nonblocking(true).map_err(|error| unsent(&error))?;
        let watchdog = watchdog.map(Duration::from_micros);
        let (stopping, lost) = (AtomicBool::new(false), AtomicU64::new(0));
        Ok(Some(Self { inner: Arc::new(Inner { socket, address, watchdog, stopping, lost }) }))
    }

    /// How long the manager allows for no sign of life; `None` if it wants none, or wants them of another
    /// process.
    #[must_use]
    pub fn watchdog_interval(&self) -> Option<Duration> {
        self.inner.watchdog
    }

    /// `READY=1`: the service is up.
    ///
    /// # Errors
    ///
    /// When it cannot be sent.
    pub fn ready(&self) -> Result<(), SystemdError> {
        self.send("READY=1\n")
    }

    /// `STATUS=…`: one line for the operator, as `systemctl status` shows it. It is the first line of what is
    /// given, so that of an [`Explanation`](crate::Explanation) its headline; what controls terminals is escaped, and
    /// what is absurdly long is cut off.
    ///
    /// # Errors
    ///
    /// When it cannot be sent.
    pub fn status(&self, status: impl fmt::Display) -> Result<(), SystemdError> {
        self.send(&status_line(&status.to_string()))
    }

    /// `STOPPING=1`: the service is about to go. Told once; whoever says it again says nothing.
    ///
    /// # Errors
    ///
    /// When it cannot be sent. It may be said again then.
    pub fn stopping(&self) -> Result<(), SystemdError> {
        if self.inner.stopping.swap(true, Ordering::AcqRel) {
            return Ok(());
        }
        self.send("STOPPING=1\n")
            .inspect_err(|_| self.inner.stopping.store(false, Ordering::Release))
    }

    /// Gives signs of life, `WATCHDOG=1`, at once and at half the interval that the manager allows, without
    /// drift, until it is dropped; and with each the [status](Self::status), if it has changed. Where the manager wants none, the
    /// status alone, every 10 s.
    ///
    /// Drive it on the loop that should prove its life: `runtime` is its clock and timer. What cannot be sent is
    /// [counted](Self::lost), and tried again at the next. A `status` that panics is left out.
    ///
    /// # Cancel safety
    ///
    /// The future may be dropped at any point.
    pub fn watch<R, S>(&self, runtime: R, status: S) -> impl Future<Output = ()> + Send + use<R, S>
    where
        R: Runtime,
        S: Fn() -> String + Send,
    {
        let this = self.clone();
        async move {
            let sign = this.inner.watchdog.map_or("", |_| "WATCHDOG=1\n");
            let interval = this.inner.watchdog.map_or(UNWATCHED, |allowed| allowed / 2);
            let mut cadence = Cadence::new(interval, runtime.now());
            let mut told = None;
            loop {
                if cadence.tick(runtime.now()).is_none() {
                    runtime.sleep_until(cadence.due()).await;
                    continue;
                }
                let now = caught(&status).ok().map(|status| status_line(&status));
                let news = now.as_deref().filter(|_| now != told).unwrap_or_default();
                let message = format!("{sign}{news}");
                match message.is_empty() || this.send(&message).is_ok() {
                    true => told = now,
                    false => drop(this.inner.lost.fetch_add(1, Ordering::Relaxed)),
                }
            }
        }
    }

    /// How many messages of [`watch`](Self::watch) could not be sent.
    #[must_use]
    pub fn lost(&self) -> u64 {
        self.inner.lost.load(Ordering::Relaxed)
    }

    fn send(&self, message: &str) -> Result<(), SystemdError> {
        let Inner { socket, address, .. } = &*self.inner;
        // A datagram goes as a whole or not at all.
        socket.send_to_addr(message.as_bytes(), address).map(drop).map_err(|error| unsent(&error))
    }
}

fn status_line(status: &str) -> String {
    format!("STATUS={}\n", OneLine(status.lines().next().unwrap_or_default()))
}

fn unsent(error: &io::Error) -> SystemdError {
    SystemdError::Send { reason: error.to_string().into() }
}

fn address(variable: &OsStr) -> Option<SocketAddr> {
    match variable.as_bytes() {
        [b'/', ..] => SocketAddr::from_pathname(variable).ok(),
        #[cfg(target_os = "linux")]
        [b'@', name @ ..] => {
            use std::os::linux::net::SocketAddrExt as _;
            SocketAddr::from_abstract_name(name).ok()
        }
        _ => None,
    }
}

impl fmt::Debug for Systemd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Systemd")
            .field("address", &self.inner.address)
            .field("watchdog", &self.inner.watchdog)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Result<Option<Duration>, SystemdError> {
        let variable = |name: &str| {
            variables.iter().find(|(other, _)| *other == name).map(|(_, value)| value.into())
        };
        let systemd = Systemd::from_variables(variable, 7)?;
        Ok(systemd.map(|systemd| systemd.watchdog_interval().unwrap_or_default()))
    }

    const SOCKET: (&str, &str) = ("NOTIFY_SOCKET", "/run/systemd/notify");

    #[test]
    fn without_a_socket_there_is_nobody_to_tell() {
        assert_eq!(with(&[("WATCHDOG_USEC", "nonsense")]), Ok(None));
        assert_eq!(with(&[SOCKET]), Ok(Some(Duration::ZERO)));
    }

    #[test]
    fn signs_of_life_are_wanted_only_of_the_process_that_is_named() {
        let usec = ("WATCHDOG_USEC", "20000000");
        assert_eq!(with(&[SOCKET, usec]), Ok(Some(Duration::from_secs(20))));
        assert_eq!(with(&[SOCKET, usec, ("WATCHDOG_PID", "7")]), Ok(Some(Duration::from_secs(20))));
        assert_eq!(with(&[SOCKET, usec, ("WATCHDOG_PID", "8")]), Ok(Some(Duration::ZERO)));
        let infinity = ("WATCHDOG_USEC", "18446744073709551615");
        assert_eq!(with(&[SOCKET, infinity]), Ok(Some(Duration::ZERO)));
    }

    #[test]
    fn variables_that_make_no_sense_are_told() {
        for address in ["", "relative", "vsock:2:1234"] {
            let refused = with(&[("NOTIFY_SOCKET", address)]).unwrap_err();
            assert_eq!(refused, SystemdError::Address { address: address.to_owned() });
        }
        for (variable, value) in
            [("WATCHDOG_USEC", "0"), ("WATCHDOG_USEC", "-1"), ("WATCHDOG_PID", "x")]
        {
            let refused = with(&[SOCKET, (variable, value)]).unwrap_err();
            assert_eq!(
                refused.to_string(),
                format!("{variable} is `{value}`; it has to be a whole number above 0")
            );
        }
    }
}
