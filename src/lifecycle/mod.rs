//! What a service around a pool needs besides: to leave in order, to prove that it lives, and to notice when
//! it does not.
//!
//! - [`Shutdown`]: named clean-ups, in order, each with a limit and all with one deadline, and a report.
//! - `Heartbeat` (feature `heartbeat`): a file that proves work, not a timer; and who reads it.
//! - [`Watchdog`]: barks once per silence, from a thread of its own.
//! - [`Monitor`]: has a pool notice on time what ends, although nobody uses it.
//! - [`Prober`]: asks resources that are out whether they work again.
//! - `Systemd` (feature `systemd`): the same for the service manager.
//!
//! None of it knows a runtime or spawns: what goes on for long is a plain future. All but monitor and prober need no pool either.
//! `docs/lifecycle.md` and the example `service` show them together.

mod caught;
#[cfg(feature = "command")]
mod child;
mod clean_up;
#[cfg(feature = "command")]
mod command;
#[cfg(feature = "command")]
mod commands;
mod configured;
mod course;
#[cfg(feature = "heartbeat")]
mod heartbeat;
mod monitor;
mod prober;
mod seat;
mod shutdown;
#[cfg(feature = "signal")]
mod signals;
#[cfg(all(feature = "systemd", unix))]
mod systemd;
mod token;
mod watchdog;

#[cfg(feature = "command")]
#[cfg_attr(docsrs, doc(cfg(feature = "command")))]
pub use self::command::{CommandError, RecoveryCommand};
#[cfg(feature = "heartbeat")]
#[cfg_attr(docsrs, doc(cfg(feature = "heartbeat")))]
pub use self::heartbeat::{Heartbeat, HeartbeatBuilder, HeartbeatError, HeartbeatStats};
#[cfg(feature = "signal")]
#[cfg_attr(docsrs, doc(cfg(feature = "signal")))]
pub use self::signals::{ShutdownEnd, SignalError, TermSignal};
#[cfg(all(feature = "systemd", unix))]
#[cfg_attr(docsrs, doc(cfg(all(feature = "systemd", unix))))]
pub use self::systemd::{Systemd, SystemdError};
pub use self::{
    clean_up::{CleanUp, IntoEnding},
    monitor::Monitor,
    prober::Prober,
    shutdown::{Shutdown, ShutdownBuilder},
    token::ShutdownToken,
    watchdog::{Silence, Watchdog, WatchdogBuilder, WatchdogError, WatchdogStats, WatchdogThread},
};

pub use rotapool_core::lifecycle::{
    Beat, CleanUpReport, Ending, Limit, Liveness, LoopProgress, NotAlive, PoolProgress,
    ShutdownError, ShutdownReport, Target, Unreadable, WriterProgress,
};

#[cfg(all(doctest, feature = "heartbeat", feature = "signal"))]
#[doc = include_str!("../../docs/lifecycle.md")]
struct Page;
