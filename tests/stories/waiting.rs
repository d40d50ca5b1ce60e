//! Runs in line: what they wait for, and who is served first.

use std::time::Duration;

use rotapool::{ExhaustedReason, Fault, Recovery, Resource, Strategy};

use crate::scene::{Scene, Started, secs};
use crate::upstream::fine;

/// One resource, cooling down for 30 s, and a run that waits for it.
fn one_waits() -> (Scene, Started) {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    let waiting = scene.start_with(|request| request.wait(true));
    assert_eq!(scene.clock.sleeps(), [secs(30)]);
    (scene, waiting)
}

#[test]
fn a_run_sleeps_until_the_earliest_cooldown_ends() {
    let (scene, waiting) = one_waits();
    scene.advance(Duration::from_millis(29_999));
    assert_eq!(scene.upstream.pending(), [""; 0]);
    scene.advance(Duration::from_millis(1));
    scene.answer("a", fine());
    assert_eq!(waiting.result().unwrap(), "fine");
    scene.assert_at_rest();
}

#[test]
fn only_the_first_in_line_looks_at_the_clock() {
    let (scene, _waiting) = one_waits();
    for _ in 0..50 {
        scene.start_with(|request| request.wait(true));
    }
    assert_eq!(scene.clock.sleeps(), [secs(30)]);
    assert_eq!(scene.pool.stats().waiting, 51);
}

#[test]
fn an_added_resource_serves_the_waiting_run_at_once() {
    let (scene, _waiting) = one_waits();
    scene.pool.add(Resource::new("b", "b")).unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["b"]);
}

#[test]
fn enabling_the_resource_wakes_the_waiting_run() {
    let (scene, _waiting) = one_waits();
    scene.pool.enable("a").unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["a"]);
}

#[test]
fn disabling_or_removing_what_it_waits_for_ends_the_waiting_run() {
    for call in ["disable", "remove"] {
        let (scene, waiting) = one_waits();
        match call {
            "disable" => scene.pool.disable("a").unwrap(),
            _ => scene.pool.remove("a").unwrap(),
        }
        scene.settle();
        let error = waiting.error();
        let reason = error.exhausted().unwrap().reason;
        assert_eq!(reason, ExhaustedReason::NoEligibleResource, "{call}");
        scene.assert_at_rest();
    }
}

#[test]
fn a_longer_cooldown_is_waited_for_too() {
    let scene = Scene::with(&["a"], |builder| builder.cancel_siblings(false));
    let _two = (scene.start(), scene.start());
    scene.answer("a", Err(Fault::cooldown_for(secs(10), "429")));
    let _waiting = scene.start_with(|request| request.wait(true));
    scene.answer("a", Err(Fault::cooldown_for(secs(50), "429")));
    scene.advance(secs(10));
    assert_eq!(scene.clock.sleeps(), [secs(50)]);
}

#[test]
fn an_earlier_end_than_the_first_in_line_was_told_is_looked_at_in_time() {
    let scene = Scene::with(&["a"], |builder| {
        builder.resource(Resource::new("b", "b").max_in_flight(1)).strategy(Strategy::PrimaryBackup)
    });
    let _on_a = scene.start();
    scene.answer("a", Err(Fault::cooldown_for(secs(3600), "daily limit")));
    assert_eq!(scene.upstream.pending(), ["b"], "the run went on elsewhere");
    let _first = scene.start_with(|request| request.wait(true));
    assert_eq!(scene.clock.sleeps(), [secs(3600)]);
    scene.answer("b", Err(Fault::cooldown_for(secs(5), "burst limit")));
    assert_eq!(scene.clock.sleeps(), [secs(5)]);
    scene.advance(secs(5));
    assert_eq!(scene.upstream.pending(), ["b"]);
}

#[test]
fn a_wake_up_alone_proves_nothing() {
    let scene = Scene::restless(&["a"], |builder| builder);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    let _waiting = scene.start_with(|request| request.wait(true));
    for second in 1..=30 {
        assert_eq!((scene.clock.sleeps(), scene.upstream.pending().len()), (vec![secs(second)], 0));
        scene.advance(secs(1));
    }
    assert_eq!(scene.upstream.pending(), ["a"]);
}

#[test]
fn a_wait_that_cannot_help_before_the_deadline_is_not_begun() {
    let (scene, _waiting) = one_waits();
    let run = scene.start_with(|request| request.wait(true).timeout(secs(12)));
    let error = run.error();
    let exhausted = error.exhausted().unwrap();
    assert!(matches!(exhausted.reason, ExhaustedReason::CooldownOutlastsDeadline { .. }));
    assert!(error.to_string().contains("back 18.0s past the deadline"), "{error}");
    assert_eq!(error.retry_after(), Some(secs(30)));
}

#[test]
fn nobody_waits_where_everything_is_disabled() {
    let scene = Scene::of(&["off"]);
    scene.pool.disable("off").unwrap();
    let run = scene.start_with(|request| request.wait(true));
    let error = run.error();
    assert_eq!(error.exhausted().unwrap().reason, ExhaustedReason::NoEligibleResource);
    assert_eq!(error.retry_after(), None);
}

/// Two resources of which one is out for an hour and the other is at its cap of one, held by a run.
fn one_busy() -> (Scene, Started) {
    let scene = Scene::with(&["out"], |builder| {
        builder
            .strategy(Strategy::PrimaryBackup)
            .resource(Resource::new("busy", "b").max_in_flight(1))
    });
    let holder = scene.start();
    scene.answer("out", Err(Fault::cooldown_for(secs(3600), "daily limit")));
    assert_eq!(scene.upstream.pending(), ["busy"]);
    (scene, holder)
}

#[test]
fn a_place_that_comes_free_serves_the_waiting_run_long_before_the_cooldown_ends() {
    for timeout in [secs(60), secs(7200)] {
        let (scene, _holder) = one_busy();
        let waits = scene.start_with(|request| request.timeout(timeout));
        assert!(waits.is_running(), "a place may come free before the deadline");
        scene.advance(Duration::from_millis(100));
        scene.answer("busy", fine());
        scene.answer("busy", fine());
        assert_eq!(waits.result().unwrap(), "fine");
        assert_eq!(scene.clock.elapsed(), Duration::from_millis(100));
    }
}

#[test]
fn a_freed_place_is_for_who_came_first_and_no_newcomer_overtakes() {
    let (scene, _holder) = one_busy();
    let early = scene.start_with(|request| request.wait(true));
    scene.advance(secs(60));
    let late = scene.start_with(|request| request.wait(true));
    scene.upstream.answer("busy", fine());
    let newcomer = scene.start();
    assert!(newcomer.error().is_exhausted(), "the place is promised, and this one does not wait");
    scene.answer("busy", fine());
    assert_eq!(early.result().unwrap(), "fine");
    assert!(late.is_running());
    scene.answer("busy", fine());
    assert_eq!(late.result().unwrap(), "fine");
}

#[test]
fn a_run_that_is_refused_beside_a_busy_resource_names_no_hour() {
    let (scene, _holder) = one_busy();
    let error = scene.start().error();
    assert_eq!(error.retry_after(), None, "a place may come free at any time: {error}");
}

#[test]
fn one_freed_place_wakes_one_run_and_who_is_dropped_hands_it_on() {
    let (scene, _holder) = one_busy();
    let runs: Vec<_> = (0..3).map(|_| scene.start_with(|request| request.wait(true))).collect();
    // Freed, and the run that it was handed to is given up before it could come for it.
    scene.upstream.answer("busy", fine());
    scene.drop_run(&runs[0]);
    assert_eq!(scene.upstream.pending(), ["busy"], "the second has it");
    scene.answer("busy", fine());
    assert_eq!(runs[1].result().unwrap(), "fine");
    assert!(runs[2].is_running());
    assert_eq!(scene.upstream.pending(), ["busy"]);
}

#[test]
fn who_is_aborted_comes_back_with_the_rank_of_its_beginning() {
    let scene = Scene::with(&[], |builder| {
        builder.resource(Resource::new("a", "a").max_in_flight(2)).recovery(Recovery::AtOnce)
    });
    let _older = scene.start();
    let early = scene.start_with(|request| request.wait(true));
    let late = scene.start_with(|request| request.wait(true));
    scene.answer("a", Err(Fault::cooldown_for(secs(10), "429")));
    assert_eq!(scene.pool.stats().waiting, 2, "the aborted one is in line again");
    scene.pool.disable("a").unwrap();
    scene.pool.add(Resource::new("b", "b").max_in_flight(1)).unwrap();
    scene.settle();
    scene.answer("b", fine());
    assert_eq!(early.result().unwrap(), "fine");
    assert!(late.is_running());
}

#[test]
fn the_head_keeps_its_rank_when_one_behind_it_that_wants_something_else_is_served_first() {
    let scene = Scene::with(&[], |builder| {
        let place = |id| Resource::new(id, id).max_in_flight(1).metadata("region", id);
        builder.resource(place("us")).resource(place("eu"))
    });
    let _holders = (scene.start(), scene.start());
    let only = |region: &'static str| {
        scene.start_with(move |request| {
            request.wait(true).only(move |data| data.get("region") == Some(region))
        })
    };
    let (head, behind) = (only("us"), only("eu"));
    scene.answer("eu", fine());
    scene.answer("eu", fine());
    assert_eq!(behind.result().unwrap(), "fine");
    assert!(head.is_running());
    let late = scene.start_with(|request| request.wait(true));
    scene.answer("us", fine());
    assert_eq!(
        scene.upstream.pending(),
        ["eu", "us"],
        "the late one took what the head may not have"
    );
    scene.answer("us", fine());
    assert_eq!(head.result().unwrap(), "fine");
    assert!(late.is_running());
}

#[test]
fn cooldowns_that_end_together_wake_as_many_as_there_are_places() {
    let scene = Scene::with(&[], |builder| {
        builder
            .recovery(Recovery::AtOnce)
            .resource(Resource::new("a", "a").max_in_flight(2))
            .resource(Resource::new("b", "b").max_in_flight(1))
    });
    let _first = scene.start();
    scene.answer("a", Err(Fault::cooldown_for(secs(10), "429")));
    scene.answer("b", Err(Fault::cooldown_for(secs(10), "429")));
    for _ in 0..10 {
        scene.start_with(|request| request.wait(true));
    }
    scene.advance(secs(10));
    assert_eq!(scene.upstream.pending(), ["a", "a", "b"]);
    assert_eq!(scene.pool.stats().waiting, 7);
}

#[test]
fn a_full_line_refuses_who_comes_and_says_so() {
    let scene = Scene::with(&[], |builder| {
        builder.resource(Resource::new("a", "a").max_in_flight(1)).max_waiting(2)
    });
    let _holder = scene.start();
    let _two = [(); 2].map(|()| scene.start_with(|request| request.wait(true)));
    let error = scene.start_with(|request| request.wait(true)).error();
    let reason = error.exhausted().unwrap().reason;
    assert_eq!(reason, ExhaustedReason::LineFull { in_line: 2, max_waiting: 2 });
    let said = "the line is full: 2 runs are in it, and 2 may be, after 0 attempts";
    assert!(error.to_string().contains(said), "{error}");
}

#[test]
fn a_deadline_that_passes_in_line_ends_the_wait() {
    let (scene, _holder) = one_busy();
    let run = scene.start_with(|request| request.timeout(secs(40)));
    scene.advance(secs(40));
    let error = run.error();
    assert!(matches!(error.exhausted().unwrap().reason, ExhaustedReason::Deadline { .. }));
    assert_eq!(scene.pool.stats().waiting, 0);
}

#[test]
fn a_place_handed_over_too_late_goes_to_the_next() {
    let (scene, _holder) = one_busy();
    let late = scene.start_with(|request| request.timeout(secs(40)));
    let next = scene.start_with(|request| request.wait(true));
    scene.upstream.answer("busy", fine());
    // The task of the first is not polled before its deadline.
    scene.clock.advance(secs(40));
    scene.settle();
    assert!(late.error().is_exhausted());
    scene.answer("busy", fine());
    assert_eq!(next.result().unwrap(), "fine");
}

#[test]
fn stats_and_explain_say_how_many_are_in_line_and_for_how_long() {
    let (scene, _holder) = one_busy();
    scene.start_with(|request| request.wait(true));
    scene.advance(secs(7));
    scene.start_with(|request| request.wait(true));
    let stats = scene.pool.stats();
    assert_eq!((stats.waiting, stats.oldest_wait), (2, Some(secs(7))));
    assert!(scene.pool.explain().to_string().contains("; 2 runs in line"));
}
