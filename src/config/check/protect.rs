//! Whether a breaker and a limiter can be made of their settings.

use rotapool_core::{ConfigError, Rate, Trip};

use super::wrong::{Wrong, refused};
use crate::config::parts::{BreakerConfig, LimiterConfig};

impl BreakerConfig {
    pub(super) fn check_in_a_pool(&self) -> Result<(), ConfigError> {
        self.check()?;
        let mut wrong = Wrong::default();
        wrong.at("", refused(|config| config.circuit_breaker = Some(self.trip())));
        wrong.answer()
    }

    /// Whether a breaker can be made of the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        let both = self.window.is_some() && self.window_calls.is_some();
        let both = both.then_some("window is there too; say one of them");
        wrong.at("window_calls", both);
        let from = self.slow_percent.is_some() && self.slow_from.is_none();
        wrong.at("slow_from", from.then_some("it is missing beside slow_percent"));
        let percent = self.slow_from.is_some() && self.slow_percent.is_none();
        wrong.at("slow_percent", percent.then_some("it is missing beside slow_from"));
        wrong.at("", Trip::check(&self.trip()).err());
        wrong.answer()
    }
}

impl LimiterConfig {
    /// Whether a limiter can be made of the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        let is_empty = self.name.as_ref().is_some_and(String::is_empty);
        wrong.at("name", is_empty.then_some("the name is empty"));
        match self.rate {
            None => wrong.at("rate", Some("it is missing: so many tokens in every `per`")),
            Some(rate) => wrong.at("rate", Rate::new(rate, self.period()).err()),
        }
        wrong.at("burst", (self.burst == Some(0)).then_some("0 tokens; allowed is 1 or more"));
        wrong.answer()
    }
}
