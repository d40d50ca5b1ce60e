//! Runs that try what is out for long by a word, before its end.

use std::time::Duration;

use rotapool::{
    Basis, BuildError, Event, ExhaustedReason, Fault, Group, Outlook, Quota, Recovery, Resource,
    RetryBudget, RunError, Status, Strategy, Trial, Trip,
};

use crate::field::takes_out;
use crate::scene::{Scene, Started, secs};
use crate::upstream::{Answer, Boom, fine};

const HOUR: u64 = 3_600;

fn limited() -> Answer {
    Err(Fault::cooldown("429"))
}

/// `a` is out for an hour by its upstream's word, `b` is there, and `a` is tried once a minute.
fn scene() -> Scene {
    let scene = Scene::with(&["a", "b"], |builder| builder.probe_early(secs(60)));
    takes_out(&scene, "a", HOUR);
    scene
}

/// Which resource the next run goes to, which is then served.
fn goes_to(scene: &Scene) -> String {
    let told = scene.pool.explain().next;
    let run = scene.start();
    let on = scene.upstream.pending().pop().expect("a call");
    assert_eq!(told.as_deref(), Some(&*on), "it is what was explained");
    scene.answer(&on, fine());
    assert_eq!(run.result().unwrap(), "fine");
    on
}

/// The ids of a run's calls, all of which are refused.
fn refused(scene: &Scene, answer: impl Fn() -> Answer) -> Started {
    let run = scene.start();
    let on = scene.upstream.pending().pop().expect("a call");
    assert_eq!(on, "a");
    scene.answer(&on, answer());
    run
}

#[test]
fn one_run_an_interval_tries_it_and_a_success_brings_it_back() {
    let scene = scene();
    assert_eq!(goes_to(&scene), "b");
    scene.advance(secs(60) - Duration::from_nanos(1));
    assert_eq!(goes_to(&scene), "b");
    scene.advance(Duration::from_nanos(1));
    assert_eq!(scene.row("a").status, Status::CoolingDown);
    assert_eq!(goes_to(&scene), "a");
    assert_eq!(scene.row("a").status, Status::Healthy);
    let stats = scene.pool.stats();
    assert_eq!((stats.early_probes, stats.early_returns, stats.cooldowns), (1, 1, 1));
    assert_eq!(scene.row("a").pace, Some(1), "by a ramp, as after any outage");
}

#[test]
fn a_failure_of_any_kind_leaves_the_end_and_the_ladder_and_the_run_is_served_elsewhere() {
    type Refusal = fn() -> Answer;
    let refusals: [(&str, Refusal); 3] = [
        ("a guess", limited),
        ("an earlier end", || Err(Fault::cooldown_for(secs(1), "429"))),
        ("a hiccup", || Err(Fault::retry("503"))),
    ];
    for (told, refusal) in refusals {
        let scene = scene();
        let until = scene.row("a").until;
        for _ in 0..5 {
            scene.advance(secs(60));
            let run = refused(&scene, refusal);
            scene.answer("b", fine());
            assert_eq!(run.result().unwrap(), "fine", "{told}");
            let row = scene.row("a");
            assert_eq!((row.until, row.basis), (until, Some(Basis::Stated)), "{told}");
            assert_eq!(row.consecutive_cooldowns, 0, "{told}");
        }
        let stats = scene.pool.stats();
        assert_eq!((stats.early_probes, stats.early_returns, stats.cooldowns), (5, 0, 1), "{told}");
        // And when its time has come it is back as ever.
        scene.advance(secs(HOUR));
        assert_eq!(scene.row("a").status, Status::Healthy, "{told}");
    }
}

#[test]
fn an_error_that_is_blamed_on_it_ends_the_run_and_leaves_it_out_and_an_innocent_one_brings_it_back()
{
    let ends: [(Answer, Status, u64); 2] = [
        (Err(Fault::Failure(Boom)), Status::CoolingDown, 1),
        (Err(Fault::Operation(Boom)), Status::Healthy, 0),
    ];
    for (answer, status, failures) in ends {
        let breaks = Trip::after_failures(1);
        let scene = Scene::with(&["a", "b"], |builder| {
            builder.probe_early(secs(60)).circuit_breaker(breaks)
        });
        takes_out(&scene, "a", HOUR);
        let (until, failed) = (scene.row("a").until, scene.pool.stats().failures);
        scene.advance(secs(60));
        let run = refused(&scene, || answer.clone());
        assert!(matches!(run.error(), RunError::Operation(_)), "{status:?}: the caller has it");
        assert_eq!(scene.upstream.pending(), [""; 0], "{status:?}: nobody else is asked");
        assert_eq!(scene.row("a").status, status);
        assert_eq!(scene.row("a").until, until.filter(|_| status == Status::CoolingDown));
        assert_eq!(scene.pool.stats().failures - failed, failures, "{status:?}");
    }
}

#[test]
fn a_later_end_that_is_stated_holds_and_a_revoked_key_is_disabled() {
    let scene = scene();
    scene.advance(secs(60));
    let _ = refused(&scene, || Err(Fault::cooldown_for(secs(2 * HOUR), "429")));
    assert_eq!(scene.cooling("a"), 7_200.0);
    scene.advance(secs(60));
    let _ = refused(&scene, || Err(Fault::disable("401")));
    assert_eq!(scene.row("a").status, Status::Disabled);
}

#[test]
fn one_at_a_time_however_long_it_takes_and_whoever_gives_it_up_says_nothing() {
    let scene = scene();
    scene.advance(secs(60));
    let tries = scene.start();
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.advance(secs(600));
    for _ in 0..3 {
        assert_eq!(goes_to(&scene), "b");
    }
    scene.drop_run(&tries);
    assert_eq!(scene.row("a").status, Status::CoolingDown);
    // It was looked for a moment ago.
    scene.advance(secs(60));
    assert_eq!(goes_to(&scene), "a");
}

#[test]
fn who_has_nothing_to_fall_back_to_does_not_try() {
    let scene = scene();
    scene.advance(secs(60));
    let told = scene.pool.request().exclude("b").explain();
    assert_eq!(told.outlook, Outlook::Refused(ExhaustedReason::NoEligibleResource));
    let alone = scene.start_with(|request| request.exclude("b").wait(false));
    assert!(alone.error().is_exhausted());
    let once = scene.start_with(|request| request.max_attempts(1));
    assert_eq!(scene.upstream.pending(), ["b"], "a failure would be its end");
    scene.answer("b", fine());
    assert_eq!(once.result().unwrap(), "fine");
    let not_that = scene.start_with(|request| request.exclude("a"));
    assert_eq!(scene.upstream.pending(), ["b"]);
    scene.answer("b", fine());
    assert_eq!(not_that.result().unwrap(), "fine");
    assert_eq!(&*scene.pool.try_acquire().unwrap().id().to_owned(), "b", "a checkout is kept");
    assert_eq!(scene.pool.stats().early_probes, 0);
    assert_eq!(goes_to(&scene), "a");
}

#[test]
fn who_may_not_retry_for_the_pools_budget_does_not_try() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.probe_early(secs(60)).retry_budget(RetryBudget::percent(1).min_per_second(0))
    });
    takes_out(&scene, "a", HOUR);
    scene.advance(secs(60));
    let run = scene.start();
    assert_eq!(scene.upstream.pending(), ["b"]);
    scene.answer("b", fine());
    assert!(run.result().is_ok());
}

#[test]
fn an_operators_park_is_tried_and_a_guess_is_not_nor_what_is_back_soon() {
    let scene = Scene::with(&["a", "b"], |builder| builder.probe_early(secs(60)));
    scene.pool.park("a", secs(HOUR), "unpaid").unwrap();
    scene.advance(secs(60));
    assert_eq!(goes_to(&scene), "a");
    assert_eq!((scene.row("a").status, scene.pool.stats().parked), (Status::Healthy, 0));

    let scene = Scene::with(&["a", "b"], |builder| {
        builder.probe_early(secs(60)).cooldown_table([secs(HOUR)])
    });
    let guessed = scene.start_with(|request| request.exclude("b"));
    scene.answer("a", limited());
    assert!(guessed.error().is_exhausted());
    takes_out(&scene, "b", 120);
    let scene_is_quiet = |scene: &Scene| {
        let run = scene.start_with(|request| request.wait(false));
        run.error().is_exhausted()
    };
    scene.advance(secs(60));
    assert!(scene_is_quiet(&scene), "\"b\" is back in another minute, \"a\" by a guess");
}

#[test]
fn a_failure_of_what_is_parked_changes_nothing_that_the_operator_said() {
    let scene = Scene::with(&["a", "b"], |builder| builder.probe_early(secs(60)));
    scene.pool.park("a", secs(HOUR), "unpaid").unwrap();
    scene.advance(secs(60));
    let _ = refused(&scene, limited);
    let row = scene.row("a");
    assert_eq!((row.basis, row.consecutive_cooldowns), (Some(Basis::Operator), 0));
    assert!(row.cause.unwrap().to_string().contains("unpaid"));
    scene.pool.unpark("a").unwrap();
    assert_eq!(scene.row("a").status, Status::Healthy, "no failure keeps it out");
}

#[test]
fn a_word_that_came_while_it_was_tried_is_newer_than_the_success() {
    let scene = scene();
    scene.advance(secs(60));
    let tries = scene.start();
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.pool.park("a", secs(2 * HOUR), "maintenance").unwrap();
    scene.answer("a", fine());
    assert_eq!(tries.result().unwrap(), "fine");
    assert_eq!(scene.row("a").status, Status::CoolingDown);
    assert_eq!(scene.pool.stats().early_returns, 0);
}

#[test]
fn a_probe_that_hangs_costs_its_run_half_of_its_time() {
    let scene = scene();
    scene.advance(secs(60));
    let run = scene.start_with(|request| request.timeout(secs(20)));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.advance(secs(10) - Duration::from_nanos(1));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.advance(Duration::from_nanos(1));
    scene.answer("b", fine());
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(scene.pool.stats().timeouts, 1);
    assert_eq!(scene.row("a").status, Status::CoolingDown);
}

#[test]
fn it_comes_back_as_the_pools_recovery_has_it_and_serves_the_line() {
    let trial = Recovery::Trial(Trial::default().successes(2));
    for (recovery, serves) in [(Recovery::AtOnce, 3), (trial, 1), (Recovery::Ramp, 1)] {
        let scene = Scene::with(&[], |builder| {
            let builder = builder.probe_early(secs(60)).recovery(recovery);
            builder.resource(Resource::new("a", "a")).resource(Resource::new("b", "b"))
        });
        takes_out(&scene, "a", HOUR);
        let _line: Vec<_> =
            (0..3).map(|_| scene.start_with(|request| request.wait(true).exclude("b"))).collect();
        scene.advance(secs(60));
        assert_eq!(goes_to(&scene), "a");
        assert_eq!(scene.upstream.pending().len(), serves, "{recovery:?}");
    }
}

#[test]
fn every_strategy_a_choice_of_ones_own_a_group_and_a_quota_go_about_it_alike() {
    for &strategy in Strategy::ALL {
        let scene = Scene::with(&[], |builder| {
            let one = |id| Resource::new(id, id).group("org").quota(Quota::per_minute(100));
            let builder = builder.strategy(strategy).probe_early(secs(60)).group(Group::new("org"));
            builder.resource(one("a")).resource(one("b")).resource(Resource::new("c", "c"))
        });
        let speaks = scene.start_with(|request| request.exclude("b").exclude("c"));
        scene.answer("a", Err(Fault::cooldown_for(secs(HOUR), "429").of_group()));
        assert!(speaks.error().is_exhausted());
        scene.advance(secs(60));
        assert_eq!(goes_to(&scene), "a", "{strategy:?}: who has waited longest, in pool order");
        assert_eq!(goes_to(&scene), "b", "{strategy:?}: each has its own turn");
        assert_eq!(scene.pool.stats().early_returns, 2, "{strategy:?}");
    }
}

#[test]
fn one_of_its_group_is_somebody_to_fall_back_to_unless_they_share_a_quota() {
    for shares in [false, true] {
        let scene = Scene::with(&[], |builder| {
            let group = Group::new("org");
            let group = if shares { group.quota(Quota::per_minute(100)) } else { group };
            let one = |id| Resource::new(id, id).group("org");
            builder.probe_early(secs(60)).group(group).resource(one("a")).resource(one("b"))
        });
        takes_out(&scene, "a", HOUR);
        scene.advance(secs(60));
        assert_eq!(goes_to(&scene), if shares { "b" } else { "a" });
    }
}

#[test]
fn what_is_back_an_interval_later_by_itself_is_not_tried() {
    for (seconds, to) in [(120, "b"), (121, "a")] {
        let scene = Scene::with(&["a", "b"], |builder| builder.probe_early(secs(60)));
        takes_out(&scene, "a", seconds);
        scene.advance(secs(60));
        assert_eq!(goes_to(&scene), to, "out for {seconds} s");
    }
}

#[test]
fn it_is_told_before_its_attempt() {
    let scene = scene();
    let mut events = scene.pool.events();
    scene.advance(secs(60));
    let _tries = scene.start();
    let told: Vec<Event> = std::iter::from_fn(|| events.try_next()).collect();
    let lines: Vec<String> = told.iter().map(ToString::to_string).collect();
    assert_eq!(lines, ["a: tried 3540.0s before it is back", "run 1: attempt 1 on a"]);
    assert!(matches!(&told[0], Event::ProbedEarly { id, .. } if &**id == "a"));
}

#[test]
fn what_makes_no_sense_is_refused_at_the_door() {
    let built = |every, python: bool| {
        let builder =
            rotapool::Pool::builder().resource(Resource::new("a", "a")).probe_early(every);
        let builder = if python { builder.python_rules() } else { builder };
        builder.build().map(drop)
    };
    assert_eq!(built(Duration::ZERO, false), Err(BuildError::ZeroProbeEarly));
    assert_eq!(built(secs(60), true), Err(BuildError::NoEarlyProbes { every: secs(60) }));
    assert_eq!(built(Duration::MAX, false), Ok(()));
}
