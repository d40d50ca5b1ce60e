//! What operators ask for: two words on when a resource is back, the failure's and the operator's, each kept for
//! itself; and who is a member by a list.

use std::sync::Arc;
use std::time::Duration;

use rotapool_core::{Basis, Cause, ListError, Profile, ResourceError, Status};

use super::circuit::Held;
use super::comeback::Comeback;
use super::measures::Measures;
use super::{Membership, Reference, later};
use crate::twice::observed::Moment;

/// When and why it is out, by what a failure says.
#[derive(Debug, Clone)]
pub(super) struct Failed {
    pub(super) until: Moment,
    pub(super) basis: Basis,
    pub(super) cause: Cause,
    pub(super) attempt: Option<u64>,
}

/// What a list came to, by names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) added: Vec<Arc<str>>,
    pub(crate) updated: Vec<Arc<str>>,
    pub(crate) unchanged: Vec<Arc<str>>,
    pub(crate) removed: Vec<Arc<str>>,
}

impl Membership {
    /// Parked is better than guessed, and guessed better than stated.
    pub(super) fn badness(&self, now: Moment) -> u8 {
        match &self.failed {
            Some(failed) if failed.until > now && failed.basis == Basis::Guessed => 1,
            Some(failed) if failed.until > now => 2,
            _ => 0,
        }
    }

    /// How it stands by the two words: the later end, and the failure's reason if it failed.
    pub(super) fn stand_by_both_words(&mut self) {
        let operator = self.parked.as_ref().map(|(until, cause)| (*until, cause.clone()));
        let by_operator = |failed: &Failed| operator.as_ref().is_some_and(|it| it.0 > failed.until);
        (self.until, self.basis, self.cause, self.attempt) = match (&self.failed, &operator) {
            (Some(failed), _) => {
                let until = operator.as_ref().map_or(failed.until, |it| it.0.max(failed.until));
                let basis = if by_operator(failed) { Basis::Operator } else { failed.basis };
                (Some(until), Some(basis), Some(failed.cause.clone()), failed.attempt)
            }
            (None, Some((until, cause))) => {
                (Some(*until), Some(Basis::Operator), Some(cause.clone()), None)
            }
            (None, None) => (None, None, None, None),
        };
    }
}

impl Reference {
    pub(crate) fn park(
        &mut self,
        id: &str,
        period: Duration,
        reason: &str,
        now: Moment,
    ) -> Result<Moment, ResourceError> {
        self.notice_by_the_clock(now);
        let membership = self.find(id)?;
        let year = Duration::from_secs(365 * 24 * 60 * 60);
        if period.is_zero() || period > year {
            return Err(ResourceError::ParkedFor { id: id.into(), period });
        }
        if self.memberships[membership].is_disabled() {
            return Err(ResourceError::Disabled { id: id.into() });
        }
        Ok(self.keep_out(membership, later(now, period), reason, now))
    }

    fn keep_out(&mut self, membership: usize, until: Moment, reason: &str, now: Moment) -> Moment {
        let newest = self.newest_usage;
        let member = &mut self.memberships[membership];
        if member.until.is_none_or(|it| it < until) {
            let old = member.status;
            if member.until.is_none_or(|it| it <= now) {
                (member.since, member.failed) = (Some(now), None);
            }
            let reason = reason.into();
            member.parked = Some((until, parked(reason)));
            member.status = Status::CoolingDown;
            member.comeback = Comeback::Proven;
            member.out_after = newest;
            let failed = member.failed.is_some();
            member.stand_by_both_words();
            member.held.goes_out_by(member.cause.as_ref());
            self.note(if failed { "parked beside a failure" } else { "parked" });
            self.report(membership, old, now);
            self.void_promises(membership);
        } else {
            self.note("parked for less than it is out");
        }
        self.wake_all_without_a_line();
        self.attend_the_line();
        self.memberships[membership].until.unwrap_or(until)
    }

    pub(crate) fn unpark(&mut self, id: &str, now: Moment) -> Result<(), ResourceError> {
        self.notice_by_the_clock(now);
        let membership = self.find(id)?;
        let member = &self.memberships[membership];
        if member.status == Status::CoolingDown && member.basis == Some(Basis::Operator) {
            let old = member.status;
            let fails = member.failed.as_ref().is_some_and(|failed| failed.until > now);
            if fails {
                let member = &mut self.memberships[membership];
                member.parked = None;
                member.stand_by_both_words();
                self.note("unparked, and still out by a failure");
            } else {
                let member = &mut self.memberships[membership];
                member.until = member.until.map(|until| until.min(now));
                let comeback = self.comeback_after(membership, now);
                let member = &mut self.memberships[membership];
                member.comeback = comeback;
                member.held.back(now);
                member.become_healthy();
                self.note("unparked");
            }
            self.refill(membership, now);
            self.report(membership, old, now);
        }
        self.wake_all_without_a_line();
        self.attend_the_line();
        Ok(())
    }

    /// `core` is what core says: whom it rotated from and to. Which is drawn cannot be known here, who may be is.
    pub(crate) fn rotate(
        &mut self,
        core: Result<(&str, Option<&str>), &ResourceError>,
        now: Moment,
    ) -> Result<(Arc<str>, Moment), ResourceError> {
        self.notice_by_the_clock(now);
        let is_healthy = |member: &Membership| {
            let is_back = member.until.is_some_and(|until| until <= now);
            member.status == Status::Healthy || member.status == Status::CoolingDown && is_back
        };
        let last = self.members().max_by_key(|(_, member)| member.last_acquired);
        let last = last.filter(|(_, member)| member.last_acquired.is_some());
        let in_use = match last {
            Some((membership, member)) if is_healthy(member) => Some(membership),
            _ => core.ok().and_then(|(from, _)| self.find(from).ok()),
        };
        let members = self.members().count();
        let Some(from) = in_use else {
            let free = self
                .members()
                .find(|&(it, member)| is_healthy(member) && self.row(it, now).eligible);
            if let (false, Err(error)) = (self.rules.rules.ends_by_the_clock, core) {
                // Who is back and on trial, only core's foresight knows.
                return Err(error.clone());
            }
            // Nobody else is there, or core would have named whom it rotated from.
            return Err(match free {
                Some((_, only)) => ResourceError::NothingElseHealthy { id: Arc::clone(&only.id) },
                None => ResourceError::NothingInUse { members },
            });
        };
        let id = Arc::clone(&self.memberships[from].id);
        if !self.members().any(|(other, member)| other != from && is_healthy(member)) {
            return Err(ResourceError::NothingElseHealthy { id });
        }
        assert!(is_healthy(&self.memberships[from]), "{id} was rotated away from, and was out");
        let until = self.keep_out(from, later(now, Duration::from_secs(300)), ROTATED, now);
        // Who is back and on trial, by the recorded rules only core's foresight knows.
        if let (true, Ok((_, to))) = (self.rules.rules.ends_by_the_clock, core) {
            let free = |(it, member): &(usize, &Membership)| {
                is_healthy(member) && self.row(*it, now).eligible
            };
            let mut free = self.members().filter(free).map(|(_, member)| &*member.id);
            match to {
                Some(_) if !self.rules.rules.ends_by_the_clock => {}
                Some(to) => assert!(free.any(|it| it == to), "{to} cannot take over"),
                // Who is back and on trial, only core's foresight knows.
                None if !self.rules.rules.ends_by_the_clock => {}
                None => assert_eq!(free.next(), None, "it takes over"),
            }
        }
        self.note("rotated");
        Ok((id, until))
    }

    pub(crate) fn reset(&mut self, id: &str, now: Moment) -> Result<(), ResourceError> {
        self.notice_by_the_clock(now);
        let membership = self.find(id)?;
        let newest_usage = self.newest_usage;
        let member = &mut self.memberships[membership];
        (member.escalation, member.row, member.mark) = (0, 0, newest_usage);
        member.comeback = Comeback::Proven;
        member.measures = Measures::default();
        member.held = Held::new(now);
        let old = (member.status == Status::CoolingDown).then(|| member.become_healthy());
        self.refill(membership, now);
        old.into_iter().for_each(|old| self.report(membership, old, now));
        self.look_for_a_recovery(now);
        self.wake_all_without_a_line();
        self.attend_the_line();
        Ok(())
    }

    pub(crate) fn update(
        &mut self,
        id: &str,
        profile: &Profile,
        now: Moment,
    ) -> Result<(), ResourceError> {
        self.notice_by_the_clock(now);
        let membership = self.find(id)?;
        if *profile.id != *id {
            return Err(ResourceError::IdChanged { id: id.into(), to: Arc::clone(&profile.id) });
        }
        check(profile)?;
        self.describe(membership, profile, now);
        self.wake_all_without_a_line();
        Ok(())
    }

    fn describe(&mut self, membership: usize, profile: &Profile, now: Moment) {
        self.memberships[membership].profile = profile.clone();
        self.refill(membership, now);
        self.look_for_a_recovery(now);
        let id = Arc::clone(&profile.id);
        let (taken, promised) = (self.in_flight(&id), self.promised(membership));
        if promised > 0 && self.limit(membership).is_some_and(|limit| taken + promised > limit) {
            self.note("a cap below what was promised");
            self.void_promises(membership);
        }
        self.attend_the_line();
    }

    pub(crate) fn apply(&mut self, list: &[Profile], now: Moment) -> Result<Listed, ListError> {
        self.notice_by_the_clock(now);
        let mut errors = Vec::new();
        for (number, profile) in list.iter().enumerate() {
            errors.extend(check(profile).err());
            let is_listed = list[..number].iter().any(|other| other.id == profile.id);
            if is_listed && !profile.id.is_empty() {
                errors.push(ResourceError::ListedTwice { id: Arc::clone(&profile.id) });
            }
        }
        if list.is_empty() && !self.rules.allow_empty {
            errors.push(ResourceError::EmptyList { members: self.members().count() });
        }
        if !errors.is_empty() {
            return Err(errors.into());
        }
        let mut listed = Listed::default();
        let had: Vec<Arc<str>> = self.members().map(|(_, member)| Arc::clone(&member.id)).collect();
        for profile in list {
            let id = Arc::clone(&profile.id);
            match self.find(&id) {
                Err(_) => {
                    self.add(profile, now).expect("it was checked");
                    listed.added.push(id);
                }
                Ok(membership) if self.memberships[membership].profile == *profile => {
                    listed.unchanged.push(id);
                }
                Ok(membership) => {
                    self.describe(membership, profile, now);
                    listed.updated.push(id);
                }
            }
        }
        for id in had {
            if !list.iter().any(|profile| profile.id == id) {
                self.remove(&id, now).expect("it is a member");
                listed.removed.push(id);
            }
        }
        self.note("a list was applied");
        self.wake_all_without_a_line();
        Ok(listed)
    }
}

/// What core calls the reason of a rotation.
const ROTATED: &str = "rotated away from";

/// What the door says of a profile.
pub(super) fn check(profile: &Profile) -> Result<(), ResourceError> {
    let id = || Arc::clone(&profile.id);
    if profile.id.is_empty() {
        return Err(ResourceError::EmptyId);
    }
    if profile.max_in_flight == Some(0) {
        return Err(ResourceError::ZeroMaxInFlight { id: id() });
    }
    if profile.weight < 0.001 || profile.weight > 10_000.0 {
        return Err(ResourceError::Weight { id: id(), weight: profile.weight });
    }
    Ok(())
}

/// Core's word for it cannot be written down outside of core, only asked for.
fn parked(reason: Arc<str>) -> Cause {
    let now = std::time::Instant::now();
    let mut pool = rotapool_core::State::<()>::new(rotapool_core::Config::default(), now);
    pool.add(Profile::new("a"), now).expect("an id that core takes");
    pool.park("a", Duration::from_secs(1), reason, now).expect("a time that core takes");
    pool.snapshot(now).remove(0).cause.expect("the cause of a park")
}
