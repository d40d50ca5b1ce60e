//! The default runtime: a timer that works under any executor.

use std::time::Instant;

use futures_timer::Delay;
use rotapool_core::{Runtime, Sleep};

/// The runtime of a pool that was given none: the system's monotonic clock, and a timer that works
/// under any executor.
///
/// The timer is one helper thread for the whole process (crate `futures-timer`), started by the
/// first sleep of a run. A runtime's own timer saves that thread: see the crate's features.
#[derive(Debug, Default, Clone, Copy)]
pub struct DefaultRuntime;

impl Runtime for DefaultRuntime {
    fn now(&self) -> Instant {
        Instant::now()
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        Box::pin(Delay::new(at.saturating_duration_since(self.now())))
    }
}
