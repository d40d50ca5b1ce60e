//! Drawn by lot: any, or the better of two.

use std::time::Duration;

use rotapool::{Fault, Grade, Recovery, Resource, Strategy};

use crate::picks::{chi_square, health, pick, picks, run, shares};
use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

const MILLIS: fn(u64) -> Duration = Duration::from_millis;

fn drawn(strategy: Strategy, seed: u64, ids: &[&'static str]) -> Scene {
    Scene::with(ids, |builder| builder.strategy(strategy).seed(seed))
}

/// So many runs, one after the other; an attempt on a resource takes as long as it is told here.
fn timed(scene: &Scene, runs: usize, takes: impl Fn(&str) -> Duration) -> Vec<String> {
    let one = |_| {
        run(scene, |id| {
            scene.clock.advance(takes(id));
            Ok(id.to_owned())
        })
    };
    (0..runs).map(one).map(Result::unwrap).collect()
}

#[test]
fn at_random_every_resource_is_as_likely_as_any() {
    let scene = drawn(Strategy::Random, 1, &["a", "b", "c", "d"]);
    let shares = shares(picks(&scene, 10_000));
    // 3 degrees of freedom: 16.27 is passed once in a thousand.
    let deviation = chi_square(&shares, &[("a", 1.0), ("b", 1.0), ("c", 1.0), ("d", 1.0)]);
    assert!(deviation < 16.27, "{deviation}: {shares:?}");
}

#[test]
fn at_random_what_is_in_flight_makes_no_difference() {
    let scene = drawn(Strategy::Random, 2, &["a", "b"]);
    for _ in 0..1000 {
        scene.start();
    }
    let shares = shares(scene.upstream.pending());
    // 1 degree of freedom: 10.83 is passed once in a thousand.
    assert!(chi_square(&shares, &[("a", 1.0), ("b", 1.0)]) < 10.83, "{shares:?}");
    assert_ne!(shares["a"], 500, "nobody evens it out");
}

#[test]
fn only_eligible_resources_are_drawn_and_those_evenly() {
    let full = Resource::new("full", "f").max_in_flight(1);
    let scene = Scene::with(&[], |builder| {
        builder.strategy(Strategy::Random).resource(full).resource(Resource::new("cools", "c"))
    });
    while scene.upstream.pending().len() < 2 {
        scene.start();
    }
    scene.answer("cools", Err(Fault::cooldown("429")));
    for id in ["off", "a", "b", "c"] {
        scene.pool.add(Resource::new(id, id)).unwrap();
    }
    scene.pool.disable("off").unwrap();
    let drawn = shares(picks(&scene, 3000));
    // 2 degrees of freedom: 13.82 is passed once in a thousand.
    assert!(chi_square(&drawn, &[("a", 1.0), ("b", 1.0), ("c", 1.0)]) < 13.82, "{drawn:?}");
    scene.advance(secs(30));
    assert!(shares(picks(&scene, 100)).contains_key("cools"), "it is back");
}

#[test]
fn a_slow_resource_gets_little_traffic() {
    for seed in 1..=10 {
        let scene = drawn(Strategy::LeastLatency, seed, &["slow", "b", "c"]);
        let takes = |id: &str| MILLIS(if id == "slow" { 500 } else { 20 });
        let shares = shares(timed(&scene, 1000, takes));
        assert!(shares["slow"] <= 10, "seed {seed}: {shares:?}");
        assert!(shares["b"].min(shares["c"]) > 200, "seed {seed}: {shares:?}");
    }
}

#[test]
fn of_two_that_are_as_fast_the_less_busy_one_is_taken() {
    let scene = drawn(Strategy::LeastLatency, 1, &["a", "b"]);
    timed(&scene, 2, |_| MILLIS(100));
    for _ in 0..20 {
        scene.start();
    }
    let pending = scene.upstream.pending();
    assert_eq!(shares(pending).into_values().collect::<Vec<_>>(), [10, 10]);
}

#[test]
fn a_busy_fast_resource_gives_way_to_a_slower_idle_one() {
    let scene = drawn(Strategy::LeastLatency, 1, &["fast", "slow"]);
    timed(&scene, 2, |id| MILLIS(if id == "slow" { 350 } else { 100 }));
    for _ in 0..4 {
        scene.start();
    }
    let pending = scene.upstream.pending();
    assert_eq!(pending.iter().filter(|id| *id == "fast").count(), 3, "at 100, 200, 300 ms");
}

#[test]
fn each_resource_is_tried_once_before_any_is_preferred() {
    for seed in 1..=10 {
        let scene = drawn(Strategy::LeastLatency, seed, &["a", "b"]);
        let mut first = timed(&scene, 2, |_| MILLIS(1));
        first.sort();
        assert_eq!(first, ["a", "b"], "seed {seed}");
    }
}

#[test]
fn an_untried_resource_gets_exactly_one_probe_until_it_is_known() {
    for seed in 1..=20 {
        let scene = drawn(Strategy::LeastLatency, seed, &["a", "b"]);
        timed(&scene, 2, |_| MILLIS(100));
        scene.pool.add(Resource::new("new", "n")).unwrap();
        for _ in 0..20 {
            scene.start();
        }
        let pending = scene.upstream.pending();
        assert_eq!(pending.iter().filter(|id| *id == "new").count(), 1, "seed {seed}");
        scene.advance(MILLIS(1));
        scene.answer("new", fine());
        for _ in 0..6 {
            scene.start();
        }
        let known = scene.upstream.pending().iter().filter(|id| *id == "new").count();
        assert!(known > 1, "seed {seed}: it is known, fast and idle");
    }
}

#[test]
fn failing_fast_attracts_no_traffic() {
    for seed in 1..=10 {
        let scene = drawn(Strategy::LeastLatency, seed, &["broken", "b", "c"]);
        let mut broken = 0;
        for _ in 0..100 {
            let result = run(&scene, |id| {
                let fails = id == "broken";
                scene.clock.advance(MILLIS(if fails { 1 } else { 100 }));
                if fails { Err(Fault::Failure(Boom)) } else { fine() }
            });
            broken += u32::from(result.is_err());
        }
        assert_eq!(broken, 1, "seed {seed}: in 10 s it is tried once");
    }
}

#[test]
fn what_hangs_on_a_resource_that_nobody_has_measured_keeps_the_others_away_for_a_while_only() {
    for given_up in [false, true] {
        let scene = drawn(Strategy::LeastLatency, 1, &["a", "b"]);
        let first = scene.start();
        let hangs = scene.upstream.pending().remove(0);
        if given_up {
            scene.advance(secs(3));
            scene.drop_run(&first);
        }
        assert_eq!(health(&scene, &hangs).latency, None, "nothing is known of its speed");
        let served = timed(&scene, 50, |_| MILLIS(10));
        assert!(!served.contains(&hangs), "it hangs, for all that is known");
        scene.advance(secs(10));
        let back = shares(timed(&scene, 100, |_| MILLIS(10)));
        let least = if given_up { 20 } else { 1 };
        assert!(back[&hangs] >= least, "one try showed how fast it is: {back:?}");
    }
}

/// C17 (ii): one call on a resource that is yet to be measured, or that failed last, hangs for ever.
#[test]
fn one_call_that_hangs_for_ever_excludes_nobody() {
    for strategy in [Strategy::LeastLatency, Strategy::LeastErrors] {
        let scene = drawn(strategy, 1, &["hung"]);
        if strategy == Strategy::LeastErrors {
            let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
        }
        scene.start();
        for id in ["b", "c"] {
            scene.pool.add(Resource::new(id, id)).unwrap();
        }
        let served = shares(timed(&scene, 5000, |_| secs(1)));
        let share = served.get("hung").copied().unwrap_or(0);
        assert!(share > 400, "{strategy:?}: {share} of 5,000");
    }
}

#[test]
fn what_was_given_up_says_nothing_of_speed_unless_it_is_slower_than_what_is_known() {
    let scene = drawn(Strategy::LeastLatency, 1, &["a"]);
    timed(&scene, 1, |_| MILLIS(100));
    for (held, peak) in [(MILLIS(50), MILLIS(100)), (MILLIS(300), MILLIS(300))] {
        let run = scene.start();
        scene.advance(held);
        scene.drop_run(&run);
        let seen = health(&scene, "a");
        assert_eq!(seen.latency, Some(MILLIS(100)), "the mean is of successes");
        let told = seen.peak_latency.unwrap().as_secs_f64();
        let faded = peak.as_secs_f64() * (-0.05_f64 / 10.0).exp();
        assert!((faded - 1e-6..=peak.as_secs_f64()).contains(&told), "{told} after {held:?}");
    }
}

/// C17 (i): one of five equals is slow three times, and as fast as the others from then on.
#[test]
fn a_few_slow_answers_at_first_do_not_cost_a_resource_its_share() {
    let scene = drawn(Strategy::LeastLatency, 1, &["a", "b", "c", "d", "e"]);
    let slow = std::cell::Cell::new(3);
    let takes = |id: &str| match id {
        "b" if slow.get() > 0 => {
            slow.set(slow.get() - 1);
            secs(2)
        }
        _ => MILLIS(50),
    };
    timed(&scene, 4000, takes);
    let settled = shares(timed(&scene, 1500, takes));
    assert!(settled["b"] > 180, "of 1,500: {settled:?}");
}

/// C17 (iv): errors of the operation's own come back in a millisecond.
#[test]
fn own_errors_that_come_back_fast_attract_no_traffic() {
    for seed in 1..=10 {
        for measured in [false, true] {
            let scene = drawn(Strategy::LeastLatency, seed, &["broken", "b", "c"]);
            if measured {
                timed(&scene, 3, |_| MILLIS(100));
            }
            let mut firsts = 0;
            for _ in 0..1500 {
                let _ = run(&scene, |id| {
                    let fails = id == "broken";
                    firsts += u32::from(fails);
                    scene.clock.advance(MILLIS(if fails { 1 } else { 100 }));
                    if fails { Err(Fault::Operation(Boom)) } else { fine() }
                });
            }
            let most = if measured { 600 } else { 20 };
            assert!(firsts < most, "seed {seed}: {firsts} of 1,500, measured before: {measured}");
        }
    }
}

/// A failure every few seconds never makes a rate, and so looked as good as none.
#[test]
fn a_resource_that_fails_whenever_it_is_tried_is_tried_less_and_less() {
    for seed in 1..=10 {
        let scene = drawn(Strategy::LeastErrors, seed, &["broken", "b"]);
        let mut failures = 0;
        for turn in 0..1000 {
            let failed =
                run(&scene, |id| if id == "broken" { Err(Fault::Failure(Boom)) } else { fine() });
            failures += u32::from(failed.is_err());
            scene.advance(secs(4));
            let seen = health(&scene, "broken");
            let grade = if failures < 5 { Grade::Healthy } else { Grade::Unhealthy };
            assert_eq!(seen.grade, grade, "seed {seed}, run {turn}");
        }
        assert!((10..=20).contains(&failures), "seed {seed}: {failures} of 1,000");
        scene.advance(secs(640));
        let back = shares(picks(&scene, 100));
        assert!(back["broken"] > 20, "seed {seed}: one success proves it: {back:?}");
        assert_eq!(health(&scene, "broken").grade, Grade::Healthy);
    }
}

/// Where runs are rare, every estimate has faded between two of them, and every window is empty.
#[test]
fn however_rare_runs_are_one_that_never_works_is_tried_first_by_few() {
    for strategy in [Strategy::LeastLatency, Strategy::LeastErrors] {
        for (every, most) in [(1, 20), (4, 80), (20, 100), (60, 150), (300, 300)] {
            let scene = drawn(strategy, 3, &["broken", "b"]);
            let mut firsts = 0;
            for _ in 0..1000 {
                let served = run(&scene, |id| {
                    firsts += u32::from(id == "broken");
                    scene.clock.advance(MILLIS(if id == "broken" { 1 } else { 50 }));
                    if id == "broken" { Err(Fault::retry("503")) } else { fine() }
                });
                assert!(served.is_ok());
                scene.advance(secs(every));
            }
            assert!(firsts <= most, "{strategy:?}, every {every} s: {firsts} of 1,000");
            scene.advance(secs(640));
            let back = shares(timed(&scene, 200, |_| MILLIS(50)));
            assert!(back["broken"] > 20, "{strategy:?}: one success proves it: {back:?}");
        }
    }
}

#[test]
fn failures_of_one_moment_count_as_one_try() {
    let scene = drawn(Strategy::LeastErrors, 1, &["blip"]);
    let runs: Vec<_> = (0..100).map(|_| scene.start()).collect();
    for _ in &runs {
        scene.answer("blip", Err(Fault::Failure(Boom)));
    }
    scene.pool.add(Resource::new("b", "b")).unwrap();
    assert_eq!(shares(picks(&scene, 50)).get("blip"), None, "it is shunned");
    scene.advance(secs(10));
    assert!(shares(picks(&scene, 50))["blip"] > 10, "for one window");
}

#[test]
fn a_resource_that_was_slow_once_is_tried_again_and_taken_back() {
    let scene = drawn(Strategy::LeastLatency, 1, &["was_slow", "steady"]);
    timed(&scene, 2, |id| if id == "was_slow" { secs(20) } else { MILLIS(50) });
    let shunned = timed(&scene, 200, |_| MILLIS(50));
    assert_eq!(shares(shunned).get("was_slow"), None, "for 10 s");
    let mut later = timed(&scene, 6000, |_| MILLIS(50));
    assert!(later.iter().position(|id| id == "was_slow").unwrap() < 1200, "within a minute");
    let in_the_end = shares(later.split_off(5500));
    assert!(in_the_end["was_slow"] > 200, "of 500: {in_the_end:?}");
}

#[test]
fn a_resource_that_fails_is_avoided_from_the_minimum_sample_on() {
    for seed in 1..=10 {
        let scene = drawn(Strategy::LeastErrors, seed, &["broken", "b"]);
        let mut failures = 0;
        for _ in 0..200 {
            let fails = |id: &str| if id == "broken" { Err(Fault::Failure(Boom)) } else { fine() };
            failures += u32::from(run(&scene, fails).is_err());
        }
        assert_eq!(failures, 5, "seed {seed}");
        scene.advance(secs(11));
        let back = shares(picks(&scene, 100));
        assert!(back["broken"] > 20, "seed {seed}: its window is over: {back:?}");
    }
}

#[test]
fn one_that_failed_last_is_tried_with_one_operation_at_a_time_until_it_succeeds() {
    for seed in 1..=10 {
        let scene = Scene::with(&["broken"], |builder| {
            builder.strategy(Strategy::LeastErrors).seed(seed).recovery(Recovery::AtOnce)
        });
        for _ in 0..5 {
            let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
        }
        for id in ["b", "c"] {
            scene.pool.add(Resource::new(id, id)).unwrap();
        }
        scene.advance(secs(11));
        let on_broken = || scene.upstream.pending().iter().filter(|id| *id == "broken").count();
        for _ in 0..30 {
            scene.start();
        }
        assert_eq!(on_broken(), 1, "seed {seed}: no burst on it");
        scene.answer("broken", fine());
        for _ in 0..30 {
            scene.start();
        }
        assert!(on_broken() > 10, "seed {seed}: {}", on_broken());
    }
}

#[test]
fn the_lower_error_rate_wins_and_equals_share() {
    let scene = drawn(Strategy::LeastErrors, 1, &["bad", "worse"]);
    let mut served = Vec::new();
    for turn in 1..=100 {
        let _ = run(&scene, |id| {
            served.push(id.to_owned());
            let fails = turn % (if id == "bad" { 4 } else { 2 }) == 0;
            if fails { Err(Fault::Failure(Boom)) } else { fine() }
        });
    }
    let settled = shares(served.split_off(50));
    assert!(settled.get("worse").is_none_or(|&worse| worse < 5), "{settled:?}");

    let scene = drawn(Strategy::LeastErrors, 1, &["a", "b", "c"]);
    let shares = shares(picks(&scene, 3000));
    // 2 degrees of freedom: 13.82 is passed once in a thousand.
    assert!(chi_square(&shares, &[("a", 1.0), ("b", 1.0), ("c", 1.0)]) < 13.82, "{shares:?}");
}

#[test]
fn of_two_that_fail_alike_the_less_busy_one_is_taken() {
    let scene = drawn(Strategy::LeastErrors, 1, &["a", "b"]);
    for _ in 0..20 {
        scene.start();
    }
    assert_eq!(shares(scene.upstream.pending()).into_values().collect::<Vec<_>>(), [10, 10]);
    assert!(["a", "b"].contains(&&*pick(&scene)));
}
