//! Which resource serves when all are out, and what its answer is evidence of.

use std::time::Instant;

use super::State;
use crate::member::usage::Ticket;
use crate::select::wish::Wish;

impl<A> State<A> {
    /// Who serves a run although it is out, if the pool degrades: parked before guessed before stated, the first
    /// back of each. Nobody while one that the run admits is healthy, none that the run has tried, and none beyond its
    /// cap.
    #[cold]
    pub(crate) fn least_bad(&self, wish: &Wish, now: Instant) -> Option<usize> {
        if !self.config.degrade || self.is_busy(wish, now) {
            return None;
        }
        let served = self.roster.keys().filter(|(_, slot)| {
            slot.has_room()
                && slot.can_pay_at(wish.costs(), now)
                && wish.admits(slot)
                && !wish.has_tried(slot)
        });
        let out = served.filter_map(|(key, slot)| {
            let outage = slot.standing().outage()?;
            Some((outage.badness(now), outage.until, slot.position(), key))
        });
        out.min().map(|(.., key)| key)
    }

    /// A usage began on a resource that is out: what it says of a failure is of an outage that is known.
    pub(crate) fn note_degraded(&mut self, ticket: &Ticket) {
        let usage = self.usages.sequence(ticket);
        self.roster[ticket.slot()].began_while_out(usage);
    }
}
