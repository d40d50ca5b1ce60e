//! How what comes free is handed to those in line, and who of them looks at the clock.

use std::sync::Arc;
use std::time::Instant;

use super::State;
use super::waiting::{Hope, Turn, Waiting};
use crate::member::profile::Metadata;
use crate::select::wish::Wish;
use crate::time::Tick;

/// What a run finds when it comes back from the line.
pub(crate) struct Returned {
    pub(crate) wish: Wish,
    pub(crate) since: Tick,
    /// The resource on which it was promised a place.
    pub(crate) promised: Option<usize>,
}

/// Until when a run stands in line.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until {
    /// The end of its pause, its deadline, or the end of its patience, whichever is first.
    pub(crate) latest: Option<Instant>,
    /// Whether its patience is over, or it has none: it goes beyond the pace of a ramp.
    pub(crate) hurries: bool,
    /// Whether it has made no attempt yet.
    pub(crate) is_new: bool,
    /// Whether it pauses: it is there for what it has not tried.
    pub(crate) pauses: bool,
    /// Whether it would not stand in line if it had not to pause.
    pub(crate) only_pauses: bool,
    /// What may still serve it.
    pub(crate) hope: Option<Hope>,
}

impl<A> State<A> {
    /// A resource may have room for somebody in line.
    #[inline]
    pub(super) fn offer(&mut self, key: usize) {
        if !self.line.is_empty() && self.config.rules.line {
            self.hand_over(key);
        }
    }

    #[cold]
    fn hand_over(&mut self, key: usize) {
        let now = self.instant(self.now);
        self.roster[key].look_at_quotas(now);
        loop {
            let slot = &mut self.roster[key];
            if !slot.member || !slot.is_eligible() {
                break;
            }
            let Some(handle) = self.line.promise(key, slot, self.now) else { break };
            self.index.refresh(key, slot);
            self.share(key);
            self.effects.get_or_insert_default().wakes.extend(handle);
            self.disappoint_by_taking(key, now);
        }
        self.watch_for_the_line(key);
        self.look_who_is_first();
    }

    /// The first in line comes by itself at the next known instant, on behalf of all, and so does each lookout.
    /// Whoever has become first, or was told a later instant, has to come and be told.
    pub(super) fn look_who_is_first(&mut self) {
        if !self.line.is_attended() {
            return;
        }
        let earliest = self.index.earliest();
        for late in self.line.late_lookouts(earliest) {
            self.effects.get_or_insert_default().wakes.push(late);
        }
        if let Some((_, first)) = self.line.first().filter(|_| self.config.rules.line) {
            if earliest < first.comes_at {
                self.effects.get_or_insert_default().wakes.extend(first.handle.take());
            }
        }
    }

    /// The resource is out: promises of a place on it are void. Answers whether there were any.
    pub(super) fn break_promises(&mut self, key: usize) -> bool {
        let slot = &mut self.roster[key];
        let broken = slot.promised > 0;
        if broken {
            self.line.break_promises(key, slot);
            self.share(key);
        }
        broken
    }

    /// Somebody is back in line who had a promise: what is free elsewhere is theirs before a newcomer's.
    pub(super) fn offer_all(&mut self) {
        let keys: Vec<usize> = self.roster.keys().map(|(key, _)| key).collect();
        keys.into_iter().for_each(|key| self.offer(key));
    }

    /// Something has changed: under the recorded rules, all who wait think again.
    pub(super) fn rethink(&mut self) {
        if !self.config.rules.line {
            self.line.wake(|_| true, &mut self.effects.get_or_insert_default().wakes);
        }
    }

    /// A run gets in line. Answers when it has to come if nobody wakes it: when its patience or its time is over, or
    /// at the next known instant, on behalf of all.
    pub(crate) fn get_in_line(
        &mut self,
        turn: Turn,
        wish: Wish,
        since: Tick,
        until: Until,
        handle: A,
    ) -> Option<Instant> {
        let deadline = until.latest.map_or(Tick::NEVER, |latest| self.tick(latest));
        let Until { hurries, pauses, only_pauses, is_new, hope, .. } = until;
        let handle = Some(handle);
        let comes_at = deadline;
        let promised_at = since;
        let waiting = Waiting {
            wish,
            handle,
            since,
            comes_at,
            promised_at,
            hurries,
            pauses,
            only_pauses,
            is_new,
            hope,
        };
        self.line.enter(turn, waiting);
        let earliest = self.index.earliest();
        let comes_at = match self.line.first() {
            Some((first, waiting)) if first == turn => {
                waiting.comes_at = earliest.min(deadline);
                waiting.comes_at
            }
            _ => deadline,
        };
        (comes_at != Tick::NEVER).then(|| self.epoch().instant(comes_at))
    }

    /// A run in line comes, with what its caller has judged since. Answers what else its caller has to judge before it
    /// can have what it was promised: that, or who else joined if it has tried that already.
    pub(crate) fn unjudged_in_line(
        &mut self,
        turn: Turn,
        verdicts: Vec<(u64, bool)>,
    ) -> Vec<(u64, Arc<Metadata>)> {
        if let Some(wish) = self.line.wish(turn) {
            verdicts.into_iter().for_each(|(position, admitted)| wish.judged(position, admitted));
        }
        match self.line.promised(turn) {
            Some((key, wish)) => {
                let slot = &self.roster[key];
                match wish.has_to_judge(slot) || wish.has_tried(slot) {
                    true => self.unjudged(wish),
                    false => Vec::new(),
                }
            }
            None => Vec::new(),
        }
    }

    /// Whether a run may have a member.
    pub(crate) fn admits(&self, wish: &Wish, key: usize) -> bool {
        wish.admits(&self.roster[key])
    }

    /// A run comes back from the line: because it was woken, or by itself.
    pub(crate) fn leave_line(&mut self, turn: Turn) -> Option<Returned> {
        let (waiting, promised) = self.line.leave(turn)?;
        self.retire(waiting.handle);
        if let Some(key) = promised {
            self.roster[key].take_promise_back(waiting.wish.costs(), waiting.promised_at);
        }
        Some(Returned { wish: waiting.wish, since: waiting.since, promised })
    }

    /// A run that came back from the line is no longer in need of what it was promised, or of looking at the clock.
    pub(crate) fn pass_on(&mut self, promised: Option<usize>) {
        if let Some(key) = promised {
            self.index.refresh(key, &self.roster[key]);
            self.share_and_offer(key);
        }
        self.look_who_is_first();
    }

    /// The levels of a resource may have risen: it is offered, and so are all with whom it shares them.
    pub(super) fn share_and_offer(&mut self, key: usize) {
        let mut all = self.share(key);
        if self.roster.is_member(key) {
            all.push(key);
        }
        all.sort_unstable_by_key(|&key| self.roster[key].position());
        all.into_iter().for_each(|key| self.offer(key));
    }

    /// The turn of a run that has had no usage yet.
    pub(crate) fn arrive(&mut self) -> Turn {
        self.line.arrive(self.usages.newest())
    }

    pub(crate) fn in_line(&self) -> usize {
        self.line.len()
    }
}
