//! A run in its span, with the feature `tracing`; without it, the run alone.

#[cfg(feature = "tracing")]
pub(crate) use self::on::drive;
#[cfg(not(feature = "tracing"))]
pub(crate) use crate::drive::future::drive;

#[cfg(feature = "tracing")]
mod on {
    use std::future::Future;

    use tracing::Instrument as _;

    use crate::drive::future;
    use crate::drive::guard::Run;
    use crate::terms::error::RunError;
    use crate::terms::fault::Fault;
    use crate::terms::lease::Lease;
    use crate::watch::trace::TARGET;

    /// Drives a run inside its span, which is entered for every poll and for the drop.
    pub(crate) fn drive<T, F, Fut, R, E>(
        run: Run<'_, T>,
        operation: F,
    ) -> impl Future<Output = Result<R, RunError<E>>>
    where
        F: FnMut(Lease<T>) -> Fut,
        Fut: Future<Output = Result<R, Fault<E>>>,
    {
        let (pool, request_id) = run.names();
        let span = tracing::debug_span!(target: TARGET, "rotapool::run", pool, request_id);
        future::drive(run, operation).instrument(span)
    }
}
