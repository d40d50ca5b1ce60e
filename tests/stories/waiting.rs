//! Runs that wait for a cooldown to end.

use std::time::Duration;

use rotapool::{ExhaustedReason, Fault, Resource};

use crate::scene::{Scene, Started, secs};
use crate::upstream::fine;

/// One resource, cooling down for 30 s, and a run that waits for it.
fn one_waits() -> (Scene, Started) {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    let waiting = scene.start_with(|request| request.wait_for_cooldown(true));
    assert_eq!(scene.clock.sleeps(), [secs(30)]);
    (scene, waiting)
}

#[test]
fn a_run_sleeps_until_the_earliest_cooldown_ends() {
    let (scene, waiting) = one_waits();
    scene.advance(Duration::from_millis(29_999));
    assert_eq!(scene.upstream.pending(), [""; 0]);
    scene.advance(Duration::from_millis(1));
    scene.answer("a", fine());
    assert_eq!(waiting.result().unwrap(), "fine");
    scene.assert_at_rest();
}

#[test]
fn those_who_wait_come_back_spread_over_the_retry_delay() {
    let (scene, _waiting) = one_waits();
    for _ in 0..50 {
        scene.start_with(|request| request.wait_for_cooldown(true).retry_delay(secs(10)));
    }
    let wakes = scene.clock.sleeps();
    assert!(wakes.iter().all(|wake| (secs(30)..=secs(40)).contains(wake)), "{wakes:?}");
    assert!(wakes[50] - wakes[1] > secs(5), "{wakes:?}");
}

#[test]
fn an_added_resource_serves_the_waiting_run_at_once() {
    let (scene, _waiting) = one_waits();
    scene.pool.add(Resource::new("b", "b")).unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["b"]);
}

#[test]
fn enabling_the_resource_wakes_the_waiting_run() {
    let (scene, _waiting) = one_waits();
    scene.pool.enable("a").unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["a"]);
}

#[test]
fn disabling_or_removing_what_it_waits_for_ends_the_waiting_run() {
    for call in ["disable", "remove"] {
        let (scene, waiting) = one_waits();
        match call {
            "disable" => scene.pool.disable("a").unwrap(),
            _ => scene.pool.remove("a").unwrap(),
        }
        scene.settle();
        let error = waiting.error();
        let reason = error.exhausted().unwrap().reason;
        assert_eq!(reason, ExhaustedReason::NoEligibleResource, "{call}");
        scene.assert_at_rest();
    }
}

#[test]
fn a_longer_cooldown_makes_the_waiting_run_think_again() {
    let scene = Scene::with(&["a"], |builder| builder.cancel_siblings(false));
    let _two = (scene.start(), scene.start());
    scene.answer("a", Err(Fault::cooldown_for(secs(10), "429")));
    let _waiting = scene.start_with(|request| request.wait_for_cooldown(true));
    scene.answer("a", Err(Fault::cooldown_for(secs(50), "429")));
    assert_eq!(scene.clock.sleeps(), [secs(50)]);
}

#[test]
fn a_wake_up_alone_proves_nothing() {
    let scene = Scene::restless(&["a"], |builder| builder);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    let _waiting = scene.start_with(|request| request.wait_for_cooldown(true));
    for second in 1..=30 {
        assert_eq!((scene.clock.sleeps(), scene.upstream.pending().len()), (vec![secs(second)], 0));
        scene.advance(secs(1));
    }
    assert_eq!(scene.upstream.pending(), ["a"]);
}

#[test]
fn a_wait_that_cannot_help_before_the_deadline_is_not_begun() {
    let (scene, _waiting) = one_waits();
    let run = scene.start_with(|request| request.wait_for_cooldown(true).timeout(secs(12)));
    let error = run.error();
    let exhausted = error.exhausted().unwrap();
    assert!(matches!(exhausted.reason, ExhaustedReason::CooldownOutlastsDeadline { .. }));
    assert!(error.to_string().contains("ends 18.0s past the deadline"), "{error}");
    assert_eq!(error.retry_after(), Some(secs(30)));
}

#[test]
fn nobody_waits_for_a_saturated_or_disabled_resource() {
    let scene = Scene::with(&["off"], |builder| {
        builder.resource(Resource::new("full", "f").max_in_flight(1))
    });
    scene.pool.disable("off").unwrap();
    let _holds_full = scene.start();
    let run = scene.start_with(|request| request.wait_for_cooldown(true));
    let error = run.error();
    assert_eq!(error.exhausted().unwrap().explanation.retry_at, None);
    assert_eq!(error.retry_after(), None);
}

#[test]
fn a_run_whose_wait_was_begun_in_time_selects_once_more_however_late_it_wakes() {
    let (scene, _waiting) = one_waits();
    let run = scene.start_with(|request| request.wait_for_cooldown(true).timeout(secs(40)));
    scene.clock.advance(secs(500));
    scene.settle();
    scene.answer("a", fine());
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
}
