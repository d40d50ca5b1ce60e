//! What an operator asked for, and what came of it.

use std::fmt;
use std::sync::Arc;
use std::time::Instant;

use crate::one_line::OneLine;

/// What somebody asked a pool for, by their name: see [`Event::AdminCall`](crate::Event::AdminCall).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum AdminCall {
    /// To add a resource.
    Add,
    /// To remove it.
    Remove,
    /// To enable it.
    Enable,
    /// To disable it.
    Disable,
    /// To keep it out for a while.
    #[non_exhaustive]
    Park {
        /// Until when. It is out for longer if something else said so.
        until: Instant,
        /// Why.
        reason: Arc<str>,
    },
    /// To end that.
    Unpark,
    /// To park the one in use, so that the next takes over.
    #[non_exhaustive]
    Rotate {
        /// The resource that the next run gets; `None` if all others are busy.
        to: Option<Arc<str>>,
        /// Until when the one that was in use is parked.
        until: Instant,
    },
    /// To forget what went wrong with it.
    Reset,
    /// To change its profile.
    Update,
    /// To have the members of a list.
    #[non_exhaustive]
    Apply {
        /// How many joined.
        added: usize,
        /// How many stayed and changed.
        updated: usize,
        /// How many left.
        removed: usize,
    },
    /// To declare a group of resources.
    #[non_exhaustive]
    AddGroup {
        /// The group.
        name: Arc<str>,
    },
}

impl AdminCall {
    /// The word for it: `park`, `rotate`.
    #[must_use]
    pub fn word(&self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Remove => "remove",
            Self::Enable => "enable",
            Self::Disable => "disable",
            Self::Park { .. } => "park",
            Self::Unpark => "unpark",
            Self::Rotate { .. } => "rotate",
            Self::Reset => "reset",
            Self::Update => "update",
            Self::Apply { .. } => "apply",
            Self::AddGroup { .. } => "add_group",
        }
    }

    /// One line of it: whom it was about, and the moment when it was made.
    pub(super) fn tell(
        &self,
        f: &mut fmt::Formatter<'_>,
        id: Option<&str>,
        at: Instant,
    ) -> fmt::Result {
        f.write_str(self.word())?;
        if let Some(id) = id {
            write!(f, " {}", OneLine(id))?;
        }
        let left = |until: &Instant| until.saturating_duration_since(at);
        match self {
            Self::Park { until, reason } => {
                write!(f, " for {:.1?}", left(until))?;
                match reason.is_empty() {
                    true => Ok(()),
                    false => write!(f, ": {}", OneLine(reason)),
                }
            }
            Self::Rotate { to, until } => {
                match to {
                    Some(to) => write!(f, " to {}", OneLine(to))?,
                    None => f.write_str(" to whoever comes free")?,
                }
                write!(f, " for {:.1?}", left(until))
            }
            Self::Apply { added, updated, removed } => {
                write!(f, ": {added} added, {updated} updated, {removed} removed")
            }
            Self::AddGroup { name } => write!(f, " {}", OneLine(name)),
            _ => Ok(()),
        }
    }
}

/// What [`rotate`](crate::State::rotate) did.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rotation {
    /// The resource that was in use, and is parked now.
    pub from: Arc<str>,
    /// The resource that the next run gets; `None` if all others are busy.
    pub to: Option<Arc<str>>,
    /// Until when it is parked.
    pub until: Instant,
}

/// What [`apply`](crate::State::apply) changed. Its `Display` is one line for a log.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Applied {
    /// Who joined, in the order of the list.
    pub added: Vec<Arc<str>>,
    /// Who stayed and is described otherwise now, in the order of the list, with the names of what changed. That a
    /// value was replaced is not told: the pool cannot compare values.
    pub updated: Vec<(Arc<str>, Vec<&'static str>)>,
    /// Who stayed and is described as before, in the order of the list.
    pub unchanged: Vec<Arc<str>>,
    /// Who left, in the pool's order. Their operations in flight go on.
    pub removed: Vec<Arc<str>>,
}

impl Applied {
    /// Whether the members and what is said of them are as before.
    #[must_use]
    pub fn is_unchanged(&self) -> bool {
        self.added.is_empty() && self.updated.is_empty() && self.removed.is_empty()
    }
}

impl fmt::Display for Applied {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |ids: &[Arc<str>]| {
            let names: Vec<String> = ids.iter().map(|id| OneLine(id).to_string()).collect();
            names.join(", ")
        };
        let mut separator = "";
        for (ids, what) in [(&self.added, "added"), (&self.removed, "removed")] {
            if !ids.is_empty() {
                write!(f, "{separator}{} {what} ({})", ids.len(), names(ids))?;
                separator = ", ";
            }
        }
        if !self.updated.is_empty() {
            let update = |(id, what): &(Arc<str>, Vec<&str>)| {
                format!("{}: {}", OneLine(id), what.join(" and "))
            };
            let updates: Vec<String> = self.updated.iter().map(update).collect();
            write!(f, "{separator}{} updated ({})", updates.len(), updates.join(", "))?;
            separator = ", ";
        }
        write!(f, "{separator}{} unchanged", self.unchanged.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_joins_leaves_or_is_updated_is_a_change() {
        let unchanged = Applied { unchanged: vec!["a".into()], ..Applied::default() };
        assert!(unchanged.is_unchanged());
        let (added, removed) = (vec!["b".into()], vec!["b".into()]);
        let updated = vec![("b".into(), vec!["weight"])];
        assert!(!Applied { added, ..unchanged.clone() }.is_unchanged());
        assert!(!Applied { updated, ..unchanged.clone() }.is_unchanged());
        assert!(!Applied { removed, ..unchanged }.is_unchanged());
    }
}
