//! How often, how fast and how long a run tries.

use std::time::Duration;

use rotapool::{ExhaustedReason, Fault, RunError};

use crate::scene::{Scene, secs};
use crate::upstream::fine;

#[test]
fn a_run_makes_no_more_attempts_than_there_are_resources() {
    let scene = Scene::with(&["a", "b"], |builder| builder.max_attempts(5));
    let run = scene.start();
    scene.answer("a", Err(Fault::retry("503")));
    scene.answer("b", Err(Fault::retry("503")));
    let error = run.error();
    let exhausted = error.exhausted().unwrap();
    assert_eq!((exhausted.reason, exhausted.attempts), (ExhaustedReason::MaxAttempts, 2));
    assert_eq!(error.retry_after(), Some(Duration::ZERO), "both are healthy: come back any time");
}

#[test]
fn a_run_that_waits_has_its_whole_budget_on_a_single_resource() {
    let scene = Scene::with(&["a"], |builder| builder.max_attempts(3));
    let run = scene.start_with(|request| request.wait_for_cooldown(true));
    for cooldown in [30, 120] {
        scene.answer("a", Err(Fault::cooldown("429")));
        scene.advance(secs(cooldown));
    }
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn a_run_may_have_a_budget_of_its_own() {
    let scene = Scene::of(&["a", "b", "c"]);
    let run = scene.start_with(|request| request.max_attempts(1));
    scene.answer("a", Err(Fault::retry("503")));
    assert!(run.error().is_exhausted());
}

#[test]
fn between_attempts_a_run_pauses_for_half_to_one_and_a_half_times_the_delay() {
    let scene = Scene::with(&["a", "b"], |builder| builder.retry_delay(secs(10)));
    let mut pauses = Vec::new();
    for _ in 0..200 {
        let run = scene.start();
        let id = scene.upstream.pending().remove(0);
        scene.answer(&id, Err(Fault::retry("503")));
        let pause = scene.clock.sleeps()[0] - scene.clock.elapsed();
        pauses.push(pause.as_secs_f64());
        scene.drop_run(&run);
    }
    assert!(pauses.iter().all(|pause| (5.0..=15.0).contains(pause)), "{pauses:?}");
    let mean = pauses.iter().sum::<f64>() / 200.0;
    assert!((9.0..11.0).contains(&mean), "{mean}");
}

#[test]
fn a_pause_ends_by_the_clock_and_not_by_a_wake_up() {
    let scene = Scene::restless(&["a", "b"], |builder| builder.retry_delay(secs(10)));
    let _run = scene.start();
    scene.answer("a", Err(Fault::retry("503")));
    scene.advance(secs(4));
    scene.pool.enable("b").unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending(), [""; 0]);
    scene.advance(secs(11));
    assert_eq!(scene.upstream.pending(), ["b"]);
}

#[test]
fn there_is_no_pause_after_the_last_attempt() {
    let scene = Scene::with(&["a"], |builder| builder.retry_delay(secs(10)));
    let run = scene.start();
    scene.answer("a", Err(Fault::retry("503")));
    assert!(run.error().is_exhausted());
    scene.assert_at_rest();
}

#[test]
fn a_deadline_that_has_passed_ends_the_run_before_its_first_attempt() {
    let scene = Scene::of(&["a"]);
    let deadline = scene.pool.now();
    scene.advance(secs(5));
    let run = scene.start_with(|request| request.deadline(deadline));
    let error = run.error();
    let exhausted = error.exhausted().unwrap();
    assert_eq!(exhausted.reason, ExhaustedReason::Deadline { deadline });
    assert!(error.to_string().contains("the deadline passed 5.0s ago"), "{error}");
    assert_eq!((exhausted.attempts, scene.pool.stats().runs_exhausted), (0, 1));
}

#[test]
fn a_deadline_never_interrupts_an_attempt_and_starts_no_other() {
    let scene = Scene::of(&["a", "b"]);
    let served = scene.start_with(|request| request.timeout(secs(10)));
    let failed = scene.start_with(|request| request.timeout(secs(10)));
    scene.advance(secs(60));
    scene.answer("a", fine());
    assert_eq!(served.result().unwrap(), "fine");
    scene.answer("b", Err(Fault::retry("503")));
    assert!(matches!(failed.error().exhausted().unwrap().reason, ExhaustedReason::Deadline { .. }));
}

#[test]
fn a_pause_does_not_outlast_the_deadline() {
    let scene = Scene::with(&["a", "b"], |builder| builder.retry_delay(secs(100)));
    let run = scene.start_with(|request| request.timeout(secs(7)));
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(scene.clock.sleeps(), [secs(7)]);
    scene.advance(secs(7));
    assert!(run.error().is_exhausted());
    scene.assert_at_rest();
}

#[test]
fn the_operations_own_error_ends_the_run_at_once_and_comes_by_value() {
    let scene = Scene::of(&["a", "b"]);
    let run = scene.start();
    scene.answer("a", Err(crate::upstream::Boom.into()));
    assert_eq!(run.error(), RunError::Operation(crate::upstream::Boom));
    let stats = scene.pool.stats();
    assert_eq!((stats.attempts, stats.successes, stats.runs_error), (1, 1, 1));
}
