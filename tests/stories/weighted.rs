//! Shares by weight: exact, smooth, and of what is eligible.

use rotapool::{Fault, Resource, Strategy};

use crate::picks::{chi_square, pick, pick_with, picks, run, shares};
use crate::scene::{Scene, secs};
use crate::upstream::fine;

fn weighted(weights: &[(&'static str, f64)]) -> Scene {
    Scene::with(&[], |builder| {
        builder
            .strategy(Strategy::Weighted)
            .resources(weights.iter().map(|&(id, weight)| Resource::new(id, id).weight(weight)))
    })
}

fn sequence(scene: &Scene, runs: usize) -> String {
    picks(scene, runs).concat()
}

/// Goes on until it is this resource's turn, and sends it away for half a minute then.
fn cool(scene: &Scene, id: &str) {
    loop {
        scene.start_with(|request| request.max_attempts(1));
        let on = scene.upstream.pending().remove(0);
        if on == id {
            return scene.answer(id, Err(Fault::cooldown("429")));
        }
        scene.answer(&on, fine());
    }
}

#[test]
fn ten_thousand_picks_are_shared_exactly_by_weight() {
    let scene = weighted(&[("a", 0.99), ("b", 0.005), ("c", 0.005)]);
    let shares = shares(picks(&scene, 10_000));
    for (id, exact) in [("a", 9900), ("b", 50), ("c", 50)] {
        assert!(shares[id].abs_diff(exact) <= 1, "{shares:?}");
    }
}

#[test]
fn at_no_moment_is_a_share_more_than_one_pick_off() {
    let sets: [&[(&str, f64)]; 5] = [
        &[("a", 5.0), ("b", 1.0), ("c", 1.0)],
        &[("a", 3.0), ("b", 2.0), ("c", 1.0)],
        &[("a", 1.0), ("b", 1.0), ("c", 1.0)],
        &[("a", 0.1), ("b", 0.2), ("c", 0.7)],
        &[("a", 1e4), ("b", 2.5e3), ("c", 1e-3)],
    ];
    for weights in sets {
        let scene = weighted(weights);
        let whole: f64 = weights.iter().map(|(_, weight)| weight).sum();
        let order = picks(&scene, 1000);
        for (id, weight) in weights {
            let mut served = 0.0;
            for (index, pick) in order.iter().enumerate() {
                served += f64::from(u8::from(pick == id));
                let exact = (index + 1) as f64 * weight / whole;
                assert!((served - exact).abs() <= 1.0, "{id} at {index} of {weights:?}");
            }
        }
    }
}

#[test]
fn the_light_ones_come_in_the_midst_of_the_heavy_ones_picks() {
    for (heavy, order) in [(4.0, "aabcaaaabcaa"), (5.0, "aaabcaaaaabcaa")] {
        let scene = weighted(&[("a", heavy), ("b", 1.0), ("c", 1.0)]);
        assert_eq!(sequence(&scene, order.len()), order);
    }
}

#[test]
fn while_one_cools_down_the_others_share_exactly_by_their_weights() {
    let scene = weighted(&[("a", 6.0), ("b", 3.0), ("c", 1.0)]);
    picks(&scene, 57);
    cool(&scene, "a");
    let shares = shares(picks(&scene, 400));
    assert!(shares["b"].abs_diff(300) <= 1 && shares["c"].abs_diff(100) <= 1, "{shares:?}");
}

#[test]
fn what_a_cooldown_took_is_not_made_up_for() {
    let scene = weighted(&[("a", 1.0), ("b", 1.0), ("c", 2.0)]);
    picks(&scene, 40);
    cool(&scene, "a");
    picks(&scene, 300);
    scene.advance(secs(30));
    let order = picks(&scene, 400);
    for (from, to) in [(0, 8), (0, 40), (0, 400)] {
        let share = shares(order[from..to].to_vec())["a"];
        assert!(share.abs_diff((to - from) as u32 / 4) <= 1, "{share} of {}", to - from);
    }
}

#[test]
fn what_being_full_took_is_not_made_up_for_either() {
    let scene = Scene::with(&["b"], |builder| {
        builder
            .strategy(Strategy::Weighted)
            .resource(Resource::new("a", "a").weight(3.0).max_in_flight(1))
    });
    scene.start();
    assert_eq!(scene.upstream.pending(), ["a"]);
    assert_eq!(sequence(&scene, 50), "b".repeat(50));
    scene.answer("a", fine());
    let shares = shares(picks(&scene, 8));
    assert!(shares["a"].abs_diff(6) <= 1, "{shares:?}");
}

#[test]
fn a_light_resource_does_not_get_its_next_turn_sooner_by_cooling_down() {
    let scene = weighted(&[("a", 1.0), ("b", 0.01)]);
    cool(&scene, "b");
    assert_eq!(scene.upstream.seen().len(), 52, "halfway through its first hundred, and on to `a`");
    scene.advance(secs(30));
    let wait = picks(&scene, 200).iter().position(|id| id == "b").unwrap();
    assert!(wait.abs_diff(100) <= 1, "its turn came {wait} picks later");
}

#[test]
fn ties_go_to_the_fewest_in_flight() {
    let scene = weighted(&[("a", 1.0), ("b", 1.0)]);
    scene.start();
    scene.start();
    assert_eq!(scene.upstream.pending(), ["a", "b"], "then in pool order");
    scene.answer("b", fine());
    scene.start();
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    scene.start();
    assert_eq!(scene.upstream.pending(), ["a", "b", "a"], "but not a turn more");
}

#[test]
fn a_resource_added_again_starts_afresh() {
    let scene = weighted(&[("b", 1.0), ("a", 0.1)]);
    assert_eq!(sequence(&scene, 6), "bbbbba");
    scene.pool.remove("a").unwrap();
    scene.pool.add(Resource::new("a", "a").weight(0.1)).unwrap();
    assert_eq!(sequence(&scene, 6), "bbbbba", "as at first, and not ten turns later");
}

#[test]
fn a_resource_added_late_gets_its_share_from_then_on_and_no_more() {
    let scene = weighted(&[("a", 1.0), ("b", 1.0)]);
    picks(&scene, 1001);
    scene.pool.add(Resource::new("c", "c").weight(2.0)).unwrap();
    let order = picks(&scene, 400);
    for (runs, exact) in [(4, 2), (40, 20), (400, 200)] {
        let share = shares(order[..runs].to_vec())["c"];
        assert!(share.abs_diff(exact) <= 1, "{share} of {runs}");
    }
}

#[test]
fn a_weight_changes_nothing_for_the_other_strategies() {
    let scene =
        Scene::with(&["a"], |builder| builder.resource(Resource::new("b", "b").weight(9.0)));
    assert_eq!(sequence(&scene, 4), "abab");
}

/// Runs that are over at once and may use this region alone.
fn only(scene: &Scene, region: &'static str) -> String {
    pick_with(scene, |request| request.only(move |metadata| metadata.get("region") == Some(region)))
}

#[test]
fn other_runs_filters_take_no_turns_away() {
    let scene = Scene::with(&[], |builder| {
        let of = |id, region| Resource::new(id, id).metadata("region", region);
        builder
            .strategy(Strategy::Weighted)
            .resource(of("a", "us").max_in_flight(1))
            .resource(of("b", "us"))
            .resource(of("c", "eu"))
    });
    let mut us = Vec::new();
    for _ in 0..1000 {
        assert_eq!(only(&scene, "eu"), "c");
        assert_eq!(only(&scene, "eu"), "c");
        us.push(only(&scene, "us"));
    }
    for alike in us.windows(200) {
        let share = alike.iter().filter(|id| *id == "a").count();
        assert!((96..=104).contains(&share), "{share} of 200");
    }
    let turns = shares(picks(&scene, 300));
    assert!(turns.values().all(|&turns| turns == 100), "and none from the others: {turns:?}");
}

#[test]
fn the_retries_of_some_do_not_starve_the_light_ones() {
    let scene = weighted(&[("a", 100.0), ("b", 100.0), ("light", 1.0)]);
    let mut firsts = Vec::new();
    for turn in 0..19_000 {
        let mut served = Vec::new();
        let _ = run(&scene, |id| {
            served.push(id.to_owned());
            let hiccups = turn % 20 == 0 && served.len() <= 2;
            if hiccups { Err(Fault::retry("503")) } else { fine() }
        });
        firsts.push(served.swap_remove(0));
    }
    let firsts = shares(firsts);
    assert!(firsts["light"].abs_diff(19_000 / 201) <= 1, "{firsts:?}");
    assert!(firsts["a"].abs_diff(firsts["b"]) <= 1, "{firsts:?}");
}

#[test]
fn a_retry_is_drawn_by_weight() {
    let scene = weighted(&[("bad", 2.0), ("a", 3.0), ("b", 1.0)]);
    let mut retries = Vec::new();
    while retries.len() < 4000 {
        let served = run(&scene, |id| match id {
            "bad" => Err(Fault::retry("503")),
            _ => Ok(id.to_owned()),
        });
        let (served, turns) = (served.unwrap(), scene.pool.stats().retries as usize);
        if turns > retries.len() {
            retries.push(served);
        }
    }
    let shares = shares(retries);
    // 1 degree of freedom: 10.83 is passed once in a thousand.
    assert!(chi_square(&shares, &[("a", 3.0), ("b", 1.0)]) < 10.83, "{shares:?}");
}

#[test]
fn whoever_was_away_for_an_instant_keeps_its_turn() {
    let scene = Scene::with(&["c"], |builder| {
        let in_the_eu = Resource::new("eu", "eu").metadata("region", "eu");
        builder.strategy(Strategy::Weighted).resource(in_the_eu).resource(Resource::new("a", "a"))
    });
    picks(&scene, 30);
    for _ in 0..1000 {
        only(&scene, "eu");
    }
    let order = picks(&scene, 300);
    scene.pool.disable("a").unwrap();
    scene.pool.enable("a").unwrap();
    let after = picks(&scene, 300);
    assert_eq!(order, after, "as if nothing had been");
}

#[test]
fn to_be_away_for_an_instant_before_each_turn_costs_none() {
    let scene = weighted(&[("a", 100.0), ("b", 100.0), ("light", 1.0)]);
    let order = (0..2010).map(|_| {
        scene.pool.disable("light").unwrap();
        scene.pool.enable("light").unwrap();
        pick(&scene)
    });
    let shares = shares(order);
    assert!(shares["light"].abs_diff(10) <= 1, "{shares:?}");
}

#[test]
fn the_members_that_a_filter_admits_may_change_all_the_time() {
    let scene = Scene::with(&[], |builder| {
        let us = |id| Resource::new(id, id).metadata("region", "us");
        let eu = Resource::new("eu", "eu").metadata("region", "eu");
        builder.strategy(Strategy::Weighted).resources([us("a"), us("b"), us("c"), eu])
    });
    let mut served = Vec::new();
    for turn in 0..600 {
        only(&scene, "eu");
        scene.pool.add(Resource::new("x", "x").weight(0.001).metadata("region", "us")).unwrap();
        served.push(only(&scene, "us"));
        if turn % 2 == 0 {
            served.push(only(&scene, "us"));
        }
        scene.pool.remove("x").unwrap();
    }
    for alike in served.windows(200) {
        let shares = shares(alike.to_vec());
        for id in ["a", "b", "c"] {
            assert!(shares[id].abs_diff(67) <= 4, "{shares:?}");
        }
    }
}
