//! Cooldowns: how long, how they escalate, how they end.

use std::time::Duration;

use rotapool::{Fault, Status};

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
fn the_upstreams_own_duration_replaces_the_entry_and_not_the_step() {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown_for(secs(7), "Retry-After: 7")));
    assert_eq!(scene.cooling("a"), 7.0);
    scene.advance(secs(7));
    scene.start();
    scene.answer("a", Err(Fault::cooldown_for(None, "429 without a hint")));
    assert_eq!(scene.cooling("a"), 120.0);
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
    assert_eq!(scene.row("a").consecutive_cooldowns, 2);
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
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown_for(Duration::MAX, "hostile Retry-After")));
    assert_eq!(scene.cooling("a"), 100.0 * 365.0 * 86_400.0);
    let run = scene.start_with(|request| {
        request.wait_for_cooldown(true).retry_delay(Duration::MAX).timeout(Duration::MAX)
    });
    assert!(!run.is_running(), "the deadline is a hundred years off too: no use in waiting");
    let patient = scene.start_with(|request| request.wait_for_cooldown(true));
    assert!(patient.is_running());
}

#[test]
fn four_limits_hit_at_once_are_four_steps_unless_one_trip_per_outage_is_asked_for() {
    for (one_trip, step, seconds) in [(false, 4, 600.0), (true, 1, 30.0)] {
        let scene = Scene::with(&["a"], |builder| builder.one_trip_per_outage(one_trip));
        for _ in 0..4 {
            scene.start();
        }
        for youngest in (0..4).rev() {
            scene.upstream.answer_nth("a", youngest, Err(Fault::cooldown("429")));
            scene.settle();
        }
        assert_eq!(scene.row("a").consecutive_cooldowns, step);
        assert_eq!(scene.cooling("a"), seconds);
        scene.assert_at_rest();
    }
}

#[test]
fn with_one_trip_per_outage_the_next_outage_escalates() {
    let scene = Scene::with(&["a"], |builder| builder.one_trip_per_outage(true));
    for expected in [30.0, 120.0] {
        scene.start();
        scene.answer("a", Err(Fault::cooldown("429")));
        assert_eq!(scene.cooling("a"), expected);
        scene.advance(secs(600));
    }
}

#[test]
fn a_probed_resource_serves_one_operation_at_a_time_until_one_succeeds() {
    let scene = Scene::with(&["a"], |builder| builder.probe_on_recovery(true));
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.advance(secs(30));
    let (_probe, refused) = (scene.start(), scene.start());
    let text = refused.error().to_string();
    assert!(text.contains("1 in flight of 1 (on probation after a cooldown)"), "{text}");
    scene.answer("a", fine());
    let (_one, _two) = (scene.start(), scene.start());
    assert_eq!(scene.upstream.pending(), ["a", "a"]);
}

#[test]
fn a_failed_probe_cools_a_step_further_and_a_dropped_one_gives_its_place_back() {
    let scene = Scene::with(&["a"], |builder| builder.probe_on_recovery(true));
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
