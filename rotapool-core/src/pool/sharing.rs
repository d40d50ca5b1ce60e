//! How what members of a group have in common is handed on, and of whom a word of one of them speaks.
//!
//! Every member has a copy of the levels and decides by that alone, so that a pick asks nobody else. Whoever changes one
//! hands it on to all of the group at once: O(members) for an attempt in a group that has quotas.

use std::sync::Arc;
use std::time::Instant;

use super::State;
use crate::error::GroupError;
use crate::member::group::Group;
use crate::member::limit::Limit;
use crate::member::usage::Sequence;
use crate::report::admin_call::AdminCall;

impl<A> State<A> {
    /// Declares a group, before the first resource that belongs to it is [added](Self::add).
    ///
    /// # Errors
    ///
    /// A name that is empty or taken, or quotas out of range or of one dimension twice.
    pub fn add_group(&mut self, group: &Group, now: Instant) -> Result<(), GroupError> {
        let by = self.asks.take();
        self.groups.declare(group, self.epoch(), now)?;
        let call = AdminCall::AddGroup { name: Arc::clone(group.name()) };
        self.tell_asked(by.as_ref(), None, call, now);
        Ok(())
    }

    /// Whom the word of a usage on a resource is about: that resource, and if it `speaks_of_the_group` then all members
    /// of its group whom no admin has cleared since the usage began.
    pub(super) fn concerned(
        &self,
        key: usize,
        usage: Sequence,
        speaks_of_the_group: bool,
    ) -> Vec<usize> {
        let mut concerned = vec![key];
        if speaks_of_the_group {
            let generations = self.config.rules.generations;
            let others = self.groups.others(key, &self.roster[key]).into_iter();
            concerned.extend(
                others.filter(|&o| !generations || self.roster[o].began_since_cleared(usage)),
            );
        }
        concerned
    }

    /// A former member has heard nothing of its group since it left.
    pub(super) fn catch_up(&mut self, key: usize, now: Instant) {
        let slot = &mut self.roster[key];
        if let (false, Some(common)) = (slot.member, self.groups.of(slot)) {
            slot.adopt(&common.limits, now);
        }
    }

    /// The levels of a resource have changed: what its group has in common is handed on. Answers to whom.
    #[inline]
    pub(super) fn share(&mut self, key: usize) -> Vec<usize> {
        match self.roster[key].shares_quotas() {
            true => self.hand_on(key),
            false => Vec::new(),
        }
    }

    #[cold]
    fn hand_on(&mut self, key: usize) -> Vec<usize> {
        let now = self.instant(self.now);
        self.roster[key].look_at_quotas(now);
        let slot = &self.roster[key];
        let limits: Vec<Limit> =
            slot.quotas().map(|quotas| quotas.shared().to_vec()).unwrap_or_default();
        if slot.member {
            self.index.refresh(key, slot);
        }
        let others = self.groups.others(key, slot);
        for &other in &others {
            let slot = &mut self.roster[other];
            slot.adopt(&limits, now);
            self.index.refresh(other, slot);
            self.watch_for_the_line(other);
        }
        if let Some(common) = self.groups.of_mut(&self.roster[key]) {
            common.limits = limits;
        }
        for &other in &others {
            self.disappoint_those_of(other, now);
        }
        others
    }
}
