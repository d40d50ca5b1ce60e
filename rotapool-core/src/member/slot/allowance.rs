//! What the quotas of a resource allow. Without quotas, everything.

use std::time::Instant;

use super::Slot;
use crate::member::costs::Costs;
use crate::member::limit::Limit;
use crate::member::quotas::Quotas;
use crate::member::standing::Standing;
use crate::time::Tick;

impl Slot {
    #[inline]
    pub(crate) fn quotas(&self) -> Option<&Quotas> {
        self.held.as_ref()?.quotas.as_ref()
    }

    #[inline]
    pub(crate) fn quotas_mut(&mut self) -> Option<&mut Quotas> {
        self.held.as_mut()?.quotas.as_mut()
    }

    /// Until when its quotas are spent, as of the last look at them.
    #[inline]
    pub(crate) fn spent_until(&self) -> Option<Instant> {
        self.quotas().and_then(Quotas::spent_until)
    }

    #[inline]
    pub(crate) fn is_spent(&self) -> bool {
        self.spent_until().is_some()
    }

    /// Until when its quotas are spent, by the clock.
    pub(crate) fn spent_until_after(&self, now: Instant) -> Option<Instant> {
        self.spent_until().filter(|&until| until > now)
    }

    /// Whether an attempt of this cost can be paid, as of the last look.
    #[inline]
    pub(crate) fn can_pay(&self, costs: &Costs) -> bool {
        self.quotas().is_none_or(|quotas| quotas.can_pay(costs))
    }

    /// The same by the clock.
    pub(crate) fn can_pay_at(&self, costs: &Costs, now: Instant) -> bool {
        self.quotas().is_none_or(|quotas| quotas.payable_at(costs).is_some_and(|at| at <= now))
    }

    /// When it is back if it is away until a known instant: the later of the end of a cooldown and of when an attempt
    /// that states no cost can be paid.
    pub(crate) fn back_at(&self) -> Option<Instant> {
        match &self.standing {
            Standing::CoolingDown(outage) => Some(outage.until).max(self.spent_until()),
            Standing::Healthy => self.spent_until(),
            Standing::Disabled { .. } => None,
        }
    }

    /// The same for an attempt of this cost, which may be too much for ever.
    pub(crate) fn back_for(&self, costs: &Costs, now: Instant) -> Option<Instant> {
        let payable = match self.quotas() {
            Some(quotas) => Some(quotas.payable_at(costs)?).filter(|&at| at > now),
            None => None,
        };
        match &self.standing {
            Standing::CoolingDown(outage) => Some(outage.until).max(payable),
            // A refill that nobody has noticed is an end that has passed.
            Standing::Healthy => payable.or(self.spent_until()),
            Standing::Disabled { .. } => None,
        }
    }

    /// A place is promised to a run of this cost, and paid.
    pub(crate) fn promise(&mut self, costs: &Costs) {
        self.promised += 1;
        if let Some(quotas) = self.quotas_mut() {
            quotas.pay(costs);
        }
    }

    /// A place that was promised at `since` is taken back, or about to be taken up: that is paid anew.
    pub(crate) fn take_promise_back(&mut self, costs: &Costs, since: Tick) {
        self.promised -= 1;
        if let Some(quotas) = self.quotas_mut() {
            quotas.give_back(costs, since);
        }
    }

    /// Whether its group has quotas.
    #[inline]
    pub(crate) fn shares_quotas(&self) -> bool {
        self.quotas().is_some_and(Quotas::are_shared)
    }

    /// Another member of its group has changed what they have in common.
    pub(crate) fn adopt(&mut self, shared: &[Limit], now: Instant) {
        if let Some(quotas) = self.quotas_mut() {
            quotas.adopt(shared, now);
        }
    }

    /// Lets its quotas grow by what has grown by now.
    pub(crate) fn look_at_quotas(&mut self, now: Instant) {
        if let Some(quotas) = self.quotas_mut() {
            quotas.look(now);
        }
    }
}
