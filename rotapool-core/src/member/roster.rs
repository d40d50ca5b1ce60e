//! The members: who is in the pool, in which order, and what still drains of who left.

use std::collections::{BTreeMap, HashMap};
use std::ops::{Index, IndexMut, Range};
use std::sync::Arc;
use std::time::Instant;

use slab::Slab;

use super::limit::Limit;
use super::profile::Profile;
use super::slot::Slot;
use crate::error::ResourceError;
use crate::time::Epoch;

/// How many ids an error lists.
const LISTED: usize = 10;

#[derive(Debug, Default)]
pub(crate) struct Roster {
    /// The members, and former members whose usages still drain.
    slots: Slab<Slot>,
    ids: HashMap<Arc<str>, usize>,
    /// The members by position: pool order.
    order: BTreeMap<u64, usize>,
    next_position: u64,
    /// How many usages of removed memberships of an id still drain.
    draining: HashMap<Arc<str>, u32>,
}

impl Roster {
    #[inline]
    pub(crate) fn len(&self) -> usize {
        self.order.len()
    }

    /// The members in pool order.
    pub(crate) fn members(&self) -> impl ExactSizeIterator<Item = &Slot> {
        self.order.values().map(|&key| &self.slots[key])
    }

    /// The positions given away so far.
    pub(crate) fn positions(&self) -> Range<u64> {
        0..self.next_position
    }

    /// The members at these positions, in pool order.
    pub(crate) fn members_at(&self, positions: Range<u64>) -> impl Iterator<Item = &Slot> {
        self.order.range(positions).map(|(_, &key)| &self.slots[key])
    }

    /// Whether a member at this position cools down.
    pub(crate) fn is_out(&self, position: u64) -> bool {
        let key = self.order.get(&position);
        key.is_some_and(|&key| self.slots[key].standing().outage().is_some())
    }

    /// The slot of a key that may be out of date.
    pub(crate) fn get(&self, key: usize) -> Option<&Slot> {
        self.slots.get(key)
    }

    /// The members, and former members whose usages still drain.
    pub(crate) fn slots(&self) -> impl Iterator<Item = &Slot> {
        self.slots.iter().map(|(_, slot)| slot)
    }

    pub(crate) fn slots_mut(&mut self) -> impl Iterator<Item = &mut Slot> {
        self.slots.iter_mut().map(|(_, slot)| slot)
    }

    /// How many usages of removed memberships of an id still drain.
    pub(crate) fn draining(&self, id: &str) -> u32 {
        self.draining.get(id).copied().unwrap_or(0)
    }

    pub(crate) fn get_mut(&mut self, key: usize) -> Option<&mut Slot> {
        self.slots.get_mut(key)
    }

    /// The members and their keys in pool order.
    pub(crate) fn keys(&self) -> impl Iterator<Item = (usize, &Slot)> {
        self.order.values().map(|&key| (key, &self.slots[key]))
    }

    pub(crate) fn is_member(&self, key: usize) -> bool {
        self.slots[key].member
    }

    pub(crate) fn find(&self, id: &str) -> Result<usize, ResourceError> {
        self.ids.get(id).copied().ok_or_else(|| ResourceError::UnknownResource {
            id: id.into(),
            known: self.members().take(LISTED).map(|slot| Arc::clone(slot.id())).collect(),
            members: self.len(),
        })
    }

    /// Adds a member at the end of the pool order. It inherits what still drains under its id.
    /// `shared` is what its group has in common.
    pub(crate) fn join(
        &mut self,
        profile: Profile,
        shared: &[Limit],
        epoch: Epoch,
        now: Instant,
    ) -> Result<usize, ResourceError> {
        profile.check()?;
        let id = Arc::clone(&profile.id);
        if self.ids.contains_key(&id) {
            return Err(ResourceError::DuplicateResource { id });
        }
        let inherited = self.draining(&id);
        let position = self.next_position;
        let key = self.slots.insert(Slot::new(profile, position, inherited, shared, epoch, now)?);
        self.next_position += 1;
        self.ids.insert(id, key);
        self.order.insert(position, key);
        Ok(key)
    }

    /// Takes a member out; its slot stays for as long as usages drain.
    pub(crate) fn leave(&mut self, id: &str) -> Result<usize, ResourceError> {
        let key = self.find(id)?;
        let slot = &mut self.slots[key];
        slot.member = false;
        self.ids.remove(id);
        self.order.remove(&slot.position());
        match slot.lane.len() {
            0 => drop(self.slots.remove(key)),
            draining => *self.draining.entry(Arc::clone(slot.id())).or_default() += draining,
        }
        Ok(key)
    }

    /// A usage of a former member has ended. Answers the member that had inherited it, if any.
    pub(crate) fn drained(&mut self, key: usize) -> Option<usize> {
        let slot = &self.slots[key];
        let successor = self.ids.get(slot.id()).copied();
        if let Some(draining) = self.draining.get_mut(slot.id()) {
            *draining -= 1;
            if *draining == 0 {
                self.draining.remove(slot.id());
            }
        }
        if slot.lane.len() == 0 {
            self.slots.remove(key);
        }
        if let Some(successor) = successor {
            self.slots[successor].beside -= 1;
        }
        successor
    }
}

impl Index<usize> for Roster {
    type Output = Slot;

    #[inline]
    fn index(&self, key: usize) -> &Slot {
        &self.slots[key]
    }
}

impl IndexMut<usize> for Roster {
    #[inline]
    fn index_mut(&mut self, key: usize) -> &mut Slot {
        &mut self.slots[key]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_leaves_with_nothing_in_flight_leaves_nothing_behind() {
        let now = Instant::now();
        let mut roster = Roster::default();
        let key = roster.join(Profile::new("a"), &[], Epoch::new(now), now).unwrap();
        roster.leave("a").unwrap();
        assert!(roster.get(key).is_none() && roster.draining.is_empty());
    }
}
