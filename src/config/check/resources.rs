//! Whether resources and groups can be in one pool, and a table of reactions be made.

#[cfg(feature = "http")]
use std::time::Duration;
use std::time::Instant;

#[cfg(feature = "http")]
use rotapool_core::hints::Reaction;
use rotapool_core::{Config, ConfigError, GroupError, State};

use super::wrong::Wrong;
#[cfg(feature = "http")]
use crate::config::reactions::ReactionsConfig;
use crate::config::resources::{GroupConfig, QuotaConfig, ResourceConfig};

/// Whether these resources can be in one pool.
pub(super) fn check_list(resources: &[ResourceConfig]) -> Result<(), ConfigError> {
    let now = Instant::now();
    let mut pool = State::<()>::new(Config::default(), now);
    let mut wrong = Wrong::default();
    for (place, resource) in resources.iter().enumerate() {
        wrong.amounts(&format!("[{place}]."), resource.quotas.as_deref().unwrap_or_default());
        // Which groups there are besides, only the builder knows.
        let mut profile = resource.profile();
        profile.group = None;
        match resource.id {
            None => wrong.at(format!("[{place}].id"), Some("it is missing: unique in its pool")),
            Some(_) => wrong.at(format!("[{place}]"), pool.add(profile, now).err()),
        }
        #[cfg(feature = "http")]
        wrong.under(
            &format!("[{place}].reactions"),
            resource.reactions.as_ref().map(ReactionsConfig::check),
        );
    }
    wrong.answer()
}

impl ResourceConfig {
    #[cfg(feature = "serde")]
    pub(in crate::config) fn check(&self) -> Result<(), ConfigError> {
        check_list(std::slice::from_ref(self)).map_err(|error| error.within("[0]"))
    }
}

impl QuotaConfig {
    #[cfg(feature = "serde")]
    #[expect(clippy::unused_self, reason = "as of the other parts")]
    pub(in crate::config) fn check(&self) -> Result<(), ConfigError> {
        // The pool's own check has all of it.
        Ok(())
    }
}

impl GroupConfig {
    pub(in crate::config) fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        wrong.amounts("", self.quotas.as_deref().unwrap_or_default());
        let now = Instant::now();
        let mut pool = State::<()>::new(Config::default(), now);
        // What it is called is told by the path.
        if let Err(GroupError::Quota { error, .. }) = pool.add_group(&self.group("group"), now) {
            wrong.at("quotas", Some(error));
        }
        wrong.answer()
    }
}

#[cfg(feature = "http")]
impl ReactionsConfig {
    /// Whether a table can be made of the settings.
    ///
    /// # Errors
    ///
    /// All that is wrong.
    pub fn check(&self) -> Result<(), ConfigError> {
        let mut wrong = Wrong::default();
        let none = |reaction: &Reaction| {
            let is_none = *reaction == Reaction::CoolDownOr(Duration::ZERO);
            is_none.then_some("0s; a guessed cooldown has to take some time")
        };
        for (name, _, reaction) in self.classes() {
            wrong.at(name, reaction.as_ref().and_then(none));
        }
        for (status, reaction) in self.statuses.iter().flatten() {
            let is_one = (100..1000).contains(status);
            wrong.at(
                format!("statuses.{status}"),
                (!is_one).then_some("it is no status: 100 to 999"),
            );
            wrong.at(format!("statuses.{status}"), none(reaction));
        }
        wrong.answer()
    }
}
