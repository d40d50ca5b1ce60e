//! A retry prefers what its run has not tried.

use rotapool::{ExhaustedReason, Fault, Resource, Strategy};

use crate::picks::{run, run_with};
use crate::scene::Scene;
use crate::upstream::{Answer, fine};

fn hiccup(_: &str) -> Answer {
    Err(Fault::retry("503"))
}

/// The resources that a run with a budget of five tries, in a pool of three, if all let it down.
fn tried(scene: &Scene) -> Vec<String> {
    let before = scene.upstream.seen().len();
    scene.start_with(|request| request.max_attempts(5).wait(true).affinity("key"));
    while let Some(on) = scene.upstream.pending().first() {
        scene.answer(on, hiccup(on));
    }
    scene.upstream.seen().split_off(before)
}

fn distinct(ids: &[String]) -> usize {
    let mut ids = ids.to_vec();
    ids.sort();
    ids.dedup();
    ids.len()
}

/// Weights, priorities and what not would all send a retry back to the first resource.
fn lopsided(strategy: Strategy, seed: u64) -> Scene {
    Scene::with(&[], |builder| {
        builder
            .strategy(strategy)
            .seed(seed)
            .resource(Resource::new("a", "a").weight(1000.0))
            .resource(Resource::new("b", "b").priority(1))
            .resource(Resource::new("c", "c").priority(2))
    })
}

#[test]
fn a_run_tries_every_resource_before_it_tries_one_again() {
    for &strategy in Strategy::ALL {
        for seed in 1..=10 {
            let tried = tried(&lopsided(strategy, seed));
            assert_eq!(tried.len(), 5, "{strategy:?}: the budget is used, on calls: {tried:?}");
            assert_eq!(distinct(&tried[..3]), 3, "{strategy:?}, seed {seed}: {tried:?}");
        }
    }
}

#[test]
fn when_all_were_tried_the_turn_begins_again_with_the_least_recently_tried() {
    for &strategy in Strategy::ALL {
        for seed in 1..=5 {
            let scene = Scene::with(&[], |builder| {
                let one = Resource::new("a", "a").weight(10.0);
                builder
                    .strategy(strategy)
                    .seed(seed)
                    .resource(one)
                    .resource(Resource::new("b", "b"))
            });
            scene.start_with(|request| request.max_attempts(8).affinity("key"));
            while let Some(on) = scene.upstream.pending().first() {
                scene.answer(on, hiccup(on));
            }
            let turns = scene.upstream.seen();
            assert_eq!(turns.len(), 8);
            assert!(turns.windows(2).all(|pair| pair[0] != pair[1]), "{strategy:?}: {turns:?}");
        }
    }
}

#[test]
fn a_tried_resource_is_used_again_when_nothing_else_is_eligible() {
    for &strategy in Strategy::ALL {
        let scene = lopsided(strategy, 1);
        scene.pool.disable("b").unwrap();
        scene.pool.disable("c").unwrap();
        let run = scene.start();
        for _ in 0..2 {
            scene.answer("a", hiccup("a"));
        }
        scene.answer("a", fine());
        assert_eq!(run.result().unwrap(), "fine", "{strategy:?}");
        assert_eq!(scene.pool.stats().attempts, 3, "{strategy:?}");
    }
}

#[test]
fn a_resource_that_turns_eligible_meanwhile_is_preferred_to_a_tried_one() {
    let scene = lopsided(Strategy::Priority, 1);
    scene.pool.disable("b").unwrap();
    scene.pool.disable("c").unwrap();
    scene.start();
    scene.answer("a", hiccup("a"));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.pool.enable("c").unwrap();
    scene.answer("a", hiccup("a"));
    assert_eq!(scene.upstream.pending(), ["c"]);
}

#[test]
fn every_attempt_of_the_budget_is_a_call_of_the_operation() {
    for &strategy in Strategy::ALL {
        for seed in 1..=5 {
            let scene = lopsided(strategy, seed);
            let calls = std::cell::Cell::new(0);
            let error = run_with(
                &scene,
                |request| request.max_attempts(3),
                |id| {
                    calls.set(calls.get() + 1);
                    hiccup(id)
                },
            )
            .unwrap_err();
            let exhausted = error.exhausted().unwrap();
            assert_eq!((exhausted.reason, exhausted.attempts), (ExhaustedReason::MaxAttempts, 3));
            assert_eq!((calls.get(), scene.pool.stats().attempts), (3, 3), "{strategy:?}");
        }
    }
}

#[test]
fn what_one_run_tried_is_nothing_to_another() {
    let scene = lopsided(Strategy::Priority, 1);
    let (_one, _other) = (scene.start(), scene.start());
    assert_eq!(scene.upstream.pending(), ["a", "a"]);
    scene.answer("a", hiccup("a"));
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    scene.start();
    assert_eq!(scene.upstream.pending(), ["a", "b", "a"]);
}

#[test]
fn a_sibling_that_was_aborted_has_tried_the_resource_too() {
    let scene = lopsided(Strategy::Priority, 1);
    let (_older, younger) = (scene.start(), scene.start());
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.pool.enable("a").unwrap();
    assert_eq!(scene.upstream.pending(), ["b", "b"], "before `a` was enabled again");
    scene.answer("b", hiccup("b"));
    assert_eq!(scene.upstream.pending(), ["b", "c"], "although `a` comes before `c`");
    scene.answer("b", fine());
    scene.answer("c", fine());
    assert_eq!(younger.result().unwrap(), "fine");
}

#[test]
fn an_id_that_was_removed_and_added_again_counts_as_new() {
    let scene = lopsided(Strategy::Priority, 1);
    scene.start();
    scene.pool.remove("a").unwrap();
    scene.pool.add(Resource::new("a", "a")).unwrap();
    scene.answer("a", hiccup("a"));
    assert_eq!(scene.upstream.pending(), ["a"], "another membership, and not tried");
}

#[test]
fn a_run_that_is_let_down_by_all_says_so_and_leaves_all_eligible() {
    let scene = lopsided(Strategy::RoundRobin, 1);
    let error = run(&scene, hiccup).unwrap_err();
    assert_eq!(
        error.to_string(),
        "pool exhausted: no attempt left after 3 attempts; 3 resources: 3 eligible; \
         last signal: retry (503)"
    );
}

#[test]
fn what_was_promised_and_tried_is_left_for_what_has_come_free_and_is_fresh() {
    for &strategy in Strategy::ALL {
        let scene = Scene::with(&[], |builder| {
            let one = |id: &'static str| Resource::new(id, id).max_in_flight(1);
            builder.strategy(strategy).resource(one("a")).resource(one("b"))
        });
        let _on_b = scene.start_with(|request| request.exclude("a"));
        let run = scene.start_with(|request| request.wait(true).max_attempts(5));
        let _next = scene.start_with(|request| request.wait(true).exclude("b"));
        scene.answer("a", hiccup("a"));
        assert_eq!(scene.upstream.pending(), ["b", "a"], "both are busy");
        // It is promised "a", and "b" comes free before it has its turn.
        scene.upstream.answer("a", fine());
        scene.upstream.answer("b", fine());
        scene.settle();
        assert_eq!(scene.upstream.pending(), ["b"], "{strategy:?}");
        scene.answer("b", fine());
        assert_eq!(run.result().unwrap(), "fine");
        scene.assert_at_rest();
    }
}
