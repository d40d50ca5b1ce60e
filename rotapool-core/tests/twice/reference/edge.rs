//! The pool as a whole: when it turns from able to serve to refusing, and back.

use rotapool_core::Status;

use super::Reference;
use crate::twice::observed::{Moment, Turn};

impl Reference {
    pub(crate) fn exhausted_since(&self) -> Option<Moment> {
        self.exhausted_since
    }

    /// Has to be done after every change.
    pub(super) fn look_for_a_turn(&mut self, now: Moment) {
        let is_up = |status| status == Status::Healthy;
        let is_due = !self.is_noticing
            && self.members().any(|(_, member)| match member.status {
                Status::CoolingDown => member.until <= Some(now),
                Status::Healthy => member.spent_until.is_some_and(|until| until <= now),
                _ => false,
            });
        let any_healthy = self.members().any(|(_, member)| is_up(member.status));
        let any_able = self.members().any(|(_, it)| is_up(it.status) && it.spent_until.is_none());
        let is_exhausted = match self.exhausted_since {
            None => !any_healthy && !is_due,
            // Whoever is back and spent serves nobody.
            Some(_) if any_healthy && !any_able && !is_due => {
                self.note("no recovery by one that is back and spent");
                true
            }
            Some(_) => !any_able && !is_due,
        };
        if is_exhausted != self.exhausted_since.is_some() {
            self.exhausted_since = is_exhausted.then_some(now);
            let after = self.aftermath.changes.len();
            self.aftermath.turns.push(Turn { is_exhausted, at: now, after });
        }
    }

    pub(super) fn look_for_a_recovery(&mut self, now: Moment) {
        if self.exhausted_since.is_some() {
            self.look_for_a_turn(now);
        }
    }
}
