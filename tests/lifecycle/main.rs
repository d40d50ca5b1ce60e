//! Leaving in order, proving life, noticing silence: stories in virtual time, and real processes where the
//! system has a say.

mod cancellation;
mod child;
#[cfg(unix)]
mod command;
mod directory;
mod hasty;
mod heartbeat;
#[cfg(unix)]
mod reload;
#[cfg(unix)]
mod service;
mod shutdown;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod systemd;
mod watchdog;
