//! What is in force in a running pool, and who said so.

use std::collections::BTreeSet;

use super::pool::PoolConfig;

/// Where a setting in force comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// A call of the builder.
    Argument,
    /// The configuration that the builder was given.
    File,
    /// The default.
    Default,
}

/// The settings of a running pool, and where each comes from.
///
/// With feature `serde` it is `Serialize`: of each setting the value and where it is `from`, which is `argument`, `file` or
/// `default`.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    pub(crate) settings: PoolConfig,
    pub(crate) file: PoolConfig,
    /// The settings that calls of the builder have made.
    pub(crate) said: BTreeSet<&'static str>,
    /// The groups that calls of the builder have declared, by name: those of the file are beside them.
    pub(crate) said_groups: BTreeSet<String>,
}

impl InForce {
    /// What is in force: all that has a value.
    #[must_use]
    pub fn settings(&self) -> &PoolConfig {
        &self.settings
    }

    /// Where a setting comes from, by its name in [`PoolConfig`]; `None` if there is no such setting.
    #[must_use]
    pub fn source(&self, setting: &str) -> Option<Source> {
        if !PoolConfig::NAMES.contains(&setting) {
            return None;
        }
        Some(match (self.said.contains(setting), self.file.has(setting)) {
            (true, _) => Source::Argument,
            (false, true) => Source::File,
            (false, false) => Source::Default,
        })
    }
}

#[cfg(feature = "serde")]
mod written {
    use serde::ser::{Serialize, SerializeMap as _, Serializer};

    use super::{InForce, PoolConfig};
    use crate::config::setting::Setting as _;
    use crate::config::tree::Tree;

    impl Serialize for InForce {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let (settings, file) = (self.settings.write(), self.file.write());
            let mut map = serializer.serialize_map(Some(PoolConfig::NAMES.len()))?;
            for name in PoolConfig::NAMES {
                let value = under(&settings, name).cloned().unwrap_or(Tree::Nothing);
                let written = match (*name, value) {
                    ("groups", Tree::Map(groups)) => self.groups(groups, under(&file, name)),
                    (_, value) => sourced(value, under(&file, name), self.said.contains(name)),
                };
                map.serialize_entry(name, &written)?;
            }
            map.end()
        }
    }

    impl InForce {
        /// Each of the groups is of a call or of the file.
        fn groups(&self, groups: Vec<(String, Tree)>, file: Option<&Tree>) -> Tree {
            let groups = groups.into_iter().map(|(name, group)| {
                let is_said = self.said_groups.contains(&name);
                let file = file.and_then(|file| under(file, &name));
                let group = sourced(group, file, is_said);
                (name, group)
            });
            Tree::Map(groups.collect())
        }
    }

    fn under<'a>(tree: &'a Tree, name: &str) -> Option<&'a Tree> {
        let Tree::Map(entries) = tree else { return None };
        entries.iter().find(|(key, _)| key == name).map(|(_, value)| value)
    }

    /// A table has the source of each of its entries.
    fn sourced(value: Tree, file: Option<&Tree>, is_said: bool) -> Tree {
        if let Tree::Map(entries) = value {
            let entries = entries.into_iter().map(|(key, value)| {
                let file = file.and_then(|file| under(file, &key));
                let sourced = sourced(value, file, is_said);
                (key, sourced)
            });
            return Tree::Map(entries.collect());
        }
        let from = match (is_said, file) {
            (true, _) => "argument",
            (false, Some(_)) => "file",
            (false, None) => "default",
        };
        Tree::map([("value", value), ("from", Tree::text(from))])
    }
}
