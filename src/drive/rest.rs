//! What a run does between two calls: it pauses or waits.

use std::task::{Context, Poll};
use std::time::Instant;

use rotapool_core::Sleep;

use crate::drive::caller::Caller;
use crate::drive::guard::Guard;

/// A pause or a wait. Whatever ends it, the next step reads the clock and asks the core again.
pub(crate) struct Rest {
    until: Option<Sleep>,
    /// Whether the pool may call the run before that.
    in_line: bool,
}

impl Rest {
    pub(crate) fn new<C: Caller>(guard: &Guard<C>, until: Option<Instant>, in_line: bool) -> Self {
        let until = until.map(|until| match in_line {
            true => guard.sleep_until(until),
            false => guard.pause_until(until),
        });
        Self { until, in_line }
    }

    pub(crate) fn poll<C: Caller>(
        &mut self,
        guard: &mut Guard<C>,
        task: &mut Context<'_>,
    ) -> Poll<()> {
        if self.in_line && guard.watch(task.waker()) {
            return Poll::Ready(());
        }
        match &mut self.until {
            Some(until) => until.as_mut().poll(task),
            None => Poll::Pending,
        }
    }
}
