//! The circuit breaker of a pool: what sends a resource away that answers with nothing but failures, and what does not.

use std::time::Duration;

use rotapool::{
    BreakerState, BuildError, Event, Fault, Grade, Pool, Recovery, Resource, Status, Trial, Trip,
};

use crate::scene::{Scene, Started, secs};
use crate::upstream::{Answer, Boom, fine};

fn with(ids: &[&'static str], trip: Trip) -> Scene {
    Scene::with(ids, |builder| builder.circuit_breaker(trip))
}

/// A run on this resource alone, which makes one attempt.
fn ask(scene: &Scene, id: &'static str) -> Started {
    let others: Vec<_> = scene.pool.snapshot().into_iter().filter(|row| *row.id != *id).collect();
    scene.start_with(|request| {
        let request = request.max_attempts(1).wait(false);
        others.into_iter().fold(request, |request, other| request.exclude(&*other.id))
    })
}

fn play(scene: &Scene, id: &'static str, answer: Answer) {
    let _run = ask(scene, id);
    scene.answer(id, answer);
}

fn fail(scene: &Scene, id: &'static str, times: u32) {
    (0..times).for_each(|_| play(scene, id, Err(Fault::retry("503"))));
}

fn circuit(scene: &Scene, id: &str) -> BreakerState {
    let stats = scene.pool.stats();
    let row = stats.resources.iter().find(|row| &*row.id == id);
    row.and_then(|row| row.circuit).expect("a pool with a breaker")
}

#[test]
fn failures_in_a_row_open_the_circuit_and_explain_says_so() {
    let scene = with(&["a", "b"], Trip::after_failures(5));
    fail(&scene, "a", 4);
    assert_eq!(circuit(&scene, "a"), BreakerState::Closed);
    fail(&scene, "a", 1);
    assert_eq!(
        (circuit(&scene, "a"), scene.status("a")),
        (BreakerState::Open, Status::CoolingDown)
    );
    assert_eq!(
        scene.row("a").to_string(),
        "a: cooling down, back in 30.0s: circuit open: 5 failures in a row, the last: `503` (0.0ns ago, guessed)"
    );
    let stats = scene.pool.stats();
    assert_eq!((stats.circuit_trips, stats.resources[0].circuit_trips, stats.retries), (1, 1, 5));
    scene.advance(secs(30));
    assert_eq!(circuit(&scene, "a"), BreakerState::HalfOpen, "it comes up a ramp");
    fail(&scene, "a", 1);
    assert_eq!(
        circuit(&scene, "a"),
        BreakerState::Open,
        "one failure is enough, until it succeeds"
    );
    scene.advance(secs(30));
    play(&scene, "a", fine());
    fail(&scene, "a", 4);
    assert_eq!(scene.status("a"), Status::Healthy, "the row has begun anew");
}

#[test]
fn a_success_ends_the_row_and_limits_are_no_evidence() {
    let scene = with(&["a", "b"], Trip::after_failures(2));
    for between in [fine(), Err(Fault::from(Boom))] {
        fail(&scene, "a", 1);
        play(&scene, "a", between);
    }
    assert_eq!(scene.pool.stats().circuit_trips, 0);
    fail(&scene, "a", 1);
    for _ in 0..3 {
        play(&scene, "a", Err(Fault::cooldown_for(secs(1), "429")));
        assert_eq!(circuit(&scene, "a"), BreakerState::Closed, "it is out, and not by the breaker");
        scene.advance(secs(1));
    }
    fail(&scene, "a", 1);
    assert_eq!(circuit(&scene, "a"), BreakerState::Open, "they ended no row either");
}

#[test]
fn failures_that_the_operation_blames_and_time_outs_count() {
    let scene = with(&["a", "b"], Trip::after_failures(2));
    play(&scene, "a", Err(Fault::Failure(Boom)));
    let _run = scene.start_with(|request| {
        request.exclude("b").max_attempts(1).attempt_timeout(secs(3)).wait(false)
    });
    scene.advance(secs(3));
    assert_eq!(
        scene.row("a").cause.unwrap().to_string(),
        "circuit open: 2 failures in a row, the last: `no answer within 3s`"
    );
}

#[test]
fn slow_answers_open_the_circuit_although_they_are_good() {
    let trip = Trip::at_slow_rate(50, secs(2)).min_calls(4).open_for(secs(7));
    let scene = with(&["a", "b"], trip);
    for takes in [1, 2, 1, 2] {
        let run = ask(&scene, "a");
        scene.advance(secs(takes));
        scene.answer("a", fine());
        assert!(run.result().is_ok());
    }
    assert_eq!(
        scene.row("a").to_string(),
        "a: cooling down, back in 7.0s: circuit open: 2 of 4 calls were slow (0.0ns ago, guessed)"
    );
    scene.assert_at_rest();
}

#[test]
fn the_caller_s_own_errors_are_not_slow_however_long_they_took() {
    let scene = with(&["a", "b"], Trip::at_slow_rate(50, secs(2)).min_calls(4));
    for _ in 0..4 {
        let _run = ask(&scene, "a");
        scene.advance(secs(10));
        scene.answer("a", Err(Fault::from(Boom)));
    }
    assert_eq!(circuit(&scene, "a"), BreakerState::Closed);
}

#[test]
fn a_failure_rate_opens_the_circuit_and_a_table_says_for_how_long() {
    let trip = Trip::at_failure_rate(50).min_calls(2).open_table([secs(10), secs(60)]);
    let scene = with(&["a", "b"], trip);
    for open in [10.0, 60.0, 60.0] {
        fail(&scene, "a", 2);
        assert_eq!(scene.cooling("a"), open);
        assert_eq!(scene.row("a").consecutive_cooldowns, 0, "the table of cooldowns is another");
        scene.advance(Duration::from_secs_f64(open));
    }
}

#[test]
fn a_poisoned_request_takes_nothing_down() {
    let ids = ["a", "b", "c", "d", "e"];
    let scene = Scene::with(&ids, |builder| {
        builder.circuit_breaker(Trip::after_failures(2)).max_attempts(5)
    });
    for _ in 0..ids.len() {
        let _run = scene.start();
        while let Some(on) = scene.upstream.pending().first() {
            scene.answer(on, Err(Fault::retry("500: your request is bad")));
        }
        for id in ids {
            play(&scene, id, fine());
        }
    }
    let stats = scene.pool.stats();
    assert_eq!((stats.retries, stats.circuit_trips, stats.healthy), (25, 0, 5));
}

#[test]
fn of_one_run_only_the_first_failure_counts() {
    let scene = with(&["a", "b", "c"], Trip::after_failures(1));
    let _run = scene.start();
    for on in ["a", "b", "c"] {
        scene.answer(on, Err(Fault::retry("500")));
    }
    assert_eq!(["a", "b", "c"].map(|id| circuit(&scene, id)), {
        use BreakerState::{Closed, Open};
        [Open, Closed, Closed]
    });
}

#[test]
fn the_last_healthy_resource_is_kept_and_that_is_told() {
    let scene = with(&["a", "b"], Trip::after_failures(2));
    let mut events = scene.pool.events();
    fail(&scene, "a", 2);
    fail(&scene, "b", 5);
    assert_eq!((scene.status("a"), scene.status("b")), (Status::CoolingDown, Status::Healthy));
    assert_eq!(
        scene.row("b").to_string(),
        "b: eligible: 0 in flight (kept available, else circuit open: 5 failures in a row, the last: `503`)"
    );
    let kept: Vec<_> = std::iter::from_fn(|| events.try_next())
        .filter(|event| matches!(event, Event::KeptAvailable { .. }))
        .map(|event| event.to_string())
        .collect();
    assert_eq!(
        kept,
        ["b: kept available, else circuit open: 2 failures in a row, the last: `503`"],
        "told once"
    );
    assert_eq!(scene.pool.stats().kept_available, 1);
    scene.advance(secs(30));
    fail(&scene, "b", 1);
    assert_eq!(
        scene.status("b"),
        Status::CoolingDown,
        "`a` is back, and `b` goes with its next failure"
    );
    assert_eq!(scene.row("b").kept, None);
}

#[test]
fn how_many_are_kept_is_for_the_builder_to_say_and_what_is_stated_always_holds() {
    for (kept, healthy) in [(0, 0), (1, 1), (2, 2), (9, 3)] {
        let scene = Scene::with(&["a", "b", "c"], |builder| {
            builder.circuit_breaker(Trip::after_failures(1)).keep_available(kept)
        });
        for id in ["a", "b", "c"] {
            fail(&scene, id, 1);
        }
        assert_eq!(scene.pool.stats().healthy, healthy, "{kept}");
        for id in ["a", "b", "c"] {
            if scene.status(id) == Status::Healthy {
                play(&scene, id, Err(Fault::cooldown_for(secs(60), "429")));
            }
        }
        assert_eq!(scene.pool.stats().healthy, 0, "{kept}");
    }
}

#[test]
fn a_success_of_what_was_kept_clears_it() {
    let scene = with(&["a"], Trip::after_failures(1));
    fail(&scene, "a", 1);
    assert!(scene.row("a").kept.is_some());
    play(&scene, "a", fine());
    assert_eq!(scene.row("a").kept, None);
}

#[test]
fn what_began_before_an_outage_is_no_evidence() {
    let scene = with(&["a", "b"], Trip::after_failures(2));
    let early: Vec<_> = (0..6).map(|_| ask(&scene, "a")).collect();
    scene.answer("a", Err(Fault::retry("503")));
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(circuit(&scene, "a"), BreakerState::Open);
    assert_eq!(scene.upstream.pending().len(), 4, "a guess aborts nobody");
    scene.advance(secs(29));
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(scene.cooling("a"), 1.0, "a late failure keeps it no longer");
    scene.answer("a", fine());
    assert_eq!(scene.status("a"), Status::CoolingDown, "a late success brings it back no sooner");
    scene.advance(secs(1));
    scene.answer("a", fine());
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(scene.status("a"), Status::Healthy);
    fail(&scene, "a", 1);
    assert_eq!(circuit(&scene, "a"), BreakerState::Open, "the row of before goes on");
    drop(early);
}

#[test]
fn a_trial_after_the_breaker_s_outage_is_judged_by_the_breaker() {
    let trip = Trip::after_failures(2).or_slow_rate(100, secs(5)).open_table([secs(10), secs(60)]);
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.circuit_breaker(trip).recovery(Recovery::Trial(Trial::default()))
    });
    fail(&scene, "a", 2);
    scene.advance(secs(10));
    assert_eq!(circuit(&scene, "a"), BreakerState::HalfOpen);
    fail(&scene, "a", 1);
    assert_eq!(scene.cooling("a"), 60.0);
    assert!(scene.row("a").to_string().contains("circuit open: a trial failed, the last: `503`"));
    scene.advance(secs(60));
    let _slow = ask(&scene, "a");
    scene.advance(secs(5));
    scene.answer("a", fine());
    assert_eq!(scene.row("a").cause.unwrap().to_string(), "circuit open: a trial was slow");
    scene.advance(secs(60));
    play(&scene, "a", fine());
    assert_eq!(circuit(&scene, "a"), BreakerState::Closed);
    let _one_of_many = ask(&scene, "a");
    scene.advance(secs(5));
    scene.answer("a", fine());
    assert_eq!(circuit(&scene, "a"), BreakerState::Closed, "slow, and no trial");
    // After another's outage the table of cooldowns goes on, as without a breaker.
    play(&scene, "a", Err(Fault::cooldown("429")));
    scene.advance(secs(30));
    fail(&scene, "a", 1);
    assert_eq!((scene.cooling("a"), circuit(&scene, "a")), (120.0, BreakerState::Closed));
}

#[test]
fn one_end_an_outage_and_the_later_wins() {
    let scene = with(&["a", "b"], Trip::after_failures(1).open_for(secs(10)));
    let (limited, failed) = (ask(&scene, "a"), ask(&scene, "a"));
    scene.upstream.answer_nth("a", 1, Err(Fault::retry("503")));
    scene.settle();
    assert_eq!(scene.cooling("a"), 10.0);
    scene.answer("a", Err(Fault::cooldown_for(secs(60), "429")));
    assert_eq!(scene.cooling("a"), 60.0);
    assert_eq!(scene.row("a").cause.unwrap().to_string(), "429");
    drop((limited, failed));
}

#[test]
fn enabling_a_resource_forgets_what_was_held_against_it() {
    let scene = with(&["a", "b"], Trip::after_failures(2).open_table([secs(10), secs(60)]));
    fail(&scene, "a", 2);
    scene.pool.enable("a").unwrap();
    fail(&scene, "a", 1);
    assert_eq!(scene.status("a"), Status::Healthy);
    fail(&scene, "a", 1);
    assert_eq!(scene.cooling("a"), 10.0);
}

#[test]
fn a_run_in_line_gets_what_comes_back_from_the_breaker() {
    let scene = Scene::with(&["a"], |builder| {
        builder.circuit_breaker(Trip::after_failures(1).open_for(secs(10))).keep_available(0)
    });
    let run = scene.start_with(|request| request.wait(true));
    scene.answer("a", Err(Fault::retry("503")));
    assert!(run.is_running());
    scene.advance(secs(10));
    scene.answer("a", fine());
    assert!(run.result().is_ok());
    scene.assert_at_rest();
}

#[test]
fn set_as_codomyrmex_sets_it_five_failures_open_it_for_30_s_and_two_successes_prove_it() {
    let scene = Scene::with(&["a", "b"], |builder| {
        let trial = Recovery::Trial(Trial::default().successes(2));
        builder.circuit_breaker(Trip::default()).recovery(trial)
    });
    fail(&scene, "a", 5);
    let out = scene.pool.stats().resources[0].cooldown_remaining;
    assert_eq!((circuit(&scene, "a"), out), (BreakerState::Open, secs(30)));
    scene.advance(secs(30));
    play(&scene, "a", fine());
    assert_eq!(circuit(&scene, "a"), BreakerState::HalfOpen, "it takes two");
    play(&scene, "a", fine());
    fail(&scene, "a", 4);
    assert_eq!(circuit(&scene, "a"), BreakerState::Closed, "four of a new row");
}

#[test]
fn a_reset_closes_a_circuit_and_forgets_the_row_that_opened_it() {
    let scene = with(&["a", "b"], Trip::after_failures(3));
    fail(&scene, "a", 3);
    scene.pool.reset("a").unwrap();
    assert_eq!((circuit(&scene, "a"), scene.status("a")), (BreakerState::Closed, Status::Healthy));
    fail(&scene, "a", 2);
    scene.pool.reset("a").unwrap();
    fail(&scene, "a", 2);
    assert_eq!(circuit(&scene, "a"), BreakerState::Closed, "two of a new row");
    fail(&scene, "a", 1);
    assert_eq!(circuit(&scene, "a"), BreakerState::Open);
}

// What codomyrmex's pool does to its agents (none of it here): ways to be out for ever.

#[test]
fn one_failure_of_a_newcomer_does_not_eject_it_for_ever() {
    let scene = with(&["a", "b"], Trip::after_failures(5));
    fail(&scene, "a", 1);
    let health = scene.pool.stats().resources[0].health;
    assert_eq!((health.grade, scene.status("a")), (Grade::Healthy, Status::Healthy));
    fail(&scene, "a", 3);
    play(&scene, "a", fine());
}

#[test]
fn a_grade_is_shown_and_keeps_nobody_away() {
    let scene = with(&["a", "b"], Trip::after_failures(100));
    play(&scene, "a", fine());
    fail(&scene, "a", 30);
    assert_eq!(scene.pool.stats().resources[0].health.grade, Grade::Unhealthy);
    play(&scene, "a", fine());
    assert_eq!(circuit(&scene, "a"), BreakerState::Closed);
}

#[test]
fn an_open_circuit_is_tried_again_without_anybody_asking_for_its_state() {
    let scene = Scene::with(&["a"], |builder| {
        builder.circuit_breaker(Trip::after_failures(1)).keep_available(0)
    });
    fail(&scene, "a", 1);
    scene.advance(secs(30));
    let run = ask(&scene, "a");
    scene.answer("a", fine());
    assert!(run.result().is_ok());
}

#[test]
fn a_pool_whose_only_resource_fails_makes_all_its_attempts() {
    let scene = Scene::with(&["a"], |builder| {
        builder.circuit_breaker(Trip::after_failures(1)).max_attempts(4)
    });
    let run = scene.start();
    for _ in 0..3 {
        scene.answer("a", Err(Fault::retry("503")));
    }
    scene.answer("a", fine());
    assert!(run.result().is_ok());
}

#[test]
fn a_resource_that_is_removed_meanwhile_loses_no_result() {
    let scene = with(&["a", "b"], Trip::after_failures(1));
    let run = ask(&scene, "a");
    scene.pool.remove("a").unwrap();
    scene.answer("a", fine());
    assert!(run.result().is_ok());
    let _run = ask(&scene, "b");
    scene.pool.remove("b").unwrap();
    scene.answer("b", Err(Fault::retry("503")));
    assert_eq!(scene.pool.stats().circuit_trips, 0);
}

// The door.

#[test]
fn rules_that_make_no_sense_in_a_pool_are_refused_with_what_is_allowed() {
    let build = |trip| {
        let builder = Pool::builder().resource(Resource::new("a", "a")).circuit_breaker(trip);
        builder.build().map(drop)
    };
    let told = |trip| build(trip).unwrap_err().to_string();
    assert!(matches!(build(Trip::after_failures(0)), Err(BuildError::CircuitBreaker(_))));
    let allowed = "to leave it alone: in a pool, `recovery` says how a resource comes back";
    for (trip, what) in [
        (Trip::default().permits(2), "permits of the circuit breaker is 2"),
        (Trip::default().successes(2), "successes of the circuit breaker is 2"),
        (Trip::default().trial_bound(secs(9)), "trial_bound of the circuit breaker is 9s"),
    ] {
        assert_eq!(told(trip), format!("{what}; allowed is {allowed}"));
    }
    let alone = Pool::builder().resource(Resource::new("a", "a")).keep_available(2).build();
    assert_eq!(
        alone.map(drop).unwrap_err().to_string(),
        "keep_available is 2 and the pool has no circuit_breaker that it could hold back; set one, or leave it alone"
    );
}
