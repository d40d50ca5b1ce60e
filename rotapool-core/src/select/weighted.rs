//! Weighted: shares in proportion to the weights, exact and smooth, among what is eligible.
//!
//! Start-time fair queueing (Goyal, Vin, Cheng, 1996) with picks for packets: a resource of weight `w`
//! takes `1/w` of virtual time a pick, and whoever would be halfway through its next pick first is
//! next. Halfway rather than at the end makes the sequence smooth: weights 5, 1, 1 give `aaabcaa` and
//! not `aaaaabc`. A resource that was not eligible for a while resumes at the present virtual time and
//! does not catch up. Virtual time is a float: shares stay exact for some 10⁷ picks in a row of the
//! lightest weight that is allowed.

use super::rank::Rank;
use crate::member::slot::Slot;

#[derive(Debug, Default, Clone)]
pub(super) struct Weighted {
    /// By item: where its next pick starts in virtual time, or nothing if it is not a member.
    starts: Vec<Option<Start>>,
    /// The virtual time: where the latest pick started.
    now: f64,
}

#[derive(Debug, Clone, Copy)]
struct Start {
    at: f64,
    eligible: bool,
}

impl Weighted {
    /// The rank of an eligible item. Ties go to the fewest in flight, then to pool order.
    pub(super) fn rank(&mut self, item: usize, slot: &Slot) -> Rank {
        let now = self.now;
        let start = self.start(item);
        let at = match *start {
            Some(Start { at, eligible: true }) => at,
            Some(Start { at, eligible: false }) => at.max(now),
            None => now,
        };
        *start = Some(Start { at, eligible: true });
        let halfway = at + 0.5 / slot.weight();
        // Floats of 0 and more order as their bits do.
        Rank::new(
            halfway.to_bits(),
            u64::from(slot.in_flight()) << 32 | slot.position() & 0xffff_ffff,
        )
    }

    pub(super) fn picked(&mut self, item: usize, slot: &Slot) {
        if let Some(start) = self.start(item) {
            let at = start.at;
            start.at += 1.0 / slot.weight();
            self.now = self.now.max(at);
        }
    }

    /// The item is not eligible for the time being.
    pub(super) fn suspend(&mut self, item: usize) {
        if let Some(start) = self.start(item) {
            start.eligible = false;
        }
    }

    /// The item has left the pool: whoever has this number next starts afresh.
    pub(super) fn forget(&mut self, item: usize) {
        *self.start(item) = None;
    }

    fn start(&mut self, item: usize) -> &mut Option<Start> {
        if item >= self.starts.len() {
            self.starts.resize(item + 1, None);
        }
        &mut self.starts[item]
    }
}
