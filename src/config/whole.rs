//! The settings of a whole service.

use std::collections::BTreeMap;

use super::parts::{BreakerConfig, HeartbeatConfig, LimiterConfig, ShutdownConfig, WatchdogConfig};
use super::pool::PoolConfig;
use super::resources::ResourceConfig;

settings! {
    /// The settings of a whole service, to be one file: pools, breakers and limiters by name, and the lifecycle.
    pub Settings {
        /// The pools, by any name that the service knows them by.
        pools: BTreeMap<String, PoolConfig>,
        /// Who is in the pools, by the names of the pools.
        resources: BTreeMap<String, Vec<ResourceConfig>>,
        /// The circuit breakers, by name.
        breakers: BTreeMap<String, BreakerConfig>,
        /// The rate limiters, by name.
        limiters: BTreeMap<String, LimiterConfig>,
        /// The shutdown.
        shutdown: ShutdownConfig,
        /// The heartbeat.
        heartbeat: HeartbeatConfig,
        /// The watchdog.
        watchdog: WatchdogConfig,
    }
}

impl Settings {
    /// The settings of the pool of this name: none at all if there is no such table.
    #[must_use]
    pub fn pool(&self, name: &str) -> PoolConfig {
        self.pools.as_ref().and_then(|pools| pools.get(name)).cloned().unwrap_or_default()
    }

    /// The JSON schema of a file of these settings, to be written by a serializer of `serde`.
    #[cfg(feature = "serde")]
    #[must_use]
    pub fn json_schema() -> impl serde::Serialize {
        use super::tree::Tree;

        let mut schema = <Self as super::setting::Setting>::schema();
        if let Tree::Map(entries) = &mut schema {
            let draft = Tree::text("https://json-schema.org/draft/2020-12/schema");
            entries.insert(0, ("$schema".to_owned(), draft));
            entries.insert(1, ("title".to_owned(), Tree::text("Settings of rotapool")));
        }
        schema
    }
}
