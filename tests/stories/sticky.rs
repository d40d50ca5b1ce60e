//! Sticky: one resource until it is out, then the next.

use rotapool::{Fault, Recovery, Resource, Strategy, Trial};

use crate::picks::{pick, pick_with, picks};
use crate::scene::{Scene, secs};
use crate::upstream::fine;

fn sticky() -> Scene {
    Scene::with(&["a", "b", "c"], |builder| builder.strategy(Strategy::Sticky))
}

/// The current resource signals a limit; the run is served by whoever is next, which is answered.
fn trip(scene: &Scene, id: &str, seconds: u64) -> String {
    scene.start();
    scene.answer(id, Err(Fault::cooldown_for(secs(seconds), "429")));
    let next = scene.upstream.pending().remove(0);
    scene.answer(&next, fine());
    next
}

#[test]
fn it_walks_forward_from_one_to_the_next_and_wraps_and_never_snaps_back() {
    let scene = sticky();
    assert_eq!(picks(&scene, 3), ["a", "a", "a"]);
    assert_eq!(trip(&scene, "a", 10), "b");
    scene.advance(secs(10));
    assert_eq!(picks(&scene, 3), ["b", "b", "b"], "`a` is back and waits for its turn");
    assert_eq!(trip(&scene, "b", 10), "c", "forward, although `a` is eligible");
    assert_eq!(trip(&scene, "c", 10), "a", "around");
    scene.advance(secs(10));
    assert_eq!(picks(&scene, 3), ["a", "a", "a"], "all are back");
    for (id, next) in [("a", "b"), ("b", "c"), ("c", "a"), ("a", "b")] {
        assert_eq!(trip(&scene, id, 10), next, "lap after lap");
        scene.advance(secs(10));
    }
}

#[test]
fn whoever_is_out_when_its_turn_comes_is_skipped() {
    let scene = sticky();
    scene.pool.disable("b").unwrap();
    assert_eq!(trip(&scene, "a", 10), "c");
    scene.pool.enable("b").unwrap();
    scene.advance(secs(10));
    assert_eq!(picks(&scene, 2), ["c", "c"]);
    assert_eq!(trip(&scene, "c", 10), "a", "the walk goes forward: `b` is after `a`");
}

#[test]
fn a_current_resource_that_nobody_missed_is_still_the_current_one() {
    let scene = sticky();
    assert_eq!(pick(&scene), "a");
    scene.pool.disable("a").unwrap();
    scene.pool.enable("a").unwrap();
    assert_eq!(pick(&scene), "a");
}

#[test]
fn a_full_resource_spills_and_stays_the_current_one() {
    let scene = Scene::with(&[], |builder| {
        builder
            .strategy(Strategy::Sticky)
            .resource(Resource::new("a", "a").max_in_flight(2))
            .resource(Resource::new("b", "b").max_in_flight(1))
            .resource(Resource::new("c", "c"))
    });
    for _ in 0..4 {
        scene.start();
    }
    assert_eq!(scene.upstream.pending(), ["a", "a", "b", "c"]);
    scene.answer("b", fine());
    assert_eq!(pick(&scene), "b", "the next in order, each time");
    scene.answer("a", fine());
    assert_eq!(picks(&scene, 2), ["a", "a"], "it has room again");
}

#[test]
fn a_resource_that_comes_back_a_little_at_a_time_spills_and_stays_the_current_one() {
    for recovery in [Recovery::Ramp, Recovery::Trial(Trial::default())] {
        let scene = Scene::with(&["a", "b", "c"], |builder| {
            builder.strategy(Strategy::Sticky).recovery(recovery)
        });
        assert_eq!(pick(&scene), "a");
        ["c", "b", "a"].iter().for_each(|id| _ = scene.pool.park(id, secs(10), "works").unwrap());
        scene.advance(secs(10));
        for spilled in ["a", "b", "c"] {
            scene.start();
            assert_eq!(scene.upstream.pending().last().unwrap(), spilled, "{recovery:?}");
        }
        scene.answer("b", fine());
        scene.answer("a", fine());
        assert_eq!(
            picks(&scene, 3),
            ["a", "a", "a"],
            "it was never away for who came: {recovery:?}"
        );
    }
}

#[test]
fn a_full_resource_that_goes_out_hands_over_for_good() {
    let scene = Scene::with(&["b"], |builder| {
        let first = Resource::new("a", "a").max_in_flight(1);
        builder.strategy(Strategy::Sticky).resource(first).resource(Resource::new("c", "c"))
    });
    scene.pool.disable("b").unwrap();
    scene.start();
    assert_eq!(pick(&scene), "c", "spilled");
    scene.pool.enable("b").unwrap();
    scene.pool.disable("a").unwrap();
    scene.answer("a", fine());
    assert_eq!(pick(&scene), "c", "forward from `a`");
    scene.pool.enable("a").unwrap();
    assert_eq!(picks(&scene, 2), ["c", "c"], "no snap-back");
}

#[test]
fn a_retry_goes_elsewhere_without_moving_the_current_resource() {
    let scene = sticky();
    let run = scene.start();
    scene.answer("a", Err(Fault::retry("503")));
    scene.answer("b", Err(Fault::retry("503")));
    scene.answer("c", fine());
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(picks(&scene, 2), ["a", "a"], "everybody else stays");
}

#[test]
fn a_run_with_a_filter_goes_elsewhere_without_moving_the_current_resource() {
    let scene = sticky();
    scene.start();
    assert_eq!(pick_with(&scene, |request| request.exclude("a")), "b");
    assert_eq!(pick_with(&scene, |request| request.exclude("a").exclude("b")), "c");
    scene.answer("a", fine());
    assert_eq!(picks(&scene, 2), ["a", "a"]);
}

#[test]
fn a_new_resource_comes_last_and_a_removed_one_hands_over() {
    let scene = sticky();
    assert_eq!(pick(&scene), "a");
    scene.pool.add(Resource::new("d", "d")).unwrap();
    scene.pool.remove("a").unwrap();
    scene.pool.add(Resource::new("a", "a")).unwrap();
    let mut walk = Vec::new();
    for _ in 0..4 {
        walk.push(pick(&scene));
        scene.pool.disable(walk.last().unwrap()).unwrap();
    }
    assert_eq!(walk, ["b", "c", "d", "a"]);
}
