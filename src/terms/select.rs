//! A choice of the user's own.

use rotapool_core::Candidate;

use crate::shield::contained;

/// Chooses a resource for an attempt: for what no [`Strategy`](crate::Strategy) does.
///
/// Any `Fn(&[Candidate]) -> usize` is one. It is called without the pool's lock, with the eligible
/// resources that the run admits and has not tried, in pool order; where there are none, with those that
/// it has tried, the least recent first. The list is never empty, and the answer is the place of one in
/// it. When it panics or answers with a place past the end, the pool chooses by its strategy and
/// counts a [fault](crate::PoolStats::choice_faults). It chooses by its strategy too, and counts nothing,
/// when the chosen one is taken by the time the pool gets to it.
///
/// [`Pool::explain`](crate::Pool::explain) asks it too. One that remembers what it was asked, to go round in
/// turns for instance, answers the next run differently for it: make it go by what the candidates show.
///
/// It costs: the list is made anew for every attempt, so a pick is O(n).
pub trait Select: Send + Sync + 'static {
    /// The place in `candidates` of the one to use.
    fn select(&self, candidates: &[Candidate]) -> usize;
}

impl<F> Select for F
where
    F: Fn(&[Candidate]) -> usize + Send + Sync + 'static,
{
    fn select(&self, candidates: &[Candidate]) -> usize {
        self(candidates)
    }
}

/// Asks for a choice and contains what may go wrong with it.
pub(crate) fn ask(select: &dyn Select, mut candidates: Vec<Candidate>) -> Option<Candidate> {
    let place = contained(|| select.select(&candidates))?;
    (place < candidates.len()).then(|| candidates.swap_remove(place))
}
