//! A resource on trial: who is judged, who holds the places, and how every ending leaves it.

use std::future::pending;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use rotapool::{Fault, Lease, Recovery, Resource, Status, Strategy, Trial};

use super::{ended, takes_out};
use crate::scene::{Scene, secs};
use crate::upstream::{Answer, Boom, fine};

/// One resource that tries itself out after a cooldown.
fn on_trial(trial: Trial) -> Scene {
    let scene = Scene::with(&["a"], |builder| builder.recovery(Recovery::Trial(trial)));
    takes_out(&scene, "a", 10);
    scene.advance(secs(10));
    scene
}

/// Whether a run is served at once, and so whether the trial has a place free.
fn is_served(scene: &Scene) -> bool {
    let run = scene.start_with(|request| request.max_attempts(1).wait(false));
    if run.is_running() {
        scene.drop_run(&run);
        return true;
    }
    false
}

/// How many runs would be served at once.
fn places(scene: &Scene) -> usize {
    let runs: Vec<_> = (0..20).map(|_| scene.start_with(|request| request.wait(false))).collect();
    let served = runs.iter().filter(|run| run.is_running()).count();
    runs.iter().filter(|run| run.is_running()).for_each(|run| scene.drop_run(run));
    served
}

#[test]
fn calls_from_before_the_outage_hold_no_place_of_the_trial() {
    for strategy in Strategy::ALL {
        let scene = Scene::with(&["a"], |builder| {
            builder.strategy(*strategy).recovery(Recovery::Trial(Trial::default()))
        });
        let streams: Vec<_> = (0..3).map(|_| scene.start()).collect();
        scene.advance(secs(1));
        takes_out(&scene, "a", 10);
        scene.advance(secs(10));
        for _ in 0..20 {
            let run = scene.start();
            scene.upstream.answer_nth("a", 3, fine());
            scene.settle();
            assert_eq!(run.result().unwrap(), "fine", "{strategy:?}");
            scene.advance(secs(5));
        }
        assert_eq!(ended(&streams), [false; 3]);
    }
}

#[test]
fn what_calls_from_before_the_outage_say_neither_ends_the_trial_nor_fails_it() {
    let answers: [fn() -> Answer; 5] = [
        fine,
        || Err(Boom.into()),
        || Err(Fault::Failure(Boom)),
        || Err(Fault::cooldown("429")),
        || Err(Fault::retry("503")),
    ];
    for answer in answers {
        let scene =
            Scene::with(&["a"], |builder| builder.recovery(Recovery::Trial(Trial::default())));
        let _old = scene.start_with(|request| request.max_attempts(1));
        takes_out(&scene, "a", 10);
        scene.advance(secs(10));
        let _trial = scene.start();
        scene.answer("a", answer());
        assert_eq!(scene.status("a"), Status::Healthy, "{:?}", answer());
        assert!(!is_served(&scene), "still on trial, and its place is taken: {:?}", answer());
    }
}

#[test]
fn a_call_from_before_the_outage_may_still_state_a_later_end() {
    let scene = Scene::with(&["a"], |builder| builder.recovery(Recovery::Trial(Trial::default())));
    let _old = scene.start();
    takes_out(&scene, "a", 10);
    scene.advance(secs(10));
    let trial = scene.start_with(|request| request.wait(true));
    scene.answer("a", Err(Fault::cooldown_for(secs(60), "Retry-After: 60")));
    assert_eq!((scene.status("a"), scene.cooling("a")), (Status::CoolingDown, 60.0));
    assert!(trial.is_running(), "it began after the outage, and is no part of it");
    scene.answer("a", fine());
    assert_eq!(trial.result().unwrap(), "fine");
    scene.advance(secs(60));
    assert_eq!(places(&scene), 1, "a trial follows this end too");
}

#[test]
fn a_cap_that_old_calls_fill_is_still_a_cap() {
    let scene = Scene::with(&[], |builder| {
        builder
            .resource(Resource::new("a", "a").max_in_flight(2))
            .recovery(Recovery::Trial(Trial::default().at_once(5)))
    });
    let _stream = scene.start();
    takes_out(&scene, "a", 10);
    scene.advance(secs(10));
    assert_eq!(places(&scene), 1, "one of two is an old call's");
    scene.answer("a", fine());
    assert_eq!(places(&scene), 2);
}

#[test]
fn the_run_that_was_limited_does_not_block_the_trial_while_it_pauses_or_waits() {
    for waits in [false, true] {
        let scene = Scene::with(&["a"], |builder| {
            builder.retry_delay(secs(10)).recovery(Recovery::Trial(Trial::default()))
        });
        let limited = scene.start_with(|request| request.wait(waits));
        scene.answer("a", Err(Fault::cooldown_for(secs(1), "429")));
        scene.advance(secs(1));
        assert_eq!(limited.is_running(), waits);
        assert!(is_served(&scene));
        if waits {
            scene.advance(secs(14));
            scene.answer("a", fine());
            assert_eq!(limited.result().unwrap(), "fine");
        } else {
            assert!(limited.error().is_exhausted());
        }
    }
}

#[test]
fn a_trial_that_hangs_keeps_nobody_away_for_longer_than_the_outage_lasted() {
    let scene = on_trial(Trial::default());
    let _hangs = scene.start();
    let mut refused = 0;
    for _ in 0..6 * 24 * 60 {
        let run = scene.start();
        match run.is_running() {
            true => {
                scene.upstream.answer_nth("a", 1, fine());
                scene.settle();
                assert_eq!(run.result().unwrap(), "fine");
            }
            false => refused += 1,
        }
        scene.advance(secs(60));
    }
    assert_eq!(refused, 1, "the one that came at once");
}

#[test]
fn a_trial_after_an_unpark_is_bound_by_how_long_it_was_out_and_not_by_what_was_planned() {
    let scene = Scene::with(&["a"], |builder| builder.recovery(Recovery::Trial(Trial::default())));
    scene.pool.park("a", secs(86_400), "works").unwrap();
    scene.advance(secs(5));
    scene.pool.unpark("a").unwrap();
    let _hangs = scene.start();
    scene.advance(secs(5));
    assert!(is_served(&scene), "the one that hangs is lost after 5 s");
}

#[test]
fn trials_that_hang_one_after_the_other_make_way_one_after_the_other() {
    let scene = on_trial(Trial::default().bound(secs(3)));
    for hanging in 1..=5 {
        let run = scene.start_with(|request| request.wait(false));
        assert!(run.is_running(), "{hanging}");
        assert!(!is_served(&scene));
        scene.advance(secs(3));
    }
    assert_eq!(scene.row("a").in_flight, 5);
    scene.answer("a", fine());
    assert_eq!(places(&scene), 1, "a late result changes nothing");
}

#[test]
fn who_waits_through_a_trial_comes_when_the_hanging_one_is_given_up() {
    let scene = on_trial(Trial::default().bound(secs(3)));
    let _hangs = scene.start();
    let waits = [(); 2].map(|()| scene.start_with(|request| request.wait(true)));
    scene.advance(Duration::from_nanos(2_999_999_999));
    assert_eq!(scene.upstream.pending().len(), 1);
    scene.advance(Duration::from_nanos(1));
    assert_eq!(scene.upstream.pending().len(), 2, "one place, one run");
    scene.upstream.answer_nth("a", 1, fine());
    scene.settle();
    assert_eq!(ended(&waits), [true, false]);
    assert_eq!(scene.upstream.pending().len(), 2, "the trial is over, and the other comes");
}

#[test]
fn the_late_results_of_a_lost_trial_change_counters_and_nothing_else() {
    let answers: [fn() -> Answer; 6] = [
        fine,
        || Err(Boom.into()),
        || Err(Fault::Failure(Boom)),
        || Err(Fault::cooldown("429")),
        || Err(Fault::cooldown_for(secs(3600), "Retry-After")),
        || Err(Fault::disable("401")),
    ];
    for answer in answers {
        let scene = on_trial(Trial::default().bound(secs(3)));
        let before = scene.row("a").consecutive_cooldowns;
        let _lost = scene.start_with(|request| request.max_attempts(1).wait(false));
        scene.advance(secs(3));
        let trial = scene.start_with(|request| request.wait(false));
        scene.answer("a", answer());
        assert_eq!(scene.status("a"), Status::Healthy, "{:?}", answer());
        assert_eq!(scene.row("a").consecutive_cooldowns, before);
        assert!(trial.is_running(), "and aborts nobody: {:?}", answer());
        assert!(!is_served(&scene), "the trial of the next one goes on: {:?}", answer());
        let stats = scene.pool.stats();
        let told = stats.successes + stats.failures;
        assert_eq!(told, 2, "{:?} is counted: {stats:?}", answer());
    }
}

#[test]
fn an_ending_that_says_nothing_gives_the_place_back_and_the_trial_goes_on() {
    // Given up by its caller.
    let scene = on_trial(Trial::default());
    let run = scene.start();
    scene.drop_run(&run);
    assert_eq!((scene.status("a"), places(&scene)), (Status::Healthy, 1));

    // Ended by its run's deadline.
    let run = scene.start_with(|request| request.timeout(secs(5)));
    scene.advance(secs(5));
    assert!(run.error().is_exhausted());
    assert_eq!((scene.status("a"), places(&scene)), (Status::Healthy, 1));

    // A panic.
    let request = scene.pool.request();
    let panics = |_: Lease<&'static str>| async { panic!("on trial (this message is expected)") };
    let run = request.run::<_, _, (), Boom>(panics);
    let run = AssertUnwindSafe(|| futures::executor::block_on(run));
    assert!(catch_unwind(run).is_err());
    assert_eq!((scene.status("a"), places(&scene)), (Status::Healthy, 1));

    // Aborted from outside.
    let (run, handle) = scene.pool.run_abortable(|_| pending::<Answer>());
    let run = scene.enter(run);
    handle.abort();
    scene.settle();
    assert!(!run.is_running());
    assert_eq!((scene.status("a"), places(&scene)), (Status::Healthy, 1));
}

#[test]
fn an_answer_of_any_kind_that_is_no_failure_ends_the_trial() {
    for answer in [fine(), Err(Boom.into())] {
        let scene = on_trial(Trial::default());
        scene.start();
        scene.answer("a", answer);
        assert_eq!(places(&scene), 20);
        assert_eq!(scene.row("a").limit, None);
    }
}

#[test]
fn a_failure_of_any_kind_on_trial_sends_the_resource_away_again_a_step_further() {
    let failures: [fn() -> Answer; 3] =
        [|| Err(Fault::Failure(Boom)), || Err(Fault::retry("503")), || Err(Fault::cooldown("429"))];
    for failure in failures {
        let scene =
            Scene::with(&["a"], |builder| builder.recovery(Recovery::Trial(Trial::default())));
        scene.start();
        scene.answer("a", Err(Fault::cooldown("429")));
        for (step, seconds) in [(2, 120.0), (3, 300.0), (4, 600.0), (5, 600.0)] {
            scene.advance(secs(600));
            scene.start();
            scene.answer("a", failure());
            assert_eq!(scene.cooling("a"), seconds, "{:?}", failure());
            assert_eq!(scene.row("a").consecutive_cooldowns, step);
            assert!(scene.row("a").cause.is_some());
        }
    }
}

#[test]
fn a_trial_without_an_answer_in_time_sends_the_resource_away_again() {
    let scene = on_trial(Trial::default());
    scene.start_with(|request| request.attempt_timeout(secs(2)).max_attempts(1));
    scene.advance(secs(2));
    assert_eq!((scene.status("a"), scene.cooling("a")), (Status::CoolingDown, 30.0));
    assert_eq!(scene.row("a").cause.unwrap().to_string(), "no answer within 2s");
    scene.assert_at_rest();
}

#[test]
fn a_failure_on_trial_that_is_no_signal_of_a_limit_aborts_nobody_beside_it() {
    for failure in [Fault::Failure(Boom), Fault::retry("503")] {
        let scene = on_trial(Trial::default().at_once(3).successes(3));
        let runs = [(); 3].map(|()| scene.start_with(|request| request.wait(false)));
        scene.answer("a", Err(failure));
        assert_eq!(scene.status("a"), Status::CoolingDown);
        assert_eq!(scene.pool.stats().sibling_cancels, 0);
        assert!(runs[1].is_running() && runs[2].is_running());
        scene.answer("a", fine());
        assert_eq!(scene.status("a"), Status::CoolingDown, "and their success proves nothing now");
    }
}

#[test]
fn with_two_at_once_and_three_successes_it_takes_three_of_its_own() {
    let scene = on_trial(Trial::default().at_once(2).successes(3));
    for success in 1..=3 {
        assert_eq!(places(&scene), 2, "before success {success}");
        let run = scene.start();
        scene.answer("a", fine());
        assert_eq!(run.result().unwrap(), "fine");
    }
    assert_eq!(places(&scene), 20);
}

#[test]
fn a_failure_between_the_successes_begins_the_trial_anew_after_the_next_outage() {
    let scene = on_trial(Trial::default().at_once(2).successes(3));
    for _ in 0..2 {
        scene.start();
        scene.answer("a", fine());
    }
    scene.start_with(|request| request.max_attempts(1));
    scene.answer("a", Err(Fault::retry("503")));
    scene.advance(secs(600));
    for success in 1..=3 {
        assert_eq!(places(&scene), 2, "before success {success}");
        scene.start();
        scene.answer("a", fine());
    }
    assert_eq!(places(&scene), 20);
}

#[test]
fn several_resources_on_trial_at_once_each_have_their_own_places() {
    let scene = Scene::with(&["a", "b", "c"], |builder| {
        builder.recovery(Recovery::Trial(Trial::default().at_once(2)))
    });
    ["a", "b", "c"].iter().for_each(|id| takes_out(&scene, id, 10));
    let waits: Vec<_> = (0..10).map(|_| scene.start_with(|request| request.wait(true))).collect();
    scene.advance(secs(10));
    let mut pending = scene.upstream.pending();
    pending.sort();
    assert_eq!(pending, ["a", "a", "b", "b", "c", "c"]);
    assert_eq!(scene.pool.stats().waiting, 4);
    scene.answer("b", fine());
    assert_eq!(scene.pool.stats().waiting, 0, "one is proven, and has room for all");
    assert_eq!(ended(&waits).iter().filter(|ended| **ended).count(), 1);
}

#[test]
fn a_resource_on_trial_that_is_disabled_and_enabled_is_on_trial_no_more() {
    let scene = on_trial(Trial::default());
    let trial = scene.start();
    scene.pool.disable("a").unwrap();
    scene.pool.enable("a").unwrap();
    assert_eq!(places(&scene), 20, "an operator's word is better than a trial");
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(scene.status("a"), Status::Healthy, "what began before says nothing of it");
    scene.answer("a", fine());
    assert_eq!(trial.result().unwrap(), "fine");
}

#[test]
fn enabling_a_resource_on_trial_serves_all_who_wait() {
    let scene = on_trial(Trial::default());
    let runs = [(); 5].map(|()| scene.start_with(|request| request.wait(true)));
    assert_eq!(scene.upstream.pending().len(), 1);
    scene.pool.enable("a").unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending().len(), 5);
    assert_eq!(ended(&runs), [false; 5]);
}

#[test]
fn a_trial_is_the_last_to_be_asked_only_where_the_strategy_says_so_and_refuses_nobody_beside_others()
 {
    for strategy in Strategy::ALL {
        let scene = Scene::with(&["a", "b"], |builder| {
            builder.strategy(*strategy).recovery(Recovery::Trial(Trial::default()))
        });
        takes_out(&scene, "a", 10);
        scene.advance(secs(10));
        let runs: Vec<_> = (0..10).map(|_| scene.start()).collect();
        assert_eq!(ended(&runs), [false; 10], "{strategy:?}");
        assert!(scene.row("a").in_flight <= 1, "{strategy:?}");
    }
}

#[test]
fn a_choice_of_ones_own_is_not_offered_a_trial_whose_place_is_taken() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.recovery(Recovery::Trial(Trial::default())).select(
            |candidates: &[rotapool::Candidate]| {
                candidates.iter().position(|candidate| &*candidate.id == "a").unwrap_or(0)
            },
        )
    });
    takes_out(&scene, "a", 10);
    scene.advance(secs(10));
    let _runs = [(); 3].map(|()| scene.start());
    assert_eq!(scene.upstream.pending(), ["a", "b", "b"]);
    assert_eq!(scene.pool.stats().choice_faults, 0);
}

#[test]
fn a_trial_as_long_as_can_be_and_as_wide_as_can_be_is_a_trial_like_any_other() {
    let trial = Trial::default().at_once(u32::MAX).successes(u32::MAX).bound(Duration::MAX);
    let scene = on_trial(trial);
    assert_eq!(places(&scene), 20);
    for _ in 0..100 {
        scene.start();
        scene.answer("a", fine());
    }
    scene.start_with(|request| request.max_attempts(1));
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(scene.status("a"), Status::CoolingDown, "on trial to this day");
}

#[test]
fn by_the_recorded_rules_an_old_call_holds_the_place_of_the_probe() {
    let scene = Scene::with(&["a"], |builder| {
        builder.python_rules().recovery(Recovery::Trial(Trial::default()))
    });
    let _stream = scene.start();
    takes_out(&scene, "a", 10);
    scene.advance(secs(10));
    assert!(!is_served(&scene));
    scene.answer("a", fine());
    assert!(is_served(&scene));
}
