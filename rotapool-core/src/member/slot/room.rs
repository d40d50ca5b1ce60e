//! How many more operations a resource may take at once.

use super::Slot;
use crate::member::comeback::Comeback;

impl Slot {
    #[inline]
    pub(crate) fn in_flight(&self) -> u32 {
        self.lane.len() + self.beside
    }

    /// The cap that holds now: the configured one, or what a trial leaves of it.
    #[inline]
    pub(crate) fn limit(&self) -> Option<u32> {
        match self.comeback() {
            Some(comeback) if comeback.is_trial() => Some(self.limit_on_trial(comeback)),
            _ => self.cap,
        }
    }

    #[cold]
    fn limit_on_trial(&self, trial: &Comeback) -> u32 {
        let beside = self.in_flight() - trial.taken(self.in_flight());
        let limit = beside.saturating_add(trial.places());
        self.cap.map_or(limit, |cap| cap.min(limit))
    }

    #[inline]
    pub(crate) fn has_room(&self) -> bool {
        self.limit().is_none_or(|limit| self.in_flight() + self.promised < limit)
    }

    /// The same of one that is [held](Self::is_held) to nothing, for who has made sure of that.
    #[inline]
    pub(crate) fn has_room_at_full_strength(&self) -> bool {
        let cap = self.cap;
        cap.is_none_or(|cap| self.in_flight() + self.promised < cap)
    }

    /// How many at once a ramp allows, if it is on one.
    pub(crate) fn pace(&self) -> Option<u32> {
        self.comeback().filter(|comeback| !comeback.is_trial()).map(Comeback::places)
    }

    /// Whether it could take another without leaving its ramp behind.
    #[inline]
    pub(crate) fn is_within_pace(&self) -> bool {
        self.comeback().is_none_or(|comeback| {
            comeback.is_trial()
                || comeback.taken(self.in_flight()) + self.promised < comeback.places()
        })
    }
}
