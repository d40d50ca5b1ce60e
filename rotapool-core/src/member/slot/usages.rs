//! What usages do to their resource, and which of them count.

use std::num::NonZeroU32;
use std::time::Instant;

use super::{ACQUIRED, Held, Slot};
use crate::member::costs::Costs;
use crate::member::standing::{Standing, Status};
use crate::member::usage::{Place, Sequence};
use crate::protect::BreakerState;
use crate::time::{Epoch, Tick};

impl Slot {
    /// A usage was registered.
    #[inline]
    pub(crate) fn acquired(&mut self, usage: Sequence, now: Tick) {
        (self.recency, self.last_acquired) = (ACQUIRED | usage, now);
        self.counters.acquires += 1;
    }

    /// A usage of this cost was registered on a resource that is [held](Self::is_held) to something. Answers whether it
    /// takes from quotas that it shares.
    pub(crate) fn acquired_held(
        &mut self,
        usage: Sequence,
        place: Place,
        costs: &Costs,
        now: Tick,
        epoch: Epoch,
    ) -> bool {
        let Some(held) = &mut self.held else { return false };
        if let Some(comeback) = &mut held.comeback {
            comeback.began(usage, place, now);
        }
        let Some(quotas) = &mut held.quotas else { return false };
        quotas.began(usage, costs, epoch, now);
        quotas.are_shared()
    }

    /// A usage has ended, or is about to: whether it counted for the trial or the ramp.
    #[inline]
    pub(crate) fn ended(&mut self, usage: Sequence) -> bool {
        self.held.as_mut().is_some_and(|held| held.ended(usage))
    }

    /// A usage counts for its trial or ramp no longer: whether it did.
    #[cold]
    pub(crate) fn leaves_comeback(&mut self, usage: Sequence) -> bool {
        self.comeback_mut().is_some_and(|comeback| comeback.ended(usage))
    }

    /// An operation got through. A cooldown or disable that came meanwhile is newer evidence and stays.
    #[inline]
    pub(crate) fn succeed(&mut self, decay: Option<NonZeroU32>) {
        if self.is_healthy() {
            self.escalation.succeed(decay);
        }
    }

    /// A usage that counted for the trial or the ramp got through.
    pub(crate) fn prove(&mut self) {
        let cap = self.cap;
        let is_healthy = self.is_healthy();
        if self.comeback_mut().is_some_and(|comeback| is_healthy && comeback.proved(cap)) {
            self.set_comeback(None);
        }
    }

    /// An attempt failed.
    pub(crate) fn fail(&mut self) {
        self.escalation.fail();
    }

    /// Whether a usage is one by which a trial is judged.
    #[inline]
    pub(crate) fn is_judged_by(&self, usage: Sequence) -> bool {
        self.comeback().is_some_and(|comeback| comeback.is_trial() && comeback.counts(usage))
    }

    /// Whether a usage began after an admin call last cleared the resource: else it says nothing of it any more.
    #[inline]
    pub(crate) fn began_since_cleared(&self, usage: Sequence) -> bool {
        usage > self.cleared_after
    }

    /// Whether a usage says anything of the resource as it is now: it is in use, and the usage began after the last trip
    /// and the last word of an admin. Only such are evidence to a breaker.
    #[inline]
    pub(crate) fn is_told_by(&self, usage: Sequence) -> bool {
        let is_in_use = self.member && !matches!(self.standing, Standing::Disabled { .. });
        is_in_use && usage > self.tripped_after && usage > self.cleared_after
    }

    /// How its circuit stands; `None` in a pool without a breaker.
    pub(crate) fn circuit_state(&self, now: Instant) -> Option<BreakerState> {
        let circuit = self.circuit.as_ref()?;
        Some(match self.status_at(now) {
            Status::CoolingDown if self.standing.is_circuit() => BreakerState::Open,
            Status::Healthy if circuit.is_latest && self.comeback().is_some() => {
                BreakerState::HalfOpen
            }
            _ => BreakerState::Closed,
        })
    }

    /// Takes back the places of those who have held them too long, for a look at what will be.
    pub(crate) fn foresee_taken_back(&mut self, now: Tick) {
        while let Some((usage, _)) = self.holds.take_back(now) {
            self.lane = self.lane.without_one();
            self.ended(usage);
        }
    }

    /// Gives up the usages of a trial or a ramp that have taken too long. Those of a trial are `lost` for good; on
    /// a ramp they only do not count any more.
    pub(crate) fn lose(&mut self, now: Tick, mut lost: impl FnMut(Place)) {
        if let Some(comeback) = self.comeback_mut() {
            while let Some(place) = comeback.lose(now) {
                if comeback.is_trial() {
                    lost(place);
                }
            }
        }
    }
}

impl Held {
    #[inline]
    fn ended(&mut self, usage: Sequence) -> bool {
        let notes = self.quotas.as_ref().is_some_and(|quotas| quotas.have_reserved());
        (notes || self.comeback.is_some()) && self.ended_of_note(usage)
    }

    /// Something was noted of usages, and may have been of this one.
    #[cold]
    fn ended_of_note(&mut self, usage: Sequence) -> bool {
        if let Some(quotas) = &mut self.quotas {
            quotas.ended(usage);
        }
        self.comeback.as_mut().is_some_and(|comeback| comeback.ended(usage))
    }
}
