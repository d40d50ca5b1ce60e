//! Primary and backups: the first eligible resource in pool order wins.

use super::rank::Rank;
use crate::member::slot::Slot;

#[inline]
pub(super) fn rank(slot: &Slot) -> Rank {
    Rank::new(slot.position(), 0)
}
