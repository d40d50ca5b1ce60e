//! Runs in line whose last hope goes: they hear it at once, and do not sleep towards a refusal that is certain.

use std::time::Duration;

use rotapool::{ExhaustedReason, Fault, Group, Quota, Resource};

use super::{millis, takes_out};
use crate::scene::{Scene, Started, secs};
use crate::upstream::{Answer, fine};

fn hiccup() -> Answer {
    Err(Fault::retry("503"))
}

/// A run that does not wait and pauses for 50 to 150 s before it repeats itself on `a`, which is all that there is for it;
/// beside one that is under way there.
fn pausing_on(resources: Vec<Resource<&'static str>>, others: &[&'static str]) -> (Scene, Started) {
    let scene = Scene::with(&[], |builder| {
        builder.retry_delay(secs(100)).group(Group::new("org")).resources(resources)
    });
    let on_a = |request: rotapool::Request<&'static str>| {
        others.iter().fold(request.wait(false), |request, other| request.exclude(*other))
    };
    drop(scene.start_with(on_a));
    let run = scene.start_with(on_a);
    scene.upstream.answer_nth("a", 1, hiccup());
    scene.settle();
    assert!(run.is_running(), "it pauses");
    (scene, run)
}

fn pausing() -> (Scene, Started) {
    pausing_on(vec![Resource::new("a", "a")], &[])
}

fn why(run: &Started) -> ExhaustedReason {
    let error = run.error();
    assert!(error.to_string().contains("503"), "it tells its last signal: {error}");
    error.exhausted().expect("it was refused").reason
}

#[test]
fn a_pause_ends_at_once_when_all_that_is_left_is_away_for_longer() {
    type Away = fn(&Scene);
    let ways: [(&str, Away); 5] = [
        ("a stated cooldown", |scene| {
            scene.answer("a", Err(Fault::cooldown_for(secs(3_600), "429")));
        }),
        ("a disable signal", |scene| scene.answer("a", Err(Fault::disable("401")))),
        ("an operator's park", |scene| drop(scene.pool.park("a", secs(3_600), "unpaid"))),
        ("an operator's disable", |scene| scene.pool.disable("a").unwrap()),
        ("a removal", |scene| scene.pool.remove("a").unwrap()),
    ];
    for (told, away) in ways {
        let (scene, run) = pausing();
        away(&scene);
        scene.settle();
        assert!(!run.is_running(), "{told}");
        assert_eq!(why(&run), ExhaustedReason::NoEligibleResource, "{told}");
        assert_eq!(scene.clock.elapsed(), Duration::ZERO, "{told}");
    }
}

#[test]
fn it_goes_on_while_what_is_left_is_back_before_the_pause_is_over() {
    let (scene, run) = pausing();
    scene.answer("a", Err(Fault::cooldown_for(secs(40), "429")));
    assert!(run.is_running(), "40 s are no longer than any pause here");
    scene.advance(secs(150));
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn an_end_that_moves_beyond_the_pause_ends_it_then() {
    let (scene, run) = pausing();
    scene.answer("a", Err(Fault::cooldown_for(secs(40), "429")));
    scene.advance(secs(10));
    assert!(run.is_running());
    scene.pool.park("a", secs(3_600), "unpaid").unwrap();
    scene.settle();
    assert_eq!(why(&run), ExhaustedReason::NoEligibleResource);
    assert_eq!(scene.clock.elapsed(), secs(10));
}

#[test]
fn a_word_about_the_whole_group_ends_it_too_and_so_do_quotas_that_others_spend() {
    let grouped = |id| Resource::new(id, id).group("org");
    let (scene, run) = pausing_on(vec![grouped("a"), grouped("b")], &["b"]);
    let speaks = scene.start_with(|request| request.exclude("a"));
    scene.answer("b", Err(Fault::cooldown_for(secs(3_600), "429").of_group()));
    assert_eq!(why(&run), ExhaustedReason::NoEligibleResource);
    assert!(speaks.error().is_exhausted());

    let metered = Resource::new("a", "a").quota(Quota::per(3, secs(3_600)));
    let (scene, run) = pausing_on(vec![metered], &[]);
    let spends = scene.start();
    assert!(spends.is_running(), "the third call of the hour");
    assert_eq!(why(&run), ExhaustedReason::NoEligibleResource);
}

#[test]
fn a_filter_that_leaves_one_is_told_of_that_one_and_nobody_else_is_woken() {
    let (scene, run) = pausing_on(vec![Resource::new("a", "a"), Resource::new("b", "b")], &["b"]);
    let other = scene.start_with(|request| request.wait(false).exclude("a"));
    scene.answer("b", hiccup());
    assert!(other.is_running());
    takes_out(&scene, "b", 3_600);
    assert_eq!(why(&other), ExhaustedReason::NoEligibleResource);
    assert!(run.is_running(), "\"a\" is as it was");
    scene.answer("a", Err(Fault::cooldown_for(secs(3_600), "429")));
    assert_eq!(why(&run), ExhaustedReason::NoEligibleResource);
}

#[test]
fn a_run_that_waits_hears_at_once_that_nothing_comes_before_its_deadline() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let _busy = scene.start();
    let hopes = scene.start_with(|request| request.timeout(secs(60)));
    let has_time = scene.start_with(|request| request.timeout(secs(7_200)));
    let has_all_time = scene.start_with(|request| request.wait(true));
    scene.advance(secs(1));
    scene.answer("a", Err(Fault::cooldown_for(secs(3_600), "429")));
    let reason = hopes.error().exhausted().expect("refused").reason;
    assert!(matches!(reason, ExhaustedReason::CooldownOutlastsDeadline { .. }), "{reason:?}");
    assert_eq!(scene.clock.elapsed(), secs(1));
    assert!(has_time.is_running() && has_all_time.is_running());
    scene.advance(secs(3_600));
    scene.answer("a", fine());
    assert_eq!(has_time.result().unwrap(), "fine");
}

#[test]
fn a_pool_that_degrades_serves_whoever_hears_it() {
    let scene = Scene::with(&[], |builder| {
        builder.degrade(true).resource(Resource::new("a", "a").max_in_flight(1))
    });
    let _busy = scene.start();
    let hopes = scene.start_with(|request| request.timeout(secs(60)));
    scene.answer("a", Err(Fault::cooldown_for(secs(3_600), "429")));
    scene.answer("a", fine());
    assert_eq!(hopes.result().unwrap(), "fine");
    assert_eq!(scene.clock.elapsed(), Duration::ZERO);
}

#[test]
fn a_signal_wakes_nobody_who_has_something_left_to_hope_for() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.retry_delay(secs(100)).recovery(rotapool::Recovery::AtOnce)
    });
    let herd: Vec<_> = (0..50).map(|_| scene.start_with(|request| request.wait(false))).collect();
    while let Some(on) = scene.upstream.pending().first() {
        scene.answer(on, hiccup());
    }
    let asleep = scene.clock.sleeps().len();
    assert!(herd.iter().all(Started::is_running));
    takes_out(&scene, "a", 3_600);
    assert_eq!(scene.clock.sleeps().len(), asleep, "all sleep on for \"b\"");
    takes_out(&scene, "b", 3_600);
    assert!(!herd.iter().any(Started::is_running));
    assert!(scene.clock.elapsed() < millis(1));
    scene.assert_at_rest();
}
