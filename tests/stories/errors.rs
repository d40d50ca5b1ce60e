//! An exhausted run explains itself, and no output shows a value.

use rotapool::{ExhaustedReason, Fault, Pool, Resource, RunError};

use crate::scene::{Scene, secs};
use crate::upstream::Boom;

/// A pool where each resource is out for a reason of its own.
fn everything_is_out() -> Scene {
    let scene = Scene::with(&["cooled", "revoked", "off"], |builder| {
        builder.resource(Resource::new("full", "f").max_in_flight(1)).cancel_siblings(false)
    });
    for _ in 0..4 {
        scene.start();
    }
    scene.answer("cooled", Err(Fault::cooldown("429 from upstream")));
    scene.advance(secs(2));
    scene.answer("revoked", Err(Fault::disable("401 from upstream")));
    scene.pool.disable("off").unwrap();
    scene.advance(secs(1));
    scene
}

#[test]
fn it_says_in_one_line_why_and_when_to_come_back() {
    let scene = everything_is_out();
    let error = scene.start().error();
    assert_eq!(
        error.to_string(),
        "pool exhausted: no eligible resource after 0 attempts; 4 resources: 1 cooling down, \
         2 disabled, 1 saturated; a place may come free at any time, else first back is cooled: \
         cooling down, back in 27.0s: 429 from upstream (3.0s ago, guessed, cooldown 1)"
    );
    assert_eq!(error.retry_after(), None, "the line and this say the same");
    scene.pool.remove("full").unwrap();
    let error = scene.start().error();
    assert!(error.to_string().contains("2 disabled; first back is cooled: "), "{error}");
    assert_eq!(error.retry_after(), Some(secs(27)));
}

#[test]
fn who_is_said_to_be_back_first_is_back_when_retry_after_says_so_though_not_all_are_explained() {
    let scene = Scene::with(&[], |builder| {
        builder.resources((0..40).map(|id| Resource::new(format!("{id}"), "")))
    });
    // Those that are explained come back last.
    for seconds in (11..=50).rev() {
        scene.start();
        let id = scene.upstream.pending().remove(0);
        scene.answer(&id, Err(Fault::cooldown_for(secs(seconds), "429")));
    }
    let run = scene.start();
    let error = run.error();
    assert_eq!(error.retry_after(), Some(secs(11)));
    assert!(error.to_string().contains("; back in 11.0s"), "{error}");
    assert!(!error.to_string().contains("first back"), "{error}");
}

#[test]
fn the_table_has_a_line_for_each_resource() {
    let scene = everything_is_out();
    let error = scene.start().error();
    let table = error.exhausted().unwrap().table().to_string();
    // What a `main` that returns the error prints, and a log that debugs it: one line.
    assert_eq!(format!("{error:?}"), format!("Exhausted({error})"));
    let lines: Vec<&str> = table.lines().skip(1).map(str::trim).collect();
    assert_eq!(
        lines,
        [
            "cooled: cooling down, back in 27.0s: 429 from upstream (3.0s ago, guessed, cooldown 1)",
            "revoked: disabled 1.0s ago: 401 from upstream",
            "off: disabled 1.0s ago: by an admin call",
            "full: saturated: 1 in flight of 1",
        ]
    );
}

#[test]
fn a_spent_budget_names_the_last_signal() {
    let scene = Scene::of(&["a"]);
    let run = scene.start_with(|request| request.max_attempts(1));
    scene.answer("a", Err(Fault::retry("connection reset")));
    let error = run.error();
    assert_eq!(
        error.to_string(),
        "pool exhausted: no attempt left after 1 attempt; 1 resource: 1 eligible; \
         last signal: retry (connection reset)"
    );
    assert_eq!(
        error.exhausted().unwrap().explanation.to_string(),
        "refused: no attempt left; 1 resource: 1 eligible\n  a: eligible: 0 in flight"
    );
}

#[test]
fn a_signal_that_explains_the_resource_that_is_back_first_is_told_once() {
    let scene = Scene::of(&["a"]);
    let run = scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    assert_eq!(
        run.error().to_string(),
        "pool exhausted: no eligible resource after 1 attempt; 1 resource: 1 cooling down; \
         first back is a: cooling down, back in 30.0s: 429 (0.0ns ago, guessed, cooldown 1)"
    );
}

#[test]
fn a_signal_of_another_resource_than_the_one_that_is_back_first_is_told_too() {
    let scene = Scene::of(&["a", "b"]);
    scene.start_with(|request| request.exclude("b"));
    scene.answer("a", Err(Fault::cooldown("429")));
    let run = scene.start();
    scene.answer("b", Err(Fault::disable("401")));
    let text = run.error().to_string();
    assert!(text.contains("first back is a: cooling down, back in 30.0s: 429"), "{text}");
    assert!(text.ends_with("; last signal: disable (401)"), "{text}");
}

#[test]
fn nobody_is_back_first_while_somebody_is_eligible() {
    let scene = Scene::of(&["a", "b"]);
    scene.start_with(|request| request.exclude("b"));
    scene.answer("a", Err(Fault::cooldown("429")));
    let run = scene.start_with(|request| request.max_attempts(1));
    scene.answer("b", Err(Fault::retry("503")));
    assert_eq!(
        run.error().to_string(),
        "pool exhausted: no attempt left after 1 attempt; 2 resources: 1 cooling down, \
         1 eligible; last signal: retry (503)"
    );
}

#[test]
fn a_run_whose_filters_admit_nothing_says_so() {
    let scene = Scene::of(&["a", "b"]);
    let runs = [
        scene.start_with(|request| request.only(|_| false)),
        scene.start_with(|request| request.exclude("a").exclude("b")),
        scene.start_with(|request| request.only(|_| false).wait(true)),
    ];
    for run in runs {
        let error = run.error();
        let exhausted = error.exhausted().unwrap();
        assert_eq!(exhausted.reason, ExhaustedReason::NoResourceAdmitted);
        assert_eq!((exhausted.attempts, exhausted.explanation.retry_at), (0, None));
        let text = error.to_string();
        let expected = "pool exhausted: the run's filters admit no resource after 0 attempts; \
                        all 2 are kept out";
        assert_eq!(text, expected);
    }
    assert_eq!(scene.pool.stats().runs_exhausted, 3);
    scene.pool.remove("a").unwrap();
    scene.pool.remove("b").unwrap();
    let empty = scene.start_with(|request| request.only(|_| false)).error();
    let reason = empty.exhausted().unwrap().reason;
    assert_eq!(reason, ExhaustedReason::NoEligibleResource, "no filter empties an empty pool");
}

#[test]
fn a_reason_cannot_break_the_line_nor_flood_the_log() {
    let scene = Scene::of(&["a"]);
    let run = scene.start();
    let body = format!("<html>\n{}", "x".repeat(1 << 20));
    scene.answer("a", Err(Fault::cooldown(body)));
    let text = run.error().to_string();
    assert!(!text.contains('\n') && text.len() < 1000, "{} bytes", text.len());
}

#[test]
fn a_huge_pool_is_explained_in_part_and_says_so() {
    let pool = Pool::builder()
        .resources((0..250).map(|n| Resource::new(format!("key-{n}"), ())))
        .runtime(rotapool::testing::VirtualClock::new())
        .build()
        .unwrap();
    for n in 0..250 {
        pool.disable(&format!("key-{n}")).unwrap();
    }
    let run = pool.run(|_| async { Err::<(), _>(Fault::<Boom>::retry("unreached")) });
    let error = futures::executor::block_on(run).unwrap_err();
    let exhausted = error.exhausted().unwrap();
    assert_eq!((exhausted.explanation.resources.len(), exhausted.explanation.members), (32, 250));
    assert!(exhausted.to_string().contains("of the first 32, 32 disabled"), "{exhausted}");
    assert!(exhausted.table().to_string().ends_with("and 218 more"));
}

#[test]
fn the_operations_error_keeps_its_text_and_its_chain() {
    use std::error::Error;

    #[derive(Debug)]
    struct Outer(std::io::Error);
    impl std::fmt::Display for Outer {
        fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
            f.write_str("cannot ask")
        }
    }
    impl Error for Outer {
        fn source(&self) -> Option<&(dyn Error + 'static)> {
            Some(&self.0)
        }
    }
    let error = RunError::Operation(Outer(std::io::Error::other("connection reset")));
    assert_eq!(error.to_string(), "cannot ask");
    assert_eq!(error.source().unwrap().to_string(), "connection reset");
}

#[test]
fn flattened_an_exhausted_run_is_still_told_by_its_text() {
    type BoxError = Box<dyn std::error::Error + Send + Sync>;
    let pool = Pool::builder().resource(Resource::new("a", "a")).build().unwrap();
    pool.disable("a").unwrap();
    let run = pool.run(|_| async { Ok::<_, Fault<BoxError>>(()) });
    let error: BoxError = futures::executor::block_on(run).unwrap_err().flatten();
    assert!(error.to_string().starts_with("pool exhausted: no eligible resource"), "{error}");
}

#[test]
fn flattened_every_other_end_of_a_run_keeps_its_text() {
    type BoxError = Box<dyn std::error::Error + Send + Sync>;
    let text = |error: RunError<BoxError>| error.flatten().to_string();
    assert_eq!(text(RunError::Operation("connection reset".into())), "connection reset");
    assert_eq!(text(RunError::Aborted), "the run was aborted by its caller");
    let refused = RunError::Options(rotapool::OptionsError::ZeroMaxAttempts);
    assert_eq!(text(refused), "max_attempts of the run is 0; a run needs at least 1 attempt");
}

#[test]
fn only_the_operations_own_error_comes_out_by_value() {
    assert_eq!(RunError::Operation(Boom).into_operation(), Ok(Boom));
    let other = RunError::<Boom>::Aborted;
    assert_eq!(other.clone().into_operation(), Err(RunError::Aborted));
    assert_eq!((other.exhausted(), other.retry_after()), (None, None));
}

#[test]
fn the_line_of_a_huge_pool_says_when_it_is_back_although_the_first_back_is_not_among_the_explained()
{
    let clock = rotapool::testing::VirtualClock::new();
    let pool = Pool::builder()
        .resources((0..150).map(|n| Resource::new(format!("key-{n}"), ())))
        .retry_delay(std::time::Duration::ZERO)
        .runtime(clock)
        .build()
        .unwrap();
    let limited = || async { Err::<(), _>(Fault::<Boom>::cooldown_for(secs(40), "429")) };
    for n in 0..149 {
        pool.disable(&format!("key-{n}")).unwrap();
    }
    futures::executor::block_on(pool.run(|_| limited())).unwrap_err();
    let error = futures::executor::block_on(pool.run(|_| limited())).unwrap_err();
    let expected = "pool exhausted: no eligible resource after 0 attempts; 150 resources: of the \
                    first 32, 32 disabled; back in 40.0s";
    assert_eq!(error.to_string(), expected);
}

#[test]
fn no_output_ever_shows_a_value() {
    const SECRET: &str = "sk-planted-secret";
    #[derive(Debug)]
    #[allow(dead_code, reason = "only its Debug matters")]
    struct Key(&'static str);

    let mut outputs = Vec::new();
    let resource = || Resource::new("key", Key(SECRET)).max_in_flight(1);
    outputs.push(format!("{:?} {:#?}", resource(), resource()));
    let builder = Pool::builder().resource(resource());
    outputs.push(format!("{builder:?} {builder:#?}"));
    outputs.push(format!("{:?}", Pool::builder().resources([resource(), resource()]).build()));
    let pool = builder.build().unwrap();
    outputs.push(format!("{pool:?} {:?} {:?}", pool.snapshot(), pool.stats()));
    outputs.push(format!(
        "{:?} {:?}",
        pool.request(),
        pool.wrap(|_, ()| async { Ok::<_, Fault<Boom>>(()) })
    ));
    outputs.push(format!("{:?}", pool.add(resource())));
    let (run, abort) = pool.run_abortable(|_| async { Ok::<_, Fault<Boom>>(()) });
    outputs.push(format!("{abort:?}"));
    drop(run);
    let run = pool.run(|lease| {
        outputs.push(format!("{lease:?} {:#?}", lease.clone()));
        async { Err::<(), _>(Fault::<Boom>::cooldown("429")) }
    });
    let error: RunError<Boom> = futures::executor::block_on(run).unwrap_err();
    let exhausted = error.exhausted().unwrap();
    assert_eq!(exhausted.reason, ExhaustedReason::NoEligibleResource);
    outputs.push(format!("{error} {error:?} {error:#?} {}", exhausted.table()));
    outputs.extend(pool.snapshot().iter().map(ToString::to_string));
    for output in &outputs {
        assert!(!output.contains(SECRET), "{output}");
    }
    assert_eq!(outputs.len(), 10);
}

#[test]
fn what_debug_shows_of_a_pool_a_wrapped_operation_and_a_lease_says_which_it_is() {
    let pool = Pool::builder().name("maps").resource(Resource::new("key", ())).build().unwrap();
    let shown = r#"Pool { name: "maps", resources: 1, eligible: 1, in_flight: 0, .. }"#;
    assert_eq!(format!("{pool:?}"), shown);
    let wrapped = pool.wrap(|_, ()| async { Ok::<_, Fault<Boom>>(()) });
    let shown = format!("{wrapped:?}");
    assert!(shown.starts_with("Wrapped { request: Request {"), "{shown}");
    let run = pool
        .request()
        .request_id("order-7")
        .run(|lease| async move { Ok::<_, Fault<Boom>>(format!("{lease:?}")) });
    let shown = r#"Lease { id: "key", attempt: 1, request_id: Some("order-7"), .. }"#;
    assert_eq!(futures::executor::block_on(run).unwrap(), shown);
}
