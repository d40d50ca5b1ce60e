//! The strategies that rank the eligible: which rank each of them gives.

use super::rank::Rank;
use super::sticky::Sticky;
use super::tournament::Tournament;
use super::weighted::Weighted;
use super::wish::Wish;
use super::{least_in_flight, primary_backup, priority, round_robin};
use crate::member::roster::Roster;
use crate::member::slot::Slot;

#[derive(Debug, Clone)]
#[repr(u8)] // A tag of its own: one that hides in a strategy's vector has to be worked out at every look.
pub(super) enum Order {
    LeastInFlight,
    RoundRobin,
    PrimaryBackup,
    Priority,
    Weighted(Weighted),
    Sticky(Sticky),
}

impl Order {
    #[inline(always)]
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

    /// Who comes first among those that are admitted.
    #[inline]
    pub(super) fn find(
        &self,
        wish: &Wish,
        roster: &Roster,
        tournament: &Tournament,
        chance: &mut impl FnMut() -> f64,
        admits: impl Fn(usize) -> bool,
    ) -> Option<usize> {
        match self {
            Self::Weighted(weighted) if wish.has_tried_any() => {
                weighted.draw(roster, tournament, chance, admits)
            }
            Self::Weighted(weighted) if wish.filters() => {
                weighted.find_alike(wish, roster, tournament, chance, admits)
            }
            Self::Weighted(weighted) if wish.costs().are_stated() => {
                weighted.find_payable(roster, tournament, chance, admits)
            }
            _ => tournament.least_where(admits).map(|(_, item)| item),
        }
    }

    /// An item was picked. Its rank is brought up to date when its slot is placed.
    #[inline(always)]
    pub(super) fn picked(
        &mut self,
        item: usize,
        wish: &Wish,
        roster: &Roster,
        tournament: &mut Tournament,
    ) {
        match self {
            Self::Weighted(weighted) => weighted.picked(item, wish, roster, tournament),
            // A run that may not use the current one, or has tried it, goes past without moving it.
            Self::Sticky(sticky) => {
                if let Some((rank, _)) = tournament.least().filter(|&(_, least)| least == item) {
                    sticky.picked(item, rank, roster);
                }
            }
            _ => {}
        }
    }
}
