//! What a run remembers of its attempts beside what core does: it is the user's, and so not for the pool to keep.

use std::sync::Arc;

use rotapool_core::{Exhausted, Signal};

use crate::drive::lease::Lease;
use crate::terms::secret::{Secrets, conceal};
use crate::terms::unserved::{Last, Unserved};

/// Nothing, for most runs, and most of a run's cost is the size of what it carries.
pub(crate) struct Past<E>(Option<Box<Known<E>>>);

struct Known<E> {
    /// Of the resources that the run was given.
    secrets: Vec<Arc<Secrets>>,
    /// The error of the last attempt that ended with a signal and had one.
    last: Option<Last<E>>,
}

impl<E> Past<E> {
    #[inline]
    pub(crate) fn new() -> Self {
        Self(None)
    }

    /// Remembers what not to show of what the attempt will say.
    #[inline]
    pub(crate) fn begin<T>(&mut self, lease: &Lease<T>) {
        if let Some(secrets) = lease.secrets() {
            self.keep(secrets);
        }
    }

    #[cold]
    fn keep(&mut self, secrets: &Arc<Secrets>) {
        let known = &mut self.known().secrets;
        if !known.iter().any(|other| Arc::ptr_eq(other, secrets)) {
            known.push(Arc::clone(secrets));
        }
    }

    /// An attempt ended with a signal: what the pool may know of that.
    #[cold]
    pub(crate) fn end(&mut self, mut signal: Signal, own: Option<E>) -> Signal {
        let cause = signal.take_error();
        conceal(&mut signal, self.0.iter().flat_map(|known| &known.secrets));
        if let Some(last) = own.map(Last::Own).or_else(|| cause.map(Last::Cause)) {
            self.known().last = Some(last);
        }
        signal
    }

    /// The run ends unserved.
    #[cold]
    pub(crate) fn unserved(&mut self, why: Exhausted) -> Box<Unserved<E>> {
        Box::new(Unserved::new(why, self.0.take().and_then(|known| known.last)))
    }

    fn known(&mut self) -> &mut Known<E> {
        self.0.get_or_insert_with(|| Box::new(Known { secrets: Vec::new(), last: None }))
    }
}

impl<E> Drop for Past<E> {
    /// One look, where there is nothing: left to the compiler it would be a call.
    #[inline]
    fn drop(&mut self) {
        if let Some(known) = self.0.take() {
            forget(known);
        }
    }
}

#[cold]
#[inline(never)]
fn forget<E>(known: Box<Known<E>>) {
    drop(known);
}
