//! Leaving in order, proving life, noticing silence: stories in virtual time, and real processes where the
//! system has a say.

mod cancellation;
mod child;
mod directory;
mod hasty;
mod heartbeat;
#[cfg(unix)]
mod service;
mod shutdown;
#[cfg(unix)]
mod signals;
#[cfg(unix)]
mod systemd;
mod watchdog;
