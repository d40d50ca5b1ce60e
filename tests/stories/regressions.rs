//! Bugs that were found by looking for them, each with the story that showed it.

use std::future::Future as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use rotapool::{Fault, Recovery, Resource, Strategy};

use crate::picks::{pick, picks, run, run_with, shares};
use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

/// Two untried busy ones drawn together cost infinity both, and the first was taken, although known
/// idle ones were eligible.
#[test]
fn two_untried_resources_get_one_probe_each_while_a_known_one_is_eligible() {
    let mut worst = 0;
    for seed in 1..=20 {
        let scene =
            Scene::with(&["a", "b"], |builder| builder.strategy(Strategy::LeastLatency).seed(seed));
        for _ in 0..2 {
            let _ = run(&scene, |_| {
                scene.clock.advance(Duration::from_millis(100));
                fine()
            });
        }
        for id in ["new-1", "new-2"] {
            scene.pool.add(Resource::new(id, id)).unwrap();
        }
        for _ in 0..20 {
            scene.start();
        }
        let load = shares(scene.upstream.pending());
        worst = worst.max(load["new-1"]).max(load["new-2"]);
    }
    assert_eq!(worst, 1, "probes at once on an untried resource");
}

/// The same for those that failed last and have no error rate any more.
#[test]
fn two_suspects_get_one_operation_each_while_good_ones_are_eligible() {
    let mut worst = 0;
    for seed in 1..=20 {
        let scene = Scene::with(&["bad-1", "bad-2"], |builder| {
            builder.strategy(Strategy::LeastErrors).seed(seed).recovery(Recovery::AtOnce)
        });
        for _ in 0..20 {
            let _ = run(&scene, |_| Err(Fault::Failure(Boom)));
        }
        for id in ["good-1", "good-2"] {
            scene.pool.add(Resource::new(id, id)).unwrap();
        }
        scene.advance(secs(11));
        for _ in 0..20 {
            scene.start();
        }
        let load = shares(scene.upstream.pending());
        worst = worst.max(load["bad-1"]).max(load["bad-2"]);
    }
    assert_eq!(worst, 1, "operations at once on one that failed last");
}

/// It named a resource that the run did not admit, and counted such ones as eligible.
#[test]
fn the_line_of_a_filtered_run_names_no_resource_that_it_keeps_out() {
    let scene = Scene::of(&["kept-out", "off"]);
    scene.pool.disable("off").unwrap();
    let run = scene.start_with(|request| request.exclude("kept-out"));
    let text = run.error().to_string();
    assert!(!text.contains("kept-out"), "{text}");
}

/// The same for two cooldowns that end at the same instant.
#[test]
fn the_line_of_a_filtered_run_names_the_admitted_one_as_first_back() {
    let scene = Scene::of(&["a", "b"]);
    for id in ["a", "b"] {
        scene.start_with(|request| request.max_attempts(1));
        scene.answer(id, Err(Fault::cooldown("429")));
    }
    let text = scene.start_with(|request| request.exclude("a")).error().to_string();
    assert!(text.contains("first back is b"), "{text}");
}

/// The peak was compared unfaded with a new latency, but chosen by faded: a resource that had faded to
/// 50 ms and was then measured at 50 ms counted as 100 ms, above both, and was shunned again.
#[test]
fn a_resource_found_as_fast_as_the_others_again_shares_with_them_from_then_on() {
    let scene =
        Scene::with(&["was_slow", "steady"], |builder| builder.strategy(Strategy::LeastLatency));
    let served = |took: &dyn Fn(&str) -> Duration| {
        run(&scene, |id| {
            scene.clock.advance(took(id));
            Ok(id.to_owned())
        })
        .unwrap()
    };
    let fast = |_: &str| Duration::from_millis(50);
    for _ in 0..2 {
        served(&|id| if id == "was_slow" { secs(20) } else { fast(id) });
    }
    while served(&fast) != "was_slow" {}
    let after = shares((0..100).map(|_| served(&fast)));
    let was_slow = after.get("was_slow").copied().unwrap_or(0);
    assert!(was_slow > 20, "{was_slow} of the next 100 runs");
}

/// Where attempts take no time by the clock (a coarse or a paused one), the others' cost was 0,
/// whatever was in flight, so a resource that had failed once waited until its estimate underflowed.
#[test]
fn with_a_coarse_clock_a_resource_that_failed_once_is_tried_again_within_the_hour() {
    let scene = Scene::with(&["failed", "b"], |builder| builder.strategy(Strategy::LeastLatency));
    let _ = run_with(&scene, |request| request.exclude("b"), |_| Err(Fault::Failure(Boom)));
    pick(&scene);
    let tried = (0..3600).any(|_| {
        scene.advance(secs(1));
        pick(&scene) == "failed"
    });
    assert!(tried);
}

/// The other side of it: what is in flight has to count.
#[test]
fn with_a_coarse_clock_the_less_busy_one_is_taken_all_the_same() {
    let scene = Scene::with(&["a", "b"], |builder| builder.strategy(Strategy::LeastLatency));
    picks(&scene, 4);
    for _ in 0..100 {
        scene.start();
    }
    let load = shares(scene.upstream.pending());
    assert!(load["a"].abs_diff(load["b"]) <= 2, "{load:?}");
}

/// A key that equals a resource's id mixed to the worst score there is: it went anywhere but there.
#[test]
fn a_key_that_equals_an_id_is_a_key_like_any_other() {
    let ids: Vec<String> = (0..400).map(|n| format!("key-{n}")).collect();
    let at_home = ids.chunks(2).filter(|pair| {
        let pool = rotapool::Pool::builder()
            .resources(pair.iter().map(|id| Resource::new(id.clone(), ())))
            .strategy(Strategy::Affinity)
            .build()
            .unwrap();
        let run = pool
            .request()
            .affinity(&pair[0])
            .run(|lease| std::future::ready(Ok::<_, Fault<Boom>>(lease.id().to_owned())));
        futures::executor::block_on(run).unwrap() == pair[0]
    });
    let at_home = at_home.count();
    assert!((60..140).contains(&at_home), "{at_home} of 200: half is expected");
}

/// When a pick of the lightest weight added 1e6 to the virtual time and one of the heaviest 1e-6, the
/// latter's turns stood still; the range of weights is narrower now.
#[test]
fn two_heavy_resources_share_evenly_however_long_a_light_one_was_alone() {
    let scene = Scene::with(&[], |builder| {
        builder.strategy(Strategy::Weighted).resources(
            [("x", 1e4), ("y", 1e4), ("light", 1e-3)]
                .map(|(id, weight)| Resource::new(id, id).weight(weight)),
        )
    });
    for id in ["x", "y"] {
        scene.pool.disable(id).unwrap();
    }
    picks(&scene, 40_000);
    for id in ["x", "y"] {
        scene.pool.enable(id).unwrap();
    }
    let shares = shares(picks(&scene, 1000));
    assert_eq!(shares.get("y"), Some(&500), "{shares:?}");
}

/// The handle held on to the waker of the run's task, and so to the task's memory, for as long as
/// somebody kept it, although the run had ended or was dropped long before.
#[test]
fn a_handle_that_is_kept_keeps_no_task_alive_after_its_run() {
    struct Task;
    impl Wake for Task {
        fn wake(self: Arc<Self>) {}
    }
    for ends in [true, false] {
        let (scene, task) = (Scene::of(&["a"]), Arc::new(Task));
        let (run, _kept) = scene.pool.run_abortable(scene.upstream.operation());
        let mut run = Box::pin(run);
        let waker = Waker::from(Arc::clone(&task));
        assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        if ends {
            scene.answer("a", fine());
            assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_ready());
        }
        drop((run, waker));
        assert_eq!(Arc::strong_count(&task), 1, "it ends: {ends}");
    }
}

/// Whoever polls a run once more after its end gets a panic, as from any such future; but it counted as
/// cancelled too then, so the runs added up to more than there had been.
#[test]
fn a_run_that_is_polled_once_more_after_its_end_is_counted_once() {
    let scene = Scene::of(&["a"]);
    let mut run = Box::pin(scene.pool.run(|_| std::future::ready(fine())));
    let mut poll = || run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    assert!(poll().is_ready());
    assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
    drop(run);
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_ok, stats.runs_cancelled), (1, 0));
}

/// When the operation's future panicked as it was dropped, a further poll of the run lost its place on
/// the resource for good.
#[test]
fn a_run_whose_operation_panics_as_it_is_dropped_gives_the_place_back_even_if_it_is_polled_again() {
    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            std::panic::resume_unwind(Box::new("a destructor panics"));
        }
    }
    let scene = Scene::of(&["a"]);
    let mut run = Box::pin(scene.pool.run(|_| {
        let bomb = Bomb;
        std::future::poll_fn(move |_| {
            let _ = &bomb;
            std::task::Poll::Ready(fine())
        })
    }));
    for _ in 0..2 {
        let poll = || run.as_mut().poll(&mut Context::from_waker(Waker::noop()));
        assert!(catch_unwind(AssertUnwindSafe(poll)).is_err());
    }
    drop(run);
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.attempts, stats.runs_cancelled), (0, 1, 1));
}
