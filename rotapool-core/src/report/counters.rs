//! What is counted as it happens to the pool.

/// What is counted for the pool, from its making to its end.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct PoolCounters {
    pub(crate) attempts: u64,
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) timeouts: u64,
    pub(crate) deadlines: u64,
    pub(crate) cooldowns: u64,
    pub(crate) disables: u64,
    pub(crate) sibling_cancels: u64,
    pub(crate) circuit_trips: u64,
    pub(crate) kept_available: u64,
    pub(crate) retries: u64,
    pub(crate) retries_refused: u64,
    pub(crate) taken_back: u64,
    pub(crate) hedges: u64,
    pub(crate) hedge_wins: u64,
    pub(crate) hedges_refused: u64,
    pub(crate) choice_faults: u64,
    pub(crate) probes: u64,
    pub(crate) probe_failures: u64,
    pub(crate) early_probes: u64,
    pub(crate) early_returns: u64,
    pub(crate) runs_ok: u64,
    pub(crate) runs_exhausted: u64,
    pub(crate) runs_error: u64,
    pub(crate) runs_cancelled: u64,
}
