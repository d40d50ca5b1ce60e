//! A resource may be checked out: its holder settles it, in its own time.

use std::future::pending;
use std::time::Duration;

use futures::FutureExt as _;
use rotapool::testing::VirtualTime;
use rotapool::{
    Aborted, BuildError, Event, ExhaustedReason, Fault, Held, OptionsError, Outcome, Pool,
    Recovery, Resource, RunError, RunOutcome, Signal, Status, TakenBack, Trial,
};

use crate::scene::{Scene, secs};

fn one_place(builder: rotapool::Builder<&'static str>) -> rotapool::Builder<&'static str> {
    builder.resource(Resource::new("a", "value of a").max_in_flight(1))
}

fn scene_with_one_place() -> Scene {
    Scene::with(&[], one_place)
}

fn bounded(bound: Duration) -> Scene {
    Scene::with(&[], |builder| one_place(builder).held_bound(bound))
}

/// How a holder ends it.
type End = fn(Held<&'static str>) -> Result<(), TakenBack>;

/// Starts to wait for a checkout.
fn wait_for_one(scene: &Scene) -> rotapool::testing::Task<Held<&'static str>> {
    let request = scene.pool.request().wait(true);
    let task = scene.time.spawn(async move { request.acquire().await.unwrap() });
    scene.settle();
    task
}

#[test]
fn a_checkout_keeps_its_place_until_it_is_settled_and_counts_as_a_served_run() {
    let scene = scene_with_one_place();
    let held = scene.pool.try_acquire().unwrap();
    assert_eq!((*held, held.id()), ("value of a", "a"));
    scene.advance(secs(3600));
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.held, stats.runs_ok, stats.saturated), (1, 1, 0, 1));
    held.succeed().unwrap();
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.held, stats.runs_ok, stats.successes), (0, 0, 1, 1));
    scene.assert_at_rest();
}

#[test]
fn dropped_it_is_neutral_and_gives_everything_back() {
    let scene = scene_with_one_place();
    drop(scene.pool.try_acquire().unwrap());
    let stats = scene.pool.stats();
    let counted = (stats.attempts, stats.successes, stats.failures, stats.runs_cancelled);
    assert_eq!(counted, (1, 0, 0, 1));
    assert_eq!(stats.resources[0].health.latency, None);
    scene.assert_at_rest();
}

#[test]
fn a_failure_is_a_failure_of_the_resource_and_leaves_it_in_use() {
    let scene = scene_with_one_place();
    scene.pool.try_acquire().unwrap().fail("the session died").unwrap();
    let stats = scene.pool.stats();
    assert_eq!((stats.failures, stats.runs_error, stats.healthy), (1, 1, 1));
    scene.assert_at_rest();
}

#[test]
fn a_signal_sends_the_resource_away_with_its_reason() {
    let scene = Scene::of(&["a", "b"]);
    scene.pool.try_acquire().unwrap().signal(Fault::cooldown("429")).unwrap();
    assert_eq!(scene.status("a"), Status::CoolingDown);
    assert_eq!(scene.row("a").cause.unwrap().to_string(), "429");
    scene.pool.try_acquire().unwrap().signal(Fault::disable("401")).unwrap();
    assert_eq!(scene.status("b"), Status::Disabled);
    assert!(scene.pool.try_acquire().unwrap_err().is_exhausted());
    scene.assert_at_rest();
}

#[test]
fn what_a_signal_says_hides_the_secrets_of_its_resource() {
    let pool = Pool::builder().resource(Resource::new("a", "x").secret("sk-12345678")).build();
    let pool = pool.unwrap();
    pool.try_acquire().unwrap().signal(Fault::cooldown("key sk-12345678 is over")).unwrap();
    assert_eq!(pool.snapshot()[0].cause.as_ref().unwrap().to_string(), "key *** is over");
}

#[test]
fn it_obeys_filters_and_says_why_there_is_nothing() {
    let scene = Scene::of(&["a", "b"]);
    let held = scene.pool.request().exclude("a").try_acquire().unwrap();
    assert_eq!(held.id(), "b");
    let nobody = scene.pool.request().only(|_| false).try_acquire().unwrap_err();
    let reason = nobody.exhausted().map(|exhausted| exhausted.reason);
    assert_eq!(reason, Some(ExhaustedReason::NoResourceAdmitted));
}

#[test]
fn in_line_it_comes_in_its_turn_and_what_is_dropped_there_is_passed_on() {
    let scene = scene_with_one_place();
    let held = scene.pool.try_acquire().unwrap();
    let (given_up, patient) = (wait_for_one(&scene), wait_for_one(&scene));
    assert_eq!(scene.pool.stats().waiting, 2);
    held.succeed().unwrap();
    given_up.abort();
    scene.settle();
    let next = patient.take_result().expect("it has its turn");
    assert_eq!((next.id(), scene.pool.stats().waiting), ("a", 0));
    drop(next);
    scene.assert_at_rest();
}

#[test]
fn the_deadline_is_for_getting_it_and_not_for_keeping_it() {
    let scene = scene_with_one_place();
    let held = scene.pool.request().timeout(secs(1)).attempt_timeout(secs(1));
    let held = held.try_acquire().unwrap();
    let late = scene.time.spawn(scene.pool.request().timeout(secs(5)).acquire());
    scene.settle();
    scene.advance(secs(10));
    let error = late.take_result().expect("its time is up").unwrap_err();
    assert!(matches!(error.exhausted().unwrap().reason, ExhaustedReason::Deadline { .. }));
    held.succeed().unwrap();
    assert_eq!(scene.pool.stats().deadlines, 0);
    scene.assert_at_rest();
}

#[test]
fn how_long_it_was_held_is_no_latency() {
    let scene = Scene::with(&[], |builder| {
        let builder = builder.strategy(rotapool::Strategy::LeastLatency);
        builder.resources(["a", "b"].map(|id| Resource::new(id, id)))
    });
    let ends: [End; 3] = [
        Held::succeed,
        |held| held.fail("x"),
        |held| {
            drop(held);
            Ok(())
        },
    ];
    for end in ends {
        let held = scene.pool.try_acquire().unwrap();
        scene.advance(secs(3600));
        end(held).unwrap();
    }
    for resource in scene.pool.stats().resources {
        let peak = resource.health.peak_latency.unwrap_or_default();
        assert!(resource.health.latency.is_none() && peak <= secs(10), "{resource:?}");
    }
}

#[test]
fn on_trial_it_takes_the_trials_place_and_proves_the_resource() {
    let trial = Recovery::Trial(Trial::default());
    let scene = Scene::with(&["a"], |builder| builder.recovery(trial));
    scene.pool.try_acquire().unwrap().signal(Fault::cooldown_for(secs(5), "429")).unwrap();
    scene.advance(secs(5));
    let held = scene.pool.try_acquire().unwrap();
    assert!(scene.pool.try_acquire().is_err(), "one at a time on trial");
    held.succeed().unwrap();
    let two = [scene.pool.try_acquire(), scene.pool.try_acquire()];
    assert!(two.iter().all(Result::is_ok), "proven");
}

// Siblings.

#[test]
fn a_siblings_signal_shows_to_whoever_looks_waits_or_is_guarded() {
    let scene = Scene::of(&["a"]);
    let older = scene.pool.try_acquire().unwrap();
    let held = std::sync::Arc::new(scene.pool.try_acquire().unwrap());
    let waiting = [(); 2].map(|()| {
        let held = std::sync::Arc::clone(&held);
        scene.time.spawn(async move { held.aborted().await })
    });
    let guarded = scene.time.spawn({
        let held = std::sync::Arc::clone(&held);
        async move { held.guard(pending::<()>()).await }
    });
    scene.settle();
    assert_eq!(held.guard(async { "done" }).now_or_never(), Some(Ok("done")));
    assert!(!held.is_aborted() && waiting.iter().all(|task| !task.is_finished()));
    older.signal(Fault::cooldown("429")).unwrap();
    scene.settle();
    assert!(held.is_aborted() && waiting.iter().all(|task| task.is_finished()));
    let aborted: Result<(), Aborted> = guarded.take_result().expect("it has ended");
    assert_eq!(&*aborted.unwrap_err().id, "a");
    let ready = held.guard(async { "done" }).now_or_never();
    assert!(ready.unwrap().is_err(), "what is ready by then is no more");
    assert_eq!(held.aborted().now_or_never(), Some(()), "it stays so");
    assert_eq!(scene.pool.stats().in_flight, 1, "its place is its own until it gives it up");
    assert_eq!(scene.pool.stats().sibling_cancels, 1);
}

#[test]
fn one_that_was_aborted_may_still_succeed() {
    let scene = Scene::of(&["a"]);
    let (older, younger) = (scene.pool.try_acquire().unwrap(), scene.pool.try_acquire().unwrap());
    older.signal(Fault::cooldown("429")).unwrap();
    assert!(younger.is_aborted());
    younger.succeed().unwrap();
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_ok, stats.runs_error), (1, 1));
    assert_eq!(scene.status("a"), Status::CoolingDown, "what came meanwhile is newer");
}

#[test]
fn a_signal_of_a_checkout_aborts_younger_runs() {
    let scene = Scene::of(&["a", "b"]);
    let held = scene.pool.request().exclude("b").try_acquire().unwrap();
    let run = scene.start_with(|request| request.exclude("b").max_attempts(1));
    held.signal(Fault::cooldown("429")).unwrap();
    scene.settle();
    assert!(!run.is_running());
    assert_eq!(scene.pool.stats().sibling_cancels, 1);
}

// The bound.

#[test]
fn the_bound_takes_a_place_back_for_who_stands_in_line() {
    let scene = bounded(secs(60));
    let mut events = scene.pool.events();
    let forgotten = scene.pool.request().request_id("req-7").try_acquire().unwrap();
    scene.advance(secs(20));
    let waiting = wait_for_one(&scene);
    scene.advance(secs(39));
    assert!(!waiting.is_finished() && !forgotten.is_aborted());
    scene.advance(secs(1));
    assert!(waiting.is_finished() && forgotten.is_aborted());
    let stats = scene.pool.stats();
    assert_eq!((stats.taken_back, stats.runs_cancelled, stats.in_flight), (1, 1, 1));
    assert_eq!(stats.resources[0].taken_back, 1);
    let told: Vec<String> =
        std::iter::from_fn(|| events.try_next()).map(|it| it.to_string()).collect();
    assert!(
        told.contains(&"run 1 (req-7): attempt 1 on a: taken back, after 60.0s".to_owned()),
        "{told:?}"
    );
    assert!(told.contains(&"run 1 (req-7): cancelled after 1 attempt".to_owned()), "{told:?}");
}

#[test]
fn settled_after_its_bound_it_is_an_error_that_says_so_and_nothing_is_counted_twice() {
    let ends: [End; 3] = [
        Held::succeed,
        |held| held.fail("too late"),
        |held| held.signal(Fault::disable("too late")),
    ];
    for end in ends {
        let scene = bounded(secs(60));
        let held = scene.pool.try_acquire().unwrap();
        scene.advance(secs(60));
        let error = end(held).unwrap_err();
        assert_eq!(error.to_string(), "the place on a was taken back: held_bound is 60s");
        let stats = scene.pool.stats();
        let counted = (stats.runs_ok, stats.runs_error, stats.runs_cancelled, stats.successes);
        assert_eq!(counted, (0, 0, 1, 0));
        assert_eq!((stats.failures, stats.disabled, stats.taken_back), (0, 0, 1));
        scene.assert_at_rest();
    }
}

#[test]
fn dropped_after_its_bound_it_changes_nothing_either() {
    let scene = bounded(secs(60));
    let held = scene.pool.try_acquire().unwrap();
    scene.advance(secs(61));
    drop(held);
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_cancelled, stats.taken_back, stats.in_flight), (1, 1, 0));
    scene.assert_at_rest();
}

#[test]
fn a_late_settle_does_not_touch_whoever_has_the_place_now() {
    let scene = bounded(secs(60));
    let late = scene.pool.try_acquire().unwrap();
    scene.advance(secs(60));
    let now = scene.pool.try_acquire().unwrap();
    assert!(late.signal(Fault::disable("too late")).is_err());
    assert!(!now.is_aborted());
    assert_eq!((scene.status("a"), scene.pool.stats().in_flight), (Status::Healthy, 1));
    now.succeed().unwrap();
}

#[test]
fn the_bound_frees_the_place_of_a_former_member_too() {
    let scene = bounded(secs(60));
    let held = scene.pool.try_acquire().unwrap();
    scene.pool.remove("a").unwrap();
    scene.pool.add(Resource::new("a", "again").max_in_flight(1)).unwrap();
    let waiting = wait_for_one(&scene);
    assert!(!waiting.is_finished(), "what drains counts towards the cap");
    scene.advance(secs(60));
    assert_eq!(*waiting.take_result().expect("it has its turn"), "again");
    assert!(held.succeed().is_err());
}

#[test]
fn without_a_bound_nothing_is_taken_back() {
    let scene = scene_with_one_place();
    let held = scene.pool.try_acquire().unwrap();
    scene.advance(secs(60 * 60 * 24 * 365));
    held.succeed().unwrap();
    assert_eq!(scene.pool.stats().taken_back, 0);
}

// What is shown.

#[test]
fn what_is_held_for_long_is_shown_with_its_request() {
    let scene = Scene::with(&[], |builder| {
        builder.resource(Resource::new("a", "a").max_in_flight(1)).resource(Resource::new("b", "b"))
    });
    let only_a = scene.pool.request().exclude("b").request_id("req-7");
    let held = only_a.try_acquire().unwrap();
    assert_eq!(held.request_id(), Some("req-7"));
    scene.advance(secs(3 * 3600));
    let explanation = scene.pool.explain().to_string();
    let line = "a: saturated: 1 in flight of 1, held for 3.0 h by request req-7";
    assert!(explanation.contains(line), "{explanation}");
    let stats = scene.pool.stats();
    assert_eq!((stats.held, stats.resources[0].held), (1, 1));
    assert_eq!(stats.resources[0].longest_held, Some(secs(3 * 3600)));
    assert_eq!(stats.resources[1].longest_held, None);
    let other = [scene.pool.try_acquire().unwrap(), scene.pool.try_acquire().unwrap()];
    scene.advance(secs(90));
    assert_eq!(scene.row("b").to_string(), "b: eligible: 2 in flight, held longest for 1.5 min");
    assert_eq!(scene.row("b").held, 2);
    drop((held, other));
    assert_eq!(scene.row("b").to_string(), "b: eligible: 0 in flight");
}

#[test]
fn events_tell_of_it_as_of_any_attempt() {
    let scene = Scene::of(&["a"]);
    let mut events = scene.pool.events();
    let held = scene.pool.try_acquire().unwrap();
    scene.advance(secs(5));
    held.signal(Fault::retry("gone")).unwrap();
    drop(scene.pool.try_acquire().unwrap());
    let told: Vec<Event> = std::iter::from_fn(|| events.try_next()).collect();
    assert!(matches!(&told[0], Event::AttemptStarted { run: 1, .. }));
    let settled = Outcome::Signal(Signal::retry("gone"));
    assert!(matches!(&told[1], Event::AttemptSettled { outcome, latency, .. }
        if *outcome == settled && *latency == secs(5)));
    assert!(matches!(&told[2], Event::RunEnded { outcome: RunOutcome::Error, .. }));
    assert!(matches!(&told[4], Event::AttemptAbandoned { run: 2, .. }));
    assert!(matches!(&told[5], Event::RunEnded { outcome: RunOutcome::Cancelled, .. }));
    assert_eq!(told.len(), 6);
}

#[test]
fn a_checkout_shows_its_id_and_never_its_value() {
    let scene = scene_with_one_place();
    let held = scene.pool.try_acquire().unwrap();
    let shown = format!("{held:?}");
    assert!(shown.contains("\"a\"") && !shown.contains("value"), "{shown}");
}

// The door, and who may hold it.

#[test]
fn a_bound_of_zero_and_options_that_make_no_sense_are_refused() {
    let refused = one_place(Pool::builder()).held_bound(Duration::ZERO).build().unwrap_err();
    assert_eq!(refused, BuildError::ZeroHeldBound);
    assert_eq!(
        refused.to_string(),
        "held_bound is zero; allowed is more than that, or none for no limit"
    );
    let scene = scene_with_one_place();
    let refused = scene.pool.request().max_attempts(0).try_acquire().unwrap_err();
    assert_eq!(refused, RunError::Options(OptionsError::ZeroMaxAttempts));
}

#[test]
fn it_is_static_and_may_be_sent_and_shared() {
    fn check<T: Send + Sync + 'static>(_: &T) {}
    let pool = Pool::builder().resource(Resource::new("a", String::from("x"))).build().unwrap();
    let held = pool.try_acquire().unwrap();
    drop(pool);
    check(&held);
    std::thread::spawn(move || held.succeed()).join().unwrap().unwrap();
}

#[test]
fn it_works_without_any_runtime() {
    let time = VirtualTime::new();
    let pool = one_place(Pool::builder()).runtime(time.clock()).build().unwrap();
    let held = futures::executor::block_on(pool.acquire()).unwrap();
    held.succeed().unwrap();
    assert_eq!(pool.stats().runs_ok, 1);
}
