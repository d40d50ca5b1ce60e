//! The signal that travels in an error.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::sync::Arc;

use rotapool_core::{Exhausted, Signal};

use crate::terms::error::RunError;
use crate::terms::unserved::of_inner;

/// A ready-made classifier, for errors that take in any other: finds the [`Signal`] that travels in one.
///
/// The error is one of `anyhow`, `eyre` or the like, a `Box<dyn Error + Send + Sync>`, or a [`Signal`] itself.
/// It is searched as [`signal_in`] does; an error without a signal is the operation's own.
///
/// ```
/// use rotapool::{Lease, Pool, Resource, Signal, signals};
///
/// type BoxError = Box<dyn std::error::Error + Send + Sync>;
///
/// async fn ask(key: Lease<&str>) -> Result<i32, BoxError> {
///     if *key == "sk-aaa" {
///         return Err(Signal::cooldown("429 from upstream").into());
///     }
///     Ok("42".parse()?) // an error of its own ends the run
/// }
///
/// # futures::executor::block_on(async {
/// # let pool = Pool::builder()
/// #     .resource(Resource::new("key-1", "sk-aaa"))
/// #     .resource(Resource::new("key-2", "sk-bbb"))
/// #     .retry_delay(std::time::Duration::ZERO)
/// #     .build()
/// #     .unwrap();
/// let answer = pool.request().classify(signals).run(ask).await;
/// assert_eq!(answer.unwrap(), 42);
/// assert_eq!(pool.stats().cooling_down, 1);
/// # });
/// ```
pub fn signals<R, E>(result: &Result<R, E>) -> Option<Signal>
where
    E: AsRef<dyn Error + Send + Sync>,
{
    result.as_ref().err().and_then(|error| signal_in(error.as_ref()))
}

/// The [`Signal`] that an error is, or that is among what caused it.
///
/// The run of an inner pool that was exhausted is a signal to the outer one: a cooldown until the inner pool
/// can serve again, or a try elsewhere if that is not known. It is found as an
/// [`Exhausted`](crate::Exhausted), and as a `RunError` that was [flattened](RunError::flatten) or whose
/// operation's error is an `io::Error`; of others only their type tells:
/// see [`RunError::signal`].
#[must_use]
pub fn signal_in(error: &(dyn Error + 'static)) -> Option<Signal> {
    let mut next = Some(error);
    // As deep as a reason shows it: a chain that goes in a circle ends.
    for _ in 0..32 {
        let error = next?;
        if let Some(signal) = told_by(error) {
            return Some(signal);
        }
        // What an `io::Error` was made of is not its source: its source is the source of that.
        next = match error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            Some(inner) => Some(inner),
            None => error.source(),
        };
    }
    None
}

fn told_by(error: &(dyn Error + 'static)) -> Option<Signal> {
    let signal = error.downcast_ref::<Signal>().cloned();
    signal
        .or_else(|| error.downcast_ref::<Box<Signal>>().map(|signal| (**signal).clone()))
        .or_else(|| error.downcast_ref::<Arc<Signal>>().map(|signal| (**signal).clone()))
        .or_else(|| error.downcast_ref::<RunError<Infallible>>().and_then(RunError::signal))
        .or_else(|| error.downcast_ref::<RunError<io::Error>>().and_then(RunError::signal))
        .or_else(|| error.downcast_ref::<RunError<Signal>>().and_then(RunError::signal))
        .or_else(|| error.downcast_ref::<Exhausted>().map(of_inner))
}
