//! What ends by the clock: cooldowns, trials and ramps, spent quotas, and holds past their bound.

use std::time::Instant;

use super::State;
use crate::member::standing::Status;
use crate::time::Tick;

impl<A> State<A> {
    /// Notices what has ended by `now`: cooldowns, and the time of usages on a comeback.
    #[inline]
    pub(crate) fn notice(&mut self, now: Instant) {
        self.notice_at(self.tick(now));
    }

    #[inline]
    pub(crate) fn notice_at(&mut self, now: Tick) {
        self.now = now;
        if self.index.is_any_due(now) && self.config.rules.ends_by_the_clock {
            self.recover(now);
        }
    }

    /// Turns the expired cooldowns healthy, in pool order.
    #[inline]
    pub(super) fn expire(&mut self, now: Tick) {
        if self.index.is_any_due(now) {
            self.recover(now);
        }
    }

    #[cold]
    fn recover(&mut self, now: Tick) {
        self.now = now;
        let at = self.epoch().instant(now);
        let (mut due, mut freed) = (Vec::new(), Vec::new());
        while let Some(key) = self.index.due(now) {
            self.index.dequeue(key);
            due.push((self.roster[key].position(), key));
        }
        due.sort_unstable();
        for &(_, key) in &due {
            let slot = &mut self.roster[key];
            // Others are due for what is held on them.
            let is_over = |until: Instant| until <= at;
            let is_back = slot.member && slot.standing().until().is_some_and(is_over);
            match is_back {
                true => slot.recover(at, self.config.way_back()),
                false => slot.lose(now, |place| self.usages.lose(place)),
            }
            slot.look_at_quotas(at);
            if slot.holds.next_end().is_some_and(|end| end <= now) {
                self.take_back(key, now, &mut freed);
            }
            // A former member may be gone with the last of what was held on it.
            let Some(slot) = self.roster.get(key) else { continue };
            self.index.look_at_holds(key, slot);
            if slot.member {
                self.index.place(key, slot);
                self.watch_for_the_line(key);
            }
            if is_back {
                self.tell_change(key, Status::CoolingDown, at);
            }
        }
        self.tell_recovery(at);
        freed.extend(
            due.into_iter()
                .map(|(_, key)| key)
                .filter(|&key| self.roster.get(key).is_some_and(|slot| slot.member)),
        );
        freed.sort_unstable_by_key(|&key| self.roster[key].position());
        freed.into_iter().for_each(|key| self.offer(key));
    }
}
