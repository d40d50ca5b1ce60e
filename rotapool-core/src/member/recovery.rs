//! How a resource comes back after it was out: the choice that a pool's builder makes.

use std::time::Duration;

/// How a resource comes back from a cooldown. [`Ramp`](Self::Ramp) by default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
#[non_exhaustive]
pub enum Recovery {
    /// With its full cap at once.
    AtOnce,
    /// On trial, as a circuit breaker that is half-open: a few at once until enough of them succeeded.
    ///
    /// A failure or a signal on trial sends the resource away again, a step further on the cooldown table.
    /// Whoever waits in line waits through the trial; a run that does not wait finds the resource busy.
    Trial(Trial),
    /// With a slow start: one at a time at first, and one more with each success, as TCP begins.
    ///
    /// The pace ends at the cap, or past 64 where there is none. A resource that is added to a pool which has
    /// served begins in the same way. It paces those in line and steers the choice to others, and refuses nobody: a
    /// run that does not wait, or finds the line full, or has waited for half of the time to its deadline, goes beyond
    /// it when nothing else is eligible. An attempt that takes longer than the outage did, or than the first entry of the
    /// cooldown table, lets the next one start: nothing that hangs holds up the line for as long as the outage was.
    #[default]
    Ramp,
}

/// The terms of a trial. [`Default`] is one at a time until one succeeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Trial {
    /// How many at once; at least 1.
    pub at_once: u32,
    /// How many have to succeed; at least 1.
    pub successes: u32,
    /// How long an attempt may take before it is given up for lost: its place is free then, and its late result
    /// changes counters only. By default as long as the cooldown that the trial follows; more than zero.
    pub bound: Option<Duration>,
}

impl Default for Trial {
    fn default() -> Self {
        Self { at_once: 1, successes: 1, bound: None }
    }
}

impl Trial {
    /// How many at once.
    #[must_use]
    pub fn at_once(mut self, places: u32) -> Self {
        self.at_once = places;
        self
    }

    /// How many have to succeed.
    #[must_use]
    pub fn successes(mut self, successes: u32) -> Self {
        self.successes = successes;
        self
    }

    /// After how long an attempt on trial is given up for lost.
    #[must_use]
    pub fn bound(mut self, bound: Duration) -> Self {
        self.bound = Some(bound);
        self
    }
}
