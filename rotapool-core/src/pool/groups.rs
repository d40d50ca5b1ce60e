//! What members of a group have in common: what is left of its quotas, and who they are.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Instant;

use crate::error::{GroupError, ResourceError};
use crate::member::group::Group;
use crate::member::limit::Limit;
use crate::member::slot::Slot;
use crate::time::Epoch;

#[derive(Debug, Default)]
pub(super) struct Groups(BTreeMap<Arc<str>, Common>);

#[derive(Debug)]
pub(super) struct Common {
    /// As of the last attempt of a member, or of its word.
    pub(super) limits: Vec<Limit>,
    /// In pool order.
    members: BTreeMap<u64, usize>,
}

impl Groups {
    pub(super) fn declare(
        &mut self,
        group: &Group,
        epoch: Epoch,
        now: Instant,
    ) -> Result<(), GroupError> {
        let name = Arc::clone(group.name());
        if name.is_empty() {
            return Err(GroupError::EmptyName);
        }
        if self.0.contains_key(&name) {
            return Err(GroupError::Duplicate { name });
        }
        let limits = Limit::all(group.quotas(), Some(&name), epoch, now);
        let limits = limits.map_err(|error| GroupError::Quota { name: name.clone(), error })?;
        self.0.insert(name, Common { limits, members: BTreeMap::new() });
        Ok(())
    }

    /// What a resource shares that says that it belongs to this group.
    ///
    /// # Errors
    ///
    /// There is no such group.
    pub(super) fn shared(
        &self,
        id: &Arc<str>,
        group: Option<&Arc<str>>,
    ) -> Result<&[Limit], ResourceError> {
        let Some(group) = group else { return Ok(&[]) };
        let common = self.0.get(group).ok_or_else(|| ResourceError::UnknownGroup {
            id: Arc::clone(id),
            group: Arc::clone(group),
            known: self.0.keys().cloned().collect(),
        })?;
        Ok(&common.limits)
    }

    pub(super) fn of(&self, slot: &Slot) -> Option<&Common> {
        self.0.get(slot.group()?)
    }

    pub(super) fn of_mut(&mut self, slot: &Slot) -> Option<&mut Common> {
        self.0.get_mut(slot.group()?)
    }

    pub(super) fn joined(&mut self, key: usize, slot: &Slot) {
        if let Some(common) = self.of_mut(slot) {
            common.members.insert(slot.position(), key);
        }
    }

    pub(super) fn left(&mut self, slot: &Slot) {
        if let Some(common) = self.of_mut(slot) {
            common.members.remove(&slot.position());
        }
    }

    /// The members of a resource's group but itself, in pool order.
    pub(super) fn others(&self, key: usize, slot: &Slot) -> Vec<usize> {
        let members = self.of(slot).into_iter().flat_map(|common| common.members.values());
        members.copied().filter(|&member| member != key).collect()
    }
}
