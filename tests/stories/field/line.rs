//! Runs in line: what they are given, in which order, and what becomes of it when things change.

use std::time::Duration;

use rotapool::{Candidate, ExhaustedReason, Fault, Recovery, Resource, Strategy, Trial};

use super::{ended, millis, takes_out};
use crate::scene::{Scene, Started, secs};
use crate::upstream::fine;

const A_HAIR: Duration = Duration::from_nanos(1);

fn one_place(id: &'static str) -> Resource<&'static str> {
    Resource::new(id, id).max_in_flight(1).metadata("id", id)
}

/// One place, and a run that has it.
fn busy() -> (Scene, Started) {
    let scene = Scene::with(&[], |builder| builder.resource(one_place("a")));
    let holder = scene.start();
    (scene, holder)
}

fn waits(scene: &Scene) -> Started {
    scene.start_with(|request| request.wait(true))
}

fn waits_only_for(scene: &Scene, id: &'static str) -> Started {
    scene.start_with(|request| request.wait(true).only(move |data| data.get("id") == Some(id)))
}

#[test]
fn whoever_came_first_is_served_first_however_they_are_served() {
    for &strategy in Strategy::ALL {
        for chooses in [false, true] {
            let scene = Scene::with(&[], |builder| {
                let builder =
                    builder.strategy(strategy).resource(one_place("a")).resource(one_place("b"));
                match chooses {
                    true => builder.select(|candidates: &[Candidate]| candidates.len() - 1),
                    false => builder,
                }
            });
            let _holders = [(); 2].map(|()| scene.start());
            let line: Vec<_> = (0..10)
                .map(|at| match at % 2 {
                    0 => waits(&scene),
                    _ => scene.start_with(|request| request.timeout(secs(1_000)).affinity("key")),
                })
                .collect();
            for served in 0..10 {
                let on = scene.upstream.pending().remove(0);
                scene.answer(&on, fine());
                scene.advance(millis(1));
                let done = ended(&line).into_iter().filter(|ended| *ended).count();
                assert_eq!(done, usize::saturating_sub(served, 1), "{strategy:?}");
                assert!(ended(&line)[..done].iter().all(|ended| *ended), "{strategy:?}");
            }
        }
    }
}

#[test]
fn two_that_are_willing_to_wait_for_one_place_are_both_served() {
    let scene = Scene::with(&[], |builder| builder.resource(one_place("a")));
    let (one, other) = (waits(&scene), waits(&scene));
    scene.advance(millis(50));
    scene.answer("a", fine());
    scene.advance(millis(50));
    scene.answer("a", fine());
    assert_eq!(ended(&[one, other]), [true, true]);
    assert_eq!(scene.clock.elapsed(), millis(100));
}

#[test]
fn a_place_that_comes_free_at_the_instant_of_the_deadline_is_too_late_and_a_nanosecond_before_is_not()
 {
    for (early, is_served) in [(A_HAIR, true), (Duration::ZERO, false)] {
        let (scene, _holder) = busy();
        let run = scene.start_with(|request| request.timeout(secs(10)));
        let next = waits(&scene);
        // Time passes without a turn for anybody, and then the place comes free.
        scene.clock.advance(secs(10) - early);
        scene.answer("a", fine());
        assert_eq!(run.is_running(), is_served);
        assert_eq!(scene.upstream.pending(), ["a"], "it is somebody's");
        scene.answer("a", fine());
        assert_eq!(next.is_running(), is_served);
    }
}

#[test]
fn a_cooldown_that_ends_at_the_instant_of_the_deadline_is_refused_on_arrival_a_nanosecond_before_it_is_waited_for()
 {
    for (seconds, more, waits) in [(30, Duration::ZERO, false), (30, A_HAIR, true)] {
        let scene = Scene::of(&["a"]);
        takes_out(&scene, "a", seconds);
        let run = scene.start_with(|request| request.timeout(secs(seconds) + more));
        assert_eq!(run.is_running(), waits);
        if !waits {
            let reason = run.error().exhausted().unwrap().reason;
            assert!(matches!(reason, ExhaustedReason::CooldownOutlastsDeadline { .. }));
            continue;
        }
        scene.advance(secs(seconds));
        assert_eq!(scene.upstream.pending(), ["a"], "it is begun in time");
        scene.advance(A_HAIR);
        let reason = run.error().exhausted().unwrap().reason;
        assert!(matches!(reason, ExhaustedReason::Deadline { .. }));
    }
}

#[test]
fn who_was_promised_a_place_on_what_is_disabled_then_is_in_line_as_before() {
    for act in ["disable", "remove", "replace"] {
        let scene =
            Scene::with(&[], |builder| builder.resource(one_place("a")).resource(one_place("b")));
        let _holders = [(); 2].map(|()| scene.start());
        let line = [(); 3].map(|()| waits(&scene));
        scene.upstream.answer("a", fine());
        // The holder ends, the place is promised, and before anybody comes for it:
        let holder_ends = scene.pool.stats();
        assert_eq!(holder_ends.waiting, 3);
        scene.time.block_on(std::future::poll_fn({
            let pool = scene.pool.clone();
            move |_| {
                match act {
                    "disable" => pool.disable("a").unwrap(),
                    "remove" => pool.remove("a").unwrap(),
                    _ => {
                        pool.remove("a").unwrap();
                        pool.add(one_place("a")).unwrap();
                    }
                }
                std::task::Poll::Ready(())
            }
        }));
        scene.settle();
        assert_eq!(ended(&line), [false; 3]);
        let expected: &[&str] = if act == "replace" { &["b", "a"] } else { &["b"] };
        assert_eq!(scene.upstream.pending(), expected, "{act}");
        scene.answer("b", fine());
        assert_eq!(scene.upstream.pending().last().unwrap(), "b");
        while let Some(on) = scene.upstream.pending().first() {
            scene.answer(on, fine());
        }
        assert_eq!(ended(&line), [true; 3], "{act}");
        scene.assert_at_rest();
    }
}

/// A pool whose one place has just been promised to the first of these runs, which has not come for it yet.
fn promised(runs: usize) -> (Scene, Vec<Started>) {
    let scene = Scene::with(&[], |builder| builder.resource(one_place("a")));
    scene.pool.disable("a").unwrap();
    scene.pool.add(one_place("b")).unwrap();
    let holder = scene.start();
    let line: Vec<_> = (0..runs).map(|_| waits(&scene)).collect();
    // An admin call frees a place at once; nobody is polled before the story goes on.
    scene.pool.enable("a").unwrap();
    assert_eq!(scene.row("a").promised, 1);
    drop(holder);
    (scene, line)
}

#[test]
fn a_promise_is_told_in_every_report_and_nobody_else_takes_it() {
    let (scene, _line) = promised(2);
    let row = scene.row("a");
    assert!(row.is_saturated() && !row.is_eligible() && row.in_flight == 0);
    let stats = scene.pool.stats();
    assert_eq!((stats.eligible, stats.saturated, stats.waiting), (0, 2, 2));
    let explanation = scene.pool.explain();
    assert_eq!((explanation.next.clone(), explanation.in_line), (None, 2));
    assert_eq!(explanation.retry_at, None);
    assert!(explanation.resources.iter().any(|row| row.promised == 1));
}

#[test]
fn what_is_promised_and_then_disabled_goes_to_nobody_and_enabled_again_to_the_first() {
    let (scene, line) = promised(2);
    scene.pool.disable("a").unwrap();
    assert_eq!(scene.row("a").promised, 0);
    scene.settle();
    assert_eq!((scene.upstream.pending(), ended(&line)), (vec!["b".to_owned()], vec![false; 2]));
    assert_eq!(scene.pool.stats().waiting, 2);
    scene.pool.enable("a").unwrap();
    scene.settle();
    scene.answer("a", fine());
    assert_eq!(ended(&line), [true, false]);
}

#[test]
fn an_id_that_is_removed_and_added_again_while_promised_is_promised_anew() {
    let (scene, line) = promised(3);
    scene.pool.remove("a").unwrap();
    scene.pool.add(one_place("a").max_in_flight(2)).unwrap();
    scene.settle();
    // The newcomer is on its ramp, so one at first.
    assert_eq!(scene.upstream.pending(), ["b", "a"]);
    scene.answer("a", fine());
    assert_eq!(ended(&line), [true, false, false]);
    assert_eq!(scene.upstream.pending(), ["b", "a", "a"]);
}

#[test]
fn two_that_are_promised_the_same_id_before_and_after_it_was_replaced_get_one_each() {
    let (scene, line) = promised(2);
    scene.pool.enable("a").unwrap();
    scene.drop_run(&line[0]);
    assert_eq!(scene.upstream.pending(), ["b", "a"], "the dropped one's place is the other's");
    scene.answer("a", fine());
    assert_eq!(ended(&line), [true, true]);
    assert_eq!(scene.row("a").promised, 0);
}

#[test]
fn all_that_were_promised_are_dropped_and_the_places_are_free_again() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(3)));
    scene.pool.disable("a").unwrap();
    scene.pool.add(one_place("b")).unwrap();
    let _holder = scene.start();
    let line = [(); 3].map(|()| waits(&scene));
    scene.pool.enable("a").unwrap();
    assert_eq!(scene.row("a").promised, 3);
    line.iter().rev().for_each(|run| scene.drop_run(run));
    assert_eq!((scene.row("a").promised, scene.pool.stats().waiting), (0, 0));
    let runs = [(); 3].map(|()| scene.start());
    assert_eq!(ended(&runs), [false; 3]);
}

#[test]
fn a_run_whose_only_admitted_resource_is_removed_is_told_and_the_others_wait_on() {
    for act in ["disable", "remove"] {
        let scene =
            Scene::with(&[], |builder| builder.resource(one_place("a")).resource(one_place("b")));
        let _holders = [(); 2].map(|()| scene.start());
        let (picky, easy) = (waits_only_for(&scene, "a"), waits(&scene));
        let excluding = scene.start_with(|request| request.wait(true).exclude("b"));
        match act {
            "disable" => scene.pool.disable("a").unwrap(),
            _ => scene.pool.remove("a").unwrap(),
        }
        scene.settle();
        let reason = if act == "disable" {
            ExhaustedReason::NoEligibleResource
        } else {
            ExhaustedReason::NoResourceAdmitted
        };
        for run in [picky, excluding] {
            assert_eq!(run.error().exhausted().unwrap().reason, reason, "{act}");
        }
        assert!(easy.is_running());
        assert_eq!(scene.pool.stats().waiting, 1);
        scene.answer("b", fine());
        scene.answer("b", fine());
        assert_eq!(easy.result().unwrap(), "fine");
    }
}

#[test]
fn a_newcomer_is_judged_by_those_in_line_and_goes_to_the_first_who_admits_it() {
    let scene = Scene::with(&[], |builder| builder.resource(one_place("a")));
    let _holder = scene.start();
    let only_a = waits_only_for(&scene, "a");
    let first = waits_only_for(&scene, "a");
    drop(first);
    let both = scene.start_with(|request| {
        request.wait(true).only(|data| matches!(data.get("id"), Some("a" | "b")))
    });
    let easy = waits(&scene);
    scene.pool.add(one_place("b")).unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    scene.answer("b", fine());
    // Whoever does not judge had it at once; whoever does is no worse off than the next place.
    scene.answer("b", fine());
    assert_eq!(ended(&[both, easy]), [true, true]);
    assert!(only_a.is_running());
    scene.answer("a", fine());
    scene.answer("a", fine());
    assert_eq!(only_a.result().unwrap(), "fine");
}

#[test]
fn a_run_in_line_that_hiccuped_comes_before_who_came_after_it() {
    // Its first usage is its rank, and it needs no pause after a wait.
    let (scene, holder) = busy();
    let (early, late) = (waits(&scene), waits(&scene));
    scene.answer("a", fine());
    assert_eq!(holder.result().unwrap(), "fine");
    // The first in line hiccups: the place is free, and it has no better right than who waits for it now…
    scene.answer("a", Err(Fault::retry("503")));
    assert!(early.is_running() && late.is_running());
    // … but both are served in the end, without a third attempt of either.
    scene.answer("a", fine());
    scene.answer("a", fine());
    assert_eq!(ended(&[early, late]), [true, true]);
    assert_eq!(scene.pool.stats().attempts, 4);
}

#[test]
fn a_line_of_one_takes_one_and_another_when_that_one_is_served_or_gone() {
    let scene = Scene::with(&[], |builder| builder.resource(one_place("a")).max_waiting(1));
    let _holder = scene.start();
    let first = waits(&scene);
    let reason = waits(&scene).error().exhausted().unwrap().reason;
    assert_eq!(reason, ExhaustedReason::LineFull { in_line: 1, max_waiting: 1 });
    scene.drop_run(&first);
    let second = waits(&scene);
    assert!(second.is_running());
    scene.upstream.answer("a", fine());
    // Its place is promised, and it has yet to come for it: it is in line until then.
    assert!(!waits(&scene).is_running());
    let third = waits(&scene);
    scene.answer("a", fine());
    assert_eq!(second.result().unwrap(), "fine");
    scene.answer("a", fine());
    assert_eq!(third.result().unwrap(), "fine");
    scene.assert_at_rest();
}

#[test]
fn who_comes_back_into_a_full_line_is_not_sent_away() {
    let scene = Scene::with(&[], |builder| {
        builder.resource(Resource::new("a", "a").max_in_flight(2)).max_waiting(1)
    });
    let runs = [(); 2].map(|()| waits(&scene));
    let _in_line = waits(&scene);
    scene.answer("a", Err(Fault::cooldown_for(secs(10), "429")));
    assert_eq!(ended(&runs), [false; 2], "both wait, though the line is full");
    assert_eq!(scene.pool.stats().waiting, 3);
    assert!(!waits(&scene).is_running());
}

#[test]
fn a_busy_beside_a_cooling_one_never_names_the_hour_to_anybody() {
    let scene = Scene::with(&["out"], |builder| builder.resource(one_place("b")));
    takes_out(&scene, "out", 3_600);
    let _holder = scene.start();
    let refused = scene.start_with(|request| request.wait(false)).error();
    assert_eq!(refused.retry_after(), None, "{refused}");
    assert_eq!(scene.pool.explain().retry_at, None);
    // One who may only have what is out is told the hour.
    let refused = scene.start_with(|request| request.wait(false).exclude("b")).error();
    assert_eq!(refused.retry_after(), Some(secs(3_600)), "{refused}");
    let refused = scene.start_with(|request| request.exclude("b").timeout(secs(60))).error();
    let reason = refused.exhausted().unwrap().reason;
    assert!(matches!(reason, ExhaustedReason::CooldownOutlastsDeadline { .. }), "{reason:?}");
    // One who may have both, and a minute, waits for the busy one.
    let run = scene.start_with(|request| request.timeout(secs(60)));
    scene.advance(millis(100));
    scene.answer("b", fine());
    scene.answer("b", fine());
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn while_a_trial_is_on_a_refused_run_is_told_no_time_and_one_in_line_is_served_after_it() {
    let scene = Scene::with(&["a"], |builder| builder.recovery(Recovery::Trial(Trial::default())));
    takes_out(&scene, "a", 10);
    scene.advance(secs(10));
    let _trial = scene.start();
    let refused = scene.start_with(|request| request.wait(false)).error();
    assert_eq!(refused.retry_after(), None, "{refused}");
    let run = scene.start_with(|request| request.timeout(secs(5)));
    assert!(run.is_running(), "the trial may end in time");
    scene.answer("a", fine());
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn a_crowd_on_one_place_is_woken_one_by_one() {
    let (scene, _holder) = busy();
    let line: Vec<_> = (0..200).map(|_| waits(&scene)).collect();
    for served in 0..=200 {
        assert_eq!(scene.upstream.pending(), ["a"], "{served}");
        scene.answer("a", fine());
    }
    assert!(ended(&line).iter().all(|ended| *ended));
    assert_eq!(scene.pool.stats().attempts, 201, "no attempt is in vain");
    scene.assert_at_rest();
}

#[test]
fn when_the_first_in_line_goes_another_watches_the_clock() {
    let scene = Scene::of(&["a"]);
    takes_out(&scene, "a", 30);
    let line: Vec<_> = (0..5).map(|_| waits(&scene)).collect();
    for gone in &line[..4] {
        scene.drop_run(gone);
        assert_eq!(scene.clock.sleeps().len(), 1);
    }
    scene.advance(secs(30));
    scene.answer("a", fine());
    assert_eq!(line[4].result().unwrap(), "fine");
}

#[test]
fn when_the_first_in_line_only_wants_something_else_the_clock_is_watched_all_the_same() {
    let scene = Scene::with(&[], |builder| {
        builder.resource(one_place("a")).resource(one_place("b")).recovery(Recovery::AtOnce)
    });
    takes_out(&scene, "b", 30);
    let _holder = scene.start();
    let first = waits_only_for(&scene, "a");
    let second = waits_only_for(&scene, "b");
    scene.advance(secs(30));
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    assert!(first.is_running());
    scene.answer("b", fine());
    assert_eq!(second.result().unwrap(), "fine");
}

#[test]
fn whoever_gives_up_at_the_front_with_a_deadline_leaves_the_clock_to_the_next() {
    let scene = Scene::of(&["a"]);
    let _holder = scene.start();
    takes_out(&scene, "a", 30);
    scene.pool.add(one_place("b")).unwrap();
    let _busy = scene.start();
    let front = scene.start_with(|request| request.timeout(secs(10)));
    let behind = waits(&scene);
    scene.advance(secs(10));
    assert!(front.error().is_exhausted());
    scene.advance(secs(20));
    assert!(scene.upstream.pending().contains(&"a".to_owned()));
    scene.upstream.answer_nth("a", 0, fine());
    scene.settle();
    while let Some(on) = scene.upstream.pending().first() {
        scene.answer(on, fine());
    }
    assert_eq!(behind.result().unwrap(), "fine");
}

#[test]
fn by_the_recorded_rules_a_freed_place_is_no_end_of_a_wait() {
    let scene = Scene::with(&[], |builder| {
        builder.python_rules().resource(one_place("a")).resource(one_place("b"))
    });
    takes_out(&scene, "a", 30);
    let _holder = scene.start();
    let waiting = waits(&scene);
    assert!(waiting.is_running(), "for the cooldown");
    let (one, other) = (scene.start(), scene.start_with(|request| request.timeout(secs(10))));
    assert_eq!(ended(&[one, other]), [true, true]);
}
