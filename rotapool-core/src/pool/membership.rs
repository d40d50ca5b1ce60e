//! Who is a member, and what is said of it: one by one, or by a list.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Instant;

use super::State;
use super::waiting::admitted;
use crate::error::{ListError, ResourceError};
use crate::member::profile::Profile;
use crate::member::quotas::Quotas;
use crate::member::slot::{Slot, SlotIndex};
use crate::member::standing::Status;
use crate::protect::Circuit;
use crate::report::admin_call::{AdminCall, Applied};
use crate::report::event::Event;

/// Where the values of a list that was [applied](State::apply) belong.
#[derive(Debug)]
pub struct Places {
    /// By the order of the list.
    pub listed: Vec<SlotIndex>,
    /// Of who left.
    pub left: Vec<SlotIndex>,
}

impl<A> State<A> {
    /// Adds a healthy resource at the end of the pool order and wakes those who wait.
    ///
    /// Usages still draining from an earlier membership of the id count toward its cap.
    ///
    /// # Errors
    ///
    /// An empty or duplicate id, a cap of 0, a weight out of range, quotas that make no sense, or a group that was not
    /// [declared](Self::add_group).
    pub fn add(&mut self, profile: Profile, now: Instant) -> Result<SlotIndex, ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let epoch = self.epoch();
        let shared = self.groups.shared(&profile.id, profile.group.as_ref())?;
        let key = self.roster.join(profile, shared, epoch, now)?;
        self.tell_asked_of(by.as_ref(), key, AdminCall::Add, now);
        let slot = &mut self.roster[key];
        self.groups.joined(key, slot);
        slot.quotas().into_iter().for_each(|quotas| self.dimensions.joined(quotas));
        if let Some(trip) = &self.config.circuit_breaker {
            slot.circuit = Some(Box::new(Circuit::new(trip, now)));
        }
        if self.usages.newest() > 0 {
            slot.join_midway(self.config.way_back());
        }
        self.index.place(key, slot);
        self.edge.joined();
        self.tell(Event::ResourceAdded { at: now, id: Arc::clone(self.roster[key].id()) });
        self.tell_turn(now);
        self.offer(key);
        // Its group may have nothing left now, and be back before anybody else.
        self.look_who_is_first();
        self.rethink();
        Ok(SlotIndex(key))
    }

    /// Takes a resource out of the pool and wakes those who wait. Its usages end by themselves.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn remove(&mut self, id: &str, now: Instant) -> Result<SlotIndex, ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(id)?;
        self.tell_asked_of(by.as_ref(), key, AdminCall::Remove, now);
        let was_admitted = admitted(&self.roster[key]);
        let broken = self.break_promises(key);
        let quotas = self.roster[key].quotas();
        quotas.into_iter().for_each(|quotas| self.dimensions.left(quotas));
        self.groups.left(&self.roster[key]);
        let was = self.roster[key].standing().noticed_status();
        let told = Arc::clone(self.roster[key].id());
        let key = self.roster.leave(id)?;
        self.index.forget(key);
        if let Some(slot) = self.roster.get(key) {
            self.index.look_at_holds(key, slot);
        }
        if was == Status::Healthy {
            self.edge.left();
        }
        self.tell(Event::ResourceRemoved { at: now, id: told });
        self.tell_turn(now);
        if self.may_disappoint(now) {
            self.disappoint(was_admitted, None, now);
        }
        if broken {
            self.offer_all();
        }
        self.rethink();
        Ok(SlotIndex(key))
    }

    /// What is known of a member, and where its value belongs.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn profile(&self, id: &str) -> Result<(SlotIndex, Profile), ResourceError> {
        self.roster.find(id).map(|key| (SlotIndex(key), self.roster[key].profile()))
    }

    /// Changes what is known of a member, if that is still as it was `before`: names what changed, or `None` if
    /// somebody else has changed it meanwhile.
    ///
    /// # Errors
    ///
    /// An id that is unknown, or another than before; a cap of 0, or a weight out of range.
    pub fn update(
        &mut self,
        before: &Profile,
        profile: Profile,
        now: Instant,
    ) -> Result<Option<Vec<&'static str>>, ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(&before.id)?;
        if profile.id != before.id {
            return Err(ResourceError::IdChanged { id: Arc::clone(&before.id), to: profile.id });
        }
        profile.check()?;
        self.quotas_of(&profile, now)?;
        if self.roster[key].profile() != *before {
            return Ok(None);
        }
        let changed = before.differences(&profile);
        self.tell_asked_of(by.as_ref(), key, AdminCall::Update, now);
        self.describe(key, profile, now)?;
        self.rethink();
        Ok(Some(changed))
    }

    /// Has the members of a list, all or nothing: who is not yet there joins at the end of the pool order, who is
    /// stays with its standing, counters and usages and is described anew, who is not on the list leaves and drains.
    /// Where the values belong, is in the [`Places`].
    ///
    /// # Errors
    ///
    /// All that is wrong with the list: an id that is empty or on it twice, a cap of 0, a weight out of range; or that
    /// it is empty, and the pool may not be.
    pub fn apply(
        &mut self,
        list: Vec<Profile>,
        now: Instant,
    ) -> Result<(Applied, Places), ListError> {
        let by = self.asks.take();
        self.notice(now);
        self.check_list(&list, now)?;
        let told = self.told_so_far();
        let mut applied = Applied::default();
        let mut places = Places { listed: Vec::with_capacity(list.len()), left: Vec::new() };
        let listed: HashSet<Arc<str>> = list.iter().map(|one| Arc::clone(&one.id)).collect();
        let stays = |slot: &&Slot| !listed.contains(slot.id());
        let leave: Vec<Arc<str>> =
            self.roster.members().filter(stays).map(|slot| Arc::clone(slot.id())).collect();
        // Who joins comes first, so that the pool is never without anybody for a moment.
        for profile in list {
            let id = Arc::clone(&profile.id);
            let place = match self.roster.find(&id) {
                Err(_) => {
                    applied.added.push(id);
                    self.add(profile, now)?
                }
                Ok(key) => {
                    let changed = self.roster[key].profile().differences(&profile);
                    if changed.is_empty() {
                        applied.unchanged.push(id);
                    } else {
                        self.tell_asked(by.as_ref(), Some(&id), AdminCall::Update, now);
                        applied.updated.push((id, changed));
                        self.describe(key, profile, now)?;
                    }
                    SlotIndex(key)
                }
            };
            places.listed.push(place);
        }
        for id in leave {
            places.left.push(self.remove(&id, now)?);
            applied.removed.push(id);
        }
        let (added, updated) = (applied.added.len(), applied.updated.len());
        let call = AdminCall::Apply { added, updated, removed: applied.removed.len() };
        self.tell_asked_at(told, by.as_ref(), None, call, now);
        self.rethink();
        Ok((applied, places))
    }

    /// Whether a list could be [applied](Self::apply).
    ///
    /// # Errors
    ///
    /// The same.
    pub fn check_list(&self, list: &[Profile], now: Instant) -> Result<(), ListError> {
        let mut errors = Vec::new();
        let mut seen = HashSet::new();
        for profile in list {
            errors.extend(profile.check().err());
            errors.extend(self.quotas_of(profile, now).err());
            if !profile.id.is_empty() && !seen.insert(&profile.id) {
                errors.push(ResourceError::ListedTwice { id: Arc::clone(&profile.id) });
            }
        }
        if list.is_empty() && !self.config.allow_empty {
            errors.push(ResourceError::EmptyList { members: self.len() });
        }
        if errors.is_empty() { Ok(()) } else { Err(errors.into()) }
    }

    /// Changes what is known of a member. Usages in flight go on, also where they are too many now.
    fn describe(
        &mut self,
        key: usize,
        profile: Profile,
        now: Instant,
    ) -> Result<(), ResourceError> {
        let before = self.roster[key].profile();
        let changes_group = before.group != profile.group;
        let quotas = match before.quotas == profile.quotas && !changes_group {
            true => None,
            false => Some(self.quotas_of(&profile, now)?),
        };
        let changes_quotas = quotas.is_some();
        // What was paid to one group is not given back to another.
        let broken = changes_group && self.break_promises(key);
        let slot = &mut self.roster[key];
        if changes_quotas {
            slot.quotas().into_iter().for_each(|quotas| self.dimensions.left(quotas));
            self.groups.left(slot);
        }
        slot.describe(profile, quotas, now);
        slot.look_at_quotas(now);
        if changes_quotas {
            slot.quotas().into_iter().for_each(|quotas| self.dimensions.joined(quotas));
            self.groups.joined(key, slot);
        }
        let too_many = slot.promised > 0
            && slot.limit().is_some_and(|limit| slot.in_flight() + slot.promised > limit);
        self.index.describe(key, slot);
        self.tell_recovery(now);
        self.watch_for_the_line(key);
        if too_many || broken {
            self.break_promises(key);
            self.index.refresh(key, &self.roster[key]);
            self.offer_all();
        }
        self.offer(key);
        self.look_who_is_first();
        Ok(())
    }

    /// What it has of quotas at first: full ones of its own, and what its group has left.
    fn quotas_of(&self, profile: &Profile, now: Instant) -> Result<Option<Quotas>, ResourceError> {
        let shared = self.groups.shared(&profile.id, profile.group.as_ref())?;
        Quotas::new(&profile.quotas, shared, self.epoch(), now)
            .map_err(|error| ResourceError::Quota { id: Arc::clone(&profile.id), error })
    }
}
