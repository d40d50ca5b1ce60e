//! Resources that give no answer, or a bad one that is no signal.

use std::time::Duration;

use rotapool::{ExhaustedReason, Fault, Grade, Recovery, Status, Strategy, Trial};

use super::takes_out;
use crate::picks::{health, run};
use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

const A_HAIR: Duration = Duration::from_nanos(1);

#[test]
fn a_provider_that_hangs_costs_its_runs_the_stall_limit_and_no_more() {
    for &strategy in Strategy::ALL {
        for waits in [false, true] {
            let scene = Scene::with(&["a", "b"], |builder| {
                builder.strategy(strategy).attempt_timeout(secs(2))
            });
            let run = scene.start_with(|request| match waits {
                true => request.timeout(secs(5)).affinity("key"),
                false => request.affinity("key"),
            });
            let hung = scene.upstream.pending().remove(0);
            scene.advance(secs(2) - A_HAIR);
            assert_eq!(scene.upstream.pending(), [hung.as_str()]);
            scene.advance(A_HAIR);
            let other = scene.upstream.pending().remove(0);
            assert_ne!(other, hung, "{strategy:?}");
            scene.answer(&other, fine());
            assert_eq!(run.result().unwrap(), "fine");
            scene.assert_at_rest();
        }
    }
}

#[test]
fn ten_callers_who_give_up_leave_a_resource_that_the_next_ones_shun() {
    for strategy in [Strategy::LeastErrors, Strategy::LeastLatency] {
        let scene =
            Scene::with(&["a", "b"], |builder| builder.strategy(strategy).attempt_timeout(secs(2)));
        for _ in 0..10 {
            let run = scene.start_with(|request| request.exclude("b").max_attempts(1));
            scene.advance(secs(2));
            assert!(run.error().is_exhausted());
            let run = scene.start_with(|request| request.exclude("a"));
            scene.answer("b", fine());
            assert!(!run.is_running());
        }
        let stats = scene.pool.stats();
        assert_eq!((stats.timeouts, stats.failures, stats.resources[0].timeouts), (10, 10, 10));
        assert_eq!(health(&scene, "a").failures, 10);
        let busy: Vec<_> = (0..5).map(|_| scene.start()).collect();
        assert!(scene.row("a").in_flight <= 1, "{strategy:?}: at most to see how it is");
        drop(busy);
    }
}

#[test]
fn the_deadline_of_a_run_blames_nobody_however_often_it_passes() {
    let scene = Scene::of(&["a", "b"]);
    for _ in 0..10 {
        let run = scene.start_with(|request| request.exclude("b").timeout(secs(5)));
        scene.advance(secs(5));
        assert!(matches!(
            run.error().exhausted().unwrap().reason,
            ExhaustedReason::Deadline { .. }
        ));
    }
    let stats = scene.pool.stats();
    assert_eq!((stats.deadlines, stats.failures, stats.timeouts), (10, 0, 0));
    assert_eq!((stats.runs_exhausted, stats.runs_cancelled), (10, 0));
    assert_eq!((scene.status("a"), health(&scene, "a").failures), (Status::Healthy, 0));
}

#[test]
fn when_both_limits_end_at_one_instant_it_is_the_deadline() {
    let scene = Scene::of(&["a", "b"]);
    let run = scene.start_with(|request| request.timeout(secs(5)).attempt_timeout(secs(5)));
    scene.advance(secs(5));
    let reason = run.error().exhausted().unwrap().reason;
    assert!(matches!(reason, ExhaustedReason::Deadline { .. }), "{reason:?}");
    let stats = scene.pool.stats();
    assert_eq!((stats.deadlines, stats.timeouts, stats.failures), (1, 0, 0));

    let scene = Scene::of(&["a", "b"]);
    let run =
        scene.start_with(|request| request.timeout(secs(5) + A_HAIR).attempt_timeout(secs(5)));
    scene.advance(secs(5));
    assert!(run.is_running(), "a nanosecond is left for the other");
    scene.answer("b", fine());
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(scene.pool.stats().timeouts, 1);
}

#[test]
fn an_answer_that_is_there_at_the_instant_of_the_limit_counts() {
    let scene = Scene::of(&["a"]);
    let run = scene.start_with(|request| request.timeout(secs(5)).attempt_timeout(secs(5)));
    // Nobody has a turn between the answer and the limit.
    scene.clock.advance(secs(5));
    scene.upstream.answer("a", fine());
    scene.settle();
    assert_eq!(run.result().unwrap(), "fine");
    let stats = scene.pool.stats();
    assert_eq!((stats.successes, stats.timeouts, stats.deadlines), (1, 0, 0));
}

#[test]
fn a_stall_limit_costs_an_attempt_every_time_and_pauses_before_the_same_one() {
    let scene =
        Scene::with(&["a"], |builder| builder.attempt_timeout(secs(2)).retry_delay(secs(4)));
    let run = scene.start_with(|request| request.max_attempts(3));
    let mut calls = 0;
    for _ in 0..60 {
        calls += usize::from(!scene.upstream.pending().is_empty());
        scene.advance(secs(1));
    }
    let error = run.error();
    assert_eq!(error.exhausted().unwrap().reason, ExhaustedReason::MaxAttempts);
    assert_eq!(error.exhausted().unwrap().attempts, 3);
    assert!((3..=9).contains(&calls));
    assert_eq!(scene.pool.stats().timeouts, 3);
    scene.assert_at_rest();
}

#[test]
fn hung_attempts_give_their_places_to_those_in_line() {
    let scene = Scene::with(&[], |builder| {
        builder.resource(rotapool::Resource::new("a", "a").max_in_flight(1))
    });
    let hung = scene.start_with(|request| request.attempt_timeout(secs(2)).max_attempts(1));
    let gone = scene.start_with(|request| request.timeout(secs(3)));
    let waits = scene.start_with(|request| request.wait(true));
    scene.advance(secs(2));
    assert!(hung.error().is_exhausted());
    scene.advance(secs(1));
    assert!(gone.error().is_exhausted(), "it hung too, and its time is over");
    scene.answer("a", fine());
    assert_eq!(waits.result().unwrap(), "fine");
}

#[test]
fn by_the_recorded_rules_a_deadline_ends_no_attempt_but_a_stall_limit_that_was_set_does() {
    let scene = Scene::with(&["a", "b"], |builder| builder.python_rules());
    let run = scene.start_with(|request| request.timeout(secs(5)));
    scene.advance(secs(3_600));
    assert!(run.is_running());
    let other = scene.start_with(|request| request.attempt_timeout(secs(2)));
    scene.advance(secs(2));
    assert!(other.is_running());
    assert_eq!(scene.pool.stats().timeouts, 1);
}

#[test]
fn a_failure_that_the_operation_blames_on_the_resource_is_never_shown_as_a_success() {
    let scene = Scene::with(&["a", "b"], |builder| builder.strategy(Strategy::RoundRobin));
    let mut failed = 0;
    for _ in 0..1_000 {
        let served = run(&scene, |id| match id {
            "a" => Err(Fault::Failure(Boom)),
            _ => fine(),
        });
        failed += u32::from(served.is_err());
        scene.advance(secs(1));
    }
    assert_eq!(failed, 500, "round robin does not look at health");
    let stats = scene.pool.stats();
    assert_eq!((stats.successes, stats.failures), (500, 500));
    assert_eq!((stats.resources[0].successes, stats.resources[0].failures), (0, 500));
    let health = health(&scene, "a");
    assert_eq!((health.successes, health.failures), (0, 500));
    assert_ne!(health.grade, Grade::Healthy, "{health:?}");
}

#[test]
fn with_the_fewest_errors_who_only_fails_is_left_after_some_failures() {
    let scene = Scene::with(&["a", "b"], |builder| builder.strategy(Strategy::LeastErrors));
    let mut failed = 0;
    for _ in 0..1_000 {
        let served = run(&scene, |id| match id {
            "a" => Err(Fault::Failure(Boom)),
            _ => fine(),
        });
        failed += u32::from(served.is_err());
        scene.advance(secs(1));
    }
    assert!((1..=100).contains(&failed), "{failed}: left, and not forgotten");
}

#[test]
fn limited_and_failing_by_turns_climbs_as_one_that_never_works() {
    for recovery in [Recovery::AtOnce, Recovery::Ramp, Recovery::Trial(Trial::default())] {
        let scene = Scene::with(&["a"], |builder| builder.recovery(recovery));
        for seconds in [30.0, 120.0] {
            scene.start();
            scene.answer("a", Err(Fault::cooldown("429")));
            assert_eq!(scene.cooling("a"), seconds, "{recovery:?}");
            scene.advance(secs(600));
            if seconds < 100.0 && !matches!(recovery, Recovery::Trial(_)) {
                scene.start();
                scene.answer("a", Err(Fault::Failure(Boom)));
            }
        }
    }
}

#[test]
fn a_failure_ends_its_run_with_its_error_even_where_others_are_free() {
    let scene = Scene::of(&["a", "b"]);
    let run = scene.start();
    scene.answer("a", Err(Fault::Failure(Boom)));
    assert_eq!(run.error().into_operation(), Ok(Boom));
    assert_eq!(scene.pool.stats().runs_error, 1);
}

#[test]
fn a_stream_on_a_ramp_delays_those_in_line_no_longer_than_the_outage_lasted() {
    let scene = Scene::of(&["a"]);
    takes_out(&scene, "a", 5);
    scene.advance(secs(5));
    let _stream = scene.start();
    let run = scene.start_with(|request| request.timeout(secs(6)));
    scene.advance(secs(5));
    scene.upstream.answer_nth("a", 1, fine());
    scene.settle();
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn a_call_that_hangs_after_a_long_outage_holds_up_the_line_for_the_first_guess_and_no_longer() {
    for (away, table, held_up) in [
        (3_600, vec![30, 120], 30),
        (86_400, vec![30, 120], 30),
        (20, vec![30], 20),
        (3_600, vec![7], 7),
    ] {
        let scene = Scene::with(&["a"], |builder| {
            builder.cooldown_table(table.into_iter().map(secs)).retry_delay(secs(1))
        });
        takes_out(&scene, "a", away);
        let [hangs, runs @ ..] = [(); 3].map(|()| scene.start_with(|request| request.wait(true)));
        scene.advance(secs(away));
        assert_eq!(scene.upstream.pending().len(), 1, "it comes back up a ramp");
        scene.advance(secs(held_up) - Duration::from_nanos(1));
        assert_eq!(scene.upstream.pending().len(), 1);
        scene.advance(Duration::from_nanos(1));
        assert_eq!(scene.upstream.pending().len(), 2, "after {away} s, {held_up} s");
        for _ in 0..2 {
            let last = scene.upstream.pending().len() - 1;
            scene.upstream.answer_nth("a", last, fine());
            scene.settle();
        }
        assert!(runs.iter().all(|run| run.result().is_ok()) && hangs.is_running());
    }
}
