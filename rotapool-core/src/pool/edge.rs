//! The pool as a whole: whether it can serve, and when that turns.
//!
//! It is exhausted when the last healthy resource is out, and has recovered when one is healthy and has quota left. So a
//! pool that only paces itself by its quotas does not turn with every refill, and none is said to be back while what is
//! back is spent.

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

    /// Whether the pool has turned; so many of the healthy are `spent`. What is `due` to be noticed counts as back.
    pub(crate) fn turned(&mut self, spent: usize, due: bool, now: Instant) -> Option<Turn> {
        if due {
            return self.exhausted_since.take().map(|_| Turn::Recovered);
        }
        match self.exhausted_since {
            None if self.healthy == 0 => {
                self.exhausted_since = Some(now);
                Some(Turn::Exhausted)
            }
            Some(_) if self.healthy > spent => {
                self.exhausted_since = None;
                Some(Turn::Recovered)
            }
            _ => None,
        }
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
        assert_eq!(edge.turned(0, false, now), None, "a pool begins able to serve");
        edge.left();
        assert_eq!(edge.turned(0, false, now), None, "one is left");
        edge.left();
        assert_eq!(edge.turned(0, true, now), None, "one is about to be back");
        assert_eq!(edge.turned(0, false, now), Some(Turn::Exhausted));
        assert_eq!(edge.turned(0, false, now), None, "told once");
        edge.joined();
        assert_eq!(edge.turned(0, false, now), Some(Turn::Recovered));
        assert_eq!(edge.turned(0, false, now), None, "told once");
    }
    #[test]
    fn a_spent_resource_keeps_a_pool_from_turning_either_way() {
        let now = Instant::now();
        let mut edge = Edge::default();
        edge.joined();
        assert_eq!(edge.turned(1, false, now), None, "it only paces itself");
        edge.left();
        assert_eq!(edge.turned(0, false, now), Some(Turn::Exhausted));
        edge.joined();
        assert_eq!(edge.turned(1, false, now), None, "back, and spent");
        assert_eq!(edge.turned(0, false, now), Some(Turn::Recovered));
    }
}
