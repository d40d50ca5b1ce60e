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
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use pin_project_lite::pin_project;
    use tracing::Span;
    use tracing::span::Entered;

    use super::{Guard, RunFuture};
    use crate::shield::contained;
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
        let span =
            contained(|| tracing::debug_span!(target: TARGET, "rotapool::run", pool, request_id));
        InSpan { run: Some(RunFuture::new(guard, operation)), span: Shielded(span) }
    }

    pin_project! {
        /// As `tracing`'s own `Instrumented`, except that a subscriber that panics harms nobody.
        struct InSpan<R> {
            #[pin]
            run: Option<R>,
            span: Shielded<Span>,
        }

        impl<R> PinnedDrop for InSpan<R> {
            fn drop(this: Pin<&mut Self>) {
                let mut this = this.project();
                let _inside = this.span.enter();
                this.run.set(None);
            }
        }
    }

    impl<R: Future> Future for InSpan<R> {
        type Output = R::Output;

        fn poll(self: Pin<&mut Self>, task: &mut Context<'_>) -> Poll<R::Output> {
            let this = self.project();
            let _inside = this.span.enter();
            match this.run.as_pin_mut() {
                Some(run) => run.poll(task),
                None => unreachable!("the run is there until it is dropped"),
            }
        }
    }

    /// What the subscriber hears of when it is dropped.
    struct Shielded<S>(Option<S>);

    impl Shielded<Span> {
        fn enter(&self) -> Shielded<Entered<'_>> {
            Shielded(self.0.as_ref().and_then(|span| contained(|| span.enter())))
        }
    }

    impl<S> Drop for Shielded<S> {
        fn drop(&mut self) {
            let it = self.0.take();
            contained(|| drop(it));
        }
    }
}
