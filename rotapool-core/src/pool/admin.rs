//! What operators ask for beside who is a member and in use: to park and to rotate, to forget, to change what is
//! said of resources, one by one or by a list.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use crate::error::{ListError, ResourceError};
use crate::member::profile::Profile;
use crate::member::quotas::Quotas;
use crate::member::slot::{Slot, SlotIndex};
use crate::member::standing::{Cause, Standing, Status};
use crate::report::admin_call::{AdminCall, Applied, Rotation};
use crate::report::event::Event;
use crate::select::index::picking::Reach;
use crate::select::wish::Wish;
use crate::time::after;

/// For how long [`State::rotate`] parks.
const ROTATED: Duration = Duration::from_secs(300);
/// The longest time for which a resource can be parked.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How far a run goes that does not wait.
const REACH: Reach = Reach { tried: true, beyond_pace: true };

/// Where the values of a list that was [applied](State::apply) belong.
#[derive(Debug)]
pub struct Places {
    /// By the order of the list.
    pub listed: Vec<SlotIndex>,
    /// Of who left.
    pub left: Vec<SlotIndex>,
}

impl<A> State<A> {
    /// Names who makes the admin call that follows, so that [`Event::AdminCall`] tells of it.
    pub fn by(&mut self, who: Option<Arc<str>>) -> &mut Self {
        self.asks = who;
        self
    }

    /// Keeps a resource out for a while. Answers when it is back, which is later if it is out for longer already.
    ///
    /// It is an outage like others: the later end wins, it comes back as the pool's recovery has it, and a failure
    /// takes the place of the operator's reason. Usages in flight are left alone.
    ///
    /// # Errors
    ///
    /// An unknown id, one that is disabled, or a time that is zero or longer than 365 days.
    pub fn park(
        &mut self,
        id: &str,
        period: Duration,
        reason: Arc<str>,
        now: Instant,
    ) -> Result<Instant, ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(id)?;
        let id = Arc::clone(self.roster[key].id());
        if period.is_zero() || period > LONGEST {
            return Err(ResourceError::ParkedFor { id, period });
        }
        if matches!(self.roster[key].standing(), Standing::Disabled { .. }) {
            return Err(ResourceError::Disabled { id });
        }
        let until = after(now, period);
        let call = AdminCall::Park { until, reason: Arc::clone(&reason) };
        self.tell_asked(by.as_ref(), Some(&id), call, now);
        Ok(self.park_for(key, until, Cause::Parked { by, reason }, now))
    }

    fn park_for(&mut self, key: usize, until: Instant, cause: Cause, now: Instant) -> Instant {
        let slot = &mut self.roster[key];
        let old = slot.standing().noticed_status();
        if slot.park(now, until, cause) {
            self.index.place(key, slot);
            let broken = self.break_promises(key);
            self.tell_change(key, old, now);
            if broken {
                self.offer_all();
            }
            self.look_who_is_first();
        }
        self.rethink();
        self.roster[key].standing().until().unwrap_or(until)
    }

    /// Takes back that a resource was parked: it comes back as from any outage, unless a failure keeps it out.
    ///
    /// # Errors
    ///
    /// An unknown id. That nobody parked it is no error.
    pub fn unpark(&mut self, id: &str, now: Instant) -> Result<(), ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(id)?;
        self.tell_asked_of(by.as_ref(), key, AdminCall::Unpark, now);
        let (recovery, rules) = (self.config.recovery, self.config.rules);
        let slot = &mut self.roster[key];
        let old = slot.standing().noticed_status();
        if slot.unpark(now, recovery, rules) {
            slot.look_at_quotas(now);
            self.index.place(key, slot);
            self.watch_for_the_line(key);
            self.tell_change(key, old, now);
            self.offer(key);
            self.look_who_is_first();
        }
        self.rethink();
        Ok(())
    }

    /// Parks the resource in use for 300 s, so that another takes over: the one that was picked last, or if that is
    /// out the one that the next run would get. `chance` has to draw what the next run would draw.
    ///
    /// # Errors
    ///
    /// That nothing is in use, or that nothing else is healthy.
    pub fn rotate(
        &mut self,
        now: Instant,
        mut chance: impl FnMut() -> f64,
    ) -> Result<Rotation, ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let in_use = self.in_use(now, &mut chance);
        let key = in_use.ok_or(ResourceError::NothingInUse { members: self.len() })?;
        let from = Arc::clone(self.roster[key].id());
        let takes_over =
            |(other, slot): (usize, &Slot)| other != key && slot.status_at(now) == Status::Healthy;
        if !self.roster.keys().any(takes_over) {
            return Err(ResourceError::NothingElseHealthy { id: from });
        }
        // What follows from the call is told after it, but whom it led to is known only then.
        let told = self.told_so_far();
        let reason = "rotated away from".into();
        let cause = Cause::Parked { by: by.clone(), reason };
        let until = self.park_for(key, after(now, ROTATED), cause, now);
        let next = self.foresee_pick(&Wish::default(), REACH, now, &mut chance);
        let to = next.map(|next| Arc::clone(self.roster[next].id()));
        let call = AdminCall::Rotate { to: to.clone(), until };
        self.tell_asked_at(told, by.as_ref(), Some(&from), call, now);
        Ok(Rotation { from, to, until })
    }

    fn in_use(&self, now: Instant, chance: &mut impl FnMut() -> f64) -> Option<usize> {
        let picked = self.roster.keys().filter(|(_, slot)| slot.last_acquired().is_some());
        match picked.max_by_key(|(_, slot)| slot.recency()) {
            Some((key, slot)) if slot.status_at(now) == Status::Healthy => Some(key),
            _ => self.foresee_pick(&Wish::default(), REACH, now, chance),
        }
    }

    /// Forgets what the pool has learnt of a resource: its cooldown or park, its escalation, its trial or ramp, and
    /// how it has been doing. Who is disabled stays so, and the counters go on.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn reset(&mut self, id: &str, now: Instant) -> Result<(), ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(id)?;
        self.tell_asked_of(by.as_ref(), key, AdminCall::Reset, now);
        let newest = self.usages.newest();
        self.change(key, now, |slot| {
            slot.reset(newest);
            slot.look_at_quotas(now);
        });
        self.reset_circuit(key, now);
        self.watch_for_the_line(key);
        self.offer(key);
        // Whoever is back and spent has quota again at an instant that may be the next.
        self.look_who_is_first();
        self.rethink();
        Ok(())
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
    fn quotas_of(
        &self,
        profile: &Profile,
        now: Instant,
    ) -> Result<Option<Box<Quotas>>, ResourceError> {
        let shared = self.groups.shared(&profile.id, profile.group.as_ref())?;
        Quotas::new(&profile.quotas, shared, now)
            .map_err(|error| ResourceError::Quota { id: Arc::clone(&profile.id), error })
    }

    fn told_so_far(&self) -> usize {
        self.effects.as_ref().map_or(0, |effects| effects.events.len())
    }

    pub(super) fn tell_asked_of(
        &mut self,
        by: Option<&Arc<str>>,
        key: usize,
        call: AdminCall,
        now: Instant,
    ) {
        let id = Arc::clone(self.roster[key].id());
        self.tell_asked(by, Some(&id), call, now);
    }

    /// Tells of an admin call, if whoever made it gave a name.
    pub(super) fn tell_asked(
        &mut self,
        by: Option<&Arc<str>>,
        id: Option<&Arc<str>>,
        call: AdminCall,
        now: Instant,
    ) {
        self.tell_asked_at(self.told_so_far(), by, id, call, now);
    }

    /// The same, before all that was told after the first so many.
    fn tell_asked_at(
        &mut self,
        place: usize,
        by: Option<&Arc<str>>,
        id: Option<&Arc<str>>,
        call: AdminCall,
        now: Instant,
    ) {
        if let Some(by) = by {
            let event = Event::AdminCall { at: now, by: Arc::clone(by), id: id.cloned(), call };
            self.effects.get_or_insert_default().events.insert(place, event);
        }
    }
}
