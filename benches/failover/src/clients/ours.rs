//! The pool as the README's first example has it. What the bench, and the test in virtual time, know of
//! the pool's API is here, but for the names of the strategies.

use std::io;
use std::time::Duration;

use rotapool::{Fault, Pool, Resource, RunError, Runtime, Strategy};

use crate::upstream::Reply;

/// A pool of so many keys. Nothing is set but what is told, and the seed that makes a test repeatable.
pub(crate) fn pool(
    keys: usize,
    strategy: Option<Strategy>,
    runtime: impl Runtime,
    seed: u64,
) -> Pool<usize> {
    let builder = Pool::builder()
        .resources((0..keys).map(|key| Resource::new(format!("key-{key}"), key)))
        .attempt_timeout(Duration::from_secs(1))
        .runtime(runtime)
        .seed(seed);
    let builder = match strategy {
        None => builder,
        Some(strategy) => builder.strategy(strategy),
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
