//! The strategies: which of the eligible is taken.

use rotapool_core::Strategy;

/// An eligible resource, with what a strategy may look at.
pub(super) struct Candidate {
    pub(super) membership: usize,
    pub(super) in_flight: u32,
    /// The usage that acquired it last; `None` sorts first.
    pub(super) last_acquired: Option<u64>,
}

/// Takes one of `candidates`, which stand in pool order. Among equals the first wins.
pub(super) fn choose(strategy: Strategy, candidates: &[Candidate]) -> Option<usize> {
    let chosen = match strategy {
        Strategy::LeastInFlight => {
            candidates.iter().min_by_key(|candidate| (candidate.in_flight, candidate.last_acquired))
        }
        Strategy::PrimaryBackup => candidates.first(),
        other => panic!("the reference does not know {other:?}"),
    };
    chosen.map(|candidate| candidate.membership)
}
