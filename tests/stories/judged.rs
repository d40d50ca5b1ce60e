//! Operations that know nothing of pools: a classifier says what their results mean for the resource.

use std::convert::Infallible;
use std::error::Error;
use std::io;
use std::num::ParseIntError;
use std::sync::Arc;

use futures::executor::block_on;
use rotapool::{
    Blame, Exhausted, ExhaustedReason, Fault, Lease, Meaning, Pool, Resource, RunError, Signal,
    chain, signal_in, signals,
};

use crate::scene::secs;

type BoxError = Box<dyn Error + Send + Sync>;

/// `a`, `b`, … with these values, without pauses.
fn pool<T: Copy>(values: &[T]) -> Pool<T> {
    let ids = ["a", "b", "c", "d"];
    let resources = ids.into_iter().zip(values).map(|(id, &value)| Resource::new(id, value));
    Pool::builder().resources(resources).retry_delay(secs(0)).build().unwrap()
}

/// A response as clients hand it out: 429 is no error of theirs.
async fn send(key: &str) -> io::Result<u16> {
    match key.parse() {
        Ok(0) => Err(io::ErrorKind::ConnectionRefused.into()),
        Ok(status) => Ok(status),
        Err(_) => Err(io::ErrorKind::InvalidInput.into()),
    }
}

fn judge(result: &io::Result<u16>) -> Meaning {
    match result {
        Ok(429) => Signal::cooldown_for(secs(7), "429 from upstream").into(),
        Ok(401) => Signal::disable("key revoked").into(),
        Ok(500) => Meaning::Failure,
        Ok(_) => Meaning::Fine,
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Meaning::Fine,
        Err(error) => Signal::retry(chain(error)).into(),
    }
}

#[test]
fn a_natural_operation_teaches_the_pool_what_its_classifier_says() {
    let pool = pool(&["429", "401", "0", "200"]);
    let request = pool.request().max_attempts(4).classify(judge);
    let answer = block_on(request.clone().run(async |key| send(&key).await));
    assert_eq!(answer.unwrap(), 200);
    let rows = pool.snapshot();
    assert_eq!(
        rows[0].to_string().split(" (").next(),
        Some("a: cooling down, back in 7.0s: 429 from upstream")
    );
    assert!(rows[1].to_string().contains("disabled"));
    assert_eq!(pool.stats().retries, 1);
    assert_eq!(pool.stats().successes, 1);
}

#[test]
fn an_error_that_is_fine_ends_the_run_and_is_the_operations_own() {
    let pool = pool(&["x", "200"]);
    let answer = block_on(pool.request().classify(judge).run(async |key| send(&key).await));
    assert_eq!(answer.unwrap_err().into_operation().unwrap().kind(), io::ErrorKind::InvalidInput);
    assert_eq!(pool.stats().resources[0].health.failures, 0);
}

#[test]
fn a_failure_ends_the_run_with_its_result_and_counts_against_the_resource() {
    let pool = pool(&["500", "200"]);
    let answer = block_on(pool.request().classify(judge).run(async |key| send(&key).await));
    assert_eq!(answer.unwrap(), 500);
    assert_eq!(pool.stats().resources[0].health.failures, 1);
    let fails = |_: &Result<(), &str>| Meaning::Failure;
    let answer = block_on(pool.request().classify(fails).run(async |_| Err("boom")));
    assert_eq!(answer, Err(RunError::Operation("boom")));
    assert_eq!(pool.stats().resources[1].health.failures, 1);
}

#[test]
fn an_exhausted_run_hands_the_last_error_back_by_value_and_as_its_source() {
    let pool = pool(&["0"]);
    let error =
        block_on(pool.request().classify(judge).run(async |key| send(&key).await)).unwrap_err();
    assert!(error.to_string().ends_with("last signal: retry (connection refused)"), "{error}");
    let source = error.source().unwrap().downcast_ref::<io::Error>().unwrap();
    assert_eq!(source.kind(), io::ErrorKind::ConnectionRefused);
    let RunError::Exhausted(unserved) = error else { panic!() };
    assert_eq!(unserved.reason, ExhaustedReason::MaxAttempts);
    let last: io::Error = unserved.into_last_error().unwrap();
    assert_eq!(last.kind(), io::ErrorKind::ConnectionRefused);
}

#[test]
fn a_classifier_may_answer_with_a_signal_or_none() {
    let pool = pool(&[429, 200]);
    let limited = |result: &Result<u16, Infallible>| {
        matches!(result, Ok(429)).then(|| Signal::cooldown("429"))
    };
    let answer = block_on(pool.request().classify(limited).run(async |status| Ok(*status)));
    assert_eq!(answer.unwrap(), 200);
    assert_eq!(pool.stats().cooling_down, 1);
}

#[test]
fn a_classifier_serves_a_wrapped_operation_and_a_run_to_abort() {
    let pool = pool(&["429", "200"]);
    let ask =
        pool.request().classify(judge).wrap(|key: Lease<&'static str>, add: u16| async move {
            send(&key).await.map(|status| if status == 200 { status + add } else { status })
        });
    assert_eq!(block_on(ask.call(1)).unwrap(), 201);
    assert_eq!(pool.stats().cooling_down, 1);
    let (run, abort) = pool.request().classify(judge).run_abortable(async |key| send(&key).await);
    abort.abort();
    assert!(matches!(block_on(run), Err(RunError::Aborted)));
}

#[test]
fn a_judged_run_can_be_spawned() {
    fn spawnable<F: Future + Send + 'static>(future: F) -> F {
        future
    }
    let pool = pool(&["200"]);
    let run = pool.request().classify(judge).run(|key| async move { send(&key).await });
    assert_eq!(block_on(spawnable(run)).unwrap(), 200);
}

#[test]
fn a_classifier_that_panics_is_a_panic_of_the_attempt() {
    let pool = pool(&["200"]);
    let panics = |_: &io::Result<u16>| -> Meaning { panic!("the classifier") };
    let run = pool.request().classify(panics).run(async |key| send(&key).await);
    let caught = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| block_on(run)));
    assert!(caught.is_err());
    let stats = pool.stats();
    assert_eq!((stats.in_flight, stats.resources[0].health.failures), (0, 0));
}

#[test]
fn a_signal_is_found_wherever_it_travels() {
    let signal = || Signal::cooldown("429");
    let found = |error: BoxError| signal_in(&*error);
    assert_eq!(found(signal().into()), Some(signal()));
    assert_eq!(found(io::Error::other(signal()).into()), Some(signal()));
    assert_eq!(found(io::Error::other(io::Error::other(signal())).into()), Some(signal()));
    assert_eq!(found(Box::new(Arc::new(signal()))), Some(signal()));
    assert_eq!(
        found(Box::new(Fault::<Infallible>::Signal(signal().because(signal())))),
        Some(signal())
    );
    assert_eq!(found("429".into()), None);
    let travelling = anyhow::Error::new(signal()).context("while asking").context("twice");
    assert_eq!(signal_in(travelling.as_ref()), Some(signal()));
}

#[test]
fn the_ready_made_classifier_finds_signals_in_anyhow_and_boxed_errors() {
    async fn by_anyhow(key: Lease<&str>) -> anyhow::Result<u32> {
        anyhow::ensure!(*key != "limited", Signal::cooldown("429"));
        Ok(key.parse()?)
    }
    async fn by_box(key: Lease<&str>) -> Result<u32, BoxError> {
        match *key {
            "limited" => Err(Signal::cooldown("429"))?,
            key => Ok(key.parse()?),
        }
    }
    let first = pool(&["limited", "42"]);
    assert_eq!(block_on(first.request().classify(signals).run(by_anyhow)).unwrap(), 42);
    assert_eq!(first.stats().cooling_down, 1);
    let second = pool(&["limited", "x"]);
    let error = block_on(second.request().classify(signals).run(by_box)).unwrap_err();
    assert!(error.into_operation().unwrap().is::<ParseIntError>());
    assert_eq!(second.stats().cooling_down, 1);
}

#[test]
fn the_exhaustion_of_an_inner_pool_cools_the_outer_resource_until_it_can_serve() {
    async fn inner(region: Lease<&'static str>) -> anyhow::Result<&'static str> {
        let keys = pool(&[*region]);
        let op = async |key: Lease<&'static str>| match *key {
            "limited" => Err(Fault::<anyhow::Error>::cooldown_for(secs(9), "429")),
            key => Ok(key),
        };
        keys.run(op).await.map_err(RunError::flatten)
    }
    let outer = pool(&["limited", "fine"]);
    assert_eq!(block_on(outer.request().classify(signals).run(inner)).unwrap(), "fine");
    let row = outer.snapshot()[0].to_string();
    assert!(
        row.starts_with("a: cooling down, back in ") && row.contains("pool exhausted"),
        "{row}"
    );

    let alone = pool(&["limited"]);
    let refused =
        block_on(alone.run(async |_| Err::<(), _>(Fault::<ParseIntError>::disable("401"))));
    let refused = refused.unwrap_err();
    assert!(matches!(refused.signal(), Some(Signal::Retry { .. })), "nobody knows until when");
    let exhausted: &Exhausted = refused.exhausted().unwrap();
    assert!(matches!(signal_in(exhausted), Some(Signal::Retry { .. })));
    assert_eq!(RunError::Operation(1).signal(), None);
}

#[test]
fn the_fate_of_an_error_is_said_where_it_is_born() {
    async fn op(step: Lease<u32>) -> Result<i32, Fault<ParseIntError>> {
        match *step {
            0 => Err(io::Error::other("refused")).or_retry()?,
            1 => Err("over the limit").or_cooldown_for(secs(7))?,
            2 => Err("over the limit".to_owned()).or_cooldown()?,
            3 => Err(anyhow::anyhow!("gone").context("revoked")).or_disable()?,
            _ => {}
        }
        "x".parse::<i32>().or_failure()
    }
    let pool = Pool::builder()
        .resources((0..5).map(|step| Resource::new(format!("step-{step}"), step)))
        .retry_delay(secs(0))
        .max_attempts(5)
        .build()
        .unwrap();
    let error = block_on(pool.run(op)).unwrap_err();
    assert!(matches!(error, RunError::Operation(_)));
    let stats = pool.stats();
    assert_eq!((stats.retries, stats.cooldowns, stats.disables), (1, 2, 1));
    assert_eq!(stats.resources[4].health.failures, 1);
    let revoked = pool.snapshot()[3].to_string();
    assert!(revoked.ends_with("revoked: gone"), "{revoked}");
}
