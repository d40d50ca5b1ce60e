//! Whose run it is.

use std::time::Instant;

use crate::drive::shared::Shared;
use crate::terms::options::Options;

/// Whose run it is: what the run borrows, or owns, for as long as it lives.
pub(crate) trait Caller {
    type Value;

    fn shared(&self) -> &Shared<Self::Value>;

    /// What the caller set, if anything.
    fn options(&self) -> Option<&Options>;

    /// Until when the attempt is held that serves the run: for a run whose result outlives its call. `None` for others.
    #[inline(always)]
    fn holds(&self) -> Option<Option<Instant>> {
        None
    }
}

/// A run that was told nothing.
impl<T> Caller for &Shared<T> {
    type Value = T;

    #[inline(always)]
    fn shared(&self) -> &Shared<T> {
        self
    }

    #[inline(always)]
    fn options(&self) -> Option<&Options> {
        None
    }
}
