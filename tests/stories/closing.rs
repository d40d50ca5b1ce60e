//! How a pool ends: who is refused, who goes on, and what is told of those who are left.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Wake, Waker};
use std::time::Duration;

use futures::FutureExt as _;
use rotapool::testing::Task;
use rotapool::{DrainReport, Event, ExhaustedReason, Fault, Resource, RunError};

use crate::scene::{Scene, Started, secs};
use crate::upstream::{Boom, fine};

fn is_refused<R>(run: &Started<R>) -> bool {
    matches!(run.error(), RunError::Exhausted(why) if why.reason == ExhaustedReason::Closed)
}

fn drain(scene: &Scene, within: Duration) -> Task<DrainReport> {
    let task = scene.time.spawn(scene.pool.drain(within));
    scene.settle();
    task
}

/// Who still runs where, as the report has it.
fn still_running(report: &DrainReport) -> Vec<(&str, u32)> {
    report.still_running.iter().map(|row| (&*row.id, row.runs)).collect()
}

#[test]
fn a_closed_pool_refuses_new_runs_and_says_so_everywhere() {
    let scene = Scene::of(&["a"]);
    let mut events = scene.pool.events();
    scene.pool.close();
    scene.pool.close();
    assert!(is_refused(&scene.start()));
    assert!(is_refused(&scene.start_with(|request| request.wait(true).timeout(secs(9)))));
    assert!(is_refused(&scene.start_with(|request| request.exclude("b").only(|_| true))));
    assert_eq!(scene.upstream.seen(), [""; 0]);
    assert!(scene.pool.is_closed() && scene.pool.stats().closed);

    let told = std::iter::from_fn(|| events.next().now_or_never().flatten());
    let told: Vec<_> = told.filter(|it| !matches!(it, Event::RunEnded { .. })).collect();
    assert_eq!(told.len(), 1, "{told:?}");
    assert_eq!(told[0].to_string(), "the pool is closed");

    let explanation = scene.pool.explain();
    assert_eq!((explanation.next.as_deref(), explanation.retry_at), (None, None));
    let text = explanation.to_string();
    assert!(text.starts_with("the pool is closed; 1 resource: 1 eligible"), "{text}");
    let refused = scene.start().error().to_string();
    assert!(
        refused
            .starts_with("pool exhausted: it is closed, and begins nothing new, after 0 attempts"),
        "{refused}"
    );
    scene.assert_at_rest();
}

#[test]
fn a_closed_pool_asks_no_filter_and_no_select_whom_to_choose() {
    let scene = Scene::with(&["a"], |builder| {
        builder.select(|_: &[rotapool::Candidate]| -> usize { panic!("asked") })
    });
    scene.pool.close();
    assert!(is_refused(&scene.start()));
    assert!(is_refused(&scene.start_with(|request| request.only(|_| panic!("asked")))));
    assert_eq!(scene.pool.explain().next, None);
    assert_eq!(scene.pool.stats().choice_faults, 0);
}

#[test]
fn those_in_line_are_refused_at_once_and_those_in_flight_go_on() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let served = scene.start();
    let waiting: Vec<_> = (0..5).map(|_| scene.start_with(|request| request.wait(true))).collect();
    assert_eq!(scene.pool.stats().waiting, 5);
    scene.pool.close();
    scene.settle();
    assert!(waiting.iter().all(is_refused));
    assert!(served.is_running());
    scene.answer("a", fine());
    assert_eq!(served.result().unwrap(), "fine");
    scene.assert_at_rest();
}

#[test]
fn a_place_that_was_promised_before_the_close_is_not_taken_after_it() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let served = scene.start();
    let newcomer = scene.start_with(|request| request.wait(true));
    // The place comes free, and the pool closes before the newcomer has had a turn.
    scene.upstream.answer("a", fine());
    scene.pool.close();
    scene.settle();
    assert_eq!(served.result().unwrap(), "fine");
    assert!(is_refused(&newcomer));
    assert_eq!(scene.upstream.seen(), ["a"]);
    scene.assert_at_rest();
}

#[test]
fn an_admitted_run_retries_elsewhere_pauses_and_waits_in_a_closed_pool() {
    let scene = Scene::with(&[], |builder| {
        builder
            .resource(Resource::new("a", "a").max_in_flight(1))
            .resource(Resource::new("b", "b").max_in_flight(1))
            .retry_delay(secs(4))
    });
    let first = scene.start_with(|request| request.wait(true).max_attempts(9));
    let second = scene.start();
    scene.pool.close();
    // Elsewhere: b is busy, so it waits in line.
    scene.answer("a", Err(Fault::cooldown("429")));
    assert_eq!(scene.pool.stats().waiting, 1);
    scene.answer("b", fine());
    assert_eq!(second.result().unwrap(), "fine");
    assert_eq!(scene.upstream.pending(), ["b"], "the place went to who was admitted");
    // A pause, before it repeats itself.
    scene.answer("b", Err(Fault::retry("503")));
    assert_eq!(scene.upstream.pending(), [""; 0]);
    scene.advance(secs(6));
    assert_eq!(scene.upstream.pending(), ["b"]);
    scene.answer("b", fine());
    assert_eq!(first.result().unwrap(), "fine");
    scene.assert_at_rest();
}

#[test]
fn a_drain_waits_for_what_is_in_flight_and_counts_it() {
    let scene = Scene::of(&["a", "b"]);
    let runs = [scene.start(), scene.start(), scene.start()];
    let drained = drain(&scene, secs(60));
    assert!(scene.pool.is_closed());
    scene.advance(secs(2));
    scene.answer("a", fine());
    scene.answer("b", Err(Boom.into()));
    assert!(!drained.is_finished());
    scene.drop_run(&runs[2]);
    let report = drained.take_result().unwrap();
    assert_eq!(report.to_string(), "drained in 2.0s: 3 finished");
    assert!(report.is_complete());
    assert!(runs[0].result().is_ok() && runs[1].result().is_err());
    scene.assert_at_rest();
}

#[test]
fn a_drain_waits_for_a_run_that_pauses() {
    let scene = Scene::with(&["a"], |builder| builder.retry_delay(secs(4)));
    let run = scene.start();
    scene.answer("a", Err(Fault::retry("503")));
    let drained = drain(&scene, secs(60));
    scene.advance(secs(6));
    assert!(!drained.is_finished(), "it holds nothing, and is not over");
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(drained.take_result().unwrap().finished, 1);
}

#[test]
fn a_pause_and_a_wait_end_at_the_deadline_too() {
    let scene = Scene::with(&[], |builder| {
        builder
            .resource(Resource::new("a", "a").max_in_flight(1))
            .resource(Resource::new("b", "b").max_in_flight(1))
            .retry_delay(secs(100))
    });
    let pausing = scene.start_with(|request| request.exclude("b"));
    scene.answer("a", Err(Fault::retry("503")));
    let waiting = scene.start_with(|request| request.wait(true).exclude("b"));
    scene.answer("a", Err(Fault::cooldown_for(secs(40), "429")));
    let attempting = scene.start_with(|request| request.exclude("a"));
    let drained = drain(&scene, secs(10));
    assert!(pausing.is_running() && waiting.is_running() && attempting.is_running());
    scene.advance(secs(10));
    let report = drained.take_result().unwrap();
    assert_eq!(report.to_string(), "drained in 10.0s: 0 finished, 3 aborted");
    for run in [&pausing, &waiting, &attempting] {
        assert!(is_refused(run));
    }
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_exhausted, stats.sibling_cancels), (3, 0));
    scene.assert_at_rest();
}

#[test]
fn what_cannot_be_aborted_is_named_with_its_resource() {
    let scene = Scene::of(&["a", "b"]);
    // Polled by nobody: as an operation that blocks its thread.
    let mut stuck = Box::pin(scene.pool.request().run(scene.upstream.operation()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(stuck.poll_unpin(&mut context).is_pending());
    let other = scene.start();
    scene.pool.remove("a").unwrap();
    let drained = drain(&scene, secs(10));
    scene.advance(secs(10));
    assert!(!drained.is_finished(), "it gives those it has aborted a moment");
    scene.advance(Duration::from_millis(100));
    let report = drained.take_result().unwrap();
    assert_eq!(still_running(&report), [("a", 1)]);
    assert_eq!((report.finished, report.aborted, report.is_complete()), (0, 1, false));
    assert!(is_refused(&other));
    // It ends late, by itself, and another drain says so.
    drop(stuck);
    let report = drain(&scene, secs(10)).take_result().unwrap();
    assert!(report.is_complete(), "{report}");
    scene.assert_at_rest();
}

#[test]
fn a_drain_that_is_dropped_changes_nothing_but_that_the_pool_is_closed() {
    let scene = Scene::of(&["a"]);
    drop(scene.pool.drain(secs(1)));
    assert!(!scene.pool.is_closed(), "it was never polled");
    let run = scene.start();
    let task = drain(&scene, secs(1));
    task.abort();
    scene.advance(secs(100));
    assert!(scene.pool.is_closed() && run.is_running());
    let [long, short] = [drain(&scene, secs(9)), drain(&scene, secs(5))];
    scene.advance(secs(5));
    assert!(is_refused(&run), "the shortest time counts");
    assert_eq!(long.take_result().unwrap(), short.take_result().unwrap());
    scene.assert_at_rest();
}

#[test]
fn an_idle_pool_is_drained_at_once_and_a_time_of_nothing_aborts_at_once() {
    let scene = Scene::of(&["a"]);
    assert!(drain(&scene, Duration::ZERO).take_result().unwrap().is_complete());
    let scene = Scene::of(&["a"]);
    let run = scene.start();
    assert_eq!(drain(&scene, Duration::ZERO).take_result().unwrap().aborted, 1);
    assert!(is_refused(&run));
    let scene = Scene::of(&["a"]);
    let _run = scene.start();
    let drained = drain(&scene, Duration::MAX);
    scene.answer("a", fine());
    assert!(drained.is_finished());
}

/// Counts its wake-ups.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

#[test]
fn a_thousand_in_line_are_each_woken_once_and_refused() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let served = scene.start();
    let mut waiting = Vec::new();
    for _ in 0..1000 {
        let request = scene.pool.request().wait(true);
        let mut run = Box::pin(request.run(scene.upstream.operation()));
        let count = Arc::new(Count::default());
        let waker = Waker::from(Arc::clone(&count));
        assert!(run.poll_unpin(&mut Context::from_waker(&waker)).is_pending());
        waiting.push((run, count));
    }
    assert_eq!(scene.pool.stats().waiting, 1000);
    scene.pool.close();
    scene.pool.close();
    for (run, count) in &mut waiting {
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        let polled = run.poll_unpin(&mut Context::from_waker(Waker::noop()));
        let std::task::Poll::Ready(Err(RunError::Exhausted(why))) = polled else {
            panic!("it was not refused")
        };
        assert_eq!(why.reason, ExhaustedReason::Closed);
        assert_eq!(count.0.load(Ordering::Relaxed), 1, "and not again");
    }
    scene.answer("a", fine());
    assert!(served.result().is_ok());
    assert_eq!(scene.pool.stats().runs_exhausted, 1000);
    scene.assert_at_rest();
}

#[test]
fn what_was_removed_is_drained_when_its_last_operation_has_ended() {
    let scene = Scene::of(&["a"]);
    let drained = |scene: &Scene| {
        let task = scene.time.spawn(scene.pool.drained("a"));
        scene.settle();
        task
    };
    assert!(drained(&scene).is_finished(), "nothing of it was removed");
    let [_first, second] = [scene.start(), scene.start()];
    assert!(drained(&scene).is_finished(), "a member is not removed");
    scene.pool.remove("a").unwrap();
    let waits = drained(&scene);
    scene.pool.add(Resource::new("a", "a")).unwrap();
    let _successor = scene.start();
    scene.answer("a", fine());
    assert!(!waits.is_finished());
    scene.drop_run(&second);
    assert!(waits.is_finished(), "what is in flight on the new one does not count");
    assert_eq!(scene.upstream.pending(), ["a"]);
}

#[test]
fn admin_calls_work_in_a_closed_pool() {
    let scene = Scene::of(&["a"]);
    let run = scene.start_with(|request| request.wait(true));
    scene.pool.close();
    scene.answer("a", Err(Fault::disable("revoked")));
    let outcome = run.error().to_string();
    assert!(outcome.contains("1 disabled"), "{outcome}");
    scene.pool.add(Resource::new("b", "b")).unwrap();
    scene.pool.enable("a").unwrap();
    scene.pool.remove("a").unwrap();
    assert!(is_refused(&scene.start()));
}

#[test]
fn the_rules_of_the_python_package_close_as_well() {
    let scene = Scene::with(&["a"], |builder| builder.python_rules().retry_delay(secs(4)));
    let pausing = scene.start_with(|request| request.max_attempts(3).wait(true));
    scene.answer("a", Err(Fault::retry("503")));
    let drained = drain(&scene, secs(1));
    scene.advance(secs(1));
    assert!(is_refused(&pausing), "its pause ends with the pool");
    let report = drained.take_result().unwrap();
    assert_eq!((report.aborted, report.is_complete()), (1, true));
    scene.assert_at_rest();
}
