//! What the pool measures of its resources, and that measuring changes nothing.

use std::time::Duration;

use futures::FutureExt as _;
use rotapool::{Fault, Grade, HealthRules, Resource, Runtime as _, Strategy};

use crate::picks::{health, picks, run, run_with};
use crate::scene::{Scene, secs};
use crate::upstream::{Answer, Boom, fine};

/// Successes and failures: in the window, and ever.
fn counts(scene: &Scene, id: &str) -> [u64; 4] {
    let seen = health(scene, id);
    [seen.recent_successes.into(), seen.recent_failures.into(), seen.successes, seen.failures]
}

#[test]
fn a_failure_is_a_signal_or_an_error_that_the_operation_blames_on_the_resource() {
    let answers: [(Answer, [u64; 4]); 6] = [
        (fine(), [1, 0, 1, 0]),
        (Err(Fault::Operation(Boom)), [1, 0, 1, 0]),
        (Err(Fault::Failure(Boom)), [0, 1, 0, 1]),
        (Err(Fault::retry("503")), [0, 1, 0, 1]),
        (Err(Fault::cooldown("429")), [0, 1, 0, 1]),
        (Err(Fault::disable("401")), [0, 1, 0, 1]),
    ];
    for (answer, expected) in answers {
        let scene = Scene::of(&["a"]);
        let _ = run_with(&scene, |request| request.max_attempts(1), |_| answer.clone());
        assert_eq!(counts(&scene, "a"), expected, "{answer:?}");
    }
}

#[test]
fn an_error_blamed_on_the_resource_ends_the_run_and_reaches_the_caller_by_value() {
    let scene = Scene::of(&["a", "b"]);
    let result = run(&scene, |_| Err(Fault::Failure(Boom)));
    assert_eq!(result.unwrap_err().into_operation(), Ok(Boom));
    let stats = scene.pool.stats();
    assert_eq!((stats.attempts, stats.runs_error, stats.eligible), (1, 1, 2));
    assert_eq!(health(&scene, "b").failures, 0);
}

#[test]
fn dropped_aborted_and_panicked_attempts_are_neither_success_nor_failure() {
    let scene = Scene::with(&["a"], |builder| builder.max_attempts(1));
    let dropped = scene.start();
    scene.drop_run(&dropped);
    let pool = scene.pool.clone();
    let panicked = scene.enter(async move {
        let run =
            pool.run(|_| async { if true { panic!("it panics (expected)") } else { fine() } });
        Ok(std::panic::AssertUnwindSafe(run).catch_unwind().await.is_err())
    });
    assert_eq!(panicked.result(), Ok(true));
    assert_eq!(counts(&scene, "a"), [0; 4]);
    let (_older, aborted) = (scene.start(), scene.start());
    scene.answer("a", Err(Fault::cooldown("429")));
    assert!(aborted.error().is_exhausted());
    assert_eq!(counts(&scene, "a"), [0, 1, 0, 1], "the signal alone");
    assert_eq!(health(&scene, "a").consecutive_failures, 1);
}

#[test]
fn a_pause_is_no_part_of_the_attempt() {
    let scene = Scene::with(&["a", "b"], |builder| builder.retry_delay(secs(60)));
    let paused = scene.start();
    scene.advance(secs(7));
    scene.answer("a", Err(Fault::retry("503")));
    scene.advance(secs(20));
    scene.drop_run(&paused);
    let seen = health(&scene, "a");
    let peak = seen.peak_latency.unwrap().as_secs_f64();
    assert!((peak - 7.0 * (-2.0_f64).exp()).abs() < 1e-6, "seven seconds, twenty ago: {peak}");
    assert_eq!(seen.failures, 1);
}

#[test]
fn the_rate_needs_a_minimum_sample_and_is_graded_from_the_thresholds_on() {
    let scene = Scene::of(&["a"]);
    let attempt = |fails: bool| {
        let _ = run(&scene, |_| if fails { Err(Fault::Failure(Boom)) } else { fine() });
        let seen = health(&scene, "a");
        (seen.error_rate, seen.grade)
    };
    for _ in 0..4 {
        assert_eq!(attempt(true), (None, Grade::Healthy), "four attempts tell nothing");
    }
    assert_eq!(attempt(true), (Some(1.0), Grade::Unhealthy));
    assert_eq!(attempt(false).1, Grade::Unhealthy, "5 of 6");
    assert_eq!(attempt(false), (Some(5.0 / 7.0), Grade::Unhealthy));
    assert_eq!(attempt(false), (Some(5.0 / 8.0), Grade::Degraded));
    let to_three_tenths: Vec<_> = (0..8).map(|_| attempt(false)).collect();
    assert_eq!(to_three_tenths.last(), Some(&(Some(5.0 / 16.0), Grade::Degraded)));
    assert_eq!(attempt(false), (Some(5.0 / 17.0), Grade::Healthy));
}

#[test]
fn a_threshold_belongs_to_the_worse_grade() {
    for (failures, of, grade) in [(3, 10, Grade::Degraded), (7, 10, Grade::Unhealthy)] {
        let scene = Scene::of(&["a"]);
        for attempt in 0..of {
            let fails = attempt < failures;
            let _ = run(&scene, |_| if fails { Err(Fault::Failure(Boom)) } else { fine() });
        }
        assert_eq!(health(&scene, "a").grade, grade, "{failures} of {of}");
    }
}

#[test]
fn the_window_forgets_by_itself_and_the_life_does_not() {
    let scene = Scene::of(&["a"]);
    for _ in 0..6 {
        let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
    }
    let _ = run(&scene, |_| fine());
    scene.advance(secs(9));
    assert_eq!(health(&scene, "a").grade, Grade::Unhealthy);
    scene.advance(secs(1));
    let seen = health(&scene, "a");
    assert_eq!((seen.grade, seen.error_rate), (Grade::Healthy, None), "and nobody picked it");
    assert_eq!(counts(&scene, "a"), [0, 0, 1, 6]);
}

#[test]
fn an_empty_window_does_not_make_a_resource_healthy_that_has_only_failed_since() {
    let scene = Scene::of(&["a"]);
    for failures in 1..=5 {
        let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
        scene.advance(secs(20));
        let seen = health(&scene, "a");
        let grade = if failures < 5 { Grade::Healthy } else { Grade::Unhealthy };
        assert_eq!((seen.grade, seen.error_rate), (grade, None), "{failures} in a row");
    }
    scene.advance(secs(86_400));
    assert_eq!(health(&scene, "a").grade, Grade::Unhealthy, "nothing has shown otherwise");
    let _ = run(&scene, |_| fine());
    assert_eq!(health(&scene, "a").grade, Grade::Healthy);
}

#[test]
fn an_empty_window_clears_nobody_of_what_his_last_failures_made_of_him() {
    for (successes, failures, grade) in [(2, 4, Grade::Degraded), (1, 4, Grade::Unhealthy)] {
        let scene = Scene::of(&["a"]);
        (0..successes).for_each(|_| drop(run(&scene, |_| fine())));
        let fail = || drop(run(&scene, |_| Err(Fault::Failure(Boom))));
        (0..failures).for_each(|_| fail());
        for _ in 0..3 {
            assert_eq!(health(&scene, "a").grade, grade, "{successes} of {failures}");
            scene.advance(secs(3600));
        }
        assert_eq!(health(&scene, "a").error_rate, None);
        fail();
        assert_eq!(health(&scene, "a").grade, Grade::Unhealthy, "five in a row are enough");
        scene.advance(secs(3600));
        let _ = run(&scene, |_| fine());
        assert_eq!(health(&scene, "a").grade, Grade::Healthy, "a success does");
    }
}

#[test]
fn a_failure_makes_nobody_look_better() {
    let scene = Scene::of(&["a"]);
    for fails in [false, false, true, true, true] {
        let _ = run(&scene, |_| if fails { Err(Fault::Failure(Boom)) } else { fine() });
    }
    assert_eq!(health(&scene, "a").grade, Grade::Degraded);
    scene.advance(secs(60));
    let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
    assert_eq!(health(&scene, "a").grade, Grade::Degraded, "four in a row, one in the window");
}

#[test]
fn the_peak_that_is_told_fades_and_the_mean_does_not() {
    let scene = Scene::of(&["a"]);
    let _ = run(&scene, |_| {
        scene.clock.advance(secs(30));
        fine()
    });
    scene.advance(secs(3600));
    let seen = health(&scene, "a");
    assert_eq!(seen.latency, Some(secs(30)));
    assert!(seen.peak_latency.unwrap() < Duration::from_millis(1), "{:?}", seen.peak_latency);
}

#[test]
fn streaks_and_moments_are_told() {
    let scene = Scene::of(&["a"]);
    let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
    let failed = scene.clock.now();
    scene.advance(secs(1));
    let _ = run(&scene, |_| fine());
    let succeeded = scene.clock.now();
    scene.advance(secs(1));
    let seen = health(&scene, "a");
    assert_eq!(seen.consecutive_failures, 0);
    assert_eq!((seen.last_failure, seen.last_success), (Some(failed), Some(succeeded)));
}

#[test]
fn latency_is_a_mean_that_leans_to_the_present_and_a_peak_that_jumps() {
    let scene = Scene::with(&["a"], |builder| {
        let mut rules = HealthRules::default();
        rules.latency_decay = secs(1);
        builder.health(rules)
    });
    assert_eq!((health(&scene, "a").latency, health(&scene, "a").peak_latency), (None, None));
    let takes = |took: Duration| {
        let _ = run(&scene, |_| {
            scene.clock.advance(took);
            fine()
        });
        let seen = health(&scene, "a");
        (seen.latency.unwrap(), seen.peak_latency.unwrap())
    };
    assert_eq!(takes(secs(2)), (secs(2), secs(2)));
    let (mean, peak) = takes(secs(4));
    // Four seconds are four times the decay: e⁻⁴ of the old mean is left.
    let expected = 2.0 * (-4.0_f64).exp() + 4.0 * (1.0 - (-4.0_f64).exp());
    assert!((mean.as_secs_f64() - expected).abs() < 1e-6, "{mean:?}");
    assert_eq!(peak, secs(4));
    let (_, peak) = takes(Duration::from_millis(100));
    assert!(secs(3) < peak && peak < secs(4), "it comes down with time: {peak:?}");
}

#[test]
fn a_failure_counts_as_slow_and_as_slower_if_it_was_but_not_in_the_mean() {
    let scene = Scene::of(&["a", "b"]);
    for (id, took) in [("a", 1), ("b", 60)] {
        let _ = run_with(
            &scene,
            |request| request.exclude(if id == "a" { "b" } else { "a" }),
            |_| {
                scene.clock.advance(secs(took));
                Err(Fault::Failure(Boom))
            },
        );
        let seen = health(&scene, id);
        assert_eq!((seen.latency, seen.peak_latency), (None, Some(secs(took.max(5)))));
    }
}

#[test]
fn an_own_error_is_no_latency() {
    let scene = Scene::of(&["a"]);
    for (took, answer) in
        [(1, Err(Fault::Operation(Boom))), (2, fine()), (9, Err(Fault::Operation(Boom)))]
    {
        let _ = run(&scene, |_| {
            scene.clock.advance(secs(took));
            answer.clone()
        });
        let known = (took > 1).then_some(secs(2));
        let seen = health(&scene, "a");
        assert_eq!((seen.latency, seen.peak_latency), (known, known), "after {took} s");
    }
}

#[test]
fn a_resource_added_again_has_a_clean_record() {
    let scene = Scene::of(&["a"]);
    for _ in 0..9 {
        let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
    }
    scene.pool.remove("a").unwrap();
    scene.pool.add(Resource::new("a", "a")).unwrap();
    let seen = health(&scene, "a");
    assert_eq!((seen.failures, seen.grade, seen.latency), (0, Grade::Healthy, None));
}

#[test]
fn measuring_changes_nothing_for_the_strategies_that_do_not_go_by_it() {
    for strategy in [Strategy::LeastInFlight, Strategy::RoundRobin] {
        let scene = Scene::with(&["bad", "b"], |builder| builder.strategy(strategy));
        for _ in 0..20 {
            let _ = run(&scene, |id| if id == "bad" { Err(Fault::Failure(Boom)) } else { fine() });
        }
        assert_eq!(health(&scene, "bad").grade, Grade::Unhealthy);
        assert_eq!(picks(&scene, 4), ["bad", "b", "bad", "b"]);
    }
}
