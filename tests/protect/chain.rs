//! A chain of alternatives as its users meet it.

use std::error::Error as _;
use std::time::Duration;

use rotapool::testing::VirtualTime;
use rotapool::{ChainError, FallbackChain};

use crate::scene::{Told, secs};

/// Alternatives that answer after so many seconds: an even number is well.
fn chain(
    seconds: &[(&'static str, u64)],
) -> (FallbackChain<u64, std::num::ParseIntError>, VirtualTime) {
    let time = VirtualTime::new();
    let chain = FallbackChain::new().runtime(time.clock());
    (seconds.iter().fold(chain, |chain, (name, seconds)| chain.then(*name, *seconds)), time)
}

#[test]
fn the_first_that_serves_is_the_last_that_is_asked() {
    let mut asked = Vec::new();
    let chain = FallbackChain::new().then("a", 1).then("b", 2).then("c", 3);
    let answer = chain.run_blocking(|value| {
        asked.push(*value);
        if *value == 2 { Ok("two") } else { Err(format!("{value} is not two")) }
    });
    assert_eq!(answer, Ok("two"));
    assert_eq!(asked, [1, 2]);
}

#[test]
fn it_tells_who_served_and_of_everybody_before_why_not() {
    let chain = FallbackChain::new().then("a", 1).then("b", 2).then("c", 3);
    let time = VirtualTime::new();
    let run = chain.run_detailed(|value| {
        let value = *value;
        async move { if value == 3 { Ok(value) } else { Err(format!("{value} is not three")) } }
    });
    let served = time.block_on(run).unwrap();
    assert_eq!((&*served.name, served.value), ("c", 3));
    let passed: Vec<_> =
        served.passed.iter().map(|passed| (&*passed.name, &*passed.error)).collect();
    assert_eq!(passed, [("a", "1 is not three"), ("b", "2 is not three")]);
}

#[test]
fn when_none_serves_the_error_has_the_error_of_each_by_value() {
    let chain = FallbackChain::new().then("a", "x").then("b", "y");
    let error = chain.run_blocking(|text| text.parse::<u32>()).unwrap_err();
    assert_eq!(
        error.to_string(),
        "no alternative served: a: invalid digit found in string; b: invalid digit found in string"
    );
    assert_eq!(error.passed().len(), 2);
    assert_eq!(error.source().unwrap().to_string(), "invalid digit found in string");
    assert_eq!(error.into_last_error(), "y".parse::<u32>().err());
}

#[test]
fn an_error_that_is_not_to_go_on_with_stops_it_and_comes_by_value() {
    let told = Told::default();
    let heard = told.clone();
    let chain = FallbackChain::new()
        .then("a", 1)
        .then("b", 2)
        .then("c", 3)
        .go_on_if(|error: &String| !error.contains("mine"))
        .on_fallback(move |name, error| heard.push(format!("{name}: {error}")));
    let error = chain
        .run_blocking(|value| Err::<(), _>(if *value == 2 { "mine" } else { "theirs" }.to_owned()))
        .unwrap_err();
    assert_eq!(error.to_string(), "stopped at b: mine; before, a: theirs");
    let ChainError::Stopped { name, error, passed } = error else { panic!("it went on") };
    assert_eq!((&*name, &*error, passed.len()), ("b", "mine", 1));
    assert_eq!(told.take(), ["a: theirs"]);
}

#[test]
fn the_source_of_its_error_is_the_error_that_ended_it() {
    let chain = FallbackChain::new()
        .then("a", "x")
        .then("b", "")
        .go_on_if(|error: &std::num::ParseIntError| *error.kind() != std::num::IntErrorKind::Empty);
    let stopped = chain.run_blocking(|text| text.parse::<u32>()).unwrap_err();
    assert_eq!(stopped.source().unwrap().to_string(), "cannot parse integer from empty string");
    let empty = FallbackChain::<&str, std::num::ParseIntError>::new();
    let setup = empty.run_blocking(|text| text.parse::<u32>()).unwrap_err();
    assert!(setup.source().unwrap().to_string().contains("is empty"), "{setup}");
}

#[test]
fn every_alternative_that_did_not_serve_is_told_the_last_one_too() {
    let told = Told::default();
    let heard = told.clone();
    let chain = FallbackChain::new()
        .then("a", 1)
        .then("b", 2)
        .on_fallback(move |name, error: &String| heard.push(format!("{name}: {error}")));
    let _ = chain.run_blocking(|value| Err::<(), _>(value.to_string()));
    assert_eq!(told.take(), ["a: 1", "b: 2"]);
}

#[test]
fn one_deadline_holds_for_all_of_it_and_ends_who_is_under_way() {
    let (chain, time) = chain(&[("slow", 3), ("slower", 9), ("never", 1)]);
    let clock = time.clock();
    let run = chain.request().timeout(secs(5)).run(|seconds| {
        let sleep = clock.sleep(secs(*seconds));
        async move {
            sleep.await;
            "".parse::<u32>()
        }
    });
    let error = time.block_on(run).unwrap_err();
    assert_eq!(time.elapsed(), secs(5));
    assert_eq!(
        error.to_string(),
        "the deadline came at slower; before, slow: cannot parse integer from empty string"
    );
    assert!(time.clock().sleeps().is_empty(), "the operation is gone, and so is the timer");
}

#[test]
fn who_ends_at_the_deadline_ends_in_time_and_nobody_begins_then() {
    let (chain, time) = chain(&[("just", 5), ("next", 1)]);
    let clock = time.clock();
    for (answer, expected) in [
        ("7", Ok(7)),
        (
            "",
            Err("the deadline came at next; before, just: cannot parse integer from empty string"),
        ),
    ] {
        let run = chain.request().timeout(secs(5)).run(|seconds| {
            let sleep = clock.sleep(secs(*seconds));
            async move {
                sleep.await;
                answer.parse::<u32>()
            }
        });
        let ended = time.block_on(run).map_err(|error| error.to_string());
        assert_eq!(ended, expected.map_err(str::to_owned));
    }
}

#[test]
fn a_timeout_of_the_chain_holds_for_every_run_unless_the_run_has_its_own() {
    let (chain, time) = chain(&[("slow", 3)]);
    let (chain, clock) = (chain.timeout(secs(1)), time.clock());
    let operation = |seconds: &u64| {
        let sleep = clock.sleep(secs(*seconds));
        async move {
            sleep.await;
            Ok("at last")
        }
    };
    assert!(matches!(time.block_on(chain.run(operation)), Err(ChainError::Deadline { .. })));
    let patient = chain.request().timeout(Duration::MAX).run(operation);
    assert_eq!(time.block_on(patient), Ok("at last"));
    assert_eq!(time.elapsed(), secs(4));
}

#[test]
fn what_blocks_is_not_begun_after_the_deadline() {
    let (chain, time) = chain(&[("a", 3), ("b", 3), ("c", 3)]);
    let chain = chain.timeout(secs(5));
    let clock = time.clock();
    let error = chain.run_blocking(|seconds| {
        clock.advance(secs(*seconds));
        "".parse::<u32>()
    });
    let Err(ChainError::Deadline { name, passed }) = error else { panic!("there was time") };
    assert_eq!((&*name, passed.len()), ("c", 2));
}

#[test]
fn alternatives_come_and_go_in_order() {
    let mut chain = FallbackChain::<u32, String>::new().then("a", 1).then("c", 3);
    chain.insert(1, "b", 2).unwrap();
    chain.insert(3, "d", 4).unwrap();
    assert_eq!(chain.names().collect::<Vec<_>>(), ["a", "b", "c", "d"]);
    assert_eq!((chain.remove("a"), chain.remove("a")), (Some(1), None));
    assert_eq!(format!("{chain:?}"), "FallbackChain { names: [\"b\", \"c\", \"d\"], .. }");
}

#[test]
fn a_run_is_send_when_its_operation_is() {
    fn is_send<T: Send>(value: T) -> T {
        value
    }
    let chain = FallbackChain::new().then("a", 1).timeout(secs(1));
    let run = is_send(chain.run(|value| async move { Ok::<_, String>(*value) }));
    assert_eq!(futures::executor::block_on(run), Ok(1));
}
