//! What few runs carry.

use std::ops::{Deref, DerefMut};

/// An optional box that is cheap to drop where there is none, as nearly everywhere: one look. Of a plain
/// `Option<Box<T>>` the compiler makes a call that every run would pay for.
#[derive(Debug)]
pub(crate) struct Rare<T>(Option<Box<T>>);

impl<T> Rare<T> {
    pub(crate) const NONE: Self = Self(None);

    pub(crate) fn new(it: T) -> Self {
        Self(Some(Box::new(it)))
    }
}

impl<T> Default for Rare<T> {
    fn default() -> Self {
        Self::NONE
    }
}

impl<T> Deref for Rare<T> {
    type Target = Option<Box<T>>;

    #[inline]
    fn deref(&self) -> &Option<Box<T>> {
        &self.0
    }
}

impl<T> DerefMut for Rare<T> {
    #[inline]
    fn deref_mut(&mut self) -> &mut Option<Box<T>> {
        &mut self.0
    }
}

impl<T> Drop for Rare<T> {
    #[inline]
    fn drop(&mut self) {
        if let Some(it) = self.0.take() {
            discard(it);
        }
    }
}

#[cold]
#[inline(never)]
fn discard<T>(it: Box<T>) {
    drop(it);
}
