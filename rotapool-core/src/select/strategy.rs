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
    /// Shares in proportion to the weights of what is eligible, exact and smooth among runs that filter alike.
    ///
    /// Whoever is away, at its cap or cooling, neither makes up for what it missed nor loses the turn it had
    /// coming. A retry is drawn by weight and takes nobody's turn. A filtered pick costs O(n).
    Weighted,
    /// Stay with one resource until it is out, then go on to the next in pool order, wrapping. A resource that
    /// comes back waits for its turn.
    ///
    /// While the one is merely at its cap, runs spill to the next, and are back when it has room.
    Sticky,
    /// Any, with the same chance.
    Random,
    /// Of two at random the one with the lower peak EWMA latency × (in flight + 1).
    ///
    /// Latency is that of successes; a failure counts as slow, and an error of the operation's own as nothing. A
    /// resource that is yet to be measured gets one run in each
    /// [`latency_decay`](crate::HealthRules::latency_decay).
    LeastLatency,
    /// Of two at random the one with the lower recent error rate, then the fewer in flight.
    ///
    /// One that has done nothing but fail, the minimum sample in a row at least, comes after the others for one
    /// [`window`](crate::HealthRules::window) from its last failure; after each further try in vain for twice as
    /// long, up to 64 windows. One that failed last is tried with one run at a time.
    LeastErrors,
    /// Runs with the same affinity key go to the same resource while it is eligible, and carries less
    /// than 1.25 times its share or less than 4 more than the least loaded one for its weight. Beyond that a
    /// call spills, and the key keeps its home. Runs without a key go to the less loaded of two at random.
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
