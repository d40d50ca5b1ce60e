//! What probes do to a resource: they are counted, and take what an attempt takes if they are told to.

use std::time::Instant;

use super::Slot;
use crate::member::costs::Costs;
use crate::member::counters::ProbeCounters;

impl Slot {
    /// Its probes so far.
    pub(crate) fn probed(&self) -> ProbeCounters {
        self.probed.as_deref().copied().unwrap_or_default()
    }

    pub(crate) fn count_probe(&mut self) {
        self.probed.get_or_insert_default().probes += 1;
    }

    pub(crate) fn count_failed_probe(&mut self) {
        self.probed.get_or_insert_default().failures += 1;
    }

    /// Takes a place and one request for a probe. Answers whether there were both; if not, nothing was taken.
    pub(crate) fn admit_probe(&mut self, now: Instant) -> bool {
        if !self.has_room() || !self.can_pay_at(&Costs::UNSTATED, now) {
            return false;
        }
        self.beside += 1;
        if let Some(quotas) = self.quotas_mut() {
            quotas.look(now);
            quotas.pay(&Costs::UNSTATED);
        }
        true
    }

    /// A probe gives its place back. What it has taken of the quotas, it has taken.
    pub(crate) fn release_probe(&mut self) {
        self.beside -= 1;
    }
}
