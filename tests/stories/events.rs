//! What subscribers hear: everything, in order, in bounded memory, and for no cost once they are gone.

use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll, Wake, Waker};
use std::thread;

use futures::executor::block_on;
use futures::{FutureExt as _, StreamExt as _};
use rotapool::{Event, Events, Fault, Outcome, Pool, Resource, RunOutcome, Signal};

use crate::scene::{Scene, secs};
use crate::upstream::fine;

/// What has been buffered, as lines of a log.
fn lines(events: &mut Events) -> Vec<String> {
    std::iter::from_fn(|| events.try_next()).map(|event| event.to_string()).collect()
}

fn some(capacity: usize) -> NonZeroUsize {
    NonZeroUsize::new(capacity).unwrap()
}

#[test]
fn an_outage_is_told_from_its_beginning_to_its_end() {
    let scene = Scene::of(&["a", "b"]);
    let mut events = scene.pool.events();
    let first = scene.start_with(|request| request.request_id("req-1"));
    let second = scene.start();
    scene.advance(secs(1));
    let third = scene.start();
    scene.advance(secs(1));
    scene.answer("a", Err(Fault::cooldown("429")));
    assert_eq!(
        lines(&mut events),
        [
            "run 1 (req-1): attempt 1 on a",
            "run 2: attempt 1 on b",
            "run 3: attempt 1 on a",
            "run 1 (req-1): attempt 1 on a: cooldown (429), after 2.0s",
            "a: healthy > cooling_down for 30.0s: 429",
            "a: 1 younger aborted",
            "run 1 (req-1): attempt 2 on b",
            "run 3: attempt 1 on a: aborted, after 1.0s",
            "run 3: attempt 2 on b",
        ]
    );
    scene.answer("b", Err(Fault::disable("revoked")));
    assert_eq!(
        lines(&mut events),
        [
            "run 2: attempt 1 on b: disable (revoked), after 2.0s",
            "b: healthy > disabled: revoked",
            "the pool is exhausted, first back in 30.0s",
            "b: 2 younger aborted",
            "run 2: exhausted after 1 attempt",
            "run 1 (req-1): attempt 2 on b: aborted, after 0.0ns",
            "run 1 (req-1): exhausted after 2 attempts",
            "run 3: attempt 2 on b: aborted, after 0.0ns",
            "run 3: exhausted after 2 attempts",
        ]
    );
    for run in [first, second, third] {
        assert!(run.error().is_exhausted());
    }
    scene.advance(secs(30));
    assert!(lines(&mut events).is_empty(), "an idle pool notices nothing");
    scene.start();
    scene.answer("a", fine());
    assert_eq!(
        lines(&mut events),
        [
            "a: cooling_down > healthy",
            "the pool has recovered",
            "run 4: attempt 1 on a",
            "run 4: attempt 1 on a: success, after 0.0ns",
            "run 4: ok after 1 attempt",
        ]
    );
}

#[test]
fn who_waits_in_line_is_told_once_each_time_that_it_comes_and_of_how_many() {
    let scene = Scene::with(&[], |builder| {
        builder.retry_delay(secs(10)).resource(Resource::new("a", "a").max_in_flight(1))
    });
    let mut events = scene.pool.events();
    let mut in_line = move || -> Vec<String> {
        let told = std::iter::from_fn(|| events.try_next());
        let told = told.filter(|event| matches!(event, Event::RunInLine { .. }));
        told.map(|event| event.to_string()).collect()
    };
    let _holder = scene.start();
    let first = scene.start_with(|request| request.wait(true).request_id("req-1"));
    scene.advance(secs(2));
    let _second = scene.start_with(|request| request.timeout(secs(60)));
    assert_eq!(
        in_line(),
        [
            "run 2 (req-1): in line, 1 waiting, the oldest for 0.0ns",
            "run 3: in line, 2 waiting, the oldest for 2.0s"
        ]
    );
    // A wake-up is no news.
    scene.pool.disable("a").unwrap();
    scene.pool.add(Resource::new("b", "b").max_in_flight(1)).unwrap();
    scene.settle();
    assert_eq!(in_line(), [""; 0]);
    scene.answer("b", Err(Fault::retry("503")));
    assert_eq!(scene.upstream.pending(), ["a", "b"], "the second has it now");
    let again = "run 2 (req-1): in line, 2 waiting, the oldest for 0.0ns";
    assert_eq!(in_line(), [again], "beside the second, who has yet to come for his place");
    scene.advance(secs(15));
    scene.answer("b", fine());
    scene.answer("b", fine());
    assert_eq!(first.result().unwrap(), "fine");
    // Who merely pauses does not wait, until its pause is over and nothing is free.
    let _pauses = scene.start_with(|request| request.wait(true));
    scene.answer("b", Err(Fault::retry("503")));
    let _other = scene.start();
    assert_eq!(in_line(), [""; 0]);
    scene.advance(secs(15));
    let told = in_line();
    assert!(told.len() == 1 && told[0].starts_with("run 4: in line, 1 waiting"), "{told:?}");
}

#[test]
fn every_end_of_an_attempt_and_of_a_run_is_told_apart() {
    let scene = Scene::of(&["a"]);
    let mut events = scene.pool.events();
    let ends = |events: &mut Events| {
        std::iter::from_fn(|| events.try_next())
            .filter_map(|event| match event {
                Event::AttemptSettled { outcome, .. } => Some(format!("{outcome:?}")),
                Event::AttemptAbandoned { latency, .. } => Some(format!("abandoned {latency:?}")),
                Event::RunEnded { outcome, attempts, .. } => Some(format!("{outcome} {attempts}")),
                _ => None,
            })
            .collect::<Vec<_>>()
    };
    scene.start();
    scene.answer("a", Err(Fault::Operation(crate::upstream::Boom)));
    assert_eq!(ends(&mut events), ["Error", "error 1"]);
    scene.start();
    scene.answer("a", Err(Fault::Failure(crate::upstream::Boom)));
    assert_eq!(ends(&mut events), ["Failure", "error 1"]);
    let given_up = scene.start();
    scene.advance(secs(3));
    scene.drop_run(&given_up);
    assert_eq!(ends(&mut events), ["abandoned 3s", "cancelled 1"]);
    let pausing = scene.start_with(|request| request.retry_delay(secs(1)).wait(true));
    scene.answer("a", Err(Fault::retry("hiccup")));
    scene.drop_run(&pausing);
    assert_eq!(ends(&mut events), ["Signal(Retry { reason: \"hiccup\" })", "cancelled 1"]);
    let panicking = scene.pool.run(|_| async { panic!("expected by the test") as Result<(), _> });
    let panicking = std::panic::AssertUnwindSafe(
        panicking.map(|result: Result<(), rotapool::RunError<()>>| result),
    );
    assert!(block_on(panicking.catch_unwind()).is_err());
    assert_eq!(ends(&mut events), ["Panic", "error 1"]);
}

#[test]
fn events_are_plain_data_with_the_instant_of_the_pools_clock() {
    let scene = Scene::of(&["a"]);
    let start = scene.pool.now();
    let mut events = scene.pool.events();
    scene.start_with(|request| request.request_id("req-7"));
    scene.advance(secs(5));
    scene.answer("a", Err(Fault::cooldown_for(secs(9), "429")));
    let heard: Vec<Event> = std::iter::from_fn(|| events.try_next()).collect();
    let at: Vec<_> = heard.iter().map(|event| event.at().duration_since(start)).collect();
    assert_eq!(at, [secs(0), secs(5), secs(5), secs(5), secs(5)]);
    let Event::AttemptSettled { run, request_id, id, attempt, outcome, latency, .. } = &heard[1]
    else {
        panic!("{:?}", heard[1]);
    };
    assert_eq!((*run, request_id.as_deref(), &**id, *attempt), (1, Some("req-7"), "a", 1));
    assert_eq!(*outcome, Outcome::Signal(Signal::cooldown_for(secs(9), "429")));
    assert_eq!(*latency, secs(5));
    assert!(matches!(&heard[2], Event::StateChanged { change, .. } if change.sequence == 1));
    let Event::PoolExhausted { retry_at: Some(retry_at), .. } = heard[3] else { panic!() };
    assert_eq!(retry_at.duration_since(start), secs(14));
    assert!(matches!(
        heard[4],
        Event::RunEnded { outcome: RunOutcome::Exhausted(_), attempts: 1, .. }
    ));
}

#[test]
fn an_abandoned_attempt_and_missed_events_have_their_lines_too() {
    let scene = Scene::of(&["a"]);
    let [mut events, mut behind] = [2, 1].map(|room| scene.pool.events_with_capacity(some(room)));
    let given_up = scene.start_with(|request| request.request_id("req-7"));
    scene.advance(secs(3));
    scene.drop_run(&given_up);
    assert_eq!(
        lines(&mut events),
        [
            "1 event missed",
            "run 1 (req-7): attempt 1 on a: abandoned, after 3.0s",
            "run 1 (req-7): cancelled after 1 attempt"
        ]
    );
    assert_eq!(lines(&mut behind), ["2 events missed", "run 1 (req-7): cancelled after 1 attempt"]);
}

#[test]
fn every_outcome_has_its_word() {
    let words = [Outcome::Success, Outcome::Error, Outcome::Failure, Outcome::Panic]
        .map(|outcome| outcome.to_string());
    assert_eq!(words, ["success", "error", "failure", "panic"]);
}

#[test]
fn a_slow_subscriber_loses_the_oldest_and_is_told_how_many() {
    let scene = Scene::of(&["a"]);
    let start = scene.pool.now();
    let mut slow = scene.pool.events_with_capacity(some(3));
    let mut quick = scene.pool.events();
    for _ in 0..2 {
        scene.start();
        scene.advance(secs(1));
        scene.answer("a", fine());
    }
    assert_eq!(lines(&mut quick).len(), 6);
    let first = slow.try_next().unwrap();
    assert!(matches!(first, Event::Missed { count: 3, .. }), "{first:?}");
    assert_eq!(first.at().duration_since(start), secs(1), "when the last was lost");
    assert_eq!(
        lines(&mut slow),
        [
            "run 2: attempt 1 on a",
            "run 2: attempt 1 on a: success, after 1.0s",
            "run 2: ok after 1 attempt"
        ]
    );
    scene.start();
    assert_eq!(lines(&mut slow), ["run 3: attempt 1 on a"], "and is told once");
}

#[test]
fn a_subscriber_that_never_reads_holds_a_full_buffer_and_no_more() {
    let scene = Scene::of(&["a"]);
    let mut silent = scene.pool.events_with_capacity(some(10));
    for _ in 0..1000 {
        scene.start();
        scene.answer("a", fine());
    }
    let shown = format!("{silent:?}");
    assert_eq!(shown, "Events { buffered: 10, capacity: 10, missed: 2990, .. }");
    assert!(matches!(silent.try_next(), Some(Event::Missed { count: 2990, .. })));
    assert_eq!(lines(&mut silent).len(), 10);
}

#[test]
fn a_subscriber_is_behind_by_1024_events_before_it_loses_any() {
    let scene = Scene::of(&["a"]);
    let mut events = scene.pool.events();
    for _ in 0..512 {
        scene.pool.disable("a").unwrap();
        scene.pool.enable("a").unwrap();
    }
    // Each of them turned the pool as well.
    assert!(matches!(events.try_next(), Some(Event::Missed { count: 1024, .. })));
    assert_eq!(lines(&mut events).len(), 1024);
}

#[test]
fn a_subscriber_hears_nothing_of_what_was_before() {
    let scene = Scene::of(&["a"]);
    let early = scene.start();
    let mut events = scene.pool.events();
    assert!(events.try_next().is_none());
    scene.answer("a", fine());
    assert_eq!(early.result().unwrap(), "fine");
    assert_eq!(
        lines(&mut events),
        ["run 1: attempt 1 on a: success, after 0.0ns", "run 1: ok after 1 attempt"]
    );
}

#[test]
fn the_stream_ends_with_the_last_handle_and_keeps_no_value_alive() {
    let value = Arc::new(());
    let pool = Pool::builder().resource(Resource::new("a", Arc::clone(&value))).build().unwrap();
    let mut events = pool.events();
    let request = pool.request();
    pool.disable("a").unwrap();
    drop(pool);
    assert!(matches!(events.try_next(), Some(Event::StateChanged { .. })));
    assert!(matches!(events.next().now_or_never(), Some(Some(Event::PoolExhausted { .. }))));
    assert!(events.next().now_or_never().is_none(), "a request is a handle too");
    drop(request);
    assert_eq!(Arc::strong_count(&value), 1, "the subscriber kept the pool alive");
    assert!(matches!(events.next().now_or_never(), Some(None)));
    assert!(matches!(events.next().now_or_never(), Some(None)), "and stays ended");
}

#[test]
fn whoever_waits_is_woken_by_an_event_and_by_the_end() {
    let scene = Scene::of(&["a"]);
    let mut events = scene.pool.events();
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let listening = scene.enter(async move {
        while let Some(event) = events.next().await {
            sink.lock().unwrap().push(event.to_string());
        }
        Ok(())
    });
    scene.pool.disable("a").unwrap();
    scene.settle();
    assert_eq!(
        *heard.lock().unwrap(),
        ["a: healthy > disabled: by an admin call", "the pool is exhausted"]
    );
    assert!(listening.is_running());
    let Scene { pool, time, .. } = scene;
    drop(pool);
    time.advance(secs(0));
    assert!(listening.result().is_ok(), "the end woke it");
}

#[test]
fn the_subscription_is_a_stream_like_any_other() {
    let scene = Scene::of(&["a"]);
    let events = scene.pool.events();
    scene.start();
    scene.answer("a", fine());
    drop(scene);
    let runs = events.filter(|event| std::future::ready(matches!(event, Event::RunEnded { .. })));
    assert_eq!(block_on(runs.count()), 1);
}

#[test]
fn a_waker_may_call_the_pool() {
    static POOL: OnceLock<Pool<&'static str>> = OnceLock::new();
    static ASKED: AtomicUsize = AtomicUsize::new(0);
    struct Asks;
    impl Wake for Asks {
        fn wake(self: Arc<Self>) {
            ASKED.fetch_add(POOL.get().unwrap().stats().disabled, Ordering::SeqCst);
        }
    }
    let scene = Scene::of(&["a", "b"]);
    POOL.set(scene.pool.clone()).unwrap();
    let mut events = scene.pool.events();
    let waker = Waker::from(Arc::new(Asks));
    let mut context = Context::from_waker(&waker);
    assert_eq!(events.poll_next_unpin(&mut context), Poll::Pending);
    scene.pool.disable("a").unwrap();
    assert_eq!(ASKED.load(Ordering::SeqCst), 1, "after the lock was released");
    scene.pool.disable("b").unwrap();
    assert_eq!(ASKED.load(Ordering::SeqCst), 1, "once for each time that it waits");
}

#[test]
fn a_panicking_waker_harms_neither_the_pool_nor_other_subscribers() {
    struct Panics;
    impl Wake for Panics {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics (this message is expected)")
        }
    }
    let scene = Scene::of(&["a"]);
    let mut panicking = scene.pool.events();
    let waker = Waker::from(Arc::new(Panics));
    assert!(panicking.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    let mut other = scene.pool.events();
    let heard = scene.enter(async move { Ok(other.next().await.map(|event| event.to_string())) });
    scene.pool.disable("a").unwrap();
    scene.settle();
    assert_eq!(heard.result().unwrap().unwrap(), "a: healthy > disabled: by an admin call");
    lines(&mut panicking);
    assert!(panicking.poll_next_unpin(&mut Context::from_waker(&waker)).is_pending());
    drop(scene);
    assert_eq!(panicking.next().now_or_never(), Some(None));
}

#[test]
fn a_panicking_hook_keeps_no_event_from_the_subscribers() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.on_state_change(|_| panic!("a hook that panics (this message is expected)"))
    });
    let mut events = scene.pool.events();
    scene.pool.disable("a").unwrap();
    scene.pool.disable("b").unwrap();
    assert_eq!(lines(&mut events).len(), 3);
}

#[test]
fn the_pool_is_exhausted_once_and_recovers_once() {
    let scene = Scene::of(&["a", "b"]);
    let mut events = scene.pool.events();
    let mut turns = || -> String {
        std::iter::from_fn(|| events.try_next())
            .filter_map(|event| match event {
                Event::PoolExhausted { retry_at, .. } => {
                    Some(if retry_at.is_some() { "exhausted for now " } else { "exhausted " })
                }
                Event::PoolRecovered { .. } => Some("recovered "),
                _ => None,
            })
            .collect()
    };
    scene.pool.disable("a").unwrap();
    assert_eq!(turns(), "", "one is left");
    scene.pool.disable("b").unwrap();
    assert_eq!(turns(), "exhausted ");
    for _ in 0..3 {
        assert!(scene.start().error().is_exhausted());
    }
    scene.pool.remove("b").unwrap();
    assert_eq!(turns(), "", "no periodic notices");
    scene.pool.add(Resource::new("b", "b")).unwrap();
    assert_eq!(turns(), "recovered ");
    scene.pool.enable("a").unwrap();
    assert_eq!(turns(), "", "told once");
    scene.pool.remove("a").unwrap();
    scene.pool.remove("b").unwrap();
    assert_eq!(turns(), "exhausted ", "an empty pool refuses too");
    scene.pool.add(Resource::new("c", "c")).unwrap();
    scene.start();
    scene.answer("c", Err(Fault::cooldown_for(secs(10), "429")));
    assert_eq!(turns(), "recovered exhausted for now ");
    scene.advance(secs(10));
    let run = scene.start();
    scene.answer("c", fine());
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(turns(), "recovered ");
}

#[test]
fn a_saturated_pool_is_busy_and_not_exhausted() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let mut events = scene.pool.events();
    scene.start();
    assert!(scene.start().error().is_exhausted());
    assert_eq!(
        lines(&mut events),
        ["run 1: attempt 1 on a", "run 2: exhausted after 0 attempts"],
        "the run is told, the pool has not turned"
    );
}

#[test]
fn a_cooldown_that_has_ended_unnoticed_keeps_the_pool_from_turning() {
    let scene = Scene::with(&["a", "b"], |builder| builder.max_attempts(1));
    scene.start_with(|request| request.exclude("b"));
    scene.answer("a", Err(Fault::cooldown_for(secs(10), "429")));
    let on_b = scene.start_with(|request| request.exclude("a"));
    scene.advance(secs(10));
    let mut events = scene.pool.events();
    scene.answer("b", Err(Fault::cooldown("429")));
    assert!(on_b.error().is_exhausted());
    let heard = lines(&mut events).join("\n");
    assert!(!heard.contains("pool"), "a can serve, although nobody has looked yet:\n{heard}");
}

#[test]
fn all_subscribers_hear_the_same_order_from_many_threads() {
    const THREADS: usize = 4;
    const RUNS: usize = 500;
    let pool = Pool::builder()
        .resources((0..3).map(|number| Resource::new(format!("r{number}"), number)))
        .cooldown_table([std::time::Duration::from_nanos(1)])
        .retry_delay(std::time::Duration::ZERO)
        .build()
        .unwrap();
    let all = || pool.events_with_capacity(some(1 << 20));
    let (mut one, mut other) = (all(), all());
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for number in 0..RUNS {
                    let _ = block_on(pool.run(|lease| async move {
                        match number % 5 {
                            0 if lease.attempt() == 1 => Err(Fault::<()>::cooldown("429")),
                            _ => Ok(()),
                        }
                    }));
                }
            });
        }
    });
    let heard: Vec<Event> = std::iter::from_fn(|| one.try_next()).collect();
    assert!(heard.iter().eq(&std::iter::from_fn(|| other.try_next()).collect::<Vec<_>>()));
    let mut numbers = heard.iter().filter_map(|event| match event {
        Event::StateChanged { change, .. } => Some(change.sequence),
        _ => None,
    });
    assert!((1..).zip(numbers.by_ref()).all(|(expected, number)| expected == number));
    let mut under_way = std::collections::HashMap::new();
    let mut ended = 0;
    for event in &heard {
        match event {
            Event::AttemptStarted { run, attempt, .. } => {
                assert_eq!(under_way.insert(*run, *attempt), None, "{event}");
            }
            Event::AttemptSettled { run, attempt, .. } => {
                assert_eq!(under_way.remove(run), Some(*attempt), "{event}");
            }
            Event::RunEnded { run, .. } => {
                assert!(!under_way.contains_key(run), "{event}");
                ended += 1;
            }
            _ => {}
        }
    }
    assert_eq!(ended, THREADS * RUNS);
    assert!(under_way.is_empty());
}

#[test]
fn who_joins_and_who_leaves_is_told_and_whom_the_pool_was_built_with_is_not() {
    let scene = Scene::of(&["a"]);
    let mut events = scene.pool.events();
    scene.pool.add(Resource::new("b", "b")).unwrap();
    scene.pool.add(Resource::new("b", "b")).unwrap_err();
    scene.pool.remove("c").unwrap_err();
    let run = scene.start();
    scene.pool.remove("a").unwrap();
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
    scene.pool.remove("b").unwrap();
    scene.pool.add(Resource::new("c\n", "c")).unwrap();
    assert_eq!(
        lines(&mut events),
        [
            "b: added",
            "run 1: attempt 1 on a",
            "a: removed",
            "run 1: attempt 1 on a: success, after 0.0ns",
            "run 1: ok after 1 attempt",
            "b: removed",
            "the pool is exhausted",
            "c\\n: added",
            "the pool has recovered",
        ]
    );
}
