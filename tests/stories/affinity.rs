//! Runs with the same key go to the same resource.

use rotapool::{Fault, Resource, Strategy};

use crate::picks::{chi_square, pick, pick_with, shares};
use crate::scene::{Scene, secs};
use crate::upstream::fine;

const TEN: [&str; 10] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j"];

fn pool_of(ids: &[&'static str]) -> Scene {
    Scene::with(ids, |builder| builder.strategy(Strategy::Affinity))
}

/// Who serves each of the first `keys` sessions.
fn homes(scene: &Scene, keys: u32) -> Vec<String> {
    let home = |key: u32| pick_with(scene, |request| request.affinity(format!("session-{key}")));
    (0..keys).map(home).collect()
}

#[test]
fn the_same_key_goes_to_the_same_resource() {
    let scene = pool_of(&["a", "b", "c"]);
    let first = homes(&scene, 200);
    assert_eq!(homes(&scene, 200), first);
    let elsewhere = pool_of(&["c", "a", "b"]);
    assert_eq!(homes(&elsewhere, 200), first, "in another pool too, whatever its order");
}

#[test]
fn a_key_is_any_bytes() {
    let scene = pool_of(&["a", "b", "c", "d"]);
    for key in [&[][..], &[0], &[0, 0], &[255; 1000]] {
        let home = pick_with(&scene, |request| request.affinity(key));
        assert_eq!(pick_with(&scene, |request| request.affinity(key)), home);
    }
    let text = pick_with(&scene, |request| request.affinity("Ann"));
    assert_eq!(pick_with(&scene, |request| request.affinity(b"Ann")), text);
}

#[test]
fn keys_spread_over_the_resources_by_their_weights() {
    let weights = [("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 0.5)];
    let scene = Scene::with(&[], |builder| {
        builder
            .strategy(Strategy::Affinity)
            .resources(weights.map(|(id, weight)| Resource::new(id, id).weight(weight)))
    });
    let shares = shares(homes(&scene, 20_000));
    // 3 degrees of freedom: 16.27 is passed once in a thousand.
    let deviation = chi_square(&shares, &weights);
    assert!(deviation < 16.27, "{deviation}: {shares:?}");
}

#[test]
fn keys_and_ids_that_differ_in_a_digit_spread_as_well() {
    let ids = ["key-0", "key-1", "key-2", "key-3", "key-4", "key-5", "key-6", "key-7"];
    let scene = pool_of(&ids);
    let homes = (0..20_000).map(|n| pick_with(&scene, |request| request.affinity(n.to_string())));
    let shares = shares(homes);
    // 7 degrees of freedom: 24.32 is passed once in a thousand.
    let deviation = chi_square(&shares, &ids.map(|id| (id, 1.0)));
    assert!(deviation < 24.32, "{deviation}: {shares:?}");
}

#[test]
fn removing_a_resource_moves_only_its_keys() {
    let scene = pool_of(&["a", "b", "c", "d"]);
    let before = homes(&scene, 2000);
    scene.pool.remove("b").unwrap();
    let after = homes(&scene, 2000);
    for (before, after) in before.iter().zip(&after) {
        assert!(after == before || before == "b", "{before} > {after}");
    }
    let orphans = before.iter().zip(&after).filter(|(before, _)| *before == "b");
    let taken_in = shares(orphans.map(|(_, after)| after.clone()));
    // 2 degrees of freedom: 13.82 is passed once in a thousand.
    let deviation = chi_square(&taken_in, &[("a", 1.0), ("c", 1.0), ("d", 1.0)]);
    assert!(deviation < 13.82, "the others take them in evenly: {taken_in:?}");
    scene.pool.add(Resource::new("b", "b")).unwrap();
    assert_eq!(homes(&scene, 2000), before, "back under its id it has its keys again");
}

#[test]
fn adding_a_resource_moves_keys_only_to_it_and_only_its_share() {
    let scene = pool_of(&["a", "b", "c"]);
    let before = homes(&scene, 4000);
    scene.pool.add(Resource::new("d", "d")).unwrap();
    let after = homes(&scene, 4000);
    let moved: Vec<_> =
        before.iter().zip(&after).filter(|(before, after)| before != after).collect();
    assert!(moved.iter().all(|(_, after)| *after == "d"));
    // A quarter of 4000 within four standard deviations (27 each).
    assert!(moved.len().abs_diff(1000) < 110, "{} moved", moved.len());
}

#[test]
fn the_keys_of_a_cooling_resource_go_elsewhere_and_come_back() {
    let scene = pool_of(&["a", "b", "c"]);
    let before = homes(&scene, 300);
    let key = before.iter().position(|home| home == "b").unwrap();
    scene.start_with(|request| request.affinity(format!("session-{key}")));
    scene.answer("b", Err(Fault::cooldown("429")));
    let refuge = scene.upstream.pending().remove(0);
    scene.answer(&refuge, fine());
    let meanwhile = homes(&scene, 300);
    assert_eq!(meanwhile[key], refuge, "always the same one");
    for (before, meanwhile) in before.iter().zip(&meanwhile) {
        assert!(meanwhile != "b" && (meanwhile == before || before == "b"));
    }
    scene.advance(secs(30));
    assert_eq!(homes(&scene, 300), before);
}

#[test]
fn a_retry_leaves_the_home_of_its_key_and_the_next_run_is_at_home_again() {
    let scene = pool_of(&["a", "b", "c"]);
    let home = pick_with(&scene, |request| request.affinity("key"));
    let run = scene.start_with(|request| request.affinity("key"));
    scene.answer(&home, Err(Fault::retry("503")));
    let refuge = scene.upstream.pending().remove(0);
    assert_ne!(refuge, home);
    scene.answer(&refuge, fine());
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(pick_with(&scene, |request| request.affinity("key")), home);
}

#[test]
fn a_hot_key_overflows_where_its_home_has_a_quarter_more_than_its_share_and_four_more_than_another()
{
    let scene = pool_of(&["a", "b", "c", "d"]);
    let home = pick_with(&scene, |request| request.affinity("hot"));
    for started in 1..=200_u32 {
        scene.start_with(|request| request.affinity("hot"));
        let load = shares(scene.upstream.pending());
        let share = (1.25 * f64::from(started) / 4.0).ceil() as u32;
        let least = if load.len() < 4 { 0 } else { load.values().copied().min().unwrap() };
        assert!(load.values().all(|&load| load <= share.max(least + 4)), "{load:?} of {started}");
        assert!(load[&home] >= share.min(started), "it is used up to that: {load:?} of {started}");
    }
    for _ in 0..5 {
        scene.answer(&home, fine());
    }
    scene.start_with(|request| request.affinity("hot"));
    assert_eq!(scene.upstream.pending().last(), Some(&home), "home again");
}

/// C18: a bound relative to the mean fires on noise while there is little to do.
#[test]
fn a_few_calls_at_once_stay_at_home() {
    for ids in [&["a", "b"][..], &["a", "b", "c"], &["a", "b", "c", "d"], &TEN] {
        for session in 0..200 {
            let scene = pool_of(ids);
            let keyed = || scene.start_with(|request| request.affinity(format!("{session}")));
            let _calls = [(); 4].map(|()| keyed());
            let served = shares(scene.upstream.pending());
            assert_eq!(served.len(), 1, "session {session} of {}: {served:?}", ids.len());
        }
    }
}

#[test]
fn a_pair_of_calls_stays_at_home_beside_others() {
    for session in 0..200 {
        let scene = pool_of(&TEN);
        for other in 0..40 {
            scene.start_with(|request| request.affinity(format!("{session} {other}")));
        }
        let home = pick_with(&scene, |request| request.affinity(format!("{session}")));
        scene.start_with(|request| request.affinity(format!("{session}")));
        let second = pick_with(&scene, |request| request.affinity(format!("{session}")));
        let load = shares(scene.upstream.pending());
        let least = if load.len() < TEN.len() { 0 } else { *load.values().min().unwrap() };
        assert!(second == home || load[&home] >= least + 4, "{session}: {load:?}");
    }
}

#[test]
fn a_call_that_spills_leaves_the_home_of_its_key_where_it_is() {
    let scene = pool_of(&["a", "b", "c"]);
    let home = pick_with(&scene, |request| request.affinity("hot"));
    for _ in 0..20 {
        scene.start_with(|request| request.affinity("hot"));
    }
    let load = shares(scene.upstream.pending());
    assert!(load.len() > 1, "some have spilled: {load:?}");
    for (id, calls) in load {
        (0..calls).for_each(|_| scene.answer(&id, fine()));
    }
    assert_eq!(pick_with(&scene, |request| request.affinity("hot")), home);
}

#[test]
fn a_call_spills_from_a_home_that_comes_back_a_little_at_a_time_and_the_next_is_at_home_again() {
    let scene = pool_of(&["a", "b", "c"]);
    let keyed = || scene.start_with(|request| request.affinity("key"));
    let home = pick_with(&scene, |request| request.affinity("key"));
    scene.pool.park(&home, secs(10), "works").unwrap();
    scene.advance(secs(10));
    let _pair = [keyed(), keyed()];
    let pending = scene.upstream.pending();
    assert!(pending[0] == home && pending[1] != home, "the pace is one: {pending:?}");
    scene.answer(&home, fine());
    let _pair = [keyed(), keyed()];
    assert_eq!(scene.upstream.pending()[1..], [home.as_str(), &home], "one more each time");
}

#[test]
fn a_heavier_resource_carries_more_before_it_overflows() {
    let scene = Scene::with(&["light"], |builder| {
        builder.strategy(Strategy::Affinity).resource(Resource::new("heavy", "h").weight(3.0))
    });
    for _ in 0..100 {
        scene.start_with(|request| request.affinity("hot"));
    }
    let load = shares(scene.upstream.pending());
    // At home on either: 1.25 × 75, or all but 1.25 × 25.
    assert!([94, 68].contains(&load["heavy"]), "{load:?}");
}

#[test]
fn runs_without_a_key_go_to_the_less_busy_one() {
    let scene = pool_of(&["a", "b"]);
    for _ in 0..100 {
        scene.start();
    }
    assert_eq!(shares(scene.upstream.pending()).into_values().collect::<Vec<_>>(), [50, 50]);
    let idle = pool_of(&["a", "b", "c"]);
    let shares = shares((0..3000).map(|_| pick(&idle)));
    // 2 degrees of freedom: 13.82 is passed once in a thousand.
    assert!(chi_square(&shares, &[("a", 1.0), ("b", 1.0), ("c", 1.0)]) < 13.82, "{shares:?}");
}

#[test]
fn other_strategies_ignore_the_key() {
    let scene = Scene::of(&["a", "b"]);
    let served = (0..4).map(|_| pick_with(&scene, |request| request.affinity("key")));
    assert_eq!(served.collect::<Vec<_>>(), ["a", "b", "a", "b"]);
}
