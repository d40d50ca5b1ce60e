//! Who comes back, or comes new, is not given everything at once, and refuses nobody all the same.

use std::time::Duration;

use rotapool::{Fault, Recovery, Resource, Strategy};

use super::{ended, takes_out};
use crate::scene::{Scene, Started, secs};
use crate::upstream::fine;

const TEN: [&str; 10] = ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9"];

/// A pool of ten in which each has twenty calls, and how many of the next twenty `id` gets.
fn share_of_the_next_twenty(
    strategy: Strategy,
    prepare: impl FnOnce(&Scene),
    arrive: impl FnOnce(&Scene),
    id: &str,
) -> usize {
    let scene = Scene::with(&TEN, |builder| builder.strategy(strategy));
    prepare(&scene);
    let busy = 10 - scene.pool.stats().cooling_down;
    let _running: Vec<_> = (0..busy * 20).map(|_| scene.start()).collect();
    arrive(&scene);
    let before = scene.row(id).in_flight;
    let runs: Vec<_> = (0..20).map(|_| scene.start()).collect();
    assert_eq!(ended(&runs), [false; 20], "nobody is refused");
    (scene.row(id).in_flight - before) as usize
}

#[test]
fn a_newcomer_gets_one_call_until_it_has_served_one() {
    for strategy in Strategy::ALL {
        let add = |scene: &Scene| scene.pool.add(Resource::new("new", "new")).unwrap();
        let share = share_of_the_next_twenty(*strategy, |_| (), add, "new");
        assert!(share <= 1, "{strategy:?}: {share} of 20");
    }
}

#[test]
fn who_comes_back_after_an_outage_gets_one_call_until_it_has_served_one() {
    for strategy in Strategy::ALL {
        let outage = |scene: &Scene| takes_out(scene, "0", 30);
        let share =
            share_of_the_next_twenty(*strategy, outage, |scene| scene.advance(secs(30)), "0");
        assert!(share <= 1, "{strategy:?}: {share} of 20");
    }
}

/// One that came back a moment ago, and nothing else.
fn alone_after_an_outage(cap: Option<u32>) -> Scene {
    let scene = Scene::with(&[], |builder| {
        let one = Resource::new("a", "a");
        builder.resource(match cap {
            Some(cap) => one.max_in_flight(cap),
            None => one,
        })
    });
    takes_out(&scene, "a", 30);
    scene.advance(secs(30));
    scene
}

#[test]
fn a_herd_in_line_comes_back_one_more_with_each_success() {
    let without_a_cap = (1..=64).chain([436]).collect();
    for (cap, paces) in [
        (Some(1), vec![1, 1, 1]),
        (Some(2), vec![1, 2, 2]),
        (Some(6), vec![1, 2, 3, 4, 5, 6, 6]),
        (None, without_a_cap),
    ] {
        let scene = alone_after_an_outage(cap);
        let herd: Vec<_> =
            (0..500).map(|_| scene.start_with(|request| request.wait(true))).collect();
        let mut seen = Vec::new();
        for _ in &paces {
            let under_way = scene.upstream.pending().len();
            seen.push(under_way);
            // One of them says that all is well.
            scene.answer("a", fine());
            let pace = scene.row("a").pace;
            let others = scene.upstream.pending().len();
            assert!(pace.is_none_or(|pace| others <= pace as usize), "{pace:?}, {others}");
        }
        assert_eq!(seen, paces, "cap {cap:?}");
        assert!(herd.iter().any(Started::is_running));
    }
}

#[test]
fn a_ramp_refuses_no_run_that_does_not_wait() {
    let scene = alone_after_an_outage(None);
    let runs: Vec<_> = (0..100).map(|_| scene.start_with(|request| request.wait(false))).collect();
    assert!(runs.iter().all(Started::is_running));
    assert_eq!(scene.row("a").pace, Some(1));
}

#[test]
fn who_would_wait_for_a_ramp_but_finds_the_line_full_goes_beyond_the_pace_rather_than_fail() {
    for chooses in [false, true] {
        let scene = Scene::with(&["a"], |builder| {
            let builder = builder.max_waiting(1);
            match chooses {
                true => builder.select(|_: &[rotapool::Candidate]| 0),
                false => builder,
            }
        });
        takes_out(&scene, "a", 30);
        scene.advance(secs(30));
        let (_within, in_line) = (scene.start(), scene.start_with(|request| request.wait(true)));
        assert_eq!(scene.pool.stats().waiting, 1);
        let one_too_many = scene.start_with(|request| request.timeout(secs(5)));
        assert_eq!(scene.row("a").in_flight, 2);
        scene.upstream.answer_nth("a", 1, fine());
        scene.settle();
        assert_eq!(one_too_many.result().unwrap(), "fine");
        assert!(in_line.is_running(), "it was served by its success: the pace is two now");
        assert_eq!((scene.row("a").in_flight, scene.pool.stats().waiting), (2, 0));
    }
}

#[test]
fn a_place_beyond_the_pace_that_comes_free_goes_to_who_hurries_in_line() {
    let scene = alone_after_an_outage(Some(2));
    let _within = scene.start_with(|request| request.wait(true));
    let _beyond = scene.start_with(|request| request.wait(false).max_attempts(1));
    let patient = scene.start_with(|request| request.wait(true));
    let hurries = scene.start_with(|request| request.timeout(secs(20)));
    scene.advance(secs(12));
    assert_eq!((scene.row("a").in_flight, scene.pool.stats().waiting), (2, 2));

    scene.upstream.answer_nth("a", 1, Err(Fault::retry("503")));
    scene.settle();
    assert_eq!((scene.row("a").in_flight, scene.pool.stats().waiting), (2, 1));
    scene.upstream.answer_nth("a", 1, fine());
    scene.settle();
    assert_eq!(hurries.result().unwrap(), "fine");
    assert!(patient.is_running());
}

#[test]
fn calls_that_take_longer_than_the_outage_did_lead_up_the_ramp_all_the_same() {
    let scene = alone_after_an_outage(None);
    for pace in 1..5 {
        assert_eq!(scene.row("a").pace, Some(pace));
        scene.start();
        scene.advance(secs(40));
        scene.answer("a", fine());
    }
}

#[test]
fn calls_from_before_the_outage_take_nothing_from_the_ramp_and_do_not_prove_it() {
    let scene = Scene::of(&["a"]);
    let streams = [(); 5].map(|()| scene.start());
    takes_out(&scene, "a", 10);
    scene.advance(secs(10));
    let _waits = [(); 3].map(|()| scene.start_with(|request| request.wait(true)));
    assert_eq!(scene.row("a").in_flight, 6, "one of the three");
    scene.answer("a", fine());
    assert_eq!((ended(&streams)[0], scene.row("a").pace), (true, Some(1)));
    assert_eq!(scene.row("a").in_flight, 5);
}

#[test]
fn failures_neither_grow_nor_shrink_a_ramp() {
    let scene = alone_after_an_outage(None);
    scene.start();
    scene.answer("a", fine());
    assert_eq!(scene.row("a").pace, Some(2));
    for _ in 0..5 {
        scene.start_with(|request| request.max_attempts(1));
        scene.answer("a", Err(Fault::retry("503")));
        assert_eq!(scene.row("a").pace, Some(2));
    }
}

#[test]
fn a_call_that_hangs_takes_its_place_on_the_ramp_for_as_long_as_the_outage_lasted() {
    let scene = alone_after_an_outage(None);
    let _hangs = scene.start_with(|request| request.wait(true));
    let waits = [(); 2].map(|()| scene.start_with(|request| request.wait(true)));
    scene.advance(secs(30) - Duration::from_nanos(1));
    assert_eq!(scene.upstream.pending().len(), 1);
    scene.advance(Duration::from_nanos(1));
    assert_eq!(scene.upstream.pending().len(), 2, "one more, for the pace is one");
    assert_eq!(ended(&waits), [false; 2]);
    scene.advance(secs(30));
    assert_eq!(scene.upstream.pending().len(), 3);
}

#[test]
fn an_attempt_that_is_ended_for_its_time_makes_way_on_the_ramp() {
    let scene = alone_after_an_outage(None);
    let hangs =
        scene.start_with(|request| request.wait(true).attempt_timeout(secs(2)).max_attempts(1));
    let waits = scene.start_with(|request| request.wait(true));
    scene.advance(secs(2));
    assert!(hangs.error().is_exhausted());
    scene.answer("a", fine());
    assert_eq!(waits.result().unwrap(), "fine");
}

#[test]
fn several_that_come_back_together_share_the_herd() {
    for strategy in Strategy::ALL {
        let scene = Scene::with(&["a", "b", "c"], |builder| builder.strategy(*strategy));
        ["a", "b", "c"].iter().for_each(|id| takes_out(&scene, id, 10));
        let _herd: Vec<_> =
            (0..50).map(|_| scene.start_with(|request| request.wait(true).affinity("k"))).collect();
        scene.advance(secs(10));
        let mut pending = scene.upstream.pending();
        pending.sort();
        assert_eq!(pending, ["a", "b", "c"], "{strategy:?}");
        scene.answer("b", fine());
        let mut pending = scene.upstream.pending();
        pending.sort();
        assert_eq!(pending, ["a", "b", "b", "c"], "{strategy:?}");
    }
}

#[test]
fn a_second_outage_on_the_ramp_begins_the_ramp_anew() {
    let scene = alone_after_an_outage(None);
    for _ in 0..3 {
        scene.start();
        scene.answer("a", fine());
    }
    assert_eq!(scene.row("a").pace, Some(4));
    takes_out(&scene, "a", 10);
    assert_eq!(scene.row("a").pace, None);
    scene.advance(secs(10));
    let _run = scene.start();
    assert_eq!(scene.row("a").pace, Some(1));
}

#[test]
fn an_operators_word_ends_a_ramp() {
    let scene = alone_after_an_outage(None);
    let _herd = [(); 20].map(|()| scene.start_with(|request| request.wait(true)));
    assert_eq!(scene.upstream.pending().len(), 1);
    scene.pool.enable("a").unwrap();
    scene.settle();
    assert_eq!((scene.upstream.pending().len(), scene.row("a").pace), (20, None));
}

#[test]
fn there_is_no_ramp_for_the_first_members_nor_where_none_is_wanted() {
    let scene = Scene::of(&["a"]);
    scene.pool.add(Resource::new("b", "b")).unwrap();
    let _one = scene.start();
    assert_eq!((scene.row("a").pace, scene.row("b").pace), (None, None), "nobody was served yet");
    for recovery in [Recovery::AtOnce, Recovery::Trial(rotapool::Trial::default())] {
        let scene = Scene::with(&["a"], |builder| builder.recovery(recovery));
        let _one = scene.start();
        scene.pool.add(Resource::new("b", "b")).unwrap();
        assert_eq!(scene.row("b").pace, None, "{recovery:?}");
    }
    let scene = Scene::with(&["a"], |builder| builder.python_rules());
    let _one = scene.start();
    scene.pool.add(Resource::new("b", "b")).unwrap();
    assert_eq!(scene.row("b").pace, None);
}

#[test]
fn a_choice_of_ones_own_is_offered_the_ramp_only_within_its_pace_while_others_have_room() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.select(|candidates: &[rotapool::Candidate]| {
            candidates.iter().position(|candidate| &*candidate.id == "a").unwrap_or(0)
        })
    });
    takes_out(&scene, "a", 10);
    scene.advance(secs(10));
    let _runs = [(); 3].map(|()| scene.start());
    assert_eq!(scene.upstream.pending(), ["a", "b", "b"]);
    scene.pool.disable("b").unwrap();
    let run = scene.start_with(|request| request.wait(false));
    assert!(run.is_running(), "beyond the pace, for nothing else is left");
    assert_eq!(scene.row("a").in_flight, 2);
    assert_eq!(scene.pool.stats().choice_faults, 0);
}

#[test]
fn a_retry_goes_beyond_the_pace_of_a_fresh_one_before_it_repeats_itself() {
    let scene = Scene::with(&["a", "b"], |builder| builder.strategy(Strategy::PrimaryBackup));
    takes_out(&scene, "b", 10);
    scene.advance(secs(10));
    let _within = scene.start_with(|request| request.exclude("a"));
    let run = scene.start();
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(scene.upstream.pending(), ["b", "b"]);
    scene.upstream.answer_nth("b", 1, fine());
    scene.settle();
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn a_run_that_waits_goes_beyond_the_pace_of_a_fresh_one_before_it_repeats_itself() {
    let scene = Scene::with(&["a", "b"], |builder| builder.strategy(Strategy::PrimaryBackup));
    takes_out(&scene, "b", 10);
    scene.advance(secs(10));
    let _within = scene.start_with(|request| request.exclude("a"));
    let run = scene.start_with(|request| request.timeout(secs(3600)));
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(scene.upstream.pending(), ["b", "b"]);
    scene.upstream.answer_nth("b", 1, fine());
    scene.settle();
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn a_run_that_pauses_keeps_to_the_pace_until_its_pause_is_over_and_then_goes_beyond_it() {
    for waits in [true, false] {
        let scene = Scene::with(&["a", "b"], |builder| {
            builder.strategy(Strategy::PrimaryBackup).retry_delay(secs(20))
        });
        takes_out(&scene, "b", 10);
        let herd: Vec<_> =
            (0..10).map(|_| scene.start_with(|request| request.wait(waits))).collect();
        herd.iter().for_each(|_| scene.answer("a", Err(Fault::retry("503"))));
        scene.advance(secs(10));
        assert_eq!(scene.upstream.pending(), ["b"], "waits: {waits}");
        scene.advance(secs(20));
        assert_eq!(scene.upstream.pending(), ["b"; 10], "rather than \"a\" again: {waits}");
    }
}

#[test]
fn a_newcomer_gets_one_of_those_that_pause_and_no_herd() {
    let scene = Scene::with(&["a"], |builder| builder.retry_delay(secs(60)));
    let herd: Vec<_> = (0..50).map(|_| scene.start()).collect();
    herd.iter().for_each(|_| scene.answer("a", Err(Fault::retry("503"))));
    scene.pool.add(Resource::new("b", "b")).unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["b"]);
    scene.answer("b", fine());
    assert_eq!(scene.upstream.pending(), ["b", "b"], "as many more as it serves");
}

#[test]
fn a_run_at_its_last_attempt_waits_for_no_pace() {
    let busy = |id: &'static str| Resource::new(id, id).max_in_flight(1);
    let scene = Scene::with(&[], |builder| {
        builder
            .max_attempts(2)
            .strategy(Strategy::PrimaryBackup)
            .resource(busy("a"))
            .resource(Resource::new("b", "b"))
    });
    takes_out(&scene, "b", 10);
    let run = scene.start_with(|request| request.wait(true));
    let _next = scene.start_with(|request| request.exclude("b").wait(true));
    scene.advance(secs(10));
    let _within = scene.start_with(|request| request.exclude("a"));
    scene.upstream.answer("a", Err(Fault::retry("503")));
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["b", "b", "a"], "\"a\" is not free");
    scene.upstream.answer_nth("b", 1, fine());
    scene.settle();
    assert_eq!(run.result().unwrap(), "fine");
}
