//! What is counted as it happens to a resource.

/// What is counted for one membership; it starts at 0 with every `add`.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ResourceCounters {
    pub(crate) acquires: u64,
    pub(crate) successes: u64,
    pub(crate) failures: u64,
    pub(crate) timeouts: u64,
    pub(crate) cooldowns: u64,
    pub(crate) disables: u64,
    pub(crate) sibling_cancels: u64,
}

/// What is counted of the probes of one membership.
#[derive(Debug, Default, Clone, Copy)]
pub(crate) struct ProbeCounters {
    pub(crate) probes: u64,
    pub(crate) failures: u64,
}
