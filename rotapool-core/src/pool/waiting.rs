//! A run in line: what it wants, what may still serve it, and what wakes it.

use crate::member::slot::Slot;
use crate::member::usage::Sequence;
use crate::select::wish::Wish;
use crate::time::Tick;

/// Who came first, of two runs: the number of its first usage, or of the newest when it came without one, and then
/// the order of arrival.
pub(crate) type Turn = (Sequence, u64);

/// What may still serve a run in line. Who does not wait stands there for no longer than its pause.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Hope {
    /// What is back by then comes in time.
    pub(crate) latest: Tick,
    /// Whether only what it has not tried is of use: its time is over before its pause is.
    pub(crate) only_fresh: bool,
}

/// A run in line.
#[derive(Debug)]
pub(crate) struct Waiting<A> {
    pub(crate) wish: Wish,
    /// What wakes it. Taken when it is woken: it comes by itself then.
    pub(crate) handle: Option<A>,
    pub(crate) since: Tick,
    /// The instant at which it will come by itself on behalf of all.
    pub(crate) comes_at: Tick,
    /// When it was promised what it is promised.
    pub(crate) promised_at: Tick,
    /// Whether its time grows short: it may go beyond the pace of a ramp.
    pub(crate) hurries: bool,
    /// Whether it has made no attempt yet.
    pub(crate) is_new: bool,
    /// Whether it pauses: what it has tried is not for it until it comes by itself.
    pub(crate) pauses: bool,
    /// Whether that is all it does: it would not stand here if it had not to pause.
    pub(crate) only_pauses: bool,
    pub(crate) hope: Option<Hope>,
}

impl<A> Waiting<A> {
    /// Whether what can be said of all resources may be wrong for those that it may have.
    pub(super) fn is_choosy(&self) -> bool {
        self.wish.filters()
            || self.wish.costs().are_stated()
            || self.hope.is_none_or(|hope| hope.only_fresh)
    }

    pub(super) fn may_have(&self, slot: &Slot, is_within_pace: bool) -> bool {
        (is_within_pace || self.hurries)
            && self.wish.may_admit(slot)
            && slot.can_pay(self.wish.costs())
            && !(self.pauses && self.wish.has_tried(slot))
    }
}

/// Whether a run's filters let it have a membership that may be gone by now.
pub(super) fn admitted(slot: &Slot) -> impl Fn(&Wish) -> bool + use<> {
    let slot = slot.clone();
    move |wish| wish.admits(&slot)
}
