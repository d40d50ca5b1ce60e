//! Errors are not thrown away, and secrets are not told.

use std::convert::Infallible;
use std::error::Error;
use std::{fmt, io};

use futures::executor::block_on;
use rotapool::{
    BuildError, Fault, Lease, Pool, Resource, ResourceError, RunError, Signal, StreamError, signals,
};

use crate::scene::secs;

/// An error as HTTP clients have them: it quotes the URL, and what went wrong is its source.
#[derive(Debug)]
struct Refused(io::Error);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("error sending request for url (https://up.stream/v1/chat?key=sk-aaa&alt=sse)")
    }
}

impl Error for Refused {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&self.0)
    }
}

fn refused() -> Refused {
    Refused(io::Error::other("tcp connect error"))
}

fn pool() -> Pool<&'static str> {
    let key = Resource::new("key-1", "sk-aaa").secret("sk-aaa");
    Pool::builder().resource(key).retry_delay(secs(0)).build().unwrap()
}

#[test]
fn a_signal_made_of_an_error_tells_its_whole_chain_and_keeps_it() {
    let run = pool().request().run(async |_| Err::<(), Fault<Infallible>>(Fault::retry(refused())));
    let error = block_on(run).unwrap_err();
    assert!(error.to_string().ends_with(
        "retry (error sending request for url (https://up.stream/v1/chat?key=***&alt=***): tcp connect error)"
    ));
    let source = error.source().expect("the run has its last error as its source");
    assert!(source.is::<Refused>());
    let RunError::Exhausted(unserved) = error else { panic!() };
    assert!(unserved.last_cause().unwrap().is::<Refused>());
}

#[test]
fn a_reason_of_ones_own_keeps_the_error_beside_it() {
    let run = pool().request().run(async |_| {
        Err::<(), Fault<Infallible>>(Fault::retry("unreachable").because(refused()))
    });
    let error = block_on(run).unwrap_err();
    assert!(error.to_string().ends_with("last signal: retry (unreachable)"));
    assert!(error.source().unwrap().is::<Refused>());
}

#[test]
fn a_reason_that_is_a_mere_text_is_no_source() {
    let run = pool()
        .request()
        .run(async |_| Err::<(), Fault<Infallible>>(Fault::retry("sk-aaa \"is\" slow")));
    assert!(block_on(run).unwrap_err().source().is_none());
    assert!(Signal::retry("x".to_owned()).source().is_none());
    assert!(Signal::retry(io::Error::other("x")).source().is_some());
    assert!(Signal::retry(anyhow::Error::new(refused())).source().is_some());
}

#[test]
fn what_ended_a_stream_has_the_causes_of_its_error() {
    let own: &dyn Error = &StreamError::Operation(refused());
    let Fault::<Refused>::Signal(signal) = Fault::retry(refused()) else { unreachable!() };
    let broken: &dyn Error = &StreamError::<Refused>::Broken(signal);
    assert_eq!(own.source().unwrap().to_string(), "tcp connect error");
    assert!(broken.source().unwrap().is::<Refused>());
}

#[test]
fn two_runs_that_failed_alike_are_equal_and_others_are_not() {
    let time = rotapool::testing::VirtualTime::new();
    let failed = |attempts: u32, error: i32| {
        let pool = Pool::builder().resource(Resource::new("a", "a")).runtime(time.clock());
        let pool = pool.retry_delay(secs(0)).build().unwrap();
        let request = pool.request().max_attempts(attempts);
        let run = request.classify(|_: &Result<(), i32>| Some(Signal::retry("slow")));
        block_on(run.run(async |_| Err(error))).unwrap_err()
    };
    assert_eq!(failed(2, 7), failed(2, 7));
    assert_ne!(failed(2, 7), failed(2, 8), "another error of its own");
    assert_ne!(failed(2, 7), failed(1, 7), "another exhaustion");
}

#[test]
fn flattened_the_last_error_stays_the_source() {
    let run = pool().request().run(async |_| {
        Err::<(), Fault<anyhow::Error>>(Fault::retry(
            anyhow::Error::new(refused()).context("asking"),
        ))
    });
    let error = block_on(run).map_err(RunError::flatten).unwrap_err();
    assert!(error.chain().any(|cause| cause.is::<Refused>()), "{error:?}");

    let judged = pool().request().classify(signals).run(async |_| {
        Err::<(), _>(anyhow::Error::new(Signal::retry("slow").because(refused())).context("asking"))
    });
    let error = block_on(judged).map_err(RunError::flatten).unwrap_err();
    assert!(error.chain().any(|cause| cause.is::<Refused>()), "{error:?}");
}

#[test]
fn errors_turn_into_others_and_signals_stay() {
    let signal = Fault::<i32>::retry("x").map(|number| number.to_string());
    assert_eq!(signal, Fault::retry("x"));
    assert_eq!(Fault::Failure(1).map(|number| number + 1), Fault::Failure(2));
    assert_eq!(Fault::Operation(1).map(|number| number + 1), Fault::Operation(2));
    assert_eq!(Fault::<String>::disable("revoked").to_string(), "disable (revoked)");
    assert_eq!(Fault::Operation("mine").to_string(), "mine");
    assert_eq!(RunError::Operation(1).map_operation(|n| n + 1), RunError::Operation(2));
    let run = pool().request().classify(|_: &Result<(), i32>| Some(Signal::retry("x")));
    let error = block_on(run.run(async |_| Err(1))).unwrap_err().map_operation(|n| n.to_string());
    let RunError::Exhausted(unserved) = error else { panic!() };
    assert_eq!(unserved.last_error().map(String::as_str), Some("1"));
}

#[test]
fn no_output_shows_a_secret() {
    let told = "key sk-aaa at /sk%2Daaa?, \"sk-aaa\"";
    for signal in [Signal::cooldown(told), Signal::disable(told), Signal::retry(told)] {
        let pool = pool();
        let mut events = pool.events();
        let run = pool.run(async |_: Lease<&str>| {
            Err::<(), Fault<Infallible>>(Fault::Signal(signal.clone()))
        });
        let error = block_on(run).unwrap_err();
        let mut shown = vec![format!("{error} {error:?}")];
        shown.push(error.exhausted().unwrap().table().to_string());
        shown.push(format!("{} {:?}", pool.explain(), pool.explain()));
        shown.push(format!("{:?} {:?} {pool:?}", pool.snapshot(), pool.stats()));
        shown
            .push(serde_json::to_string(&(pool.snapshot(), pool.stats(), pool.explain())).unwrap());
        drop(pool);
        while let Some(event) = block_on(events.next()) {
            shown.push(format!("{event} {event:?}"));
        }
        for shown in &shown {
            assert!(!shown.contains("sk-aaa"), "{shown}");
        }
        assert!(shown[0].contains("key *** at"), "{}", shown[0]);
    }
}

#[test]
fn a_reason_hides_the_secrets_of_all_that_the_run_was_given() {
    let pool = Pool::builder()
        .resource(Resource::new("a", "sk-aaa").secret("sk-aaa"))
        .resource(Resource::new("b", "sk-bbb").secret("sk-bbb").secret("org-b"))
        .retry_delay(secs(0))
        .build()
        .unwrap();
    let run = pool.run(async |_| {
        Err::<(), Fault<Infallible>>(Fault::cooldown("after sk-aaa: sk-bbb of org-b"))
    });
    let error = block_on(run).unwrap_err();
    let last = error.exhausted().unwrap().last_signal.as_ref().unwrap();
    assert_eq!(last.reason(), "after ***: *** of ***");
}

#[test]
fn a_secret_is_hidden_though_its_resource_left_meanwhile() {
    let pool = pool();
    let mut events = pool.events();
    let run = pool.run(async |key| {
        pool.remove(key.id()).unwrap();
        Err::<(), Fault<Infallible>>(Fault::retry("sk-aaa"))
    });
    assert!(!format!("{:?}", block_on(run)).contains("sk-aaa"));
    drop(pool);
    while let Some(event) = block_on(events.next()) {
        assert!(!format!("{event:?}").contains("sk-aaa"));
    }
}

#[test]
fn a_secret_that_cannot_be_kept_is_turned_away_and_not_told() {
    let pool = pool();
    let empty = pool.add(Resource::new("key-2", "x").secret(""));
    assert_eq!(empty, Err(ResourceError::EmptySecret { id: "key-2".into() }));
    let by_id = Resource::new("the sk-bbb", "sk-bbb").secret("sk-bbb");
    let by_word = Resource::new("key-2", "sk-bbb").metadata("key", "sk-bbb").secret("sk-bbb");
    for (resource, place) in [(by_id, "id"), (by_word, "metadata")] {
        let error = pool.add(resource.clone()).unwrap_err();
        assert_eq!(error, ResourceError::SecretInSight { place });
        assert!(!format!("{error} {error:?}").contains("sk-bbb"));
        let error = Pool::builder().resource(resource).build().unwrap_err();
        assert_eq!(error, BuildError::Resource(ResourceError::SecretInSight { place }));
    }
    assert_eq!(pool.snapshot().len(), 1);
}

#[test]
fn a_pool_may_begin_empty_if_it_is_said() {
    assert_eq!(Pool::<()>::builder().build().unwrap_err(), BuildError::NoResources);
    let pool = Pool::builder().allow_empty(true).build().unwrap();
    let serve = async |value: Lease<i32>| Ok::<_, Fault<Infallible>>(*value);
    let error = block_on(pool.run(serve)).unwrap_err();
    assert!(error.to_string().contains("the pool is empty"), "{error}");
    pool.add(Resource::new("late", 7)).unwrap();
    assert_eq!(block_on(pool.run(serve)).unwrap(), 7);
}

#[test]
fn a_request_explains_by_its_own_filters() {
    let pool = Pool::builder()
        .resource(Resource::new("a", 1).metadata("region", "eu"))
        .resource(Resource::new("b", 2).metadata("region", "us"))
        .resource(Resource::new("c", 3).metadata("region", "us"))
        .build()
        .unwrap();
    let us = pool.request().only(|about| about.get("region") == Some("us"));
    let told = us.explain();
    assert_eq!(told.next.as_deref(), Some("b"));
    assert_eq!((told.members, told.kept_out), (2, 1));
    assert_eq!(us.clone().exclude("b").explain().next.as_deref(), Some("c"));
    let nobody = us.exclude("b").exclude("c").explain();
    assert_eq!((nobody.next, nobody.retry_at, nobody.kept_out), (None, None, 3));
    assert_eq!(pool.explain().next.as_deref(), Some("a"));
    let json = serde_json::to_value(pool.explain()).unwrap();
    assert_eq!(json["next"], "a");
    assert_eq!(json["strategy"], "least_in_flight");
    assert_eq!(json["retry_after_seconds"], 0.0);
    assert_eq!(json["resources"][2]["resource_id"], "c");
}

#[test]
fn a_pool_may_be_caught_with_in_a_panic() {
    fn safe<T: std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    safe::<Pool<String>>();
    safe::<rotapool::Request<String>>();
    let pool = pool();
    let caught = std::panic::catch_unwind(|| {
        block_on(pool.run(async |_| -> Result<(), Fault<()>> { panic!("the operation") }))
    });
    assert!(caught.is_err());
    assert_eq!(pool.stats().in_flight, 0);
}
