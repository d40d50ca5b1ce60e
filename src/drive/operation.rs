//! What is called again for each attempt.

use crate::drive::lease::Lease;

/// What a run does with a lease, again for each attempt.
pub(crate) trait Operation<T> {
    type Call;

    fn call(&mut self, lease: Lease<T>) -> Self::Call;
}

impl<T, F, Fut> Operation<T> for F
where
    F: FnMut(Lease<T>) -> Fut,
{
    type Call = Fut;

    #[inline(always)]
    fn call(&mut self, lease: Lease<T>) -> Fut {
        self(lease)
    }
}
