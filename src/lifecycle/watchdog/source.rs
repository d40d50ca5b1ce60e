//! Where a watchdog has its signs of life from.

use std::time::Duration;

use rotapool_core::lifecycle::NotAlive;

/// Where signs of life come from, besides pings.
pub(super) enum Source {
    Pings,
    #[cfg(feature = "heartbeat")]
    File {
        path: std::path::PathBuf,
        liveness: rotapool_core::lifecycle::Liveness,
        check_every: Duration,
        wall_clock: Box<dyn Fn() -> std::time::SystemTime + Send + Sync>,
    },
}

impl Source {
    pub(super) fn check_every(&self) -> Option<Duration> {
        match self {
            Self::Pings => None,
            #[cfg(feature = "heartbeat")]
            Self::File { check_every, .. } => Some(*check_every),
        }
    }

    /// How old the last sign of life is, or why there is none; `None` if there are only pings.
    pub(super) fn look(&self) -> Option<Result<Duration, NotAlive>> {
        match self {
            Self::Pings => None,
            #[cfg(feature = "heartbeat")]
            Self::File { path, liveness, wall_clock, .. } => {
                let beat = crate::lifecycle::heartbeat::handle::Heartbeat::read(path);
                Some(beat.map_err(Into::into).and_then(|beat| liveness.judge(&beat, wall_clock())))
            }
        }
    }
}
