//! What those in line who pause have tried, counted: whether any of them could have a resource is one look.

use std::collections::HashMap;

use crate::member::slot::Slot;
use crate::select::wish::Wish;

#[derive(Debug, Default)]
pub(super) struct Pauses {
    len: usize,
    /// How many of them have tried a membership, by its position.
    tried: HashMap<u64, usize>,
}

impl Pauses {
    pub(super) fn enter(&mut self, wish: &Wish) {
        self.len += 1;
        for (tried, _) in wish.tried() {
            *self.tried.entry(tried).or_default() += 1;
        }
    }

    pub(super) fn leave(&mut self, wish: &Wish) {
        self.len -= 1;
        for (tried, _) in wish.tried() {
            if let Some(count) = self.tried.get_mut(&tried) {
                *count -= 1;
                if *count == 0 {
                    self.tried.remove(&tried);
                }
            }
        }
    }

    /// Whether all of them have tried it, and so keep off it.
    pub(super) fn keep_off(&self, slot: &Slot) -> bool {
        self.len == self.tried.get(&slot.position()).copied().unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::profile::Profile;
    use crate::time::Epoch;

    #[test]
    fn what_all_of_them_have_tried_they_keep_off_whoever_has_come_and_gone() {
        let now = std::time::Instant::now();
        let slots = [0, 1].map(|position| {
            let profile = Profile::new(["a", "b"][position as usize]);
            Slot::new(profile, position, 0, &[], Epoch::new(now), now).unwrap()
        });
        let [of_a, of_b] = slots.each_ref().map(|slot| {
            let mut wish = Wish::default();
            wish.note_tried(0, slot);
            wish
        });
        let mut pauses = Pauses::default();
        let kept_off = |pauses: &Pauses| slots.each_ref().map(|slot| pauses.keep_off(slot));
        pauses.enter(&of_a);
        pauses.enter(&of_a);
        assert_eq!(kept_off(&pauses), [true, false]);
        pauses.enter(&of_b);
        assert_eq!(kept_off(&pauses), [false, false]);
        pauses.leave(&of_b);
        assert_eq!(kept_off(&pauses), [true, false]);
        pauses.leave(&of_a);
        assert_eq!(kept_off(&pauses), [true, false]);
        pauses.leave(&of_a);
        assert!(pauses.tried.is_empty(), "nothing is kept of who has gone");
        pauses.enter(&of_b);
        assert_eq!(kept_off(&pauses), [false, true]);
    }
}
