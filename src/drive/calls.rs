//! The call of the operation that a run is busy with, and what is beside it or in its place.

use std::future::Future;
use std::mem;
use std::pin::Pin;
use std::task::{Context, Poll};

use pin_project_lite::pin_project;
use rotapool_core::Outcome;

use crate::drive::caller::Caller;
use crate::drive::guard::Guard;
use crate::drive::lease::Lease;
use crate::drive::operation::Operation;
use crate::drive::race::{Aside, Ended};
use crate::drive::rest::Rest;

pin_project! {
    /// Two calls at most: the older one in place, and the younger one with what else is beside it.
    #[project = CallsParts]
    pub(crate) struct Calls<Fut> {
        #[pin]
        pub(crate) call: Option<Fut>,
        pub(crate) aside: Aside<Fut>,
    }
}

impl<Fut> Calls<Fut> {
    /// A constant would be copied whole, for every run.
    #[inline(always)]
    pub(crate) fn none() -> Self {
        Self { call: None, aside: Aside::NOTHING }
    }

    /// Whether there is none.
    #[inline]
    pub(crate) fn is_idle(&self) -> bool {
        self.call.is_none() && !self.aside.is_race()
    }

    /// Whether there is nothing beside the call.
    #[inline]
    pub(crate) fn is_alone(&self) -> bool {
        self.aside.is_nothing()
    }

    /// A pause or a wait begins in the place of a call.
    #[cold]
    pub(crate) fn rest(self: Pin<&mut Self>, rest: Rest) {
        self.project().aside.rest(rest);
    }

    /// That, if it is what there is.
    #[inline]
    pub(crate) fn resting(self: Pin<&mut Self>) -> Option<&mut Rest> {
        self.project().aside.resting()
    }

    /// It is over.
    #[cold]
    pub(crate) fn rested(self: Pin<&mut Self>) {
        self.project().aside.clear();
    }
}

/// The operation while it has the word. If it panics, dropping this ends its usage; the panic goes on
/// to the caller.
pub(crate) struct Attempt<'a, C: Caller, Fut> {
    pub(crate) calls: Pin<&'a mut Calls<Fut>>,
    pub(crate) guard: &'a mut Guard<C>,
}

impl<C: Caller, Fut> Attempt<'_, C, Fut> {
    /// Calls the operation.
    #[inline]
    pub(crate) fn begin(
        mut self,
        operation: &mut impl Operation<C::Value, Call = Fut>,
        lease: Lease<C::Value>,
    ) {
        let call = operation.call(lease);
        self.calls.as_mut().project().call.set(Some(call));
        mem::forget(self);
    }

    /// Polls the operation, unless a sibling aborted it.
    #[inline]
    pub(crate) fn poll<A>(mut self, task: &mut Context<'_>) -> Poll<Ended<A>>
    where
        Fut: Future<Output = A>,
    {
        let ended = match self.calls.as_mut().project().call.as_pin_mut() {
            None => Poll::Pending,
            Some(call) if !self.guard.is_called() => match call.poll(task) {
                Poll::Ready(returned) => Poll::Ready(Ended::Returned(returned)),
                Poll::Pending if self.guard.watch(task.waker()) => Poll::Ready(Ended::Aborted),
                Poll::Pending => Poll::Pending,
            },
            _ => Poll::Ready(Ended::Aborted),
        };
        mem::forget(self);
        ended
    }
}

impl<C: Caller, Fut> Drop for Attempt<'_, C, Fut> {
    #[cold]
    fn drop(&mut self) {
        let CallsParts { mut call, aside } = self.calls.as_mut().project();
        call.set(None);
        aside.clear();
        self.guard.settle(Outcome::Panic);
    }
}
