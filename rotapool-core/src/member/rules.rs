//! The two rule sets of a pool, as data: its own, and those that were recorded from the Python package.

/// Where the pool's own rules and the recorded ones differ: one field a difference.
///
/// [`OURS`](Self::OURS), the default, are made to serve a run whenever anything can.
/// [`RECORDED`](Self::RECORDED) are those of the Python package `rotapool` 0.6.0 to the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Rules {
    /// Whether a retry goes to what its run has not tried, as long as there is any.
    pub fresh_first: bool,
    /// Whether a run that does not wait makes no more attempts than there are members at its beginning.
    pub budget_of_members: bool,
    /// Whether finding a resource out (by a cooldown or disable signal, or a sibling's) costs a run no attempt, the
    /// first time on each.
    pub free_rotation: bool,
    /// Whether a run pauses after every failed attempt and keeps its place meanwhile; else it pauses only
    /// before it repeats itself, and holds nothing.
    pub holds_place_in_pauses: bool,
    /// Whether a deadline ends an attempt in flight, and holds for a run that has waited.
    pub strict_deadlines: bool,
    /// Whether those who wait stand in line and are handed what comes free; else all are woken by every change.
    pub line: bool,
    /// Whether usages that were in flight at a trip report the same outage: they neither escalate nor move a
    /// guessed end.
    pub one_trip_per_outage: bool,
    /// Whether a cooldown signal spares the younger siblings that began in the first half of the time that its own call
    /// took: on their way they may have overtaken it, and be served.
    pub spares_early_siblings: bool,
    /// Whether a stated cooldown takes a step on the table of the guessed ones.
    pub stated_climbs: bool,
    /// Whether a stated cooldown of zero is one; else it is as if nothing had been stated.
    pub zero_hints: bool,
    /// Whether a cooldown is over when its end has come; else when a selection has noticed that.
    pub ends_by_the_clock: bool,
    /// Whether only usages younger than the last trip count for a trial, and those from before the last admin
    /// call change no status.
    pub generations: bool,
}

impl Rules {
    /// The pool's own.
    pub const OURS: Self = Self {
        fresh_first: true,
        budget_of_members: false,
        free_rotation: true,
        holds_place_in_pauses: false,
        strict_deadlines: true,
        line: true,
        one_trip_per_outage: true,
        spares_early_siblings: true,
        stated_climbs: false,
        zero_hints: false,
        ends_by_the_clock: true,
        generations: true,
    };

    /// Those of the Python package 0.6.0.
    pub const RECORDED: Self = Self {
        fresh_first: false,
        budget_of_members: true,
        free_rotation: false,
        holds_place_in_pauses: true,
        strict_deadlines: false,
        line: false,
        one_trip_per_outage: false,
        spares_early_siblings: false,
        stated_climbs: true,
        zero_hints: true,
        ends_by_the_clock: false,
        generations: false,
    };
}

impl Default for Rules {
    fn default() -> Self {
        Self::OURS
    }
}
