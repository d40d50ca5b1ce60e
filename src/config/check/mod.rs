//! What is wrong with settings: all of it at once, in the words of whoever refuses it, each with its path.

mod lifecycle;
mod pool;
mod protect;
mod resources;
mod wrong;

use rotapool_core::ConfigError;

use self::resources::check_list;
use self::wrong::Wrong;
use super::parts::{HeartbeatConfig, ShutdownConfig, WatchdogConfig};
use super::whole::Settings;

impl Settings {
    /// Whether all of the settings can work.
    ///
    /// # Errors
    ///
    /// All that is wrong, each with its path: `pools.keys.cooldown_table[2]`.
    pub fn check(&self) -> Result<(), ConfigError> {
        // Each part was checked where it was read; made by hand, here.
        let mut wrong = Wrong::default();
        for (name, pool) in self.pools.iter().flatten() {
            wrong.under(&format!("pools.{name}"), Some(pool.check()));
        }
        for (name, resources) in self.resources.iter().flatten() {
            wrong.under(&format!("resources.{name}"), Some(check_list(resources)));
        }
        for (name, breaker) in self.breakers.iter().flatten() {
            wrong.under(&format!("breakers.{name}"), Some(breaker.check()));
        }
        for (name, limiter) in self.limiters.iter().flatten() {
            wrong.under(&format!("limiters.{name}"), Some(limiter.check()));
        }
        wrong.under("shutdown", self.shutdown.as_ref().map(ShutdownConfig::check));
        wrong.under("heartbeat", self.heartbeat.as_ref().map(HeartbeatConfig::check));
        wrong.under("watchdog", self.watchdog.as_ref().map(WatchdogConfig::check));
        wrong.answer()
    }
}
