//! Runs that pause in line: what they are given meanwhile, and what they keep off.

use std::time::Duration;

use rotapool::{ExhaustedReason, Fault, Resource};

use super::{ended, takes_out};
use crate::scene::{Scene, Started, secs};
use crate::upstream::{Answer, fine};

fn hiccup() -> Answer {
    Err(Fault::retry("503"))
}

/// Resources of one place each, and pauses of 50 to 150 s.
fn one_place_each(ids: &[&'static str]) -> Scene {
    Scene::with(&[], |builder| {
        let one_place = |&id| Resource::new(id, id).max_in_flight(1).metadata("id", id);
        builder.retry_delay(secs(100)).resources(ids.iter().map(one_place))
    })
}

/// A run that pauses before it repeats itself on `a`, beside one that has the only place on `b`.
fn pausing(waits: bool) -> (Scene, Started, Started) {
    let scene = one_place_each(&["a", "b"]);
    let holder = scene.start_with(|request| request.exclude("a"));
    let pausing = scene.start_with(|request| request.wait(waits));
    assert_eq!(scene.upstream.pending(), ["b", "a"]);
    scene.answer("a", hiccup());
    assert_eq!(scene.upstream.pending(), ["b"]);
    assert!(holder.is_running());
    (scene, pausing, holder)
}

fn reason<R>(run: &Started<R>) -> ExhaustedReason {
    run.error().exhausted().expect("it was refused").reason
}

/// What may come for a run that pauses.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Coming {
    APlace,
    ANewcomer,
    AnEnabled,
    TheEndOfACooldown,
}

#[test]
fn what_a_run_has_not_tried_is_its_own_during_the_pause_whatever_brings_it() {
    use Coming::{ANewcomer, APlace, AnEnabled, TheEndOfACooldown};
    for waits in [false, true] {
        for coming in [APlace, ANewcomer, AnEnabled, TheEndOfACooldown] {
            let scene = one_place_each(&["a", "b"]);
            match coming {
                TheEndOfACooldown => takes_out(&scene, "b", 10),
                _ => scene.pool.disable("b").unwrap(),
            }
            let holder = (coming == APlace).then(|| {
                scene.pool.enable("b").unwrap();
                scene.start_with(|request| request.exclude("a"))
            });
            let run = scene.start_with(|request| request.wait(waits));
            scene.answer("a", hiccup());
            scene.advance(secs(10));
            match coming {
                APlace => scene.answer("b", fine()),
                ANewcomer => {
                    scene.pool.add(Resource::new("c", "c").max_in_flight(1)).unwrap();
                    scene.settle();
                }
                AnEnabled => {
                    scene.pool.enable("b").unwrap();
                    scene.settle();
                }
                TheEndOfACooldown => {}
            }
            drop(holder);
            let on = scene.upstream.pending();
            let expected = if coming == ANewcomer { "c" } else { "b" };
            assert_eq!(on, [expected], "{coming:?}, {waits}");
            scene.answer(expected, fine());
            assert_eq!(run.result().unwrap(), "fine");
            assert_eq!(scene.clock.elapsed(), secs(10));
            scene.assert_at_rest();
        }
    }
}

#[test]
fn a_pause_that_outlasts_the_deadline_fails_no_run_for_which_something_untried_may_come() {
    let scene = one_place_each(&["a", "b"]);
    let _holder = scene.start_with(|request| request.exclude("a"));
    let pausing = scene.start_with(|request| request.timeout(secs(20)));
    scene.answer("a", hiccup());
    assert!(pausing.is_running(), "b is only busy");
    scene.advance(secs(19));
    scene.answer("b", fine());
    scene.answer("b", fine());
    assert_eq!(pausing.result().unwrap(), "fine");
    assert_eq!(scene.clock.elapsed(), secs(19));
}

#[test]
fn it_fails_at_once_with_its_last_signal_if_nothing_untried_can_come_in_time() {
    for (cools, wait, fails) in
        [(20, true, true), (19, true, false), (19, false, true), (3_600, true, true)]
    {
        let scene = one_place_each(&["a", "b"]);
        takes_out(&scene, "b", cools);
        let run = scene.start_with(|request| request.timeout(secs(20)).wait(wait));
        scene.answer("a", hiccup());
        assert_eq!(run.is_running(), !fails, "{cools}, {wait}");
        if fails {
            let error = run.error();
            let why = error.exhausted().unwrap();
            assert!(matches!(why.reason, ExhaustedReason::PauseOutlastsDeadline { .. }), "{why}");
            assert!(error.to_string().contains("503"), "{error}");
        } else {
            scene.advance(secs(19));
            scene.answer("b", fine());
            assert_eq!(run.result().unwrap(), "fine");
        }
        scene.assert_at_rest();
    }
}

#[test]
fn what_was_hoped_for_and_does_not_come_ends_the_run_at_its_deadline() {
    let scene = one_place_each(&["a", "b"]);
    let _holder = scene.start_with(|request| request.exclude("a"));
    let run = scene.start_with(|request| request.timeout(secs(20)));
    scene.answer("a", hiccup());
    scene.advance(secs(20));
    assert!(matches!(reason(&run), ExhaustedReason::Deadline { .. }));
    assert_eq!(scene.clock.elapsed(), secs(20));
}

#[test]
fn a_place_on_what_it_has_tried_is_not_for_a_run_that_pauses_and_is_for_who_comes() {
    for waits in [false, true] {
        let (scene, pausing, _holder) = pausing(waits);
        let newcomer = scene.start_with(|request| request.wait(false));
        assert_eq!(scene.upstream.pending(), ["b", "a"], "nothing is held for who pauses");
        scene.answer("a", fine());
        assert_eq!(newcomer.result().unwrap(), "fine");
        assert!(pausing.is_running());
        assert_eq!(scene.upstream.pending(), ["b"]);
        scene.advance(secs(150));
        assert_eq!(scene.upstream.pending(), ["b", "a"], "by its own timer");
        scene.answer("a", fine());
        assert_eq!(pausing.result().unwrap(), "fine");
    }
}

#[test]
fn the_budget_of_runs_on_one_place_is_not_burnt_without_pauses() {
    let scene = one_place_each(&["a"]);
    let runs: Vec<_> = (0..3).map(|_| scene.start_with(|request| request.wait(true))).collect();
    for _ in 0..3 {
        scene.answer("a", hiccup());
    }
    assert_eq!(ended(&runs), [false; 3], "each has failed once and pauses");
    assert_eq!(scene.upstream.pending(), [""; 0]);
    scene.advance(secs(49));
    assert_eq!(scene.upstream.pending(), [""; 0], "the shortest pause is half of the mean");
    scene.advance(secs(101));
    for _ in 0..3 {
        scene.answer("a", fine());
    }
    assert_eq!(ended(&runs), [true; 3]);
}

#[test]
fn a_stay_in_line_that_was_as_long_as_the_pause_was_the_pause() {
    let scene = one_place_each(&["a"]);
    let run = scene.start_with(|request| request.wait(true));
    let holder = scene.start_with(|request| request.wait(true));
    scene.answer("a", hiccup());
    scene.advance(secs(151));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.answer("a", fine());
    assert_eq!(holder.result().unwrap(), "fine");
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(scene.clock.elapsed(), secs(151));
}

#[test]
fn nobody_counts_a_run_that_pauses_and_it_takes_up_no_place_in_a_line_of_one() {
    for waits in [false, true] {
        let scene = Scene::with(&[], |builder| {
            let a = Resource::new("a", "a").max_in_flight(1);
            builder.retry_delay(secs(100)).resource(a).max_waiting(1)
        });
        let pausing = scene.start_with(|request| request.wait(waits));
        scene.answer("a", hiccup());
        let _holder = scene.start();
        assert_eq!((scene.pool.stats().waiting, scene.pool.explain().in_line), (0, 0));
        let first = scene.start_with(|request| request.wait(true));
        assert!(first.is_running());
        assert_eq!(scene.pool.stats().waiting, 1);
        let full = ExhaustedReason::LineFull { in_line: 1, max_waiting: 1 };
        assert_eq!(reason(&scene.start_with(|request| request.wait(true))), full);
        // Who comes again is let in, and counts from then on.
        scene.advance(secs(150));
        assert_eq!(pausing.is_running(), waits);
        assert_eq!(scene.pool.stats().waiting, 1 + usize::from(waits));
        let error = scene.start_with(|request| request.wait(true)).error();
        let said = if waits { "2 runs are in it, and 1 may be" } else { "1 run is in it, and 1" };
        assert!(error.to_string().contains(said), "{error}");
    }
}

#[test]
fn dropped_while_it_pauses_it_hands_on_what_came_for_it() {
    for waits in [false, true] {
        let (scene, pausing, _holder) = pausing(waits);
        let next = scene.start_with(|request| request.wait(true).exclude("a"));
        scene.upstream.answer("b", fine());
        // Promised to the one that pauses, for its rank is older, and given up before it was polled.
        scene.drop_run(&pausing);
        assert_eq!(scene.upstream.pending(), ["b"]);
        scene.answer("b", fine());
        assert_eq!(next.result().unwrap(), "fine");
        scene.assert_at_rest();
    }
}

#[test]
fn a_wake_up_shortens_no_pause_and_ends_no_run_that_would_go_on() {
    let scene = Scene::restless(&[], |builder| {
        let a = Resource::new("a", "a").max_in_flight(1);
        builder.retry_delay(secs(100)).resource(a)
    });
    let run = scene.start_with(|request| request.wait(false));
    scene.answer("a", hiccup());
    // While another has the place, whoever looked without pausing would be refused.
    let other = scene.start();
    scene.advance(secs(40));
    assert!(run.is_running());
    scene.answer("a", fine());
    assert_eq!(other.result().unwrap(), "fine");
    scene.advance(secs(110));
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn a_newcomer_that_those_in_line_have_yet_to_judge_is_held_until_they_have() {
    let scene = one_place_each(&["a"]);
    let _holder = scene.start();
    let wants = |scene: &Scene, id: &'static str| {
        scene.start_with(|request| request.wait(true).only(move |data| data.get("id") == Some(id)))
    };
    let (only_a, first, second) = {
        let only_a = wants(&scene, "a");
        let both = |data: &rotapool::Metadata| matches!(data.get("id"), Some("a" | "b"));
        let first = scene.start_with(|request| request.wait(true).only(both));
        (only_a, first, scene.start_with(|request| request.wait(true)))
    };
    let b = || Resource::new("b", "b").max_in_flight(1).metadata("id", "b");
    scene.pool.add(b()).unwrap();
    // Nobody has been asked yet, and who comes now does not overtake.
    let newcomer = scene.start_with(|request| request.wait(false));
    assert!(newcomer.error().is_exhausted());
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    scene.answer("b", fine());
    assert_eq!(ended(&[first, second]), [true, false], "in the order in which they came");
    assert!(only_a.is_running());
}

#[test]
fn who_is_dropped_before_it_judges_holds_nothing() {
    let scene = one_place_each(&["a"]);
    let _holder = scene.start();
    let judges: Vec<_> = (0..3)
        .map(|_| {
            scene.start_with(|request| {
                request.wait(true).only(|data| matches!(data.get("id"), Some("a" | "b")))
            })
        })
        .collect();
    scene.pool.add(Resource::new("b", "b").max_in_flight(1).metadata("id", "b")).unwrap();
    // Promised, woken, and given up before they were polled.
    for judge in &judges[..2] {
        scene.drop_run(judge);
    }
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    scene.answer("b", fine());
    assert_eq!(judges[2].result().unwrap(), "fine");
    assert_eq!(scene.pool.stats().waiting, 0);
}

#[test]
fn a_newcomer_that_nobody_in_line_admits_is_free_for_who_comes() {
    let scene = one_place_each(&["a"]);
    let _holder = scene.start();
    let only_a: Vec<_> = (0..50)
        .map(|_| {
            scene.start_with(|request| request.wait(true).only(|data| data.get("id") == Some("a")))
        })
        .collect();
    scene.pool.add(Resource::new("b", "b").max_in_flight(1)).unwrap();
    scene.settle();
    assert_eq!(ended(&only_a), [false; 50]);
    let newcomer = scene.start_with(|request| request.wait(false));
    scene.answer("b", fine());
    assert_eq!(newcomer.result().unwrap(), "fine");
}

#[test]
fn a_pause_ends_at_the_nanosecond_and_what_comes_then_goes_to_the_older_rank() {
    let (scene, pausing, _holder) = pausing(true);
    let end = scene.clock.sleeps().into_iter().min().unwrap();
    scene.advance(end - scene.clock.elapsed() - Duration::from_nanos(1));
    assert_eq!(scene.upstream.pending(), ["b"]);
    scene.advance(Duration::from_nanos(1));
    assert_eq!(scene.upstream.pending(), ["b", "a"]);
    scene.answer("a", fine());
    assert_eq!(pausing.result().unwrap(), "fine");
}

#[test]
fn under_the_recorded_rules_a_pause_listens_to_nobody() {
    let scene = Scene::with(&["a"], |builder| builder.python_rules().retry_delay(secs(100)));
    let run = scene.start_with(|request| request.wait(true).max_attempts(2));
    scene.answer("a", hiccup());
    scene.pool.add(Resource::new("b", "b")).unwrap();
    scene.advance(secs(49));
    assert_eq!(scene.upstream.pending(), [""; 0]);
    assert_eq!(scene.row("a").in_flight, 1, "it keeps its place");
    scene.advance(secs(101));
    assert_eq!(scene.upstream.pending().len(), 1);
    assert!(run.is_running());
}

#[test]
fn who_pauses_for_something_fresh_gives_up_when_that_is_gone_for_good() {
    let one = |id: &'static str| Resource::new(id, id).max_in_flight(1);
    let scene = Scene::with(&[], |builder| {
        builder.retry_delay(secs(100)).resource(one("a")).resource(one("b"))
    });
    let _holds = scene.start_with(|request| request.exclude("a"));
    let run = scene.start_with(|request| request.timeout(secs(20)));
    scene.answer("a", Err(Fault::retry("503")));
    assert!(run.is_running(), "\"b\" may come free in time");
    scene.answer("b", Err(Fault::disable("401")));
    assert!(!run.is_running(), "its pause outlasts its deadline");
}
