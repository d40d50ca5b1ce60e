//! The pool as a whole: whether any resource is healthy, and when that turns.

use std::time::Instant;

/// Which way the pool turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Turn {
    Exhausted,
    Recovered,
}

/// Counts the healthy members and remembers which turn was the last.
#[derive(Debug, Default)]
pub(crate) struct Edge {
    healthy: usize,
    exhausted_since: Option<Instant>,
}

impl Edge {
    /// How many members are healthy.
    pub(crate) fn healthy(&self) -> usize {
        self.healthy
    }

    /// Since when the pool is exhausted, if that was the last turn.
    pub(crate) fn exhausted_since(&self) -> Option<Instant> {
        self.exhausted_since
    }

    /// A member is healthy that was not, or was none.
    pub(crate) fn joined(&mut self) {
        self.healthy += 1;
    }

    /// A member that was healthy is not, or left.
    pub(crate) fn left(&mut self) {
        self.healthy -= 1;
    }

    /// Whether the pool has turned. An ended cooldown that is `due` to be noticed counts as healthy.
    pub(crate) fn turned(&mut self, due: bool, now: Instant) -> Option<Turn> {
        let is_exhausted = self.healthy == 0 && !due;
        let turn = if is_exhausted { Turn::Exhausted } else { Turn::Recovered };
        if self.exhausted_since.is_some() == is_exhausted {
            return None;
        }
        self.exhausted_since = is_exhausted.then_some(now);
        Some(turn)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pool_turns_once_each_way_and_an_ended_cooldown_keeps_it_from_turning() {
        let now = Instant::now();
        let mut edge = Edge::default();
        edge.joined();
        edge.joined();
        assert_eq!(edge.turned(false, now), None, "a pool begins able to serve");
        edge.left();
        assert_eq!(edge.turned(false, now), None, "one is left");
        edge.left();
        assert_eq!(edge.turned(true, now), None, "one is about to be back");
        assert_eq!(edge.turned(false, now), Some(Turn::Exhausted));
        assert_eq!(edge.turned(false, now), None, "told once");
        edge.joined();
        assert_eq!(edge.turned(false, now), Some(Turn::Recovered));
        assert_eq!(edge.turned(false, now), None, "told once");
    }
}
