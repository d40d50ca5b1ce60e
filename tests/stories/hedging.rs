//! A second attempt beside one that does not answer.

use std::sync::Arc;
use std::task::{Context, Waker};
use std::time::Duration;

use futures::FutureExt as _;
use rotapool::{
    BuildError, Builder, Event, Fault, Hedge, OptionsError, Outcome, Pool, Recovery, Request,
    Resource, RetryBudget, RunError, Signal, Status,
};

use crate::scene::{Scene, Started, secs};
use crate::upstream::{Boom, fine};

/// As many hedges as runs, so that the budget is not in the way.
fn generous() -> RetryBudget {
    RetryBudget::percent(100).min_per_second(100)
}

/// A pool that hedges after two seconds; the first of its resources serves first.
fn hedged(ids: &[&'static str]) -> Scene {
    with(ids, |builder| builder)
}

fn with(
    ids: &[&'static str],
    set_up: impl FnOnce(Builder<&'static str>) -> Builder<&'static str>,
) -> Scene {
    Scene::with(ids, |builder| set_up(builder.hedge(secs(2)).retry_budget(generous())))
}

/// A run whose attempt on `a` has a second one on `b` beside it.
fn raced(scene: &Scene) -> Started {
    raced_with(scene, |request| request)
}

fn raced_with(
    scene: &Scene,
    options: impl FnOnce(Request<&'static str>) -> Request<&'static str>,
) -> Started {
    let run = scene.start_with(options);
    scene.advance(secs(2));
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    run
}

/// Attempts, hedges, hedges that won, successes.
fn counted(scene: &Scene) -> (u64, u64, u64, u64) {
    let stats = scene.pool.stats();
    (stats.attempts, stats.hedges, stats.hedge_wins, stats.successes)
}

#[test]
fn an_answer_in_time_needs_no_second_attempt() {
    let scene = hedged(&["a", "b"]);
    let run = scene.start();
    scene.advance(secs(2) - Duration::from_nanos(1));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.answer("a", fine());
    assert!(run.result().is_ok());
    assert_eq!(counted(&scene), (1, 0, 0, 1));
    scene.assert_at_rest();
}

#[test]
fn a_slow_attempt_gets_another_one_beside_it_and_the_faster_answer_is_the_runs() {
    let scene = hedged(&["a", "b"]);
    let run = raced(&scene);
    scene.answer("b", Ok("faster".to_owned()));
    assert_eq!(run.result().unwrap(), "faster");
    assert_eq!(counted(&scene), (2, 1, 1, 1));
    let slow = scene.pool.stats().resources[0].clone();
    assert_eq!((slow.successes, slow.failures, slow.status), (0, 0, Status::Healthy));
    scene.assert_at_rest();
}

#[test]
fn the_first_attempt_may_still_win() {
    let scene = hedged(&["a", "b"]);
    let run = raced(&scene);
    scene.answer("a", Ok("after all".to_owned()));
    assert_eq!(run.result().unwrap(), "after all");
    assert_eq!(counted(&scene), (2, 1, 0, 1));
    scene.assert_at_rest();
}

#[test]
fn a_third_attempt_never_begins_beside_two() {
    let scene = hedged(&["a", "b", "c"]);
    let run = raced(&scene);
    scene.advance(secs(100));
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    scene.answer("a", Err(Fault::retry("503")));
    scene.advance(secs(100));
    assert_eq!(scene.upstream.pending(), ["b"], "and none beside the one that is left");
    scene.answer("b", fine());
    assert!(run.result().is_ok());
}

#[test]
fn an_error_of_the_operations_own_ends_the_run_whichever_attempt_has_it() {
    for (failing, counts) in [("a", 0), ("b", 0)] {
        let scene = hedged(&["a", "b"]);
        let run = raced(&scene);
        scene.answer(failing, Err(Boom.into()));
        assert_eq!(run.error(), RunError::Operation(Boom));
        assert_eq!(scene.pool.stats().hedge_wins, counts);
        scene.assert_at_rest();
    }
}

#[test]
fn a_signal_does_to_its_resource_what_it_always_does_and_the_other_attempt_goes_on() {
    for (failing, other) in [("a", "b"), ("b", "a")] {
        let scene = hedged(&["a", "b", "c"]);
        let run = raced(&scene);
        scene.answer(failing, Err(Fault::cooldown("429")));
        assert_eq!(scene.status(failing), Status::CoolingDown);
        assert_eq!(scene.upstream.pending(), [other], "nothing begins in its place");
        scene.answer(other, fine());
        assert!(run.result().is_ok());
        assert_eq!(counted(&scene).0, 2);
        scene.assert_at_rest();
    }
}

#[test]
fn when_both_fail_the_run_goes_on_to_what_neither_was_on() {
    for (first, second) in [("a", "b"), ("b", "a")] {
        let scene = hedged(&["a", "b", "c"]);
        let run = raced(&scene);
        scene.answer(first, Err(Fault::retry("503")));
        scene.answer(second, Err(Fault::cooldown("429")));
        assert_eq!(scene.upstream.pending(), ["c"]);
        scene.answer("c", fine());
        assert!(run.result().is_ok());
        scene.assert_at_rest();
    }
}

#[test]
fn both_attempts_count_among_those_that_a_run_may_make() {
    let scene = hedged(&["a", "b", "c"]);
    let run = raced_with(&scene, |request| request.max_attempts(2));
    scene.answer("a", Err(Fault::retry("503")));
    scene.answer("b", Err(Fault::retry("504")));
    let error = run.error();
    let exhausted = error.exhausted().expect("its attempts are used up");
    assert_eq!(exhausted.attempts, 2);
    let Some(Signal::Retry { reason, .. }) = &exhausted.last_signal else { panic!("{exhausted}") };
    assert_eq!(&**reason, "504");
}

#[test]
fn a_run_that_may_make_one_attempt_is_not_hedged() {
    let scene = hedged(&["a", "b"]);
    let run = scene.start_with(|request| request.max_attempts(1));
    scene.advance(secs(10));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.answer("a", fine());
    assert!(run.result().is_ok());
}

#[test]
fn a_retry_is_hedged_like_any_attempt() {
    let scene = hedged(&["a", "b", "c"]);
    let run = scene.start_with(|request| request.max_attempts(5));
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(scene.upstream.pending(), ["b"]);
    scene.advance(secs(2));
    assert_eq!(scene.upstream.pending(), ["b", "c"]);
    scene.answer("c", fine());
    assert!(run.result().is_ok());
}

#[test]
fn a_hedge_never_goes_to_what_the_run_has_tried_or_may_not_have() {
    let scene = hedged(&["a", "b"]);
    let run = scene.start_with(|request| request.max_attempts(5));
    scene.answer("a", Err(Fault::retry("503")));
    scene.advance(secs(10));
    assert_eq!(scene.upstream.pending(), ["b"], "a was tried");
    scene.answer("b", fine());
    assert!(run.result().is_ok());

    let scene = hedged(&["a", "b"]);
    let run = scene.start_with(|request| request.exclude("b"));
    scene.advance(secs(10));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.answer("a", fine());
    assert!(run.result().is_ok());
}

#[test]
fn a_pool_of_one_never_hedges_not_even_on_another_membership_of_its_resource() {
    let scene = hedged(&["a"]);
    let run = scene.start();
    scene.pool.remove("a").unwrap();
    scene.pool.add(Resource::new("a", "a")).unwrap();
    scene.advance(secs(10));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.answer("a", fine());
    assert!(run.result().is_ok());
    assert_eq!(counted(&scene).1, 0);
}

#[test]
fn none_begins_while_somebody_is_in_line() {
    let scene = Scene::with(&[], |builder| {
        builder
            .resource(Resource::new("a", "a").max_in_flight(1))
            .resource(Resource::new("b", "b").max_in_flight(1).metadata("tier", "far"))
            .hedge(secs(2))
            .retry_budget(generous())
    });
    let slow = scene.start();
    assert_eq!(scene.upstream.pending(), ["a"]);
    // It may have `a` only, so `b` is free although it waits.
    let waiting = scene.start_with(|request| request.wait(true).exclude("b"));
    assert_eq!(scene.pool.stats().waiting, 1);
    scene.advance(secs(10));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.answer("a", fine());
    assert!(slow.result().is_ok());
    scene.answer("a", fine());
    assert!(waiting.result().is_ok());
}

#[test]
fn hedges_are_paid_out_of_the_retry_budget() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.hedge(secs(2)).retry_budget(RetryBudget::percent(50).min_per_second(0))
    });
    let runs = [(); 3].map(|()| scene.start());
    scene.advance(secs(2));
    assert_eq!(scene.pool.stats().attempts, 4, "one hedge for three runs");
    assert_eq!((scene.pool.stats().hedges, scene.pool.stats().hedges_refused), (1, 2));
    while let Some(on) = scene.upstream.pending().first() {
        scene.answer(on, fine());
    }
    assert!(runs.iter().all(|run| run.result().is_ok()));
}

#[test]
fn without_a_budget_one_run_in_twenty_of_the_last_minute_is_hedged() {
    let scene = Scene::with(&["a", "b"], |builder| builder.hedge(secs(2)));
    let hedges = |runs: usize| {
        let before = scene.pool.stats().hedges;
        let runs: Vec<_> = (0..runs).map(|_| scene.start()).collect();
        scene.advance(secs(3));
        while let Some(on) = scene.upstream.pending().first() {
            scene.answer(on, fine());
        }
        assert!(runs.iter().all(|run| run.result().is_ok()));
        scene.pool.stats().hedges - before
    };
    assert_eq!(hedges(19), 0);
    assert_eq!(hedges(21), 2);
    scene.advance(secs(61));
    assert_eq!(hedges(19), 0);
}

#[test]
fn a_request_hedges_for_itself_and_another_may_refuse_to_be_hedged() {
    let scene = Scene::with(&["a", "b"], |builder| builder.retry_budget(generous()));
    let run = raced_with(&scene, |request| request.hedge(secs(2)));
    scene.answer("b", fine());
    assert!(run.result().is_ok());

    let scene = hedged(&["a", "b"]);
    let run = scene.start_with(|request| request.hedge(Hedge::Never));
    scene.advance(secs(10));
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.answer("a", fine());
    assert!(run.result().is_ok());
}

#[test]
fn by_the_percentile_an_attempt_is_hedged_when_95_of_100_answers_were_faster() {
    let scene =
        Scene::with(&["a", "b"], |builder| builder.hedge(Hedge::P95).retry_budget(generous()));
    for nth in 1..=100 {
        let run = scene.start();
        scene.advance(Duration::from_millis(10 * nth));
        assert_eq!(scene.upstream.pending().len(), 1, "too little is known");
        let on = scene.upstream.pending().remove(0);
        scene.answer(&on, fine());
        assert!(run.result().is_ok());
    }
    let run = scene.start();
    scene.advance(Duration::from_millis(950));
    assert_eq!(scene.upstream.pending().len(), 1);
    scene.advance(Duration::from_millis(60));
    assert_eq!(scene.upstream.pending().len(), 2, "950 ms, and a sixteenth at most");
    let on = scene.upstream.pending().remove(1);
    scene.answer(&on, fine());
    assert!(run.result().is_ok());
}

#[test]
fn each_attempt_has_its_own_time_and_the_deadline_ends_both() {
    let scene = with(&["a", "b", "c"], |builder| builder.attempt_timeout(secs(5)));
    let run = raced_with(&scene, |request| request.timeout(secs(20)));
    scene.advance(secs(3));
    assert_eq!(scene.upstream.pending(), ["b"], "5 s after a began");
    assert_eq!(scene.pool.stats().timeouts, 1);
    scene.advance(secs(2));
    assert_eq!(scene.upstream.pending(), ["c"], "5 s after b began");
    scene.answer("c", fine());
    assert!(run.result().is_ok());

    let scene = hedged(&["a", "b"]);
    let run = raced_with(&scene, |request| request.timeout(secs(3)));
    scene.advance(secs(1));
    assert!(run.error().is_exhausted());
    assert_eq!((scene.pool.stats().deadlines, scene.pool.stats().failures), (2, 0));
    scene.assert_at_rest();
}

#[test]
fn a_siblings_signal_ends_one_of_the_two_and_the_other_goes_on() {
    for (ends, other) in [("a", "b"), ("b", "a")] {
        let scene = hedged(&["a", "b"]);
        let exclude = other;
        let older = scene.start_with(|request| request.exclude(exclude).hedge(Hedge::Never));
        let run = scene.start_with(|request| request.exclude("none"));
        // The older one's call is the first on its resource.
        scene.advance(secs(2));
        assert_eq!(scene.upstream.pending().len(), 3);
        scene.answer(ends, Err(Fault::cooldown("429")));
        assert_eq!(scene.upstream.pending(), [other], "the sibling was dropped");
        scene.answer(other, fine());
        assert!(run.result().is_ok());
        assert!(older.error().is_exhausted());
        assert_eq!(scene.pool.stats().sibling_cancels, 1);
        scene.assert_at_rest();
    }
}

#[test]
fn dropping_the_run_drops_both_and_blames_nobody() {
    let scene = hedged(&["a", "b"]);
    let run = raced(&scene);
    scene.drop_run(&run);
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_cancelled, stats.failures, stats.healthy), (1, 0, 2));
    scene.assert_at_rest();
}

#[test]
fn a_hedge_keeps_to_the_pace_of_a_ramp() {
    let scene =
        with(&["a", "b"], |builder| builder.cooldown_table([secs(100)]).recovery(Recovery::Ramp));
    let send_away = scene.start_with(|request| request.exclude("a").max_attempts(1));
    scene.answer("b", Err(Fault::cooldown("429")));
    assert!(send_away.error().is_exhausted());
    scene.advance(secs(100));
    // One at a time at first.
    let busy = scene.start_with(|request| request.exclude("a").hedge(Hedge::Never));
    let run = scene.start();
    scene.advance(secs(10));
    assert_eq!(scene.upstream.pending(), ["b", "a"]);
    scene.answer("b", fine());
    scene.answer("a", fine());
    assert!(busy.result().is_ok() && run.result().is_ok());
}

#[test]
fn what_happens_is_told_in_the_order_in_which_it_happens() {
    let scene = hedged(&["a", "b"]);
    let mut events = scene.pool.events();
    let run = raced_with(&scene, |request| request.request_id("mine"));
    scene.answer("b", fine());
    assert!(run.result().is_ok());
    let told: Vec<String> =
        std::iter::from_fn(|| events.try_next()).map(|event: Event| event.to_string()).collect();
    assert_eq!(
        told,
        [
            "run 1 (mine): attempt 1 on a",
            "run 1 (mine): attempt 1 on a: no answer for 2.0s, so another begins beside it",
            "run 1 (mine): attempt 2 on b",
            "run 1 (mine): attempt 2 on b: success, after 0.0ns",
            "run 1 (mine): attempt 1 on a: abandoned, after 2.0s",
            "run 1 (mine): ok after 2 attempts",
        ]
    );
}

#[test]
fn work_that_is_not_send_is_hedged_in_the_runs_own_task() {
    let scene = hedged(&["a", "b"]);
    let calls = std::rc::Rc::new(std::cell::Cell::new(0));
    let (clock, counting) = (scene.clock.clone(), std::rc::Rc::clone(&calls));
    let request = scene.pool.request();
    let run = scene.enter(async move {
        request
            .run(|at| {
                let (clock, calls) = (clock.clone(), std::rc::Rc::clone(&counting));
                async move {
                    calls.set(calls.get() + 1);
                    clock.sleep(if *at == "a" { secs(9) } else { secs(1) }).await;
                    Ok::<_, Fault<Boom>>(at.id().to_owned())
                }
            })
            .await
    });
    scene.advance(secs(3));
    assert_eq!((run.result().unwrap(), calls.get()), ("b".to_owned(), 2));
    scene.assert_at_rest();
}

#[test]
fn when_one_has_served_the_other_is_gone_even_if_the_run_is_kept() {
    for serves in ["a", "b"] {
        let scene = hedged(&["a", "b"]);
        let under_way = Arc::new(());
        let mut run = Box::pin(scene.pool.run(|at: rotapool::Lease<&'static str>| {
            let (clock, call) = (scene.clock.clone(), Arc::clone(&under_way));
            async move {
                let _call = call;
                clock.sleep(if *at == serves { secs(4) } else { secs(100) }).await;
                Ok::<_, Fault<Boom>>(*at)
            }
        }));
        let served = (0..10).find_map(|_| {
            let served = run.as_mut().now_or_never();
            scene.advance(secs(1));
            served
        });
        assert_eq!(served.expect("it does not hang"), Ok(serves));
        assert_eq!(Arc::strong_count(&under_way), 1, "no call goes on");
        drop(run);
    }
}

#[test]
fn neither_callers_that_block_nor_checkouts_are_hedged() {
    let scene = hedged(&["a", "b"]);
    let told = scene.pool.run_blocking(|lease| {
        scene.advance(secs(50));
        Ok::<_, Fault<Boom>>(lease.limit())
    });
    assert_eq!(told, Ok(None), "there is no end that it has to keep to");
    assert_eq!(scene.pool.stats().hedges, 0);
}

#[test]
fn an_operation_that_panics_beside_another_ends_both() {
    for panics in ["a", "b"] {
        let scene = hedged(&["a", "b"]);
        let (pool, clock) = (scene.pool.clone(), scene.clock.clone());
        let run = scene.time.spawn(async move {
            let operation = |at: rotapool::Lease<&'static str>| {
                let clock = clock.clone();
                async move {
                    let first = *at == "a";
                    clock.sleep(if first { secs(3) } else { secs(1) }).await;
                    if *at == panics {
                        std::panic::resume_unwind(Box::new("boom"));
                    }
                    clock.sleep(secs(100)).await;
                    Ok::<(), Fault<Boom>>(())
                }
            };
            let caught = std::panic::AssertUnwindSafe(pool.run(operation));
            futures::FutureExt::catch_unwind(caught).await.is_err()
        });
        let mut events = scene.pool.events();
        scene.advance(secs(3));
        assert_eq!(run.take_result(), Some(true));
        let stats = scene.pool.stats();
        assert_eq!((stats.runs_error, stats.in_flight, stats.failures), (1, 0, 0));
        let panicked = std::iter::from_fn(|| events.try_next()).filter_map(|event| match event {
            Event::AttemptSettled { id, outcome: Outcome::Panic, .. } => Some(id),
            _ => None,
        });
        assert_eq!(panicked.collect::<Vec<_>>(), [panics.into()]);
        scene.assert_at_rest();
    }
}

#[test]
fn a_delay_of_nothing_or_beyond_the_time_there_is_is_refused_at_the_door() {
    let build = |set_up: fn(Builder<i32>) -> Builder<i32>| {
        set_up(Pool::builder().resource(Resource::new("a", 1))).build().map(drop).unwrap_err()
    };
    assert_eq!(build(|builder| builder.hedge(Duration::ZERO)), BuildError::ZeroHedge);
    let error = build(|builder| builder.attempt_timeout(secs(2)).hedge(secs(2)));
    assert_eq!(
        error.to_string(),
        "hedges begin after 2s, but attempts end after 2s; allowed is less than that"
    );
    let scene = Scene::of(&["a", "b"]);
    let refused = |options: fn(Request<&'static str>) -> Request<&'static str>| match scene
        .start_with(options)
        .error()
    {
        RunError::Options(error) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(refused(|request| request.hedge(Duration::ZERO)), OptionsError::ZeroHedge);
    let too_late = OptionsError::HedgeAfterTimeout { hedge: secs(3), timeout: secs(2) };
    assert_eq!(refused(|request| request.hedge(secs(3)).timeout(secs(2))), too_late);
    assert_eq!(refused(|request| request.hedge(secs(3)).attempt_timeout(secs(2))), too_late);
    let at_its_end = OptionsError::HedgeAfterTimeout { hedge: secs(2), timeout: secs(2) };
    assert_eq!(refused(|request| request.hedge(secs(2)).timeout(secs(2))), at_its_end);
    assert_eq!(scene.pool.stats().attempts, 0);
}

#[test]
fn how_long_a_stream_may_take_binds_the_hedge_of_a_stream_and_of_no_other_run() {
    let scene = Scene::with(&["a", "b"], |builder| builder.stream_timeout(secs(2)));
    let run = scene.start_with(|request| request.hedge(secs(3)));
    scene.answer("a", fine());
    assert!(run.result().is_ok());
    let too_late = OptionsError::HedgeAfterTimeout { hedge: secs(3), timeout: secs(2) };
    for attempt_timeout in [None, Some(secs(9))] {
        let mut request = scene.pool.request().hedge(secs(3));
        if let Some(timeout) = attempt_timeout {
            request = request.attempt_timeout(timeout);
        }
        let stream = request.run_stream(async |_key| {
            Ok::<_, Fault<Boom>>(futures::stream::iter([Ok::<_, Fault<Boom>>("first")]))
        });
        let refused = scene.time.block_on(stream).map(drop).unwrap_err();
        assert_eq!(refused, RunError::Options(too_late.clone()));
    }
}

#[test]
fn a_pools_delay_beyond_the_time_of_a_run_refuses_nobody() {
    let scene = hedged(&["a", "b"]);
    let run = scene.start_with(|request| request.timeout(secs(1)));
    scene.answer("a", fine());
    assert!(run.result().is_ok());
    let run = scene.start_with(|request| request.timeout(secs(2)));
    scene.advance(secs(2));
    assert!(run.error().is_exhausted());
    assert_eq!(scene.pool.stats().hedges, 0);
}

#[test]
fn a_drain_counts_a_hedged_run_once_however_it_ends() {
    for is_served in [true, false] {
        let scene = hedged(&["a", "b"]);
        let run = raced(&scene);
        let drained = scene.time.spawn(scene.pool.drain(secs(5)));
        scene.settle();
        if is_served {
            scene.answer("b", fine());
        }
        scene.advance(secs(5));
        let report = drained.take_result().unwrap();
        let counts = (report.finished, report.aborted, report.left, report.is_complete());
        assert_eq!(counts, if is_served { (1, 0, 0, true) } else { (0, 1, 0, true) });
        assert_eq!(run.result().is_ok(), is_served);
        scene.assert_at_rest();
    }
}

#[test]
fn a_hedged_run_that_cannot_be_aborted_is_one_that_is_left_on_two_resources() {
    let scene = hedged(&["a", "b"]);
    let mut stuck = Box::pin(scene.pool.request().run(scene.upstream.operation()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(stuck.poll_unpin(&mut context).is_pending());
    scene.advance(secs(2));
    assert!(stuck.poll_unpin(&mut context).is_pending());
    assert_eq!(scene.upstream.pending(), ["a", "b"]);
    // Polled by nobody from here on.
    let drained = scene.time.spawn(scene.pool.drain(secs(5)));
    scene.settle();
    scene.advance(secs(6));
    let report = drained.take_result().unwrap();
    assert_eq!((report.finished, report.aborted, report.left), (0, 0, 1));
    assert!(report.to_string().ends_with(": 0 finished, 1 left: 1 on a, 1 on b"), "{report}");
    drop(stuck);
    scene.assert_at_rest();
}
