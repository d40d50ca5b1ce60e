//! The timer that smol and async-std share: async-io's.

use std::time::Instant;

use rotapool_core::Sleep;

pub(crate) fn sleep_until(at: Instant) -> Sleep {
    Box::pin(async move {
        async_io::Timer::at(at).await;
    })
}
