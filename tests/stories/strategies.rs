//! Strict turns and tiers: round robin and priority.

use rotapool::{Fault, Resource, Strategy};

use crate::picks::{pick, picks, run_with};
use crate::scene::{Scene, secs};
use crate::upstream::fine;

fn in_turn() -> Scene {
    Scene::with(&["a", "b", "c"], |builder| builder.strategy(Strategy::RoundRobin))
}

#[test]
fn round_robin_takes_strict_turns_whatever_is_in_flight() {
    let scene = in_turn();
    for _ in 0..3 {
        scene.start();
    }
    scene.answer("b", fine());
    scene.answer("c", fine());
    for _ in 0..4 {
        scene.start();
    }
    assert_eq!(scene.upstream.seen(), ["a", "b", "c", "a", "b", "c", "a"], "although `a` is busy");
}

#[test]
fn in_a_round_robin_a_recovered_resource_goes_first_and_then_takes_its_turn() {
    let scene = in_turn();
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.answer("b", fine());
    assert_eq!(picks(&scene, 3), ["c", "b", "c"]);
    scene.advance(secs(30));
    assert_eq!(picks(&scene, 6), ["a", "b", "c", "a", "b", "c"]);
}

#[test]
fn in_a_round_robin_a_full_resource_is_passed_over_and_a_new_one_goes_first() {
    let scene = Scene::with(&["a"], |builder| {
        builder
            .strategy(Strategy::RoundRobin)
            .resource(Resource::new("b", "b").max_in_flight(1))
            .resource(Resource::new("c", "c"))
    });
    for _ in 0..5 {
        scene.start();
    }
    assert_eq!(scene.upstream.seen(), ["a", "b", "c", "a", "c"]);
    scene.answer("b", fine());
    assert_eq!(pick(&scene), "b", "the least recent");
    scene.pool.add(Resource::new("d", "d")).unwrap();
    assert_eq!(picks(&scene, 5), ["d", "a", "c", "b", "d"]);
}

/// Two in the first tier, one in the second, one in the third; listed the other way round.
fn tiers() -> Scene {
    Scene::with(&[], |builder| {
        builder
            .strategy(Strategy::Priority)
            .resource(Resource::new("last", "l").priority(u32::MAX))
            .resource(Resource::new("backup", "b").priority(7))
            .resource(Resource::new("two", "2").max_in_flight(3))
            .resource(Resource::new("one", "1").max_in_flight(3))
    })
}

#[test]
fn the_lowest_tier_serves_and_within_it_the_one_with_the_fewest_in_flight() {
    let scene = tiers();
    for _ in 0..4 {
        scene.start();
    }
    assert_eq!(scene.upstream.pending(), ["two", "one", "two", "one"]);
    scene.answer("one", fine());
    scene.answer("one", fine());
    scene.start();
    scene.start();
    assert_eq!(scene.upstream.pending(), ["two", "two", "one", "one"]);
    scene.answer("two", fine());
    scene.answer("two", fine());
    scene.answer("one", fine());
    scene.answer("one", fine());
    assert_eq!(picks(&scene, 4), ["two", "one", "two", "one"], "then the least recently picked");
}

#[test]
fn the_next_tier_serves_only_while_none_of_the_lower_one_is_eligible() {
    let scene = tiers();
    for _ in 0..7 {
        scene.start();
    }
    let full = ["two", "one", "two", "one", "two", "one", "backup"];
    assert_eq!(scene.upstream.pending(), full, "not before both are at their caps");
    scene.answer("two", fine());
    scene.start();
    assert_eq!(scene.upstream.pending().last().unwrap(), "two", "back at once");
    scene.pool.disable("backup").unwrap();
    scene.start();
    assert_eq!(scene.upstream.pending().last().unwrap(), "last", "tier by tier");
}

#[test]
fn a_tier_that_cooled_down_is_back_as_soon_as_one_of_it_is() {
    let scene = tiers();
    for seconds in [10, 20] {
        scene.start();
        let id = scene.upstream.pending().remove(0);
        scene.answer(&id, Err(Fault::cooldown_for(secs(seconds), "429")));
        let id = scene.upstream.pending().remove(0);
        scene.answer(&id, fine());
    }
    assert_eq!(scene.upstream.seen(), ["two", "one", "one", "backup"]);
    assert_eq!(pick(&scene), "backup");
    scene.advance(secs(10));
    assert_eq!(picks(&scene, 2), ["two", "two"]);
    scene.advance(secs(10));
    assert_eq!(picks(&scene, 2), ["one", "two"]);
}

/// C10: once every host was tried, "other hosts only" kept landing on one.
#[test]
fn when_both_have_been_tried_a_run_goes_round_under_every_strategy() {
    for &strategy in Strategy::ALL {
        let scene = Scene::with(&[], |builder| {
            let heavy = Resource::new("a", "a").weight(10.0);
            let backup = Resource::new("b", "b").priority(1);
            builder.strategy(strategy).resource(heavy).resource(backup)
        });
        let mut served = String::new();
        let run = run_with(
            &scene,
            |request| request.max_attempts(8).affinity("key"),
            |id| {
                served.push_str(id);
                Err(Fault::retry("503"))
            },
        );
        assert!(run.is_err());
        assert!(["abababab", "babababa"].contains(&&*served), "{strategy:?}: {served}");
    }
}
