//! What the benchmarks, the binary for callgrind and the result tables have in common.

pub mod naive;
pub mod pools;
pub mod table;
pub mod tasks;

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

/// Polls a future that is ready at once, by hand: no executor takes part in the measurement.
///
/// # Panics
///
/// When it is not ready.
pub fn now<F: Future>(future: F) -> F::Output {
    let future = pin!(future);
    match future.poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => output,
        Poll::Pending => panic!("the future was to be ready at once"),
    }
}
