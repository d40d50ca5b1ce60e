//! Runs that admit only some of the resources.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use rotapool::{ExhaustedReason, Fault, Metadata, Resource, Strategy};

use crate::picks::{pick, pick_with, run_with};
use crate::scene::{Scene, secs};
use crate::upstream::fine;

/// Two in Europe, two in America, one that does not say.
fn world(strategy: Strategy) -> Scene {
    Scene::with(&[], |builder| {
        builder
            .strategy(strategy)
            .resource(Resource::new("us-1", "v").metadata("region", "us"))
            .resource(Resource::new("eu-1", "v").metadata("region", "eu").metadata("tier", "paid"))
            .resource(Resource::new("us-2", "v").metadata("region", "us"))
            .resource(Resource::new("eu-2", "v").metadata("region", "eu"))
            .resource(Resource::new("somewhere", "v"))
    })
}

fn in_europe(data: &Metadata) -> bool {
    data.get("region") == Some("eu")
}

#[test]
fn a_run_uses_only_resources_whose_metadata_pass_its_filter() {
    for &strategy in Strategy::ALL {
        let scene = world(strategy);
        let mut seen = Vec::new();
        for turn in 0..50 {
            seen.push(pick_with(&scene, |request| {
                request.affinity(format!("{turn}")).only(in_europe)
            }));
        }
        assert!(seen.iter().all(|id| id.starts_with("eu")), "{strategy:?}: {seen:?}");
        let both = seen.contains(&"eu-2".to_owned());
        let one = matches!(strategy, Strategy::PrimaryBackup | Strategy::Sticky);
        assert_eq!(both, !one, "{strategy:?}: the strategy chooses among those that pass");
    }
}

#[test]
fn a_filter_sees_the_metadata_of_each_resource_once_a_run() {
    let scene = world(Strategy::LeastInFlight);
    let calls = Arc::new(AtomicU32::new(0));
    let counted = Arc::clone(&calls);
    let request = scene.pool.request().only(move |data| {
        counted.fetch_add(1, Ordering::Relaxed);
        data.iter().eq([("region", "eu"), ("tier", "paid")]) || data.get("region") == Some("eu")
    });
    for run in 1..=3 {
        let operation = scene.upstream.operation();
        let request = request.clone();
        scene.enter(async move { request.run(operation).await });
        scene.answer("eu-1", Err(Fault::retry("503")));
        let again = scene.upstream.pending().remove(0);
        scene.answer(&again, fine());
        assert_eq!(calls.load(Ordering::Relaxed), 5 * run, "also when it retries");
        scene.pool.disable("eu-2").unwrap();
    }
}

#[test]
fn excluded_ids_are_kept_out_one_or_several_or_none_that_exists() {
    for &strategy in Strategy::ALL {
        let scene = Scene::with(&["a", "b", "c"], |builder| builder.strategy(strategy));
        for _ in 0..20 {
            assert_ne!(pick_with(&scene, |request| request.exclude("a")), "a", "{strategy:?}");
            let two = |request: rotapool::Request<_>| request.exclude("a").exclude("c");
            assert_eq!(pick_with(&scene, two), "b", "{strategy:?}");
        }
    }
    let scene = Scene::of(&["a", "b"]);
    assert_eq!(pick_with(&scene, |request| request.exclude("never heard of")), "a");
}

#[test]
fn a_filter_and_an_excluded_id_work_together_and_the_last_filter_counts() {
    let scene = world(Strategy::LeastInFlight);
    for _ in 0..3 {
        let both = |request: rotapool::Request<_>| request.only(in_europe).exclude("eu-1");
        assert_eq!(pick_with(&scene, both), "eu-2");
    }
    let later = pick_with(&scene, |request| {
        request.only(|_| false).only(|data| data.get("tier").is_some())
    });
    assert_eq!(later, "eu-1");
}

#[test]
fn the_budget_is_as_it_was_set_however_few_are_admitted() {
    let scene = world(Strategy::RoundRobin);
    let options = |request: rotapool::Request<_>| request.max_attempts(5).only(in_europe);
    let error = run_with(&scene, options, |_| Err(Fault::retry("503"))).unwrap_err();
    let exhausted = error.exhausted().unwrap();
    assert_eq!((exhausted.reason, exhausted.attempts), (ExhaustedReason::MaxAttempts, 5));
}

#[test]
fn retry_at_goes_by_the_admitted_resources_only() {
    let scene = Scene::of(&["a", "b", "c"]);
    for (id, seconds) in [("a", 10), ("b", 40)] {
        let other = if id == "a" { "b" } else { "a" };
        scene.start_with(|request| request.exclude("c").exclude(other));
        scene.answer(id, Err(Fault::cooldown_for(secs(seconds), "429")));
    }
    let retry_after = |out: &'static [&'static str]| {
        let options = |request| out.iter().copied().fold(request, rotapool::Request::exclude);
        run_with(&scene, options, |_| fine()).unwrap_err().retry_after()
    };
    assert_eq!(retry_after(&["c"]), Some(secs(10)));
    assert_eq!(retry_after(&["a", "c"]), Some(secs(40)));
    scene.pool.disable("b").unwrap();
    assert_eq!(retry_after(&["a", "c"]), None, "although `c` is eligible");
    let spent = run_with(
        &scene,
        |request| request.exclude("a").exclude("b").max_attempts(1),
        |_| Err(Fault::retry("503")),
    );
    assert_eq!(spent.unwrap_err().retry_after(), Some(secs(0)));
}

#[test]
fn a_waiting_run_waits_for_an_admitted_resource_and_for_no_other() {
    let scene = Scene::with(&["a", "b"], |builder| builder.strategy(Strategy::PrimaryBackup));
    scene.start_with(|request| request.exclude("b"));
    scene.answer("a", Err(Fault::cooldown_for(secs(10), "429")));
    scene.start();
    scene.answer("b", Err(Fault::cooldown_for(secs(40), "429")));
    let run = scene.start_with(|request| request.wait(true).exclude("a"));
    assert_eq!(scene.clock.sleeps(), [secs(10)], "the first in line looks at the clock for all");
    scene.advance(secs(10));
    assert_eq!(pick(&scene), "a");
    assert!(run.is_running() && scene.upstream.pending().is_empty());
    scene.advance(secs(30));
    assert_eq!(scene.upstream.pending(), ["b"]);
    scene.answer("b", fine());
    assert_eq!(run.result().unwrap(), "fine");
    scene.assert_at_rest();
}

#[test]
fn a_resource_added_while_a_filtered_run_waits_is_judged() {
    let scene = world(Strategy::LeastInFlight);
    for id in ["us-1", "us-2", "somewhere"] {
        scene.pool.remove(id).unwrap();
    }
    for id in ["eu-1", "eu-2"] {
        let other = if id == "eu-1" { "eu-2" } else { "eu-1" };
        scene.start_with(|request| request.exclude(other));
        scene.answer(id, Err(Fault::cooldown("429")));
    }
    let run = scene.start_with(|request| request.wait(true).only(in_europe));
    scene.pool.add(Resource::new("us-3", "v").metadata("region", "us")).unwrap();
    scene.settle();
    assert!(run.is_running() && scene.upstream.pending().is_empty(), "turned down");
    scene.pool.add(Resource::new("eu-3", "v").metadata("region", "eu")).unwrap();
    scene.settle();
    assert_eq!(scene.upstream.pending(), ["eu-3"]);
}

#[test]
fn a_filtered_run_that_is_woken_to_judge_after_its_deadline_is_over() {
    let scene = world(Strategy::PrimaryBackup);
    scene.start_with(|request| request.only(in_europe).exclude("eu-2"));
    scene.answer("eu-1", Err(Fault::cooldown("429")));
    let run = scene.start_with(|request| request.exclude("eu-2").only(in_europe).timeout(secs(40)));
    assert!(run.is_running());
    scene.clock.advance(secs(500));
    scene.pool.add(Resource::new("eu-3", "v").metadata("region", "eu")).unwrap();
    scene.settle();
    assert!(run.error().is_exhausted());
    scene.assert_at_rest();
}

#[test]
fn a_filter_may_call_the_pool() {
    let scene = world(Strategy::LeastInFlight);
    let pool = scene.pool.clone();
    let served = pick_with(&scene, |request| {
        request.only(move |data| {
            let known = pool.stats().resources.len();
            if data.get("tier").is_some() {
                pool.remove("eu-1").unwrap();
                pool.add(Resource::new("eu-3", "v").metadata("region", "eu")).unwrap();
            }
            known == 5 && in_europe(data)
        })
    });
    assert_eq!(served, "eu-2", "`eu-1` left while it was being judged");
}

#[test]
fn a_filter_that_panics_leaves_the_pool_right() {
    let scene = world(Strategy::LeastInFlight);
    let caught = catch_unwind(AssertUnwindSafe(|| {
        run_with(
            &scene,
            |request| {
                request.only(|data| match data.get("tier") {
                    Some(_) => panic!("a filter that panics (this message is expected)"),
                    None => true,
                })
            },
            |_| fine(),
        )
    }));
    assert!(caught.is_err(), "it is the caller's own code");
    let stats = scene.pool.stats();
    assert_eq!((stats.attempts, stats.in_flight, stats.runs_cancelled), (0, 0, 1));
    assert_eq!(pick(&scene), "us-1");
    scene.assert_at_rest();
}

#[test]
fn a_request_with_a_filter_can_be_debugged() {
    let scene = Scene::of(&["a"]);
    let request = scene.pool.request().only(|_| true).exclude("b");
    let shown = format!("{request:?}");
    assert!(shown.contains("only: Some(Only)") && shown.contains("\"b\""), "{shown}");
}
