//! The names of the strategies.

/// How the pool chooses among the eligible resources.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// The fewest usages in flight, then the least recently acquired. The default.
    ///
    /// Called `round_robin` in the Python package.
    #[default]
    LeastInFlight,
    /// Strictly in turn, whatever is in flight.
    RoundRobin,
    /// The first eligible resource in the order in which they were added.
    ///
    /// Later ones are reached only while the earlier ones are out or at their cap.
    PrimaryBackup,
    /// The lowest priority number, then the fewest in flight, then the least recently acquired.
    Priority,
    /// Shares in proportion to the weights of what is eligible, exact and smooth.
    Weighted,
    /// Stay with one resource until it is not eligible, then go on to the next in pool order, wrapping.
    /// A resource that comes back waits for its turn.
    Sticky,
    /// Any, with the same chance.
    Random,
    /// Of two at random the one with the lower peak EWMA latency × (in flight + 1).
    LeastLatency,
    /// Of two at random the one with the lower recent error rate, then the fewer in flight.
    LeastErrors,
    /// Runs with the same affinity key go to the same resource while it is eligible and carries less
    /// than 1.25 times its share. Runs without a key go to the less loaded of two at random.
    ///
    /// A pick with a key costs O(n).
    Affinity,
}

impl Strategy {
    /// Every strategy, to compare them or to offer the choice.
    pub const ALL: &'static [Self] = &[
        Self::LeastInFlight,
        Self::RoundRobin,
        Self::PrimaryBackup,
        Self::Priority,
        Self::Weighted,
        Self::Sticky,
        Self::Random,
        Self::LeastLatency,
        Self::LeastErrors,
        Self::Affinity,
    ];
}
