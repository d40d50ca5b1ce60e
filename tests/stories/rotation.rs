//! Who is picked.

use rotapool::{Fault, Resource, Strategy};

use crate::scene::{Scene, secs};
use crate::upstream::fine;

#[test]
fn idle_resources_are_rotated_through_in_pool_order() {
    let scene = Scene::of(&["a", "b", "c"]);
    for id in ["a", "b", "c", "a", "b", "c"] {
        scene.start();
        scene.answer(id, fine());
    }
    assert_eq!(scene.upstream.seen(), ["a", "b", "c", "a", "b", "c"]);
    scene.assert_at_rest();
}

#[test]
fn the_resource_with_the_fewest_operations_in_flight_is_picked() {
    let scene = Scene::of(&["a", "b"]);
    let (_on_a, _on_b, _on_a_too) = (scene.start(), scene.start(), scene.start());
    assert_eq!(scene.upstream.pending(), ["a", "b", "a"]);
    scene.answer("a", fine());
    scene.answer("a", fine());
    scene.start();
    scene.start();
    assert_eq!(scene.upstream.pending(), ["b", "a", "b"], "then the least recently picked");
}

#[test]
fn a_new_resource_is_picked_before_any_that_was_used() {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", fine());
    scene.pool.add(Resource::new("b", "b")).unwrap();
    scene.start();
    assert_eq!(scene.upstream.pending(), ["b"]);
}

#[test]
fn a_resource_at_its_cap_is_passed_over() {
    let scene =
        Scene::with(&["a"], |builder| builder.resource(Resource::new("b", "b").max_in_flight(1)));
    for _ in 0..4 {
        scene.start();
    }
    assert_eq!(scene.upstream.pending(), ["a", "b", "a", "a"]);
    let stats = scene.pool.stats();
    assert_eq!((stats.eligible, stats.saturated, stats.in_flight), (1, 1, 4));
}

#[test]
fn backups_serve_only_while_the_primary_is_out_or_full() {
    let scene = Scene::with(&[], |builder| {
        builder
            .resource(Resource::new("primary", "p").max_in_flight(2))
            .resource(Resource::new("backup", "b"))
            .strategy(Strategy::PrimaryBackup)
    });
    for _ in 0..3 {
        scene.start();
    }
    assert_eq!(scene.upstream.pending(), ["primary", "primary", "backup"]);
    scene.answer("primary", Err(Fault::cooldown("429")));
    assert_eq!(scene.upstream.pending(), ["backup"; 3], "the younger one moved too");
    scene.advance(secs(30));
    scene.start();
    assert_eq!(scene.upstream.pending().last().unwrap(), "primary");
}

#[test]
fn a_lease_knows_its_resource_its_attempt_and_its_request() {
    let scene = Scene::of(&["a", "b"]);
    let run = scene.enter({
        let request = scene.pool.request().request_id("req-7");
        async move {
            request
                .run(|lease| async move {
                    let text =
                        format!("{} {} {:?}", lease.id(), lease.attempt(), lease.request_id());
                    if lease.attempt() == 1 { Err(Fault::retry(text)) } else { Ok(text) }
                })
                .await
        }
    });
    assert_eq!(run.result().unwrap(), "b 2 Some(\"req-7\")");
}
