//! What somebody is told when the pool as a whole turns.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::explanation::Explanation;
use crate::one_line::OneLine;

/// Which way a pool turned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Edge {
    /// The last healthy resource went out.
    Exhausted,
    /// A resource is healthy again and has quota left, the first one since.
    Recovered,
}

/// A pool has turned: what a monitor's hooks are told, and all of a webhook's body that is worth sending.
///
/// `Display` is one line for a log or a pager. With the feature `serde` it is an object: `event`, `pool`, `text` (that
/// line), `outage_seconds` and `explanation`.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Notice {
    /// What the pool is called.
    pub pool: Arc<str>,
    /// Which way it turned.
    pub edge: Edge,
    /// When, by the pool's clock.
    pub at: Instant,
    /// How long it had been exhausted, once it has recovered.
    pub outage: Option<Duration>,
    /// Why, as of the moment of the telling: how every resource stands, and when the pool can serve again.
    pub explanation: Explanation,
}

impl Notice {
    /// A notice of a turn that was taken at this instant, after the pool had been exhausted `since` another.
    #[must_use]
    pub fn new(
        pool: Arc<str>,
        edge: Edge,
        at: Instant,
        since: Option<Instant>,
        explanation: Explanation,
    ) -> Self {
        let outage = since.filter(|_| edge == Edge::Recovered);
        let outage = outage.map(|since| at.saturating_duration_since(since));
        Self { pool, edge, at, outage, explanation }
    }

    /// The name of its kind: `pool_exhausted` or `pool_recovered`.
    #[must_use]
    pub fn event(&self) -> &'static str {
        match self.edge {
            Edge::Exhausted => "pool_exhausted",
            Edge::Recovered => "pool_recovered",
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", OneLine(&self.pool))?;
        match (self.edge, self.outage) {
            (Edge::Exhausted, _) => f.write_str("is exhausted: ")?,
            (Edge::Recovered, Some(outage)) => write!(f, "has recovered after {outage:.1?}: ")?,
            (Edge::Recovered, None) => f.write_str("has recovered: ")?,
        }
        self.explanation.headline(f)
    }
}
