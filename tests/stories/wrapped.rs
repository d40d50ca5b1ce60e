//! An operation bound to its pool.

use futures::executor::block_on;
use rotapool::{Fault, Lease, OptionsError, Pool, Resource, RunError};

use crate::upstream::Boom;

async fn join(key: Lease<&'static str>, words: Vec<&'static str>) -> Result<String, Fault<Boom>> {
    match key.attempt() {
        1 => Err(Fault::retry("503")),
        _ => Ok([vec![*key], words].concat().join(" ")),
    }
}

fn pool() -> Pool<&'static str> {
    let builder = Pool::builder().resources(["a", "b"].map(|id| Resource::new(id, id)));
    builder.retry_delay(std::time::Duration::ZERO).build().unwrap()
}

#[test]
fn every_call_is_a_run_and_every_attempt_gets_the_argument() {
    let join = pool().wrap(join);
    assert_eq!(block_on(join.call(vec!["says", "hello"])).unwrap(), "b says hello");
    assert_eq!(block_on(join.clone().call(vec![])).unwrap(), "b");
}

#[test]
fn a_call_goes_by_the_options_of_its_request() {
    let pool = pool();
    let once = pool.request().max_attempts(1).wrap(join);
    assert!(block_on(once.call(vec![])).unwrap_err().is_exhausted());
    let never = pool.request().max_attempts(0).wrap(join);
    let refused = block_on(never.call(vec![])).unwrap_err();
    assert_eq!(refused, RunError::Options(OptionsError::ZeroMaxAttempts));
    assert_eq!(pool.stats().attempts, 1);
}
