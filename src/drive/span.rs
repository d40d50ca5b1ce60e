//! A run in its span, with the feature `tracing`; without it, the run alone.

#[cfg(feature = "tracing")]
pub(crate) use self::on::drive;
use crate::drive::future::RunFuture;
use crate::drive::guard::Guard;

/// Drives a run.
#[cfg(not(feature = "tracing"))]
#[inline]
pub(crate) fn drive<T, F, Fut, E>(
    guard: Guard<'_, T>,
    operation: F,
) -> RunFuture<'_, T, F, Fut, E> {
    RunFuture::new(guard, operation)
}

#[cfg(feature = "tracing")]
mod on {
    use std::future::Future;

    use tracing::Instrument as _;

    use super::{Guard, RunFuture};
    use crate::terms::answer::Answers;
    use crate::terms::error::RunError;
    use crate::terms::lease::Lease;
    use crate::watch::trace::TARGET;

    /// Drives a run inside its span, which is entered for every poll and for the drop.
    pub(crate) fn drive<T, F, Fut, A, R, E>(
        guard: Guard<'_, T>,
        operation: F,
    ) -> impl Future<Output = Result<R, RunError<E>>>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = A>,
        A: Answers<Value = R, Error = E>,
    {
        let (pool, request_id) = guard.names();
        let span = tracing::debug_span!(target: TARGET, "rotapool::run", pool, request_id);
        RunFuture::new(guard, operation).instrument(span)
    }
}
