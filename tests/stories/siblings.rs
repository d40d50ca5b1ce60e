//! Younger operations on a failed resource are aborted and tried elsewhere.

use std::time::Duration;

use futures::FutureExt as _;
use rotapool::{Builder, Fault, Signal, Status};

use crate::scene::{Scene, secs};
use crate::upstream::fine;

/// Four runs on two resources: `a` has the first and the third, `b` the second and the fourth.
fn two_on_each() -> Scene {
    let scene = Scene::of(&["a", "b"]);
    for _ in 0..4 {
        scene.start();
    }
    assert_eq!(scene.upstream.pending(), ["a", "b", "a", "b"]);
    scene
}

#[test]
fn a_cooldown_signal_aborts_the_younger_sibling_and_both_are_served_elsewhere() {
    let scene = two_on_each();
    scene.answer("a", Err(Fault::cooldown("429")));
    assert_eq!(scene.upstream.pending(), ["b"; 4]);
    let stats = scene.pool.stats();
    assert_eq!((stats.sibling_cancels, stats.attempts), (1, 6));
    for _ in 0..4 {
        scene.answer("b", fine());
    }
    assert_eq!(scene.pool.stats().runs_ok, 4);
    scene.assert_at_rest();
}

/// Calls overtake each other on the way: that one was refused says nothing of another that was sent beside it.
#[test]
fn a_cooldown_signal_spares_the_sibling_that_may_have_reached_the_upstream_before_its_call() {
    let scene = Scene::of(&["a"]);
    let _refused = scene.start();
    scene.advance(Duration::from_millis(4));
    let beside = scene.start();
    scene.advance(Duration::from_millis(1));
    let behind = scene.start();
    scene.advance(Duration::from_millis(5));
    scene.answer("a", Err(Fault::cooldown("429")));
    assert!(beside.is_running(), "it was sent in the first half of the ten milliseconds");
    assert_eq!(behind.error().exhausted().unwrap().attempts, 1, "and this one in the second");
    assert_eq!(scene.pool.stats().sibling_cancels, 1);
    scene.answer("a", fine());
    assert_eq!(beside.result().unwrap(), "fine");
    scene.assert_at_rest();
}

#[test]
fn nobody_is_spared_by_a_disable_signal_by_a_checkouts_word_or_by_the_recorded_rules() {
    let python = |builder: Builder<&'static str>| builder.python_rules();
    let scenes = [Scene::of(&["a"]), Scene::with(&["a"], python)];
    for (scene, signal) in scenes.into_iter().zip([Fault::disable("401"), Fault::cooldown("429")]) {
        let (_refused, _beside) = (scene.start(), scene.start());
        scene.advance(secs(10));
        scene.answer("a", Err(signal));
        assert_eq!(scene.pool.stats().sibling_cancels, 1);
    }
    let scene = Scene::of(&["a"]);
    let held = scene.pool.request().acquire().now_or_never().unwrap().unwrap();
    let _beside = scene.start();
    scene.advance(secs(10));
    held.signal(Fault::cooldown("429")).unwrap();
    scene.settle();
    assert_eq!(scene.pool.stats().sibling_cancels, 1);
}

#[test]
fn older_siblings_are_left_alone() {
    let scene = two_on_each();
    scene.upstream.answer_nth("a", 1, Err(Fault::cooldown("429")));
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["a", "b", "b", "b"]);
    assert_eq!(scene.pool.stats().sibling_cancels, 0);
}

#[test]
fn a_disable_signal_aborts_the_younger_even_if_the_resource_is_out_or_gone_already() {
    for before in ["disable", "remove"] {
        let scene = two_on_each();
        match before {
            "disable" => scene.pool.disable("a").unwrap(),
            _ => scene.pool.remove("a").unwrap(),
        }
        assert_eq!(scene.upstream.pending().len(), 4, "an admin call aborts nothing");
        scene.answer("a", Err(Fault::disable("401")));
        assert_eq!(scene.upstream.pending(), ["b"; 4], "after {before}");
    }
}

#[test]
fn a_cooldown_signal_of_a_disabled_resource_is_no_news() {
    let scene = two_on_each();
    scene.pool.disable("a").unwrap();
    scene.answer("a", Err(Fault::cooldown("429")));
    assert_eq!(scene.upstream.pending(), ["b", "a", "b", "b"], "the sibling goes on");
    assert_eq!((scene.status("a"), scene.pool.stats().cooldowns), (Status::Disabled, 0));
}

#[test]
fn with_cancel_siblings_off_everybody_finishes_for_himself() {
    let scene = Scene::with(&["a"], |builder| builder.cancel_siblings(false));
    let (first, second) = (scene.start(), scene.start());
    scene.answer("a", Err(Fault::cooldown("429")));
    assert!(first.error().is_exhausted());
    scene.answer("a", fine());
    assert_eq!(second.result().unwrap(), "fine");
    assert_eq!(scene.pool.stats().sibling_cancels, 0);
}

#[test]
fn a_retry_signal_aborts_nobody() {
    let scene = Scene::of(&["a"]);
    let (_older, younger) = (scene.start(), scene.start());
    scene.answer("a", Err(Fault::retry("503")));
    assert!(younger.is_running());
    assert_eq!((scene.status("a"), scene.pool.stats().retries), (Status::Healthy, 1));
}

#[test]
fn an_abort_on_the_last_attempt_exhausts_with_the_siblings_signal() {
    for (signal, expected) in [
        (Fault::cooldown("429"), Signal::cooldown("aborted by a sibling's signal: 429")),
        (Fault::disable("401"), Signal::disable("aborted by a sibling's signal: 401")),
    ] {
        let scene = Scene::of(&["a"]);
        let (_older, younger) = (scene.start(), scene.start());
        scene.answer("a", Err(signal));
        let error = younger.error();
        assert_eq!(error.exhausted().unwrap().last_signal, Some(expected));
    }
}

#[test]
fn an_aborted_operation_is_dropped_before_the_next_attempt_begins() {
    let scene = Scene::of(&["a", "b"]);
    let (_first, _second, _third) = (scene.start(), scene.start(), scene.start());
    scene.answer("a", Err(Fault::cooldown("429")));
    assert_eq!(scene.upstream.seen(), ["a", "b", "a", "b", "b"]);
    assert_eq!(scene.pool.stats().in_flight, 3);
}

#[test]
fn a_usage_is_aborted_only_once() {
    let scene = Scene::of(&["a"]);
    let _runs = [scene.start(), scene.start(), scene.start()];
    // Both older operations fail before the youngest gets to run.
    scene.upstream.answer("a", Err(Fault::cooldown("429")));
    scene.upstream.answer("a", Err(Fault::disable("401")));
    scene.settle();
    // The first signal aborted two; the second operation had its answer and so was polled aborted.
    assert_eq!(scene.pool.stats().sibling_cancels, 2);
    scene.assert_at_rest();
}
