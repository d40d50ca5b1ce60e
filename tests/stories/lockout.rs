//! Failures that other pools have been seen with, played here: nobody is locked out for ever.
//!
//! Each story says what went wrong there.

use rotapool::{Fault, Grade, Recovery, Resource, Strategy, Trial};

use crate::picks::{health, pick, run, shares};
use crate::scene::{Scene, secs};
use crate::upstream::{Answer, Boom, fine};

fn pool_of(strategy: Strategy) -> Scene {
    Scene::with(&["a", "b"], |builder| builder.strategy(strategy))
}

/// Runs whose attempts take 100 ms, until `a` has been tried: how many that took.
fn runs_until_a_is_tried(scene: &Scene, most: usize) -> Option<usize> {
    (0..most).find(|turn| {
        let served = crate::picks::run_with(
            scene,
            |request| request.affinity(turn.to_string()),
            |id| {
                scene.clock.advance(std::time::Duration::from_millis(100));
                Ok(id.to_owned())
            },
        );
        served.unwrap() == "a"
    })
}

/// One failure of a fresh resource was an error rate of 1.0, and so it was never picked again.
#[test]
fn a_resource_that_has_failed_every_time_so_far_is_tried_again_under_every_strategy() {
    for &strategy in Strategy::ALL {
        for failures in [1, 20] {
            let scene = pool_of(strategy);
            scene.pool.disable("b").unwrap();
            for _ in 0..failures {
                let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
            }
            let seen = health(&scene, "a");
            assert_eq!((seen.failures, seen.successes), (failures, 0), "a lifetime rate of 1.0");
            scene.pool.enable("b").unwrap();
            // Busy for two minutes: well past the window, and the estimate of 5 s has faded.
            let tried = runs_until_a_is_tried(&scene, 1200);
            assert!(tried.is_some(), "{strategy:?}, {failures} failures");
        }
    }
}

/// There the grade was an ejection, and was judged anew only when the resource was picked.
#[test]
fn a_bad_grade_excludes_nobody_and_fades_without_a_pick() {
    for &strategy in Strategy::ALL {
        let scene = pool_of(strategy);
        scene.pool.disable("b").unwrap();
        for _ in 0..20 {
            let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
        }
        assert_eq!(health(&scene, "a").grade, Grade::Unhealthy);
        assert_eq!(scene.pool.stats().eligible, 1, "{strategy:?}");
        assert_eq!(pick(&scene), "a", "{strategy:?}: it is all there is");
        scene.advance(secs(20));
        assert_eq!(health(&scene, "a").grade, Grade::Healthy, "it has succeeded since");
    }
}

/// The breaker turned half-open after its timeout, but the stored status kept the probe away.
#[test]
fn a_cooldown_that_is_over_is_over_under_every_strategy_and_the_probe_does_run() {
    for &strategy in Strategy::ALL {
        for recovery in [Recovery::AtOnce, Recovery::Trial(Trial::default()), Recovery::Ramp] {
            let scene =
                Scene::with(&["a"], |builder| builder.strategy(strategy).recovery(recovery));
            for seconds in [30, 120, 300] {
                let _ = run(&scene, |_| Err(Fault::cooldown("429")));
                assert!(run(&scene, |_| fine()).is_err(), "{strategy:?}: it is out");
                scene.advance(secs(seconds));
            }
            assert_eq!(pick(&scene), "a", "{strategy:?}");
            let _two = (scene.start(), scene.start());
            assert_eq!(scene.upstream.pending().len(), 2, "{strategy:?}: no cap is left behind");
        }
    }
}

/// Priority picked the failed one again at every turn, and the call failed beside a healthy peer.
#[test]
fn a_retry_does_not_go_back_to_the_failed_one_while_a_healthy_peer_exists() {
    let answer = |id: &str| -> Answer {
        if id == "a" { Err(Fault::retry("503")) } else { Ok(id.to_owned()) }
    };
    for &strategy in Strategy::ALL {
        for seed in 1..=10 {
            let scene = Scene::with(&["a"], |builder| {
                let backup = Resource::new("b", "b").priority(1).weight(0.001);
                builder.strategy(strategy).seed(seed).resource(backup)
            });
            for _ in 0..5 {
                let served = run(&scene, answer);
                assert_eq!(served.as_deref(), Ok("b"), "{strategy:?}, seed {seed}");
            }
        }
    }
}

/// Without avoiding what was tried, a signal that sends the resource away is enough.
#[test]
fn a_cooldown_signal_takes_the_retry_elsewhere_under_every_strategy() {
    for &strategy in Strategy::ALL {
        let scene = Scene::with(&["a", "b"], |builder| builder.strategy(strategy));
        for _ in 0..3 {
            let run = run(&scene, |id| match id {
                "a" => Err(Fault::cooldown("429")),
                _ => Ok(id.to_owned()),
            });
            assert_eq!(run.as_deref(), Ok("b"), "{strategy:?}");
        }
    }
}

/// Lifetime averages. A thousand good answers hid that the resource had just broken, and a
/// thousand failures of last week damned it.
#[test]
fn a_long_past_neither_hides_the_present_nor_damns_it() {
    let scene = pool_of(Strategy::LeastErrors);
    scene.pool.disable("b").unwrap();
    for _ in 0..2000 {
        let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
        scene.clock.advance(secs(1));
    }
    assert_eq!(health(&scene, "a").failures, 2000, "a bad week");
    pick(&scene);
    scene.pool.enable("b").unwrap();
    scene.advance(secs(20));
    let back = shares((0..100).map(|_| pick(&scene)));
    assert!(back["a"] > 30, "one success, and it is forgotten: {back:?}");

    let scene = pool_of(Strategy::LeastErrors);
    for _ in 0..2000 {
        pick(&scene);
        scene.clock.advance(secs(1));
    }
    let mut failures = 0;
    for _ in 0..100 {
        failures += u32::from(
            run(&scene, |id| if id == "a" { Err(Fault::Failure(Boom)) } else { fine() }).is_err(),
        );
    }
    // Ten seconds of good answers are all that it can lean on.
    assert!(failures < 20, "noticed late: {failures} failures");
}

/// Least latency there took a lifetime mean and never explored again; here an estimate fades.
#[test]
fn a_slow_past_is_no_sentence_either() {
    let scene = pool_of(Strategy::LeastLatency);
    scene.pool.disable("b").unwrap();
    for _ in 0..10 {
        let _ = run(&scene, |_| {
            scene.clock.advance(secs(60));
            fine()
        });
    }
    scene.pool.enable("b").unwrap();
    let tried = runs_until_a_is_tried(&scene, 2000).expect("it is tried again");
    assert!(tried > 100, "but not at once: after {tried}");
}
