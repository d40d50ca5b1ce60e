//! What has to be done outside after the state has changed.

use std::sync::Arc;
use std::time::Instant;

use crate::member::standing::{Cause, Status};
use crate::report::event::Event;

/// A resource changed its status, or its cooldown was extended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct StateChange {
    /// Counts the changes of the pool from 1. Changes may be delivered out of order: this is theirs.
    pub sequence: u64,
    /// The resource.
    pub id: Arc<str>,
    /// The status before. A cooldown counts here until a selection finds it expired.
    pub old: Status,
    /// The status after; equal to `old` when a cooldown signal met a cooldown.
    pub new: Status,
    /// When the cooldown ends, if that is what it is now.
    pub until: Option<Instant>,
    /// Why the resource is out; `None` when it is healthy now.
    pub cause: Option<Cause>,
}

/// What has to be done outside, after the lock that guards the state is released.
#[derive(Debug)]
#[must_use = "operations to abort, waiters to wake and events to report"]
#[non_exhaustive]
pub struct Effects<A> {
    /// The usages to abort, oldest first.
    pub aborts: Vec<A>,
    /// What happened, in order: always the state changes and what is as rare, and the attempts and
    /// runs if the state is to [follow](crate::State::follow_runs) them.
    pub events: Vec<Event>,
    /// Whether those who [wait](crate::Step::Wait) should think again.
    pub wake: bool,
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
        !self.wake && self.aborts.is_empty() && self.events.is_empty()
    }
}

impl<A> Default for Effects<A> {
    fn default() -> Self {
        Self { aborts: Vec::new(), events: Vec::new(), wake: false }
    }
}
