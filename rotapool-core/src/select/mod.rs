//! Who is eligible, who comes next, and who comes back when.
//!
//! The index holds every member in at most one of two queues: the eligible by rank, the cooling by
//! the end of their cooldown. Disabled and saturated members are in neither. Whoever changes a slot
//! hands it to [`Index::place`], which derives its queue and key from the slot alone; so a pick, an
//! expiry and a settle cost O(log n), and no selection walks over the pool.

mod heap;
mod least_in_flight;
mod primary_backup;

use std::time::Instant;

use self::heap::Heap;
use crate::slot::Slot;
use crate::standing::Standing;

/// How the pool chooses among the eligible resources.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Strategy {
    /// The fewest usages in flight, then the least recently acquired. The default.
    ///
    /// Called `round_robin` in the Python package.
    #[default]
    LeastInFlight,
    /// The first eligible resource in the order in which they were added.
    ///
    /// Later ones are reached only while the earlier ones are out or at their cap.
    PrimaryBackup,
}

/// What a ranked strategy orders by: the least wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Rank(u64, u64);

#[derive(Debug)]
pub(crate) struct Index {
    strategy: Strategy,
    eligible: Heap<Rank>,
    cooling: Heap<(Instant, u64)>,
}

impl Index {
    pub(crate) fn new(strategy: Strategy) -> Self {
        Self { strategy, eligible: Heap::new(), cooling: Heap::new() }
    }

    /// Puts a member where its slot says that it belongs now.
    pub(crate) fn place(&mut self, item: usize, slot: &Slot) {
        match slot.standing() {
            Standing::CoolingDown { until, .. } => {
                self.eligible.remove(item);
                self.cooling.set(item, (*until, slot.position()));
            }
            Standing::Healthy if slot.has_room() => {
                self.cooling.remove(item);
                self.eligible.set(item, self.rank(slot));
            }
            Standing::Healthy | Standing::Disabled { .. } => self.forget(item),
        }
    }

    /// Takes out a member that left the pool.
    pub(crate) fn forget(&mut self, item: usize) {
        self.cooling.remove(item);
        self.eligible.remove(item);
    }

    /// The resource to use next.
    pub(crate) fn pick(&self) -> Option<usize> {
        self.eligible.least().map(|(_, item)| item)
    }

    /// A resource whose cooldown has ended by `now`.
    pub(crate) fn due(&self, now: Instant) -> Option<usize> {
        self.cooling.least().filter(|((until, _), _)| *until <= now).map(|(_, item)| item)
    }

    /// When the next cooldown ends.
    pub(crate) fn next_recovery(&self) -> Option<Instant> {
        self.cooling.least().map(|((until, _), _)| until)
    }

    fn rank(&self, slot: &Slot) -> Rank {
        match self.strategy {
            Strategy::LeastInFlight => least_in_flight::rank(slot),
            Strategy::PrimaryBackup => primary_backup::rank(slot),
        }
    }
}
