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
