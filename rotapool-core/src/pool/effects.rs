//! What has to be done outside after the state has changed.

use crate::report::change::StateChange;
use crate::report::event::Event;

/// What has to be done outside, after the lock that guards the state is released.
#[derive(Debug)]
#[must_use = "operations to abort, runs to wake and events to report"]
#[non_exhaustive]
pub struct Effects<A> {
    /// The usages to abort, oldest first.
    pub aborts: Vec<A>,
    /// What happened, in order: always the state changes and what is as rare, and the attempts and
    /// runs if the state is to [follow](crate::State::follow_runs) them.
    pub events: Vec<Event>,
    /// The runs in [line](crate::Step::Wait) that should step again: each is handed a place, or has to look at the
    /// clock on behalf of all.
    pub wakes: Vec<A>,
    /// The abort handles of usages that ended before an earlier one's was
    /// [taken out](crate::State::take_retired). There is nothing to do with them but to drop them outside.
    pub retired: Vec<A>,
    /// Whether somebody may have waited for this: a closed pool has nothing [in
    /// progress](crate::State::in_progress) any more, or has been [ended](crate::State::end), so that runs which pause
    /// have to step; or nothing of a removed resource is [draining](crate::State::draining) any more.
    pub departure: bool,
}

impl<A> Effects<A> {
    /// The state changes among the events, in order.
    pub fn changes(&self) -> impl Iterator<Item = &StateChange> {
        self.events.iter().filter_map(|event| match event {
            Event::StateChanged { change, .. } => Some(change),
            _ => None,
        })
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.aborts.is_empty()
            && self.wakes.is_empty()
            && self.events.is_empty()
            && self.retired.is_empty()
            && !self.departure
    }
}

impl<A> Default for Effects<A> {
    fn default() -> Self {
        Self {
            aborts: Vec::new(),
            wakes: Vec::new(),
            events: Vec::new(),
            retired: Vec::new(),
            departure: false,
        }
    }
}
