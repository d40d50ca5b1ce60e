//! Cooldowns: how long, how they escalate, how they end.

use std::time::Duration;

use rotapool::{Basis, Fault, Recovery, Status, Strategy, Trial};

use crate::picks::run;
use crate::scene::{Scene, secs};
use crate::upstream::fine;

#[test]
fn consecutive_cooldowns_climb_the_table_and_a_success_starts_it_anew() {
    let scene = Scene::of(&["a"]);
    for expected in [30.0, 120.0, 300.0, 600.0, 600.0] {
        scene.start();
        scene.answer("a", Err(Fault::cooldown("429")));
        assert_eq!(scene.cooling("a"), expected);
        scene.advance(Duration::from_secs_f64(expected));
    }
    scene.start();
    scene.answer("a", fine());
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    assert_eq!(scene.cooling("a"), 30.0);
}

#[test]
fn a_cooldown_that_has_ended_shows_no_beginning_no_end_and_no_reason_although_nobody_noticed() {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.advance(secs(30));
    let row = scene.row("a");
    assert_eq!((row.status, row.since, row.until), (Status::Healthy, None, None));
    assert_eq!((row.cause, row.attempt), (None, None));
}

#[test]
fn an_error_of_the_operations_own_proves_that_the_resource_works() {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.advance(secs(30));
    let run = scene.start();
    scene.answer("a", Err(crate::upstream::Boom.into()));
    assert_eq!(run.error().into_operation(), Ok(crate::upstream::Boom));
    assert_eq!(scene.row("a").consecutive_cooldowns, 0);
}

#[test]
fn a_stated_cooldown_is_no_guess_and_takes_no_step() {
    let scene = Scene::of(&["a"]);
    for _ in 0..3 {
        scene.start();
        scene.answer("a", Err(Fault::cooldown_for(secs(7), "Retry-After: 7")));
        assert_eq!(scene.cooling("a"), 7.0);
        assert_eq!(scene.row("a").basis, Some(Basis::Stated));
        scene.advance(secs(7));
    }
    scene.start();
    scene.answer("a", Err(Fault::cooldown_for(None, "429 without a hint")));
    assert_eq!(scene.cooling("a"), 30.0);
    assert_eq!(scene.row("a").basis, Some(Basis::Guessed));
}

#[test]
fn a_hint_of_nothing_is_no_hint() {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown_for(secs(0), "Retry-After: 0")));
    assert_eq!(scene.cooling("a"), 30.0);
    assert_eq!(scene.row("a").consecutive_cooldowns, 1);
}

#[test]
fn a_stated_cooldown_is_brought_within_the_bounds_and_says_so() {
    for (stated, comes_to) in [(Duration::from_millis(20), 1.0), (secs(100 * 3600), 86_400.0)] {
        let scene = Scene::of(&["a"]);
        scene.start();
        scene.answer("a", Err(Fault::cooldown_for(stated, "Retry-After")));
        assert_eq!(scene.cooling("a"), comes_to);
        assert_eq!(scene.row("a").basis, Some(Basis::Clamped { stated }));
        let told = format!("clamped: stated were {stated:.1?}");
        assert!(scene.pool.explain().to_string().contains(&told), "{}", scene.pool.explain());
    }
}

#[test]
fn a_running_cooldown_is_never_shortened_and_keeps_its_reason() {
    let scene = Scene::with(&["a"], |builder| builder.cancel_siblings(false));
    scene.start();
    scene.start();
    scene.answer("a", Err(Fault::cooldown_for(secs(100), "daily limit")));
    scene.advance(secs(10));
    scene.answer("a", Err(Fault::cooldown_for(secs(5), "burst limit")));
    assert_eq!(scene.cooling("a"), 90.0);
    assert_eq!(scene.row("a").cause.unwrap().to_string(), "daily limit");
}

#[test]
fn one_outage_moves_a_guessed_end_once_and_a_stated_later_end_all_the_same() {
    let scene = Scene::with(&["a"], |builder| builder.cancel_siblings(false));
    for _ in 0..10 {
        scene.start();
    }
    // They time out one after the other, the youngest first.
    for youngest in (1..10).rev() {
        scene.upstream.answer_nth("a", youngest, Err(Fault::cooldown("timed out")));
        scene.advance(secs(5));
    }
    assert_eq!(scene.row("a").status, Status::Healthy, "30 s after the first of them, not 75");
    scene.answer("a", Err(Fault::cooldown_for(secs(60), "Retry-After: 60")));
    assert_eq!((scene.cooling("a"), scene.row("a").consecutive_cooldowns), (60.0, 1));
}

#[test]
fn a_success_after_the_end_of_a_cooldown_counts_whether_or_not_a_run_has_noticed_the_end() {
    for notices in [false, true] {
        let scene = Scene::with(&["a", "b"], |builder| {
            builder.strategy(Strategy::PrimaryBackup).cooldown_table([secs(10), secs(100)])
        });
        let (_long, _short) = (scene.start(), scene.start());
        scene.upstream.answer_nth("a", 1, Err(Fault::cooldown("429")));
        scene.settle();
        scene.answer("b", fine());
        scene.advance(secs(29));
        if notices {
            scene.start_with(|request| request.exclude("a"));
            scene.answer("b", fine());
        }
        scene.advance(secs(30));
        scene.answer("a", fine());
        scene.start();
        scene.answer("a", Err(Fault::cooldown("429")));
        assert_eq!(scene.cooling("a"), 10.0, "noticed: {notices}");
    }
}

#[test]
fn what_began_before_a_resource_was_enabled_says_nothing_of_it_any_more() {
    for signal in
        [Fault::disable("401"), Fault::cooldown("429"), Fault::cooldown_for(secs(60), "429")]
    {
        let scene = Scene::of(&["a"]);
        let (_old, young) = (scene.start(), ());
        scene.pool.disable("a").unwrap();
        scene.pool.enable("a").unwrap();
        let young = (young, scene.start()).1;
        scene.answer("a", Err(signal));
        assert_eq!(scene.status("a"), Status::Healthy);
        assert!(young.is_running(), "and aborts nobody");
        assert_eq!(scene.row("a").consecutive_cooldowns, 0);
    }
}

#[test]
fn with_steps_down_a_resource_that_flaps_climbs_as_one_that_never_works() {
    let failures = |works: fn(u32) -> bool, steps: Option<u32>| {
        let scene = Scene::with(&["a", "b"], |builder| {
            let builder = builder.strategy(Strategy::PrimaryBackup);
            match steps {
                Some(successes) => builder.step_down_after(successes),
                None => builder,
            }
        });
        let (mut calls, mut failures) = (0, 0);
        for _ in 0..7200 {
            let _ = run(&scene, |id| {
                if id == "b" {
                    return fine();
                }
                calls += 1;
                if works(calls) {
                    fine()
                } else {
                    failures += 1;
                    Err(Fault::cooldown("flaps"))
                }
            });
            scene.advance(secs(1));
        }
        failures
    };
    let (never, every_second) = (|_| false, |call| call % 2 == 0);
    assert!(failures(never, None) <= 15);
    assert!(failures(every_second, None) > 200, "one success is as good as new by default");
    let flapping = failures(every_second, Some(3));
    assert!(flapping <= 40, "{flapping}");
}

#[test]
fn a_success_that_began_before_the_cooldown_does_not_lift_it() {
    let scene = Scene::of(&["a"]);
    let (_older, _younger) = (scene.start(), scene.start());
    scene.upstream.answer_nth("a", 1, Err(Fault::cooldown("429")));
    scene.settle();
    scene.answer("a", fine());
    assert_eq!(scene.status("a"), Status::CoolingDown);
    assert_eq!(scene.row("a").consecutive_cooldowns, 1);
}

#[test]
fn an_endless_cooldown_is_a_hundred_years_and_no_panic() {
    let scene = Scene::with(&["a"], |builder| builder.cooldown_bounds(secs(1)..=Duration::MAX));
    scene.start();
    scene.answer("a", Err(Fault::cooldown_for(Duration::MAX, "hostile Retry-After")));
    assert_eq!(scene.cooling("a"), 100.0 * 365.0 * 86_400.0);
    let run = scene
        .start_with(|request| request.wait(true).retry_delay(Duration::MAX).timeout(Duration::MAX));
    assert!(!run.is_running(), "the deadline is a hundred years off too: no use in waiting");
    let patient = scene.start_with(|request| request.wait(true));
    assert!(patient.is_running());
}

#[test]
fn four_limits_hit_at_once_are_one_outage_and_the_next_one_escalates() {
    let scene = Scene::of(&["a"]);
    for (step, seconds) in [(1, 30.0), (2, 120.0)] {
        let runs = if step == 1 { 4 } else { 1 };
        for _ in 0..runs {
            scene.start();
        }
        for youngest in (0..runs).rev() {
            scene.upstream.answer_nth("a", youngest, Err(Fault::cooldown("429")));
            scene.settle();
        }
        assert_eq!(scene.row("a").consecutive_cooldowns, step);
        assert_eq!(scene.cooling("a"), seconds);
        scene.assert_at_rest();
        scene.advance(secs(600));
    }
}

#[test]
fn a_probed_resource_serves_one_operation_at_a_time_until_one_succeeds() {
    let scene = Scene::with(&["a"], |builder| builder.recovery(Recovery::Trial(Trial::default())));
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.advance(secs(30));
    let (_probe, refused) = (scene.start(), scene.start());
    let text = refused.error().to_string();
    assert!(text.contains("1 in flight of 1 (on trial after a cooldown)"), "{text}");
    scene.answer("a", fine());
    let (_one, _two) = (scene.start(), scene.start());
    assert_eq!(scene.upstream.pending(), ["a", "a"]);
}

#[test]
fn a_failed_probe_cools_a_step_further_and_a_dropped_one_gives_its_place_back() {
    let scene = Scene::with(&["a"], |builder| builder.recovery(Recovery::Trial(Trial::default())));
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.advance(secs(30));
    let dropped = scene.start();
    scene.drop_run(&dropped);
    scene.start();
    assert_eq!(scene.upstream.pending(), ["a"], "the next run probes");
    scene.answer("a", Err(Fault::cooldown("429")));
    assert_eq!(scene.cooling("a"), 120.0);
}
