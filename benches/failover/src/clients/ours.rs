//! The pool as the README's first example has it, and with more. What the bench, and the test in virtual time, know of
//! the pool's API is here, but for the names of the strategies.

use std::io;
use std::time::Duration;

use rotapool::{Fault, Pool, Quota, Resource, RunError, Runtime, Strategy, Trip};

use crate::profile::Key;
use crate::upstream::Reply;

/// What of the pool is set.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Setup {
    /// Nothing but what is in the README's first example.
    Readme,
    /// A strategy too.
    With(Strategy),
    /// A circuit breaker too, and of each key that has a limit the quota that its owner reads in the upstream's
    /// documentation: so many in a second by its clock.
    BreakerAndQuotas,
}

/// A pool of these keys, and the seed that makes a test repeatable.
pub(crate) fn pool(keys: &[Key], setup: Setup, runtime: impl Runtime, seed: u64) -> Pool<usize> {
    let resource = |(number, key): (usize, &Key)| {
        let resource = Resource::new(format!("key-{number}"), number);
        match key.room.filter(|_| setup == Setup::BreakerAndQuotas) {
            Some(room) => resource.quota(Quota::per_second(u64::from(room)).sliding()),
            None => resource,
        }
    };
    let builder = Pool::builder()
        .resources(keys.iter().enumerate().map(resource))
        .attempt_timeout(Duration::from_secs(1))
        .runtime(runtime)
        .seed(seed);
    let builder = match setup {
        Setup::Readme => builder,
        Setup::With(strategy) => builder.strategy(strategy),
        Setup::BreakerAndQuotas => builder.circuit_breaker(Trip::after_failures(5)),
    };
    builder.build().expect("the keys are distinct")
}

/// One request: `send` makes a call with a key, and its reply is judged as in the README.
pub(crate) async fn ask<Fut: Future<Output = io::Result<Reply>>>(
    pool: &Pool<usize>,
    deadline: Duration,
    send: impl Fn(usize) -> Fut,
) -> Result<(), RunError<io::Error>> {
    let send = &send;
    pool.request()
        .timeout(deadline)
        .run(|key| async move {
            let reply = send(*key).await.map_err(Fault::retry)?;
            match reply.status {
                200 => Ok(()),
                429 => Err(Fault::cooldown_for(reply.retry_after, "429 from upstream")),
                401 => Err(Fault::disable("key revoked")),
                503 => Err(Fault::retry("503 from upstream")),
                status => Err(io::Error::other(format!("upstream says {status}")))?,
            }
        })
        .await
}
