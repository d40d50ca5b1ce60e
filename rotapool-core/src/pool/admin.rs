//! What operators do with a resource: enable and disable, park and rotate, forget; and that they are told to have.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::State;
use crate::error::ResourceError;
use crate::member::slot::Slot;
use crate::member::standing::{Cause, Standing, Status};
use crate::member::usage::Sequence;
use crate::report::admin_call::{AdminCall, Rotation};
use crate::select::index::picking::Reach;
use crate::select::wish::Wish;
use crate::time::after;

/// For how long [`State::rotate`] parks.
const ROTATED: Duration = Duration::from_secs(300);
/// The longest time for which a resource can be parked.
const LONGEST: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// How far a run goes that does not wait.
const REACH: Reach = Reach { tried: true, beyond_pace: true };

impl<A> State<A> {
    /// Names who makes the admin call that follows, so that [`Event::AdminCall`](crate::Event::AdminCall) tells of it.
    pub fn by(&mut self, who: Option<Arc<str>>) -> &mut Self {
        self.asks = who;
        self
    }

    /// Makes a resource healthy, whatever kept it away, starts its escalation anew, and wakes those
    /// who wait.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn enable(&mut self, id: &str, now: Instant) -> Result<(), ResourceError> {
        self.start_anew(id, AdminCall::Enable, now, Slot::enable)
    }

    /// Takes a resource out of use until it is enabled, and wakes those who wait. Usages in flight
    /// are left alone.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn disable(&mut self, id: &str, now: Instant) -> Result<(), ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(id)?;
        self.tell_asked_of(by.as_ref(), key, AdminCall::Disable, now);
        if self.change(key, now, |slot| slot.disable(now, Cause::Admin, None)) {
            self.counters.disables += 1;
            let broken = self.lose_member(key, now);
            self.look_after_the_line(broken);
        }
        self.rethink();
        Ok(())
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
            self.disappoint_those_of(key, now);
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
        let way = self.config.way_back();
        let slot = &mut self.roster[key];
        let old = slot.standing().noticed_status();
        if slot.unpark(now, way) {
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
        let next = self.foresee_next(now, &mut chance);
        let to = next.map(|next| Arc::clone(self.roster[next].id()));
        let call = AdminCall::Rotate { to: to.clone(), until };
        self.tell_asked_at(told, by.as_ref(), Some(&from), call, now);
        Ok(Rotation { from, to, until })
    }

    fn in_use(&self, now: Instant, chance: &mut impl FnMut() -> f64) -> Option<usize> {
        let picked = self.roster.keys().filter(|(_, slot)| slot.last_acquired().is_some());
        match picked.max_by_key(|(_, slot)| slot.recency()) {
            Some((key, slot)) if slot.status_at(now) == Status::Healthy => Some(key),
            _ => self.foresee_next(now, chance),
        }
    }

    /// What the next run would get, once all that has ended was noticed.
    fn foresee_next(&self, now: Instant, chance: &mut impl FnMut() -> f64) -> Option<usize> {
        self.foresee_pick(&Wish::default(), REACH, &self.foresee_all(now), now, chance)
    }

    /// Forgets what the pool has learnt of a resource: its cooldown or park, its escalation, its trial or ramp, and
    /// how it has been doing. Who is disabled stays so, and the counters go on.
    ///
    /// # Errors
    ///
    /// An unknown id.
    pub fn reset(&mut self, id: &str, now: Instant) -> Result<(), ResourceError> {
        self.start_anew(id, AdminCall::Reset, now, Slot::reset)
    }

    /// Evidence older than the newest usage says nothing of the resource any more.
    fn start_anew(
        &mut self,
        id: &str,
        call: AdminCall,
        now: Instant,
        forget: impl FnOnce(&mut Slot, Sequence),
    ) -> Result<(), ResourceError> {
        let by = self.asks.take();
        self.notice(now);
        let key = self.roster.find(id)?;
        self.tell_asked_of(by.as_ref(), key, call, now);
        let newest = self.usages.newest();
        self.reset_circuit(key, now);
        self.bring_back(key, now, |slot| forget(slot, newest));
        Ok(())
    }

    /// Somebody's word makes a resource healthy: it is offered to those in line.
    pub(super) fn bring_back(&mut self, key: usize, now: Instant, change: impl FnOnce(&mut Slot)) {
        self.change(key, now, |slot| {
            change(slot);
            slot.look_at_quotas(now);
        });
        // Of who was healthy, nothing but its quotas may be back.
        self.tell_recovery(now);
        self.watch_for_the_line(key);
        self.offer(key);
        // Whoever is back and spent has quota again at an instant that may be the next.
        self.look_who_is_first();
        self.rethink();
    }
}
