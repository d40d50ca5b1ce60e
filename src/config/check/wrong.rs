//! The problems that were found so far.

use rotapool_core::{BuildError, Config, ConfigError, ConfigProblem};

use crate::config::resources::QuotaConfig;

/// What is wrong so far.
#[derive(Default)]
pub(super) struct Wrong(pub(super) Vec<ConfigProblem>);

impl Wrong {
    pub(super) fn at(&mut self, path: impl Into<String>, why: Option<impl ToString>) {
        let why = why.map(|why| ConfigProblem { path: path.into(), message: why.to_string() });
        self.0.extend(why);
    }

    /// What is wrong with a part.
    pub(super) fn under(&mut self, path: &str, part: Option<Result<(), ConfigError>>) {
        if let Some(Err(error)) = part {
            self.0.extend(error.under(path).problems);
        }
    }

    /// Which of the quotas there has no amount.
    pub(super) fn amounts(&mut self, path: &str, quotas: &[QuotaConfig]) {
        for quota in QuotaConfig::without_an_amount(quotas) {
            self.at(format!("{path}quotas[{quota}].amount"), Some("it is missing: how much"));
        }
    }

    pub(super) fn answer(self) -> Result<(), ConfigError> {
        if self.0.is_empty() { Ok(()) } else { Err(ConfigError::new(self.0)) }
    }
}

/// Why a pool would be refused that is as usual but for this.
pub(super) fn refused(change: impl FnOnce(&mut Config)) -> Option<BuildError> {
    let mut config = Config::default();
    change(&mut config);
    config.check().err()
}
