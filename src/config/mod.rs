//! Configuration from a file: a struct a part, every field optional, to be read by whatever reads `serde`.
//!
//! There is no loader in here: files and environment are read by a crate for that (`config`, `figment`), into
//! [`Settings`] or into a struct of your own that has a [`PoolConfig`] somewhere. The builders take the parts, and
//! **a call wins over the file, and the file over the default, whatever the order of the calls**.
//!
//! ```
//! use std::time::Duration;
//! use rotapool::config::PoolConfig;
//! use rotapool::{Pool, Resource};
//!
//! # #[cfg(feature = "serde")] {
//! let file = r#"{ "max_attempts": 5, "attempt_timeout": "1m 30s", "cooldown_table": ["10s", "1m", "PT5M"] }"#;
//! let config: PoolConfig = serde_json::from_str(file)?;
//! assert_eq!(config.attempt_timeout, Some(Duration::from_secs(90)));
//!
//! let pool = Pool::builder()
//!     .max_attempts(2) // said in the code: the file does not change it
//!     .config(&config)
//!     .resource(Resource::new("key-1", "sk-aaa"))
//!     .build()?;
//! let in_force = serde_json::to_value(pool.config())?;
//! assert_eq!(in_force["max_attempts"], serde_json::json!({ "value": 2, "from": "argument" }));
//! assert_eq!(in_force["attempt_timeout"], serde_json::json!({ "value": "1m 30s", "from": "file" }));
//! assert_eq!(in_force["max_waiting"], serde_json::json!({ "value": 1024, "from": "default" }));
//!
//! // All that is wrong is told at once, each with its path.
//! let wrong = r#"{ "max_atempts": 5, "retry_delay": 500, "cooldown_table": ["10s", "0s"] }"#;
//! let error = serde_json::from_str::<PoolConfig>(wrong).unwrap_err().to_string();
//! assert!(error.contains("`max_atempts`: there is no such setting"));
//! assert!(error.contains("`retry_delay`: 500 has no unit"));
//! assert!(error.contains("`cooldown_table[1]`"));
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # What changes while a pool runs
//!
//! Its resources: [`Pool::apply`](crate::Pool::apply) takes a list that was read again, and [`Pool::update`](crate::Pool::update) changes one. Its own
//! settings do not: they hold from `build` to its end, and [`Pool::config`](crate::Pool::config) shows them. The example `reload` takes a changed file, and
//! says which settings of it wait for the next start.
//!
//! # How values are written
//!
//! Durations are text with a unit: `"30s"`, `"1m 30s"`, `"250ms"`, or ISO 8601, `"PT1M30S"`. A number is refused. Nothing
//! is clamped, and an unknown field is an error. The JSON schema of [`Settings`] is `docs/settings.schema.json`.

#[macro_use]
mod settings;
mod check;
#[cfg(feature = "serde")]
mod hedge;
pub(crate) mod in_force;
mod parts;
pub(crate) mod pool;
#[cfg(feature = "http")]
pub(crate) mod reactions;
#[cfg(feature = "serde")]
mod reading;
#[cfg(feature = "serde")]
mod recovery;
pub(crate) mod resources;
#[cfg(feature = "serde")]
mod setting;
#[cfg(feature = "serde")]
mod span;
#[cfg(feature = "serde")]
mod tree;
mod whole;

pub use self::in_force::{InForce, Source};
pub use self::parts::{
    BreakerConfig, HeartbeatConfig, LimiterConfig, ShutdownConfig, WatchdogConfig,
};
pub use self::pool::{BoundsConfig, HealthConfig, PoolConfig, RetryBudgetConfig};
#[cfg(feature = "http")]
#[cfg_attr(docsrs, doc(cfg(feature = "http")))]
pub use self::reactions::ReactionsConfig;
pub use self::resources::{GroupConfig, QuotaConfig, ResourceConfig};
pub use self::whole::Settings;

pub use rotapool_core::{ConfigError, ConfigProblem};
