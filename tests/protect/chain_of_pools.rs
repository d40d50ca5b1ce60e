//! A chain whose alternatives are pools.

use std::time::Duration;

use rotapool::testing::{VirtualClock, VirtualTime};
use rotapool::{ChainError, FallbackChain, Fault, Lease, Pool, Resource, RunError};

use crate::scene::secs;

fn pool(id: &'static str, clock: &VirtualClock) -> Pool<&'static str> {
    let builder = Pool::builder().resource(Resource::new(id, id)).runtime(clock.clone());
    builder.retry_delay(Duration::ZERO).build().unwrap()
}

async fn only_local(at: Lease<&'static str>) -> Result<&'static str, Fault<String>> {
    match *at {
        "local" => Ok("served"),
        _ => Err(Fault::cooldown_for(secs(30), "429")),
    }
}

#[test]
fn the_next_pool_serves_when_the_first_is_exhausted_and_the_result_says_why() {
    let time = VirtualTime::new();
    let (openai, local) = (pool("openai", &time.clock()), pool("local", &time.clock()));
    let chain = FallbackChain::new()
        .then("openai", &openai)
        .then("local", &local)
        .go_on_if(RunError::is_exhausted)
        .runtime(time.clock());
    let served = time.block_on(chain.request().run_pools_detailed(only_local)).unwrap();
    assert_eq!((&*served.name, served.value), ("local", "served"));
    let exhausted = served.passed[0].error.exhausted().expect("the pool was exhausted");
    assert_eq!(exhausted.retry_after(), Some(secs(30)));
}

#[test]
fn a_pool_that_could_serve_only_later_gives_the_next_its_turn_at_once() {
    let time = VirtualTime::new();
    let cools = pool("cools", &time.clock());
    let busy = Pool::builder()
        .resource(Resource::new("busy", "busy").max_in_flight(1))
        .runtime(time.clock())
        .build()
        .unwrap();
    cools.park("cools", secs(5), "back within the deadline").unwrap();
    let held = busy.try_acquire().unwrap();
    for first in [&cools, &busy] {
        let local = pool("local", &time.clock());
        let chain = FallbackChain::new().then("first", first).then("local", &local);
        let chain = chain.runtime(time.clock()).timeout(secs(20));
        assert_eq!(time.block_on(chain.run_pools(only_local)), Ok("served"));
        assert_eq!(time.elapsed(), secs(0), "it does not stand in line there");
    }
    drop(held);
}

#[test]
fn who_is_left_with_the_last_pool_stands_in_line_there_until_the_deadline() {
    let time = VirtualTime::new();
    let (first, last) = (pool("first", &time.clock()), pool("local", &time.clock()));
    first.disable("first").unwrap();
    last.park("local", secs(5), "back within the deadline").unwrap();
    let chain = FallbackChain::new().then("first", first).then("last", last);
    let chain = chain.runtime(time.clock()).timeout(secs(20));
    assert_eq!(time.block_on(chain.run_pools(only_local)), Ok("served"));
    assert_eq!(time.elapsed(), secs(5));
}

#[test]
fn an_error_of_the_operation_is_its_callers_where_only_exhaustion_goes_on() {
    let time = VirtualTime::new();
    let (a, b) = (pool("a", &time.clock()), pool("b", &time.clock()));
    let chain = FallbackChain::new().then("a", a).then("b", b).go_on_if(RunError::is_exhausted);
    let refuse = |_: Lease<&'static str>| async {
        Err::<(), Fault<String>>("bad request".to_owned().into())
    };
    let error = time.block_on(chain.run_pools(refuse)).unwrap_err();
    let ChainError::Stopped { name, error, .. } = error else { panic!("it went on") };
    assert_eq!((&*name, error), ("a", RunError::Operation("bad request".to_owned())));
}

#[test]
fn the_second_pool_carries_on_with_what_is_left_of_the_deadline() {
    let time = VirtualTime::new();
    let (first, second) = (pool("first", &time.clock()), pool("second", &time.clock()));
    let chain = FallbackChain::new().then("first", &first).then("second", &second);
    let (chain, clock) = (chain.runtime(time.clock()), time.clock());
    let operation = |at: Lease<&'static str>| {
        let clock = clock.clone();
        async move {
            clock.sleep(if *at == "first" { secs(3) } else { secs(20) }).await;
            Err::<(), Fault<String>>(Fault::cooldown("429"))
        }
    };
    let run = chain.request().timeout(secs(10)).run_pools(operation);
    let error = time.block_on(run).unwrap_err();
    assert_eq!(time.elapsed(), secs(10), "3 s for the first, and 7 s for the second");
    assert!(error.passed()[0].error.is_exhausted());
    assert_eq!(second.stats().in_flight, 0, "what was under way is gone");
}

#[test]
fn a_pool_whose_pause_would_outlast_the_deadline_gives_the_next_its_turn_at_once() {
    let time = VirtualTime::new();
    let builder = Pool::builder().resource(Resource::new("slow", "slow")).runtime(time.clock());
    let slow = builder.retry_delay(secs(60)).build().unwrap();
    let chain = FallbackChain::new().then("slow", slow).then("local", pool("local", &time.clock()));
    let chain = chain.runtime(time.clock()).timeout(secs(10));
    let operation = |at: Lease<&'static str>| async move {
        if *at == "local" { Ok("served") } else { Err(Fault::<String>::retry("503")) }
    };
    assert_eq!(time.block_on(chain.run_pools(operation)), Ok("served"));
    assert_eq!(time.elapsed(), secs(0));
}
