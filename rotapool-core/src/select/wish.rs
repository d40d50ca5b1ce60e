//! What one run wants of the choice: resources to avoid, to keep out, to stay with.

use std::collections::HashSet;
use std::sync::Arc;

use crate::slot::Slot;

/// What a run's caller asks of the choice. Empty by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Preferences {
    /// Ids to keep out.
    pub exclude: Vec<Arc<str>>,
    /// Whether the caller judges members by their metadata: see [`Step::Judge`](crate::Step::Judge).
    pub judge: bool,
    /// The key to stay with, for [`Strategy::Affinity`](crate::Strategy::Affinity).
    pub affinity: Option<u64>,
}

/// The preferences with what the run has learnt.
#[derive(Debug, Default)]
pub(crate) struct Wish {
    affinity: Option<u64>,
    /// The positions of the members that this run has tried, if it avoids them.
    tried: Vec<u64>,
    /// Most runs have none, and most of a run's cost is the size of what it carries.
    filters: Option<Box<Filters>>,
}

#[derive(Debug)]
struct Filters {
    exclude: Vec<Arc<str>>,
    judge: bool,
    /// The positions of the members that the caller's judgement admitted.
    admitted: HashSet<u64>,
    /// Members from this position on have not been judged.
    judged_until: u64,
}

impl Wish {
    #[inline]
    pub(crate) fn new(preferences: Preferences) -> Self {
        let Preferences { exclude, judge, affinity } = preferences;
        let filters = (judge || !exclude.is_empty()).then(|| {
            Box::new(Filters { exclude, judge, admitted: HashSet::new(), judged_until: 0 })
        });
        Self { affinity, tried: Vec::new(), filters }
    }

    #[inline]
    pub(crate) fn affinity(&self) -> Option<u64> {
        self.affinity
    }

    /// Whether the caller keeps any member out.
    #[inline]
    pub(crate) fn filters(&self) -> bool {
        self.filters.is_some()
    }

    pub(crate) fn admits(&self, slot: &Slot) -> bool {
        self.filters.as_ref().is_none_or(|filters| {
            !filters.exclude.contains(slot.id())
                && (!filters.judge || filters.admitted.contains(&slot.position()))
        })
    }

    /// Members from this position on have yet to be judged; `None` if there is no judgement.
    pub(crate) fn judged_until(&self) -> Option<u64> {
        self.filters.as_ref().filter(|filters| filters.judge).map(|filters| filters.judged_until)
    }

    /// The members up to `position` have been judged.
    pub(crate) fn judged(&mut self, position: u64, admitted: bool) {
        if let Some(filters) = &mut self.filters {
            filters.judged_until = filters.judged_until.max(position + 1);
            if admitted {
                filters.admitted.insert(position);
            }
        }
    }

    #[inline]
    pub(crate) fn has_tried_any(&self) -> bool {
        !self.tried.is_empty()
    }

    pub(crate) fn has_tried(&self, slot: &Slot) -> bool {
        self.tried.contains(&slot.position())
    }

    pub(crate) fn tried(&mut self, slot: &Slot) {
        if !self.has_tried(slot) {
            self.tried.push(slot.position());
        }
    }
}
