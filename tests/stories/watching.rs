//! What an operator sees: who waits, and who took a resource out.

use std::sync::Arc;
use std::time::Duration;

use rotapool::{Cause, Fault, Recovery, Resource};

use crate::scene::{Scene, Started, secs};
use crate::upstream::fine;

/// A pool of one resource that cools down for 30 s.
fn cooling() -> Scene {
    cool(Scene::of(&["a"]))
}

fn cool(scene: Scene) -> Scene {
    let run = scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    assert!(run.error().is_exhausted());
    scene
}

fn patient(scene: &Scene) -> Started {
    scene.start_with(|request| request.wait(true).retry_delay(Duration::ZERO))
}

#[test]
fn a_run_counts_as_waiting_until_it_gets_a_resource() {
    let scene = cool(Scene::restless(&["a"], |builder| builder.recovery(Recovery::AtOnce)));
    let run = patient(&scene);
    let other = patient(&scene);
    assert_eq!(scene.pool.stats().waiting, 2);
    // Woken for nothing, they think again and wait on.
    scene.advance(secs(1));
    assert_eq!(scene.pool.stats().waiting, 2);
    scene.advance(secs(29));
    assert_eq!((scene.pool.stats().waiting, scene.pool.stats().in_flight), (0, 2));
    scene.answer("a", fine());
    scene.answer("a", fine());
    assert!(run.result().is_ok() && other.result().is_ok());
    scene.assert_at_rest();
}

#[test]
fn a_waiting_run_that_is_dropped_waits_no_more() {
    let scene = cooling();
    let run = patient(&scene);
    assert_eq!(scene.pool.stats().waiting, 1);
    scene.drop_run(&run);
    assert_eq!((scene.pool.stats().waiting, scene.pool.stats().runs_cancelled), (0, 1));
    scene.assert_at_rest();
}

#[test]
fn a_waiting_run_that_gives_up_waits_no_more() {
    let scene = cooling();
    let run = patient(&scene);
    assert_eq!(scene.pool.stats().waiting, 1);
    scene.pool.disable("a").unwrap();
    scene.settle();
    assert!(run.error().is_exhausted());
    scene.assert_at_rest();
}

#[test]
fn a_waiting_run_that_is_asked_for_its_filter_waits_on_until_it_has_an_attempt() {
    let scene = cooling();
    let run = scene.start_with(|request| request.wait(true).only(|_| true));
    assert_eq!(scene.pool.stats().waiting, 1);
    // The filter judges the newcomer, who is picked.
    scene.pool.add(Resource::new("b", "b")).unwrap();
    scene.settle();
    assert_eq!((scene.pool.stats().waiting, scene.pool.stats().in_flight), (0, 1));
    scene.answer("b", fine());
    assert!(run.result().is_ok());
    scene.assert_at_rest();
}

#[test]
fn a_pausing_run_does_not_wait() {
    let scene = Scene::of(&["a", "b"]);
    let run = scene.start_with(|request| request.retry_delay(secs(1)));
    scene.answer("a", Err(Fault::retry("hiccup")));
    assert!(run.is_running());
    assert_eq!(scene.pool.stats().waiting, 0);
}

#[test]
fn a_snapshot_names_the_attempt_whose_signal_took_the_resource_out() {
    let scene = Scene::of(&["a", "b", "c"]);
    let runs = [scene.start(), scene.start(), scene.start()];
    assert_eq!((scene.row("a").attempt, scene.row("a").cause), (None, None));
    scene.answer("b", Err(Fault::cooldown("429")));
    scene.answer("c", Err(Fault::disable("revoked")));
    let b = scene.row("b");
    assert_eq!((b.cause, b.attempt), (Some(Cause::Signal(Arc::from("429"))), Some(2)));
    let c = scene.row("c");
    assert_eq!((c.cause, c.attempt), (Some(Cause::Signal(Arc::from("revoked"))), Some(3)));
    scene.pool.disable("a").unwrap();
    assert_eq!((scene.row("a").cause, scene.row("a").attempt), (Some(Cause::Admin), None));
    scene.pool.enable("c").unwrap();
    assert_eq!((scene.row("c").cause, scene.row("c").attempt), (None, None));
    drop(runs);
}

#[test]
fn a_cooldown_that_is_not_shortened_keeps_the_attempt_that_it_came_from() {
    let scene = Scene::of(&["a"]);
    let runs = [scene.start(), scene.start(), scene.start()];
    scene.upstream.answer_nth("a", 2, Err(Fault::cooldown_for(secs(60), "third: a minute")));
    scene.settle();
    assert_eq!(scene.row("a").attempt, Some(3));
    scene.upstream.answer_nth("a", 1, Err(Fault::cooldown_for(secs(5), "second: five seconds")));
    scene.settle();
    let row = scene.row("a");
    assert_eq!((row.attempt, scene.cooling("a")), (Some(3), 60.0));
    scene.upstream.answer_nth("a", 0, Err(Fault::cooldown_for(secs(90), "first: longer")));
    scene.settle();
    assert_eq!((scene.row("a").attempt, scene.cooling("a")), (Some(1), 90.0));
    drop(runs);
}

#[test]
fn a_snapshot_shows_the_metadata() {
    let scene = Scene::of(&["a"]);
    scene.pool.add(Resource::new("b", "b").metadata("region", "eu")).unwrap();
    assert_eq!(scene.row("b").metadata.get("region"), Some("eu"));
    assert_eq!(scene.row("a").metadata.iter().count(), 0);
}
