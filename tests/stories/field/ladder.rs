//! How far a resource climbs the table of cooldowns, and what it takes to come down.

use std::time::Duration;

use rotapool::{Basis, Fault, Recovery, Status, Strategy, Trial};

use super::millis;
use crate::picks::{run, run_with};
use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

/// The cooldown of `a` by a last 429, in seconds, after a call from before its first one has ended so.
fn next_cooldown(
    python: bool,
    notices: bool,
    ends: impl FnOnce(&Scene),
    recovery: Recovery,
) -> f64 {
    let scene = Scene::with(&["a", "b"], |builder| {
        let builder = builder
            .strategy(Strategy::PrimaryBackup)
            .cooldown_table([secs(10), secs(100)])
            .cancel_siblings(false);
        let builder = if python { builder.python_rules() } else { builder };
        builder.recovery(recovery)
    });
    let _old = scene.start();
    scene.start_with(|request| request.max_attempts(1));
    scene.upstream.answer_nth("a", 1, Err(Fault::cooldown("429")));
    scene.advance(secs(29));
    if notices {
        scene.start_with(|request| request.exclude("a"));
        scene.answer("b", fine());
    }
    scene.advance(secs(30));
    ends(&scene);
    scene.start_with(|request| request.max_attempts(1));
    let youngest = scene.upstream.pending().iter().filter(|on| *on == "a").count() - 1;
    scene.upstream.answer_nth("a", youngest, Err(Fault::cooldown("429")));
    scene.settle();
    scene.cooling("a")
}

#[test]
fn two_pools_with_one_history_do_the_same_whether_or_not_somebody_looked_meanwhile() {
    for recovery in [Recovery::AtOnce, Recovery::Ramp, Recovery::Trial(Trial::default())] {
        for notices in [false, true] {
            let after = |ends: fn(&Scene)| next_cooldown(false, notices, ends, recovery);
            let told = format!("{recovery:?}, noticed: {notices}");
            assert_eq!(after(|scene| scene.answer("a", fine())), 10.0, "{told}");
            assert_eq!(after(|scene| scene.answer("a", Err(Boom.into()))), 10.0, "{told}");
            assert_eq!(
                after(|scene| scene.answer("a", Err(Fault::Failure(Boom)))),
                100.0,
                "{told}"
            );
            assert_eq!(after(|_| ()), 100.0, "{told}");
        }
    }
}

#[test]
fn by_the_recorded_rules_it_matters_whether_somebody_looked() {
    let after =
        |notices| next_cooldown(true, notices, |scene| scene.answer("a", fine()), Recovery::AtOnce);
    assert_eq!((after(false), after(true)), (100.0, 10.0));
}

#[test]
fn a_cooldown_that_ends_at_this_very_instant_is_over() {
    for (wait, seconds) in [(secs(10), 10.0), (secs(10) - Duration::from_nanos(1), 100.0)] {
        let scene = Scene::with(&["a"], |builder| {
            builder.cooldown_table([secs(10), secs(100)]).recovery(Recovery::AtOnce)
        });
        let _old = scene.start();
        scene.start_with(|request| request.max_attempts(1).wait(false));
        scene.upstream.answer_nth("a", 1, Err(Fault::cooldown("429")));
        scene.settle();
        scene.advance(wait);
        scene.answer("a", fine());
        scene.advance(secs(1));
        scene.start();
        scene.answer("a", Err(Fault::cooldown("429")));
        assert_eq!(scene.cooling("a"), seconds, "{wait:?}");
    }
}

/// How many calls a primary fails in two hours of one run a second, beside a backup that always works.
fn failures(
    recovery: Recovery,
    steps: Option<u32>,
    mut works: impl FnMut(u32) -> bool,
    fault: impl Fn() -> Fault<Boom>,
) -> u32 {
    let scene = Scene::with(&["a", "b"], |builder| {
        let builder = builder.strategy(Strategy::PrimaryBackup).recovery(recovery);
        match steps {
            Some(successes) => builder.step_down_after(successes),
            None => builder,
        }
    });
    let (mut calls, mut failures) = (0, 0);
    for _ in 0..7200 {
        let served = run(&scene, |id| {
            if id == "b" {
                return fine();
            }
            calls += 1;
            if works(calls) {
                return fine();
            }
            failures += 1;
            Err(fault())
        });
        assert!(served.is_ok(), "the backup is there");
        scene.advance(secs(1));
    }
    failures
}

#[test]
fn a_primary_that_never_works_is_tried_fifteen_times_in_two_hours_however_it_comes_back() {
    for recovery in [Recovery::AtOnce, Recovery::Ramp, Recovery::Trial(Trial::default())] {
        let failed = failures(recovery, None, |_| false, || Fault::cooldown("503"));
        assert!(failed <= 15, "{recovery:?}: {failed}");
    }
}

#[test]
fn a_primary_that_flaps_in_any_rhythm_is_not_far_from_one_that_never_works() {
    let trial = Recovery::Trial(Trial::default().successes(2));
    for recovery in [Recovery::AtOnce, Recovery::Ramp, Recovery::Trial(Trial::default()), trial] {
        let mut dice = fastrand::Rng::with_seed(7);
        let by_chance = failures(recovery, Some(3), |_| dice.bool(), || Fault::cooldown("503"));
        let every_second =
            failures(recovery, Some(3), |call| call % 2 == 0, || Fault::cooldown("503"));
        let every_third =
            failures(recovery, Some(3), |call| call % 3 == 0, || Fault::cooldown("503"));
        let told = format!("{recovery:?}: {by_chance}, {every_second}, {every_third}");
        assert!(every_second <= 40 && every_third <= 40, "{told}");
        // Now and then it does work three times in a row.
        assert!(by_chance <= 60, "{told}");
    }
}

#[test]
fn hints_of_nothing_or_next_to_nothing_send_nobody_into_a_storm() {
    for hint in [Duration::ZERO, Duration::from_nanos(1), millis(20)] {
        let scene = Scene::of(&["a"]);
        let mut calls = 0;
        for _ in 0..2_000 {
            // A caller who tries every millisecond for two seconds.
            let _ = run(&scene, |_| {
                calls += 1;
                Err(Fault::cooldown_for(hint, "Retry-After: 0"))
            });
            scene.advance(millis(1));
        }
        assert!(calls <= 3, "{hint:?}: {calls}");
    }
}

#[test]
fn a_run_that_waits_through_hints_of_nothing_takes_as_long_as_the_table_says() {
    let scene = Scene::of(&["a"]);
    let run = scene.start_with(|request| request.wait(true).max_attempts(1_000));
    let mut calls = 0;
    for _ in 0..7200 {
        if !scene.upstream.pending().is_empty() {
            calls += 1;
            scene.answer("a", Err(Fault::cooldown_for(secs(0), "Retry-After: 0")));
        }
        scene.advance(secs(1));
    }
    assert!(run.is_running());
    assert_eq!(calls, 4 + (7200 - 30 - 120 - 300) / 600, "30, 120, 300 and then every 600 s");
}

#[test]
fn a_floor_of_ones_own_holds_and_says_so_and_does_not_climb() {
    let scene = Scene::with(&["a"], |builder| builder.cooldown_bounds(secs(5)..=secs(60)));
    for _ in 0..4 {
        scene.start();
        scene.answer("a", Err(Fault::cooldown_for(secs(2), "Retry-After: 2")));
        assert_eq!(scene.cooling("a"), 5.0);
        assert_eq!(scene.row("a").basis, Some(Basis::Clamped { stated: secs(2) }));
        assert_eq!(scene.row("a").consecutive_cooldowns, 0);
        scene.advance(secs(5));
    }
}

#[test]
fn by_the_recorded_rules_a_hint_of_nothing_is_taken_at_its_word() {
    let scene = Scene::with(&["a"], |builder| builder.python_rules());
    let calls = std::cell::Cell::new(0);
    let served = run_with(
        &scene,
        |request| request.wait(true).max_attempts(100),
        |_| {
            calls.set(calls.get() + 1);
            Err(Fault::cooldown_for(secs(0), "Retry-After: 0"))
        },
    );
    assert!(served.is_err());
    assert_eq!((calls.get(), scene.clock.elapsed()), (100, secs(0)));
}

#[test]
fn signals_of_one_outage_that_come_late_change_nothing_although_the_resource_is_back() {
    for recovery in [Recovery::AtOnce, Recovery::Ramp, Recovery::Trial(Trial::default())] {
        let scene =
            Scene::with(&["a"], |builder| builder.cancel_siblings(false).recovery(recovery));
        for _ in 0..4 {
            scene.start_with(|request| request.max_attempts(1).wait(false));
        }
        scene.upstream.answer_nth("a", 3, Err(Fault::cooldown("timed out")));
        scene.settle();
        for _ in 0..3 {
            scene.advance(secs(31));
            // Its run tries once more, for it has not paid yet.
            scene.answer("a", Err(Fault::cooldown("timed out")));
            assert_eq!(scene.status("a"), Status::Healthy, "{recovery:?}");
            assert_eq!(scene.row("a").consecutive_cooldowns, 1, "{recovery:?}");
        }
        assert_eq!(scene.pool.stats().cooldowns, 1);
        assert_eq!(scene.pool.stats().failures, 4);
    }
}
