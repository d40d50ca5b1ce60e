//! A run in its span, with the feature `tracing`; without it, the run alone.

use crate::drive::caller::Caller;
use crate::drive::future::RunFuture;
use crate::drive::guard::{Guard, Guarded};

/// A run as it is driven.
#[cfg(not(feature = "tracing"))]
pub(crate) type Driven<G, F, Fut, E> = RunFuture<G, F, Fut, E>;
/// A run as it is driven: inside its span.
#[cfg(feature = "tracing")]
pub(crate) type Driven<G, F, Fut, E> = on::InSpan<RunFuture<G, F, Fut, E>>;

/// Drives a run.
#[inline]
pub(crate) fn drive<G: Guarded, F, Fut, E>(guard: G, operation: F) -> Driven<G, F, Fut, E> {
    #[cfg(not(feature = "tracing"))]
    return RunFuture::new(guard, operation);
    #[cfg(feature = "tracing")]
    return on::in_span(guard, operation);
}

/// Drives a run whose operation blocks.
pub(crate) fn around<C: Caller, R>(guard: Guard<C>, run: impl FnOnce(Guard<C>) -> R) -> R {
    #[cfg(feature = "tracing")]
    let span = on::span_of(&guard);
    #[cfg(feature = "tracing")]
    let _inside = span.enter();
    run(guard)
}

#[cfg(feature = "tracing")]
mod on {
    use std::future::Future;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use pin_project_lite::pin_project;
    use tracing::Span;
    use tracing::span::Entered;

    use super::{Caller, Guard, Guarded, RunFuture};
    use crate::shield::contained;
    use crate::watch::trace::TARGET;

    /// Drives a run inside its span, which is entered for every poll and for the drop.
    pub(crate) fn in_span<G: Guarded, F, Fut, E>(
        mut guard: G,
        operation: F,
    ) -> InSpan<RunFuture<G, F, Fut, E>> {
        let span = span_of(guard.guard());
        InSpan { run: Some(RunFuture::new(guard, operation)), span }
    }

    /// The span of a run.
    pub(crate) fn span_of<C: Caller>(guard: &Guard<C>) -> Shielded<Span> {
        let (pool, request_id) = guard.names();
        Shielded(contained(
            || tracing::debug_span!(target: TARGET, "rotapool::run", pool, request_id),
        ))
    }

    pin_project! {
        /// As `tracing`'s own `Instrumented`, except that a subscriber that panics harms nobody.
        pub(crate) struct InSpan<R> {
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
    pub(crate) struct Shielded<S>(Option<S>);

    impl Shielded<Span> {
        pub(crate) fn enter(&self) -> Shielded<Entered<'_>> {
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
