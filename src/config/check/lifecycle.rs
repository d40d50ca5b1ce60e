//! Whether a shutdown, a heart and a watchdog can keep to their settings.

use std::time::Duration;

use rotapool_core::ConfigError;

use super::wrong::Wrong;
use crate::config::parts::{HeartbeatConfig, ShutdownConfig, WatchdogConfig};

impl ShutdownConfig {
    /// Whether a shutdown can keep to the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        let none = self.deadline.is_some_and(|deadline| deadline.is_zero());
        wrong.at("deadline", none.then_some("0s; allowed is more than that"));
        wrong.answer()
    }
}

impl HeartbeatConfig {
    /// Whether a heart can beat by the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let range = Duration::from_millis(10)..=Duration::from_secs(24 * 60 * 60);
        let mut wrong = Wrong::default();
        let interval = self.interval.filter(|interval| !range.contains(interval));
        let interval = interval.map(|it| format!("{it:?}; allowed is 10 ms to a day"));
        wrong.at("interval", interval);
        let is_empty = self.path.as_ref().is_some_and(String::is_empty);
        wrong.at("path", is_empty.then_some("the path is empty"));
        wrong.answer()
    }
}

impl WatchdogConfig {
    /// Whether a watchdog can look by the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        for (path, duration) in [("limit", self.limit), ("check_every", self.check_every)] {
            let short = duration.filter(|it| *it < Duration::from_millis(1));
            wrong.at(path, short.map(|it| format!("{it:?}; allowed is 1 ms or more")));
        }
        wrong.answer()
    }
}
