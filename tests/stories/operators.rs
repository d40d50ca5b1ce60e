//! What operators ask for: park, unpark, rotate, reset, update, apply; and what is told of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rotapool::{
    Basis, Cause, Event, Events, Fault, Grade, Group, Pool, Quota, Resource, ResourceError,
    ResourceSnapshot, Status, Strategy,
};

use crate::scene::{Scene, secs};
use crate::upstream::fine;

fn told(events: &mut Events) -> Vec<String> {
    std::iter::from_fn(|| events.try_next()).map(|event| event.to_string()).collect()
}

#[test]
fn a_parked_resource_is_out_until_then_and_shown_as_by_an_operator() {
    let scene = Scene::of(&["a", "b"]);
    let in_flight = scene.start();
    let until = scene.pool.admin("ops").park("a", secs(300), "invoice unpaid").unwrap();
    assert_eq!(until, scene.pool.now() + secs(300));
    assert!(in_flight.is_running(), "operations in flight are left alone");
    let row = scene.row("a");
    assert_eq!(
        (row.status, row.basis, row.attempt),
        (Status::CoolingDown, Some(Basis::Operator), None)
    );
    let Some(Cause::Parked { by, reason, .. }) = &row.cause else { panic!("{:?}", row.cause) };
    assert_eq!((by.as_deref(), &**reason), (Some("ops"), "invoice unpaid"));
    assert_eq!(
        row.to_string(),
        "a: cooling down, back in 300.0s: parked by ops: invoice unpaid (0.0ns ago, as an operator set)"
    );
    let stats = scene.pool.stats();
    assert_eq!((stats.parked, stats.cooling_down, stats.cooldowns), (1, 1, 0));
    assert_eq!(stats.resources[0].basis, Some(Basis::Operator));
    assert_eq!(scene.pool.explain().next.as_deref(), Some("b"));
    scene.advance(secs(299));
    assert_eq!(scene.status("a"), Status::CoolingDown);
    scene.advance(secs(1));
    assert_eq!(scene.status("a"), Status::Healthy);
    assert_eq!(scene.pool.stats().parked, 0);
}

#[test]
fn unparking_ends_it_now_and_wakes_the_line() {
    let scene = Scene::of(&["a"]);
    scene.pool.park("a", secs(300), "").unwrap();
    let waiting = scene.start_with(|request| request.wait(true));
    scene.advance(secs(10));
    assert!(waiting.is_running());
    scene.pool.unpark("a").unwrap();
    scene.settle();
    scene.answer("a", fine());
    assert_eq!(waiting.result().unwrap(), "fine");
    scene.pool.unpark("a").expect("who is not parked is no error");
    assert_eq!(scene.status("a"), Status::Healthy);
}

#[test]
fn a_failure_takes_the_place_of_the_operators_reason_and_the_later_end_holds() {
    for (stated, back_in, basis) in [(60, 300.0, Basis::Operator), (600, 600.0, Basis::Stated)] {
        let scene = Scene::of(&["a", "b"]);
        let _run = scene.start();
        scene.pool.park("a", secs(300), "maintenance").unwrap();
        scene.answer("a", Err(Fault::cooldown_for(secs(stated), "429")));
        assert_eq!(scene.row("a").cause, Some(Cause::Signal("429".into())));
        assert_eq!((scene.cooling("a"), scene.row("a").basis), (back_in, Some(basis)));
    }
}

#[test]
fn parking_what_has_failed_keeps_the_reason_and_unparking_gives_back_its_end() {
    let scene = Scene::of(&["a", "b"]);
    let _run = scene.start();
    scene.answer("a", Err(Fault::cooldown_for(secs(60), "429")));
    scene.pool.park("a", secs(300), "maintenance").unwrap();
    assert_eq!(scene.row("a").cause, Some(Cause::Signal("429".into())));
    assert_eq!(scene.cooling("a"), 300.0);
    scene.advance(secs(10));
    scene.pool.unpark("a").unwrap();
    assert_eq!((scene.cooling("a"), scene.row("a").basis), (50.0, Some(Basis::Stated)));
    let until = scene.pool.park("a", secs(20), "shorter").unwrap();
    assert_eq!(until, scene.pool.now() + secs(50), "it is out for longer already");
    assert_eq!(scene.row("a").basis, Some(Basis::Stated));
}

#[test]
fn parking_for_no_time_for_ever_or_what_is_disabled_is_refused_with_what_is_allowed() {
    let scene = Scene::of(&["a"]);
    for period in [Duration::ZERO, Duration::MAX, secs(365 * 24 * 60 * 60 + 1)] {
        let refused = scene.pool.park("a", period, "").unwrap_err();
        assert_eq!(refused, ResourceError::ParkedFor { id: "a".into(), period });
        assert!(refused.to_string().contains("more than zero, up to 365 days"), "{refused}");
    }
    let year = secs(365 * 24 * 60 * 60);
    assert_eq!(scene.pool.park("a", year, "").unwrap(), scene.pool.now() + year);
    scene.pool.disable("a").unwrap();
    let refused = scene.pool.park("a", secs(1), "").unwrap_err();
    assert_eq!(refused.to_string(), "resource `a` is disabled; enable it before you park it");
    for refused in [
        scene.pool.park("x", secs(1), "").map(drop),
        scene.pool.unpark("x"),
        scene.pool.reset("x"),
        scene.pool.update("x", |_| {}).map(drop),
    ] {
        assert!(matches!(refused, Err(ResourceError::UnknownResource { .. })));
    }
}

#[test]
fn health_that_is_kept_elsewhere_outlives_a_restart_by_parking() {
    let before = Scene::of(&["a", "b"]);
    before.pool.park("a", Duration::from_millis(3_600_001), "unpaid").unwrap();
    before.advance(secs(600));
    let left = |row: ResourceSnapshot| Some((row.id, row.until?.saturating_duration_since(row.at)));
    let kept: Vec<_> = before.pool.snapshot().into_iter().filter_map(left).collect();
    drop(before);

    let after = Scene::of(&["a", "b"]);
    for (id, left) in kept {
        after.pool.park(&id, left, "as it was before the restart").unwrap();
    }
    assert_eq!(after.cooling("a"), 3_000.001);
    let run = after.start();
    after.answer("b", fine());
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn an_operators_reason_shows_no_secret_of_the_resource() {
    let pool = Pool::builder().resource(Resource::new("a", ()).secret("sk-aaa")).build().unwrap();
    pool.park("a", secs(1), "sk-aaa leaked at https://u:p@host/").unwrap();
    let text = pool.explain().to_string();
    assert!(
        text.contains("*** leaked at") && !text.contains("sk-aaa") && !text.contains("u:p"),
        "{text}"
    );
    let update = pool.update("a", |profile| {
        Arc::make_mut(&mut profile.metadata).set("note", "is sk-aaa");
    });
    assert_eq!(update, Err(ResourceError::SecretInSight { place: "metadata" }));
    let harmless = pool.update("a", |profile| {
        Arc::make_mut(&mut profile.metadata).set("note", "is a key");
    });
    assert_eq!(harmless.unwrap(), ["metadata"]);
}

#[test]
fn rotating_parks_the_one_in_use_and_stays_with_the_next() {
    let scene = Scene::with(&["a", "b", "c"], |builder| builder.strategy(Strategy::Sticky));
    let mut events = scene.pool.events();
    scene.start();
    scene.answer("a", fine());
    drop(told(&mut events));
    let rotation = scene.pool.admin("ops@host").rotate().unwrap();
    assert_eq!((&*rotation.from, rotation.to.as_deref()), ("a", Some("b")));
    assert_eq!(rotation.until, scene.pool.now() + secs(300));
    assert_eq!(
        told(&mut events),
        [
            "ops@host: rotate a to b for 300.0s",
            "a: healthy > cooling_down for 300.0s: parked by ops@host: rotated away from"
        ]
    );
    scene.start();
    scene.answer("b", fine());
    scene.advance(secs(300));
    scene.start();
    scene.answer("b", fine());
    assert_eq!(scene.status("a"), Status::Healthy, "it is back, and the pool does not go back");
}

#[test]
fn when_the_one_rotated_to_fails_the_parked_is_not_exhausted_for_ever() {
    let scene = Scene::with(&["a", "b"], |builder| builder.strategy(Strategy::Sticky));
    scene.start();
    scene.answer("a", fine());
    scene.pool.rotate().unwrap();
    let run = scene.start_with(|request| request.wait(true));
    scene.answer("b", Err(Fault::cooldown_for(secs(3600), "429")));
    scene.advance(secs(300));
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn rotating_with_nobody_to_go_to_changes_nothing_and_says_so() {
    let scene = Scene::of(&["a", "b"]);
    scene.pool.disable("b").unwrap();
    let refused = scene.pool.rotate().unwrap_err();
    assert_eq!(refused, ResourceError::NothingElseHealthy { id: "a".into() });
    assert_eq!(scene.status("a"), Status::Healthy);
    scene.pool.disable("a").unwrap();
    assert_eq!(scene.pool.rotate().unwrap_err(), ResourceError::NothingInUse { members: 2 });
}

#[test]
fn in_use_is_who_was_picked_last_or_who_is_next_if_that_is_out() {
    let scene = Scene::of(&["a", "b", "c"]);
    scene.start();
    scene.answer("a", fine());
    scene.start();
    scene.answer("b", Err(Fault::cooldown("429")));
    scene.answer("c", fine());
    assert_eq!(&*scene.pool.rotate().unwrap().from, "c");
    scene.pool.enable("c").unwrap();
    scene.pool.disable("c").unwrap();
    scene.pool.enable("b").unwrap();
    assert_eq!(scene.pool.explain().next.as_deref(), Some("a"));
    let rotation = scene.pool.rotate().unwrap();
    assert_eq!((&*rotation.from, rotation.to.as_deref()), ("a", Some("b")));
}

#[test]
fn resetting_forgets_failures_and_measures_but_not_that_it_is_disabled() {
    let scene = Scene::of(&["a"]);
    for _ in 0..2 {
        scene.start();
        scene.answer("a", Err(Fault::cooldown("429")));
        scene.pool.unpark("a").unwrap();
        scene.advance(secs(600));
    }
    assert_eq!(scene.row("a").consecutive_cooldowns, 2);
    scene.pool.park("a", secs(30), "").unwrap();
    scene.pool.reset("a").unwrap();
    let stats = scene.pool.stats();
    let row = &stats.resources[0];
    assert_eq!((row.status, row.consecutive_cooldowns), (Status::Healthy, 0));
    assert_eq!((row.health.grade, row.health.failures, row.cooldowns), (Grade::Healthy, 0, 2));
    assert_eq!(scene.row("a").pace, None, "at full strength");
    scene.pool.disable("a").unwrap();
    scene.pool.reset("a").unwrap();
    assert_eq!(scene.status("a"), Status::Disabled);
}

#[test]
fn a_raised_cap_serves_the_line_at_once_and_a_lowered_one_ends_nothing() {
    let scene = Scene::of(&["a"]);
    scene.pool.update("a", |profile| profile.max_in_flight = Some(1)).unwrap();
    let [first, second] = [0, 1].map(|_| scene.start_with(|request| request.wait(true)));
    assert_eq!(scene.row("a").in_flight, 1);
    let changed = scene.pool.update("a", |profile| {
        (profile.max_in_flight, profile.priority) = (Some(2), 7);
    });
    assert_eq!(changed.unwrap(), ["max_in_flight", "priority"]);
    scene.settle();
    assert_eq!(scene.row("a").in_flight, 2);
    scene.pool.update("a", |profile| profile.max_in_flight = Some(1)).unwrap();
    assert!(first.is_running() && second.is_running());
    assert!(scene.start().error().is_exhausted());
    scene.answer("a", fine());
    assert!(scene.start().error().is_exhausted(), "one is in flight still");
    scene.answer("a", fine());
    let _fits = scene.start();
    assert_eq!(scene.row("a").in_flight, 1);
}

#[test]
fn an_update_that_the_door_would_refuse_leaves_all_as_it_was() {
    let scene = Scene::of(&["a"]);
    let no_cap = scene.pool.update("a", |profile| profile.max_in_flight = Some(0));
    assert_eq!(no_cap, Err(ResourceError::ZeroMaxInFlight { id: "a".into() }));
    let weightless = scene.pool.update("a", |profile| profile.weight = f64::NAN);
    assert!(matches!(weightless, Err(ResourceError::Weight { .. })));
    let renamed = scene.pool.update("a", |profile| profile.id = "b".into());
    assert_eq!(renamed, Err(ResourceError::IdChanged { id: "a".into(), to: "b".into() }));
    assert_eq!(scene.row("a").max_in_flight, None);
}

#[test]
fn an_update_is_made_anew_if_somebody_else_changed_the_resource_meanwhile() {
    let scene = Scene::of(&["a"]);
    let mut called = 0;
    let changed = scene.pool.update("a", |profile| {
        called += 1;
        if called == 1 {
            // Out of the lock: the closure may call the pool.
            scene.pool.update("a", |profile| profile.priority = 3).unwrap();
        }
        profile.max_in_flight = Some(4);
    });
    assert_eq!((changed.unwrap(), called), (vec!["max_in_flight"], 2));
    let profile = scene.pool.update("a", |profile| assert_eq!(profile.priority, 3));
    assert_eq!(profile.unwrap(), [""; 0]);
}

#[test]
fn what_operations_take_counts_from_an_update_on_that_brings_quotas_or_a_group() {
    let tokens = || Quota::per_minute(100).of("tokens");
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.strategy(Strategy::RoundRobin).group(Group::new("org").quota(tokens()))
    });
    scene.pool.update("a", |profile| profile.quotas = vec![tokens()]).unwrap();
    scene.pool.update("b", |profile| profile.group = Some("org".into())).unwrap();
    for _ in ["a", "b"] {
        let run = scene.pool.run(async |lease| {
            assert!(!lease.is_degraded());
            lease.spent("tokens", 30);
            Ok::<_, Fault<()>>(())
        });
        futures::executor::block_on(run).unwrap();
    }
    let left = ["a", "b"].map(|id| scene.row(id).quotas[0].left);
    assert_eq!(left, [70, 70]);
}

#[test]
fn shares_follow_a_weight_that_was_changed() {
    let scene = Scene::with(&["a", "b"], |builder| builder.strategy(Strategy::Weighted));
    let picks = |number: usize| {
        let mut on_a = 0;
        for _ in 0..number {
            let run = scene.start();
            on_a += scene.row("a").in_flight;
            let id = if scene.row("a").in_flight == 1 { "a" } else { "b" };
            scene.answer(id, fine());
            run.result().unwrap();
        }
        on_a
    };
    assert_eq!(picks(20), 10);
    scene.pool.update("a", |profile| profile.weight = 4.0).unwrap();
    assert_eq!(picks(20), 16);
}

#[test]
fn applying_a_list_keeps_the_state_of_who_stays() {
    let scene = Scene::of(&["a", "b", "c"]);
    let on_a = scene.start();
    scene.answer("a", Err(Fault::cooldown_for(secs(3600), "429")));
    scene.answer("b", fine());
    assert!(on_a.result().is_ok());
    scene.pool.disable("b").unwrap();
    let on_c = scene.start();
    let before = scene.pool.stats();
    let applied = scene
        .pool
        .apply([
            Resource::new("b", "b").max_in_flight(9),
            Resource::new("d", "d"),
            Resource::new("a", "a").weight(2.0).priority(1).metadata("region", "eu"),
        ])
        .unwrap();
    assert_eq!(
        applied.to_string(),
        "1 added (d), 1 removed (c), 2 updated (b: max_in_flight, a: weight and priority and metadata), 0 unchanged"
    );
    assert_eq!((scene.cooling("a"), scene.status("b")), (3600.0, Status::Disabled));
    let after = scene.pool.stats();
    assert_eq!(after.resources[0].acquires, before.resources[0].acquires);
    assert_eq!(after.resources[0].health, before.resources[0].health);
    let ids: Vec<&str> = after.resources.iter().map(|row| &*row.id).collect();
    assert_eq!(ids, ["a", "b", "d"], "who stays keeps its place");
    scene.answer("c", fine());
    assert_eq!(on_c.result().unwrap(), "fine", "who left drains");
    let again = scene.pool.apply([
        Resource::new("a", "a").weight(2.0).priority(1).metadata("region", "eu"),
        Resource::new("b", "b").max_in_flight(9),
        Resource::new("d", "d"),
    ]);
    assert!(again.unwrap().is_unchanged());
}

#[test]
fn a_list_replaces_values_for_the_next_lease_and_the_last_operation_drops_the_old() {
    struct Counted(&'static str, Arc<AtomicUsize>, Pool<Self>);
    impl Drop for Counted {
        fn drop(&mut self) {
            // A deadlock, if it were dropped under the lock.
            drop(self.2.stats());
            self.1.fetch_add(1, Ordering::SeqCst);
        }
    }
    let drops = Arc::new(AtomicUsize::new(0));
    let pool = Pool::builder().allow_empty(true).build().unwrap();
    let key = |text| Resource::new("a", Counted(text, Arc::clone(&drops), pool.clone()));
    pool.add(key("old")).unwrap();
    let kept = futures::executor::block_on(pool.run(async |lease| {
        pool.apply([key("new")]).unwrap();
        assert_eq!((lease.0, drops.load(Ordering::SeqCst)), ("old", 0));
        Ok::<_, Fault<()>>(lease)
    }));
    drop(kept);
    assert_eq!(drops.load(Ordering::SeqCst), 1);
    let text = futures::executor::block_on(pool.run(async |lease| Ok::<_, Fault<()>>(lease.0)));
    assert_eq!(text, Ok("new"));
    pool.apply([]).unwrap();
    assert_eq!((drops.load(Ordering::SeqCst), pool.stats().resources.len()), (2, 0));
}

#[test]
fn all_that_is_wrong_with_a_list_is_told_at_once_and_nothing_changes() {
    let scene = Scene::of(&["a"]);
    let refused = scene
        .pool
        .apply([
            Resource::new("b", "b").max_in_flight(0),
            Resource::new("", "x"),
            Resource::new("b", "b").weight(-1.0),
            Resource::new("sk-c", "c").secret("sk-c"),
        ])
        .unwrap_err();
    let lines: Vec<String> = refused
        .errors
        .iter()
        .map(|error| format!("{error:?}").split([' ', '{']).next().unwrap().to_owned())
        .collect();
    assert_eq!(lines, ["SecretInSight", "ZeroMaxInFlight", "EmptyId", "Weight", "ListedTwice"]);
    assert_eq!(refused.to_string().lines().count(), 5);
    let refused = scene.pool.apply([]).unwrap_err();
    assert_eq!(refused.errors, [ResourceError::EmptyList { members: 1 }]);
    assert_eq!(scene.pool.stats().resources.len(), 1);
}

#[test]
fn a_pool_whose_list_is_replaced_in_full_is_exhausted_at_no_moment() {
    let scene = Scene::of(&["a"]);
    let mut events = scene.pool.events();
    let waiting = scene.start();
    scene.pool.admin("reload").apply([Resource::new("b", "b")]).unwrap();
    let told: Vec<String> =
        told(&mut events).into_iter().filter(|line| !line.starts_with("run")).collect();
    assert_eq!(told, ["reload: apply: 1 added, 0 updated, 1 removed", "b: added", "a: removed"]);
    assert!(waiting.is_running());
}

#[test]
fn what_had_ended_by_itself_is_told_before_the_call_that_finds_it() {
    let scene = Scene::of(&["a", "b"]);
    scene.pool.park("a", secs(5), "").unwrap();
    scene.advance(secs(5));
    let mut events = scene.pool.events();
    scene.pool.admin("ops").disable("b").unwrap();
    let expected =
        ["a: cooling_down > healthy", "ops: disable b", "b: healthy > disabled: by an admin call"];
    assert_eq!(told(&mut events), expected);
}

#[test]
fn every_admin_call_of_a_named_operator_is_told_with_the_name_before_what_follows() {
    let scene = Scene::of(&["a", "b"]);
    let mut events = scene.pool.events();
    let ops = scene.pool.admin("ops");
    ops.add(Resource::new("c", "c")).unwrap();
    ops.disable("c").unwrap();
    ops.enable("c").unwrap();
    ops.clone().park("c", secs(5), "").unwrap();
    ops.unpark("c").unwrap();
    ops.reset("c").unwrap();
    ops.update("c", |profile| profile.priority = 1).unwrap();
    ops.remove("c").unwrap();
    ops.disable("x").unwrap_err();
    scene.pool.park("a", secs(1), "").unwrap();
    assert_eq!(
        told(&mut events),
        [
            "ops: add c",
            "c: added",
            "ops: disable c",
            "c: healthy > disabled: by an admin call",
            "ops: enable c",
            "c: disabled > healthy",
            "ops: park c for 5.0s",
            "c: healthy > cooling_down for 5.0s: parked by ops",
            "ops: unpark c",
            "c: cooling_down > healthy",
            "ops: reset c",
            "ops: update c",
            "ops: remove c",
            "c: removed",
            "a: healthy > cooling_down for 1.0s: parked",
        ]
    );
    let _ = scene.pool.admin("ops\n").rotate();
    ops.rotate().unwrap_err();
    let mut calls = scene.pool.events();
    ops.apply([Resource::new("a", "a"), Resource::new("b", "b").weight(2.0)]).unwrap();
    let words: Vec<&str> = std::iter::from_fn(|| calls.try_next())
        .filter_map(|event| match event {
            Event::AdminCall { call, .. } => Some(call.word()),
            _ => None,
        })
        .collect();
    assert_eq!(words, ["apply", "update"]);
}

#[test]
fn when_everything_is_out_a_degrading_pool_serves_the_soonest_back_parked_first_and_the_lease_says_so()
 {
    let scene =
        Scene::with(&["stated", "guessed", "parked", "disabled"], |builder| builder.degrade(true));
    let runs = ["stated", "guessed", "parked", "disabled"].map(|_| scene.start());
    scene.pool.disable("disabled").unwrap();
    scene.answer("stated", Err(Fault::cooldown_for(secs(5), "429")));
    scene.answer("guessed", Err(Fault::cooldown("429")));
    drop(runs);
    scene.pool.park("parked", secs(300), "").unwrap();
    scene.upstream.answer("parked", fine());
    scene.settle();
    assert_eq!(scene.pool.explain().next.as_deref(), Some("parked"));
    let serves = |ids: &[&str]| {
        let pool = scene.pool.clone();
        let served = futures::executor::block_on(pool.run(async |lease| {
            assert!(lease.is_degraded());
            match ids.contains(&lease.id()) {
                true => Ok(lease.id().to_owned()),
                false => Err(Fault::<()>::cooldown("429")),
            }
        }));
        served.ok()
    };
    assert_eq!(serves(&["parked"]).as_deref(), Some("parked"));
    let before = scene.row("guessed");
    assert_eq!(serves(&["stated"]).as_deref(), Some("stated"), "after the two others failed");
    assert_eq!(scene.row("guessed"), before, "what is known to be out climbs nothing");
    assert_eq!(scene.row("parked").cause, Some(Cause::Signal("429".into())));
    assert_eq!(scene.row("parked").basis, Some(Basis::Operator), "the later end holds");
    assert_eq!(serves(&[]), None, "each once, and the disabled never");
}

#[test]
fn a_pool_degrades_only_when_told_to_and_only_when_everything_is_out() {
    let scene = Scene::of(&["a"]);
    scene.pool.park("a", secs(300), "").unwrap();
    assert!(scene.start().error().is_exhausted());

    let scene = Scene::with(&["a", "b"], |builder| builder.degrade(true));
    scene.pool.update("b", |profile| profile.max_in_flight = Some(1)).unwrap();
    scene.pool.park("a", secs(300), "").unwrap();
    let on_b = scene.start();
    assert_eq!(scene.row("b").in_flight, 1);
    assert!(scene.start().error().is_exhausted(), "the other is only busy");
    scene.answer("b", fine());
    assert!(on_b.result().is_ok());
    scene.pool.disable("b").unwrap();
    let waits = scene.start_with(|request| request.wait(true));
    assert!(
        waits.is_running() && scene.row("a").in_flight == 0,
        "it waits as long as there is hope"
    );
    let hurries = scene.start_with(|request| request.timeout(secs(30)));
    assert_eq!(scene.row("a").in_flight, 1, "it would fail otherwise");
    scene.answer("a", fine());
    assert!(hurries.result().is_ok());
    assert_eq!(
        scene.status("a"),
        Status::CoolingDown,
        "a success brings back nothing that is parked"
    );
}

#[test]
fn a_degrading_pool_serves_nobody_with_what_the_run_does_not_admit_or_what_is_full() {
    let scene = Scene::with(&["a", "b"], |builder| builder.degrade(true));
    scene.pool.park("a", secs(60), "").unwrap();
    scene.pool.park("b", secs(300), "").unwrap();
    let elsewhere = scene.start_with(|request| request.exclude("a"));
    assert_eq!(scene.upstream.pending(), ["b"], "the first back is not for this run");
    scene.answer("b", fine());
    assert!(elsewhere.result().is_ok());
    scene.pool.update("a", |profile| profile.max_in_flight = Some(1)).unwrap();
    let _fills = scene.start();
    let beside = scene.start();
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    assert!(beside.is_running());
}

#[test]
fn a_list_or_an_update_fills_no_quota_and_what_was_taken_stays_taken() {
    let scene = Scene::of(&["a"]);
    let list = |amount| [Resource::new("a", "a").quota(Quota::per_hour(amount))];
    let applied = scene.pool.apply(list(3)).unwrap();
    assert_eq!(applied.updated, [("a".into(), vec!["quotas"])]);
    let left = || scene.row("a").quotas[0].left;
    for _ in 0..2 {
        scene.start();
        scene.answer("a", fine());
    }
    assert_eq!(left(), 1);
    scene.pool.apply(list(3)).unwrap();
    assert_eq!(left(), 1, "the same quota goes on");
    scene.pool.apply(list(10)).unwrap();
    assert_eq!(left(), 8, "of a larger one as much is taken");
    let changed = scene.pool.update("a", |profile| profile.quotas.clear()).unwrap();
    assert_eq!((changed, scene.row("a").quotas.len()), (vec!["quotas"], 0));
    let zero = scene.pool.update("a", |profile| profile.quotas = vec![Quota::per_hour(0)]);
    assert!(matches!(zero, Err(ResourceError::Quota { .. })), "{zero:?}");
}
