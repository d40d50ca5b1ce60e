//! Adding, removing, enabling, disabling while runs are in flight.

use std::sync::Arc;

use rotapool::{Fault, Pool, Resource, Status};

use crate::scene::{Scene, secs};
use crate::upstream::fine;

#[test]
fn a_removed_resource_drains_and_lets_go_of_its_value() {
    let value = Arc::new(());
    let pool = Pool::builder()
        .resource(Resource::new("a", Arc::clone(&value)))
        .resource(Resource::new("b", Arc::new(())))
        .build()
        .unwrap();
    pool.remove("a").unwrap();
    assert_eq!(Arc::strong_count(&value), 1);

    let scene = Scene::of(&["a", "b"]);
    let on_a = scene.start();
    scene.pool.remove("a").unwrap();
    assert_eq!(scene.pool.stats().in_flight, 0, "the gauge counts members only");
    scene.answer("a", fine());
    assert_eq!(on_a.result().unwrap(), "fine");
    assert_eq!(scene.pool.stats().successes, 1, "the pool's counters survive");
    assert_eq!(scene.pool.stats().resources.len(), 1);
}

#[test]
fn a_readded_id_is_a_new_membership_that_old_signals_cannot_touch() {
    for signal in [Fault::cooldown("429"), Fault::disable("401")] {
        let scene = Scene::of(&["a"]);
        let _old = scene.start();
        scene.pool.remove("a").unwrap();
        scene.pool.add(Resource::new("a", "a")).unwrap();
        let new = scene.start();
        scene.answer("a", Err(signal));
        assert_eq!(scene.status("a"), Status::Healthy);
        assert!(new.is_running(), "nor its operations");
        assert_eq!(scene.row("a").consecutive_cooldowns, 0);
    }
}

#[test]
fn what_still_drains_of_an_earlier_membership_counts_toward_the_cap() {
    let scene = Scene::of(&["a"]);
    let _draining = [scene.start(), scene.start()];
    scene.pool.remove("a").unwrap();
    scene.pool.add(Resource::new("a", "a").max_in_flight(2)).unwrap();
    assert_eq!(scene.pool.stats().saturated, 1);
    assert!(scene.start().error().is_exhausted());
    scene.answer("a", fine());
    let _fits = scene.start();
    assert_eq!(scene.row("a").in_flight, 2);
    scene.answer("a", fine());
    scene.answer("a", fine());
    scene.assert_at_rest();
}

#[test]
fn draining_usages_follow_their_id_through_two_removals() {
    let scene = Scene::of(&["a", "b"]);
    scene.pool.disable("b").unwrap();
    let _first = scene.start();
    for _ in 0..2 {
        scene.pool.remove("a").unwrap();
        scene.pool.add(Resource::new("a", "a")).unwrap();
        scene.start();
    }
    assert_eq!(scene.row("a").in_flight, 3);
    for left in [2, 1, 0] {
        scene.answer("a", fine());
        assert_eq!(scene.row("a").in_flight, left);
    }
}

#[test]
fn disabling_leaves_operations_alone_and_enabling_clears_everything() {
    let scene = Scene::of(&["a"]);
    let running = scene.start();
    scene.pool.disable("a").unwrap();
    scene.answer("a", fine());
    assert_eq!(running.result().unwrap(), "fine");
    assert_eq!(scene.status("a"), Status::Disabled, "a success does not enable");
    scene.pool.enable("a").unwrap();
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.pool.enable("a").unwrap();
    assert_eq!((scene.status("a"), scene.row("a").consecutive_cooldowns), (Status::Healthy, 0));
}

#[test]
fn the_budget_counts_the_resources_at_the_start_of_the_run() {
    let scene = Scene::of(&["a", "b", "c"]);
    let run = scene.start();
    scene.pool.remove("b").unwrap();
    scene.pool.remove("c").unwrap();
    scene.answer("a", Err(Fault::retry("503")));
    scene.answer("a", Err(Fault::retry("503")));
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn a_pool_that_was_emptied_says_so() {
    let scene = Scene::of(&["a"]);
    scene.pool.remove("a").unwrap();
    for wait in [false, true] {
        let run = scene.start_with(|request| request.wait(wait));
        let text = run.error().to_string();
        assert!(text.contains("the pool is empty"), "{text}");
    }
}

#[test]
fn handles_share_one_pool() {
    let scene = Scene::of(&["a"]);
    let other = scene.pool.clone();
    other.disable("a").unwrap();
    assert_eq!(scene.status("a"), Status::Disabled);
    scene.advance(secs(1_000_000));
    assert_eq!(scene.status("a"), Status::Disabled);
}

#[test]
fn a_large_pool_is_listed_in_parts_that_make_a_whole() {
    let resources = (0..1000).map(|number| Resource::new(format!("r{number}"), ()));
    let pool = Pool::builder().resources(resources).build().unwrap();
    for number in (0..1000).step_by(10) {
        pool.disable(&format!("r{number}")).unwrap();
    }
    pool.remove("r255").unwrap();
    pool.remove("r256").unwrap();
    let (stats, snapshot) = (pool.stats(), pool.snapshot());
    assert_eq!((stats.resources.len(), stats.eligible, stats.disabled), (998, 898, 100));
    let ids: Vec<String> =
        (0..1000).filter(|n| ![255, 256].contains(n)).map(|n| format!("r{n}")).collect();
    assert!(stats.resources.iter().map(|row| &*row.id).eq(ids.iter().map(String::as_str)));
    assert!(snapshot.iter().map(|row| &*row.id).eq(ids.iter().map(String::as_str)));
}
