//! Breakers and limiters, made of settings from a file. What a call sets afterwards wins over them.

use crate::config::{BreakerConfig, ConfigError, LimiterConfig};
use crate::protect::breaker::CircuitBreaker;
use crate::protect::builder::BreakerBuilder;
use crate::protect::limiter::{LimiterBuilder, RateLimiter};

impl CircuitBreaker {
    /// Starts from a configuration, as read from a file. Calls of the builder win over it.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn configured(config: &BreakerConfig) -> Result<BreakerBuilder, ConfigError> {
        config.check()?;
        Ok(Self::builder(config.trip()))
    }
}

impl RateLimiter {
    /// Starts from a configuration, as read from a file. Calls of the builder win over it.
    ///
    /// # Errors
    ///
    /// All that is wrong with it; a `rate` has to be there.
    pub fn configured(config: &LimiterConfig) -> Result<LimiterBuilder, ConfigError> {
        config.check()?;
        let Some(rate) = config.rate else {
            return Err(ConfigError::missing("rate", "so many tokens in every `per`"));
        };
        let mut builder = Self::builder(rate, config.period());
        if let Some(burst) = config.burst {
            builder = builder.burst(burst);
        }
        if let Some(name) = &config.name {
            builder = builder.name(name.as_str());
        }
        Ok(builder)
    }
}
