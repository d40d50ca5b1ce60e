//! The strategies that rank the eligible: which rank each of them gives.

use super::rank::Rank;
use super::sticky::Sticky;
use super::tournament::Tournament;
use super::weighted::Weighted;
use super::{least_in_flight, primary_backup, priority, round_robin};
use crate::member::slot::Slot;

#[derive(Debug, Clone)]
pub(super) enum Order {
    LeastInFlight,
    RoundRobin,
    PrimaryBackup,
    Priority,
    Weighted(Weighted),
    Sticky(Sticky),
}

impl Order {
    #[inline]
    pub(super) fn rank(&mut self, item: usize, slot: &Slot) -> Rank {
        match self {
            Self::LeastInFlight => least_in_flight::rank(slot),
            Self::RoundRobin => round_robin::rank(slot),
            Self::PrimaryBackup => primary_backup::rank(slot),
            Self::Priority => priority::rank(slot),
            Self::Weighted(weighted) => weighted.rank(item, slot),
            Self::Sticky(sticky) => sticky.rank(slot),
        }
    }

    /// An item was picked. Its rank is brought up to date when its slot is placed.
    #[inline]
    pub(super) fn picked(&mut self, item: usize, slot: &Slot, tournament: &Tournament) {
        match self {
            Self::Weighted(weighted) => weighted.picked(item, slot),
            // A run that avoids what it has tried goes past the current one without moving it.
            Self::Sticky(sticky) => {
                if let Some((rank, _)) = tournament.least().filter(|&(_, least)| least == item) {
                    sticky.picked(rank);
                }
            }
            _ => {}
        }
    }
}
