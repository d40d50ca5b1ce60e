//! The lifecycle, made of settings from a file. What a call sets afterwards wins over them.

use crate::config::{ConfigError, ShutdownConfig, WatchdogConfig};
use crate::lifecycle::shutdown::{Shutdown, ShutdownBuilder};
use crate::lifecycle::watchdog::{Watchdog, WatchdogBuilder};

impl Shutdown {
    /// Starts from a configuration, as read from a file. Calls of the builder win over it.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn configured(config: &ShutdownConfig) -> Result<ShutdownBuilder, ConfigError> {
        config.check()?;
        let mut builder = Self::builder();
        if let Some(deadline) = config.deadline {
            builder = builder.deadline(deadline);
        }
        if let Some(side_by_side) = config.side_by_side {
            builder = builder.side_by_side(side_by_side);
        }
        Ok(builder)
    }
}

impl Watchdog {
    /// A watchdog that waits for [pings](Self::ping), from a configuration, as read from a file. Calls of the builder win over
    /// it.
    ///
    /// # Errors
    ///
    /// All that is wrong with it; a `limit` has to be there.
    pub fn configured(config: &WatchdogConfig) -> Result<WatchdogBuilder, ConfigError> {
        config.check()?;
        let Some(limit) = config.limit else {
            return Err(ConfigError::missing("limit", "how long a silence may be"));
        };
        let builder = Self::builder(limit);
        Ok(match &config.name {
            Some(name) => builder.name(name.as_str()),
            None => builder,
        })
    }

    /// The same over the beats in a [file](Self::from_heartbeat).
    ///
    /// # Errors
    ///
    /// As of [`configured`](Self::configured).
    #[cfg(feature = "heartbeat")]
    #[cfg_attr(docsrs, doc(cfg(feature = "heartbeat")))]
    pub fn configured_over(
        path: impl Into<std::path::PathBuf>,
        config: &WatchdogConfig,
    ) -> Result<WatchdogBuilder, ConfigError> {
        config.check()?;
        let Some(limit) = config.limit else {
            return Err(ConfigError::missing("limit", "how old a beat may be"));
        };
        let mut builder = Self::from_heartbeat(path, limit);
        if let Some(name) = &config.name {
            builder = builder.name(name.as_str());
        }
        if let Some(interval) = config.check_every {
            builder = builder.check_every(interval);
        }
        Ok(builder)
    }
}

#[cfg(feature = "heartbeat")]
#[cfg_attr(docsrs, doc(cfg(feature = "heartbeat")))]
impl crate::lifecycle::heartbeat::Heartbeat {
    /// Starts from a configuration, as read from a file. Calls of the builder win over it.
    ///
    /// # Errors
    ///
    /// All that is wrong with it; a `path` has to be there.
    pub fn configured(
        config: &crate::config::HeartbeatConfig,
    ) -> Result<crate::lifecycle::heartbeat::HeartbeatBuilder, ConfigError> {
        config.check()?;
        let Some(path) = &config.path else {
            return Err(ConfigError::missing("path", "the file that the heart writes"));
        };
        let mut builder = Self::builder(path);
        if let Some(interval) = config.interval {
            builder = builder.interval(interval);
        }
        for (key, value) in config.metadata.iter().flatten() {
            builder = builder.metadata(key, value);
        }
        Ok(builder)
    }
}
