//! What a run may spend, where it turns, and when it rests.

use std::time::Duration;

use rotapool::{Candidate, ExhaustedReason, Fault, Resource, Strategy};

use super::{millis, takes_out};
use crate::picks::{run, run_with};
use crate::scene::{Scene, secs};
use crate::upstream::{Answer, Boom, fine};

fn hiccup() -> Answer {
    Err(Fault::retry("503"))
}

/// Answers whatever comes with a hiccup, and gives the run the time that its pauses take.
fn turns(scene: &Scene) -> Vec<String> {
    for _ in 0..100 {
        while let Some(on) = scene.upstream.pending().first() {
            scene.answer(on, hiccup());
        }
        scene.advance(secs(1));
    }
    scene.upstream.seen()
}

/// Whether each of `n` resources comes once before any comes again, in each turn in the same order.
fn assert_in_turns(seen: &[String], n: usize, told: &str) {
    for (at, id) in seen.iter().enumerate().skip(n) {
        assert_eq!(id, &seen[at - n], "{told}: {seen:?}");
    }
    let mut first = seen[..n].to_vec();
    first.sort();
    first.dedup();
    assert_eq!(first.len(), n, "{told}: {seen:?}");
}

#[test]
fn the_turn_goes_round_with_pauses_filters_caps_and_a_choice_of_ones_own() {
    for &strategy in Strategy::ALL {
        for waits in [false, true] {
            for chooses in [false, true] {
                let scene = Scene::with(&["x"], |builder| {
                    let builder = builder
                        .strategy(strategy)
                        .resource(Resource::new("a", "a").weight(100.0).max_in_flight(1))
                        .resource(Resource::new("b", "b").priority(3))
                        .resource(Resource::new("c", "c").priority(5).max_in_flight(2));
                    match chooses {
                        true => builder.select(|_: &[Candidate]| 0),
                        false => builder,
                    }
                });
                scene.start_with(|request| {
                    let request = request.max_attempts(9).wait(waits).exclude("x").affinity("key");
                    request.retry_delay(millis(100)).only(|_| true)
                });
                let seen = turns(&scene);
                assert_eq!(seen.len(), 9);
                let told = format!("{strategy:?}, waits {waits}, chooses {chooses}");
                assert_in_turns(&seen, 3, &told);
                scene.assert_at_rest();
            }
        }
    }
}

#[test]
fn two_runs_at_once_each_go_their_round() {
    for &strategy in Strategy::ALL {
        let scene = Scene::with(&["a", "b", "c"], |builder| builder.strategy(strategy));
        let counts = std::cell::RefCell::new(Vec::new());
        let inner = |id: &str| {
            counts.borrow_mut().push(id.to_owned());
            hiccup()
        };
        for _ in 0..2 {
            let _ = run_with(&scene, |request| request.max_attempts(6), inner);
        }
        let seen = counts.into_inner();
        assert_in_turns(&seen[..6], 3, &format!("{strategy:?}"));
        assert_in_turns(&seen[6..], 3, &format!("{strategy:?}"));
    }
}

#[test]
fn who_was_away_and_comes_back_comes_before_all_that_were_tried() {
    for waits in [false, true] {
        let scene = Scene::of(&["a", "b", "c"]);
        takes_out(&scene, "c", 10);
        scene.start_with(|request| request.max_attempts(9).wait(waits));
        scene.answer("a", hiccup());
        scene.answer("b", hiccup());
        scene.advance(secs(10));
        scene.answer("a", hiccup());
        assert_eq!(scene.upstream.pending(), ["c"], "waits: {waits}");
    }
}

#[test]
fn any_mix_of_revoked_and_limited_keys_serves_the_first_run() {
    let mut dice = fastrand::Rng::with_seed(3);
    for round in 0..100 {
        let scene = Scene::with(&["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"], |builder| {
            builder.strategy(Strategy::ALL[round % Strategy::ALL.len()])
        });
        let good = dice.u32(0..10).to_string();
        let served = run(&scene, |id| match id {
            _ if id == good => fine(),
            _ if dice.bool() => Err(Fault::disable("401")),
            _ => Err(Fault::cooldown_for(secs(dice.u64(0..100)), "429")),
        });
        assert_eq!(served.unwrap(), "fine", "round {round}, only {good} is good");
    }
}

#[test]
fn a_burst_is_served_by_the_keys_that_are_left_under_any_strategy_and_whoever_hears_first() {
    for &strategy in Strategy::ALL {
        for youngest_first in [false, true] {
            let scene =
                Scene::with(&["a", "b", "c", "d", "e"], |builder| builder.strategy(strategy));
            let runs: Vec<_> =
                (0..12).map(|_| scene.start_with(|request| request.affinity("key"))).collect();
            // Only the last two are good.
            for _ in 0..1_000 {
                let pending = scene.upstream.pending();
                let on = if youngest_first { pending.last() } else { pending.first() };
                let Some(on) = on else { break };
                let nth = match youngest_first {
                    true => pending.iter().filter(|other| *other == on).count() - 1,
                    false => 0,
                };
                let is_good = on == "d" || on == "e";
                let answer = if is_good { fine() } else { Err(Fault::cooldown("429")) };
                scene.upstream.answer_nth(on, nth, answer);
                scene.settle();
            }
            assert!(runs.iter().all(|run| run.result().is_ok()), "{strategy:?}");
            scene.assert_at_rest();
        }
    }
}

#[test]
fn no_run_goes_on_for_ever_however_its_keys_come_back_and_are_revoked() {
    let scene = Scene::of(&["a", "b", "c"]);
    let calls = std::cell::Cell::new(0);
    let error = run_with(
        &scene,
        |request| request.max_attempts(4),
        |id| {
            calls.set(calls.get() + 1);
            for other in ["a", "b", "c"] {
                if other != id {
                    scene.pool.enable(other).unwrap();
                }
            }
            Err(Fault::disable("401"))
        },
    )
    .unwrap_err();
    assert_eq!(error.exhausted().unwrap().reason, ExhaustedReason::MaxAttempts);
    assert_eq!(calls.get(), 3 + 4, "three for nothing, and the budget");
}

#[test]
fn an_id_that_is_taken_out_and_put_in_again_costs_nothing_the_first_time_each() {
    let scene = Scene::of(&["a"]);
    let calls = std::cell::Cell::new(0);
    let error = run_with(
        &scene,
        |request| request.max_attempts(3),
        |_| {
            calls.set(calls.get() + 1);
            if calls.get() < 50 {
                scene.pool.remove("a").unwrap();
                scene.pool.add(Resource::new("a", "a")).unwrap();
            }
            hiccup()
        },
    )
    .unwrap_err();
    assert_eq!(error.exhausted().unwrap().attempts, 3, "a retry always costs one");
}

#[test]
fn the_budget_is_as_it_was_set_on_two_on_one_and_on_one_of_ten() {
    let ten = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];
    for ids in [&ten[..8], &ten[..2], &ten[..1]] {
        let scene = Scene::of(ids);
        let _ = scene.start_with(|request| request.max_attempts(10));
        assert_eq!(turns(&scene).len(), 10, "{} members", ids.len());
    }
    let scene = Scene::with(&ten[..9], |builder| {
        builder.resource(Resource::new("it", "it").metadata("tier", "gold"))
    });
    let run = scene.start_with(|request| {
        request.max_attempts(5).only(|data| data.get("tier") == Some("gold"))
    });
    scene.answer("it", hiccup());
    scene.answer("it", fine());
    assert_eq!(run.result().unwrap(), "fine", "one 503 is a hiccup, filter or not");
}

#[test]
fn by_the_recorded_rules_the_members_are_the_budget() {
    let scene = Scene::with(&["a", "b"], |builder| builder.python_rules());
    let _ = scene.start_with(|request| request.max_attempts(10));
    assert_eq!(turns(&scene).len(), 2);
}

#[test]
fn a_pause_holds_no_place_and_who_waits_in_line_gets_it_at_once() {
    for waits in [false, true] {
        let scene = Scene::with(&[], |builder| {
            builder.retry_delay(secs(10)).resource(Resource::new("a", "a").max_in_flight(1))
        });
        let pausing = scene.start_with(|request| request.wait(waits));
        let in_line = scene.start_with(|request| request.wait(true));
        scene.answer("a", hiccup());
        assert_eq!(scene.upstream.pending(), ["a"]);
        scene.answer("a", fine());
        assert_eq!(in_line.result().unwrap(), "fine");
        assert_eq!(scene.clock.elapsed(), secs(0));
        assert!(pausing.is_running() || !waits);
    }
}

#[test]
fn after_its_pause_a_run_that_finds_its_place_taken_waits_if_it_may_and_fails_if_not() {
    for waits in [false, true] {
        let scene = Scene::with(&[], |builder| {
            builder.retry_delay(secs(10)).resource(Resource::new("a", "a").max_in_flight(1))
        });
        let pausing = scene.start_with(|request| request.wait(waits));
        scene.answer("a", hiccup());
        let other = scene.start();
        assert_eq!(scene.upstream.pending(), ["a"]);
        scene.advance(secs(15));
        assert_eq!(pausing.is_running(), waits);
        scene.answer("a", fine());
        assert_eq!(other.result().unwrap(), "fine");
        if waits {
            scene.answer("a", fine());
            assert_eq!(pausing.result().unwrap(), "fine");
        }
        scene.assert_at_rest();
    }
}

#[test]
fn a_pause_that_ends_at_the_very_deadline_is_refused_and_one_a_nanosecond_before_it_is_made() {
    // The same seed draws the same pause.
    let pause = {
        let scene = Scene::with(&["a"], |builder| builder.retry_delay(secs(10)));
        let _run = scene.start();
        scene.answer("a", hiccup());
        scene.clock.sleeps()[0]
    };
    for (timeout, pauses) in [(pause, false), (pause + Duration::from_nanos(1), true)] {
        let scene = Scene::with(&["a"], |builder| builder.retry_delay(secs(10)));
        let run = scene.start_with(|request| request.timeout(timeout));
        scene.answer("a", hiccup());
        assert_eq!(run.is_running(), pauses, "{timeout:?}");
        if pauses {
            scene.advance(pause);
            scene.answer("a", fine());
            assert_eq!(run.result().unwrap(), "fine");
        } else {
            let reason = run.error().exhausted().unwrap().reason;
            assert!(matches!(reason, ExhaustedReason::PauseOutlastsDeadline { .. }), "{reason:?}");
        }
    }
}

#[test]
fn when_what_it_paused_for_is_gone_the_run_says_so() {
    for act in ["disable", "remove"] {
        let scene = Scene::with(&["a"], |builder| builder.retry_delay(secs(10)));
        let run = scene.start();
        scene.answer("a", hiccup());
        match act {
            "disable" => scene.pool.disable("a").unwrap(),
            _ => scene.pool.remove("a").unwrap(),
        }
        scene.settle();
        assert_eq!(run.error().exhausted().unwrap().reason, ExhaustedReason::NoEligibleResource);
        scene.assert_at_rest();
    }
}

#[test]
fn nobody_pauses_before_a_fresh_key_however_the_last_one_let_him_down() {
    let faults: [fn() -> Fault<Boom>; 4] = [
        || Fault::retry("503"),
        || Fault::cooldown("429"),
        || Fault::disable("401"),
        || Fault::cooldown_for(secs(5), "429"),
    ];
    for &strategy in Strategy::ALL {
        for fault in faults {
            let scene = Scene::with(&["a", "b"], |builder| {
                builder.retry_delay(secs(100)).strategy(strategy)
            });
            let run = scene.start_with(|request| request.timeout(secs(30)));
            let on = scene.upstream.pending().remove(0);
            scene.answer(&on, Err(fault()));
            let other = scene.upstream.pending().remove(0);
            assert_ne!(on, other, "{strategy:?}");
            scene.answer(&other, fine());
            assert_eq!(run.result().unwrap(), "fine");
            assert_eq!(scene.clock.elapsed(), secs(0));
        }
    }
}

#[test]
fn a_pause_of_for_ever_before_a_deadline_of_for_ever_is_refused_and_no_panic() {
    let scene = Scene::of(&["a"]);
    let run = scene.start_with(|request| {
        let request = request.retry_delay(Duration::MAX).timeout(Duration::MAX).wait(true);
        request.attempt_timeout(Duration::MAX).max_attempts(u32::MAX)
    });
    scene.answer("a", hiccup());
    // Half a hundred years at least; the deadline is a hundred years off.
    match run.is_running() {
        true => assert!(scene.clock.sleeps()[0] >= secs(50 * 365 * 86_400)),
        false => assert!(run.error().is_exhausted()),
    }
}
