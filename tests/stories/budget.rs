//! How often, how fast and how long a run tries.

use std::time::Duration;

use rotapool::{ExhaustedReason, Fault, Resource, RunError, Strategy};

use crate::scene::{Scene, Started, secs};
use crate::upstream::fine;

#[test]
fn the_budget_is_as_it_was_set_however_few_resources_there_are() {
    let scene = Scene::with(&["a", "b"], |builder| builder.max_attempts(5));
    let run = scene.start();
    for on in ["a", "b", "a", "b", "a"] {
        scene.answer(on, Err(Fault::retry("503")));
    }
    let error = run.error();
    let exhausted = error.exhausted().unwrap();
    assert_eq!((exhausted.reason, exhausted.attempts), (ExhaustedReason::MaxAttempts, 5));
    assert_eq!(error.retry_after(), Some(Duration::ZERO), "both are healthy: come back any time");
}

#[test]
fn a_revoked_key_costs_no_attempt() {
    let ids = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    let scene = Scene::of(&ids);
    let run = scene.start();
    for _ in 0..7 {
        let on = scene.upstream.pending().remove(0);
        scene.answer(&on, Err(Fault::disable("401")));
    }
    let on = scene.upstream.pending().remove(0);
    scene.answer(&on, fine());
    assert_eq!(run.result().unwrap(), "fine", "three attempts, and seven keys of ten are revoked");
    assert_eq!(scene.pool.stats().attempts, 8, "calls are counted all the same");
}

#[test]
fn a_burst_on_limited_keys_is_served_by_the_rest() {
    for strategy in [Strategy::PrimaryBackup, Strategy::Priority] {
        let scene = Scene::with(&[], |builder| {
            let keys = ["a", "b", "c", "d", "e"].into_iter().zip(0..);
            let keys = keys.map(|(id, priority)| Resource::new(id, id).priority(priority));
            builder.strategy(strategy).resources(keys)
        });
        let runs: Vec<_> = (0..12).map(|_| scene.start()).collect();
        for limited in ["a", "b", "c"] {
            scene.answer(limited, Err(Fault::cooldown("429")));
        }
        while let Some(on) = scene.upstream.pending().first() {
            scene.answer(on, fine());
        }
        // The oldest one had all three answers, and all others were aborted three times.
        assert!(runs.iter().all(|run| run.result().is_ok()), "{strategy:?}");
    }
}

#[test]
fn finding_a_resource_out_a_second_time_costs_an_attempt_so_no_run_goes_on_for_ever() {
    let scene = Scene::of(&["a", "b"]);
    let run = scene.start_with(|request| request.max_attempts(1));
    for on in ["a", "b", "a"] {
        assert!(run.is_running());
        scene.pool.enable("a").unwrap();
        scene.pool.enable("b").unwrap();
        scene.answer(on, Err(Fault::disable("401")));
    }
    assert_eq!(run.error().exhausted().unwrap().attempts, 3);
}

#[test]
fn a_run_that_waits_has_its_whole_budget_on_a_single_resource() {
    let scene = Scene::with(&["a"], |builder| builder.max_attempts(3));
    let run = scene.start_with(|request| request.wait(true));
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
fn before_it_repeats_itself_a_run_pauses_for_half_to_one_and_a_half_times_the_delay() {
    let scene = Scene::with(&["a"], |builder| builder.retry_delay(secs(10)));
    let mut pauses = Vec::new();
    for _ in 0..200 {
        let run = scene.start();
        scene.answer("a", Err(Fault::retry("503")));
        let pause = scene.clock.sleeps()[0] - scene.clock.elapsed();
        pauses.push(pause.as_secs_f64());
        scene.drop_run(&run);
    }
    assert!(pauses.iter().all(|pause| (5.0..=15.0).contains(pause)), "{pauses:?}");
    let mean = pauses.iter().sum::<f64>() / 200.0;
    assert!((9.0..11.0).contains(&mean), "{mean}");
}

#[test]
fn there_is_no_pause_before_a_fresh_resource() {
    let scene = Scene::with(&["a", "b", "c"], |builder| builder.retry_delay(secs(10)));
    let run = scene.start();
    for (on, answer) in [("a", Fault::retry("503")), ("b", Fault::disable("401"))] {
        scene.answer(on, Err(answer));
    }
    scene.answer("c", fine());
    assert_eq!((run.result().unwrap().as_str(), scene.clock.elapsed()), ("fine", secs(0)));
}

#[test]
fn a_pause_ends_by_the_clock_and_not_by_a_wake_up() {
    let scene = Scene::restless(&["a"], |builder| builder.retry_delay(secs(10)));
    let _run = scene.start();
    scene.answer("a", Err(Fault::retry("503")));
    scene.advance(secs(4));
    scene.pool.enable("a").unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending(), [""; 0]);
    scene.advance(secs(11));
    assert_eq!(scene.upstream.pending(), ["a"]);
}

#[test]
fn a_pause_holds_no_place() {
    let scene = Scene::with(&[], |builder| {
        builder.retry_delay(secs(10)).resource(Resource::new("a", "a").max_in_flight(1))
    });
    let pausing = scene.start();
    scene.answer("a", Err(Fault::retry("503")));
    let other = scene.start();
    scene.answer("a", fine());
    assert_eq!(other.result().unwrap(), "fine", "it came while the first one paused");
    assert!(pausing.is_running());
    assert_eq!(scene.pool.stats().in_flight, 0);
}

#[test]
fn there_is_no_pause_when_nothing_is_left() {
    for (answer, other) in [(Fault::disable("401"), true), (Fault::retry("503"), false)] {
        let scene =
            Scene::with(&["a", "b"], |builder| builder.retry_delay(secs(10)).max_attempts(1));
        if other {
            scene.pool.disable("b").unwrap();
        }
        let run = scene.start();
        scene.answer("a", Err(answer));
        assert!(run.error().is_exhausted());
        scene.assert_at_rest();
    }
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
fn a_deadline_ends_an_attempt_in_flight_and_says_nothing_of_its_resource() {
    let scene = Scene::of(&["a", "b"]);
    let run = scene.start_with(|request| request.timeout(secs(10)));
    scene.advance(secs(10));
    let error = run.error();
    let reason = error.exhausted().unwrap().reason;
    assert!(matches!(reason, ExhaustedReason::Deadline { .. }), "{error}");
    let stats = scene.pool.stats();
    assert_eq!((stats.deadlines, stats.failures, stats.timeouts), (1, 0, 0));
    let health = &stats.resources[0].health;
    assert_eq!((health.failures, health.successes), (0, 0));
    scene.assert_at_rest();
}

#[test]
fn an_attempt_that_takes_too_long_is_a_failure_of_its_resource_and_the_run_goes_on_elsewhere() {
    let scene = Scene::with(&["a", "b"], |builder| builder.attempt_timeout(secs(5)));
    let run = scene.start_with(|request| request.timeout(secs(30)));
    scene.advance(secs(5));
    assert_eq!(scene.upstream.pending(), ["b"]);
    scene.answer("b", fine());
    assert_eq!(run.result().unwrap(), "fine");
    let stats = scene.pool.stats();
    assert_eq!((stats.timeouts, stats.failures, stats.deadlines), (1, 1, 0));
    assert_eq!((stats.resources[0].timeouts, stats.resources[0].health.failures), (1, 1));
    scene.assert_at_rest();
}

#[test]
fn what_the_builder_says_holds_for_a_run_without_options_as_for_any() {
    let scene = Scene::with(&["a"], |builder| {
        builder.max_attempts(5).retry_delay(secs(10)).attempt_timeout(secs(2))
    });
    let hangs = |_| std::future::pending::<Result<(), Fault<()>>>();
    let pool = scene.pool.clone();
    let run = scene.time.spawn(async move { pool.run(hangs).await });
    scene.advance(secs(10 + 4 * 5 - 1));
    assert!(!run.is_finished(), "four pauses of five seconds at least");
    scene.advance(secs(4 * 10 + 1));
    assert!(run.is_finished());
    assert_eq!((scene.pool.stats().attempts, scene.pool.stats().timeouts), (5, 5));
}

#[test]
fn a_run_may_have_a_limit_of_its_own_for_each_attempt() {
    let scene = Scene::with(&["a"], |builder| builder.attempt_timeout(secs(5)).max_attempts(2));
    let run = scene.start_with(|request| request.attempt_timeout(secs(1)));
    scene.advance(secs(2));
    let error = run.error();
    assert!(error.to_string().contains("last signal: retry (no answer within 1s)"), "{error}");
}

#[test]
fn nothing_sleeps_for_a_limit_that_is_not_set_or_an_operation_that_answers_at_once() {
    let scene = Scene::of(&["a"]);
    let _held = scene.start();
    assert!(scene.clock.sleeps().is_empty());
    let timed = scene.start_with(|request| request.attempt_timeout(secs(1)));
    assert_eq!(scene.clock.sleeps(), [secs(1)]);
    scene.answer("a", fine());
    scene.answer("a", fine());
    assert_eq!(timed.result().unwrap(), "fine");
    assert!(scene.clock.sleeps().is_empty(), "it is taken back");
}

#[test]
fn the_timer_of_an_attempt_that_has_ended_is_taken_back_at_once() {
    let scene = Scene::with(&["a"], |builder| builder.retry_delay(secs(100)));
    let _run = scene.start_with(|request| request.attempt_timeout(secs(1)));
    scene.answer("a", Err(Fault::retry("503")));
    let sleeps = scene.clock.sleeps();
    assert!(sleeps.len() == 1 && sleeps[0] >= secs(50), "it pauses, and no more: {sleeps:?}");
}

#[test]
fn a_pause_that_cannot_end_before_the_deadline_is_not_begun() {
    let scene = Scene::with(&["a"], |builder| builder.retry_delay(secs(100)));
    let run = scene.start_with(|request| request.timeout(secs(7)));
    scene.answer("a", Err(Fault::retry("503")));
    let error = run.error();
    let reason = error.exhausted().unwrap().reason;
    assert!(matches!(reason, ExhaustedReason::PauseOutlastsDeadline { .. }), "{error}");
    assert!(error.to_string().contains("retry (503)"), "{error}");
    assert_eq!(scene.clock.elapsed(), secs(0));
    scene.assert_at_rest();
}

#[test]
fn what_is_out_and_not_the_pause_is_the_reason_where_that_would_have_been_in_time() {
    let scene = || Scene::with(&["a"], |builder| builder.retry_delay(secs(10)));
    let reason = |run: Started| run.error().exhausted().unwrap().reason;
    let gone = scene();
    let run = gone.start_with(|request| request.timeout(secs(5)).wait(true));
    gone.pool.disable("a").unwrap();
    gone.answer("a", Err(Fault::retry("503")));
    assert_eq!(reason(run), ExhaustedReason::NoEligibleResource);
    let parked = scene();
    let run = parked.start_with(|request| request.timeout(secs(60)).wait(false));
    parked.answer("a", Err(Fault::retry("503")));
    assert!(run.is_running(), "it pauses");
    parked.pool.park("a", secs(100), "").unwrap();
    parked.settle();
    assert_eq!(reason(run), ExhaustedReason::NoEligibleResource);
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
