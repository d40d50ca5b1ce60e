//! A run may answer with a stream: it is repeated elsewhere until the first item, and holds its place to the end.

use std::future::Future as _;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::stream::FusedStream as _;
use futures::{FutureExt as _, Stream as _, StreamExt as _};
use http_body::Body as _;
use http_body_util::{BodyExt as _, Full};
use rotapool::testing::Task;
use rotapool::{
    BuildError, Event, ExhaustedReason, Fault, HeldStream, Lease, OptionsError, Outcome, Pool,
    Recovery, Request, Resource, RunError, Status, Strategy, StreamError, Trial,
};

use crate::scene::{Scene, secs};
use crate::upstream::Boom;

type Item = Result<&'static str, Fault<Boom>>;
type Stream = HeldStream<&'static str, UnboundedReceiver<Item>>;
type Opened = Result<Stream, RunError<Boom>>;

/// The far side of streams: where each was opened, and what it is fed through.
#[derive(Clone, Default)]
struct Taps(Arc<Mutex<Vec<Tap>>>);

type Tap = (String, UnboundedSender<Item>);

impl Taps {
    fn open(&self, scene: &Scene, request: Request<&'static str>) -> Task<Opened> {
        let taps = self.clone();
        let task = scene.time.spawn(async move {
            let operation = async |lease: Lease<&'static str>| {
                let (tap, stream) = unbounded();
                taps.0.lock().unwrap().push((lease.id().to_owned(), tap));
                Ok::<_, Fault<Boom>>(stream)
            };
            request.run_stream(operation).await
        });
        scene.settle();
        task
    }

    /// A stream that has begun, with this as its first item.
    fn begun(&self, scene: &Scene) -> Stream {
        let task = self.open(scene, scene.pool.request());
        self.feed(Ok("first"));
        scene.settle();
        let mut stream = task.take_result().expect("it has begun").unwrap();
        assert_eq!(next(&mut stream), Some(Some(Ok("first"))));
        stream
    }

    /// Feeds the latest stream.
    fn feed(&self, item: Item) {
        self.0.lock().unwrap().last().unwrap().1.unbounded_send(item).expect("somebody reads it");
    }

    /// The latest stream comes to its end.
    fn end(&self) {
        self.0.lock().unwrap().pop();
    }

    fn seen(&self) -> Vec<String> {
        self.0.lock().unwrap().iter().map(|(id, _)| id.clone()).collect()
    }
}

/// What comes next, if it is there.
fn next(stream: &mut Stream) -> Option<Option<Result<&'static str, StreamError<Boom>>>> {
    stream.next().now_or_never()
}

fn one_place(builder: rotapool::Builder<&'static str>) -> rotapool::Builder<&'static str> {
    builder.resource(Resource::new("a", "a").max_in_flight(1))
}

fn faults() -> [Fault<Boom>; 5] {
    [
        Fault::Operation(Boom),
        Fault::Failure(Boom),
        Fault::retry("503"),
        Fault::cooldown("429"),
        Fault::disable("401"),
    ]
}

// Up to the commit point.

#[test]
fn what_breaks_before_the_first_item_is_tried_elsewhere() {
    let scene = Scene::of(&["a", "b", "c", "d"]);
    let taps = Taps::default();
    let task = taps.open(&scene, scene.pool.request());
    for fault in [Fault::retry("503"), Fault::cooldown("429"), Fault::disable("401")] {
        taps.feed(Err(fault));
        scene.settle();
    }
    assert_eq!(taps.seen(), ["a", "b", "c", "d"]);
    taps.feed(Ok("hello"));
    scene.settle();
    let mut stream = task.take_result().expect("it has begun").unwrap();
    assert_eq!(stream.id(), "d");
    assert_eq!(next(&mut stream), Some(Some(Ok("hello"))));
    assert_eq!(next(&mut stream), None, "nothing more so far");
    taps.end();
    assert_eq!(next(&mut stream), Some(None));
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_ok, stats.failures, stats.cooling_down, stats.disabled), (1, 3, 1, 1));
    drop(taps);
    scene.assert_at_rest();
}

#[test]
fn its_commit_point_is_told_and_counted_and_its_end_when_that_comes() {
    let scene = Scene::of(&["a", "b"]);
    let taps = Taps::default();
    let mut events = scene.pool.events();
    let task = taps.open(&scene, scene.pool.request().request_id("req-7"));
    taps.feed(Err(Fault::retry("503")));
    scene.settle();
    scene.advance(secs(2));
    taps.feed(Ok("first"));
    scene.settle();
    let told = |events: &mut rotapool::Events| -> Vec<String> {
        std::iter::from_fn(|| events.try_next()).map(|event| event.to_string()).collect()
    };
    assert_eq!(
        told(&mut events),
        [
            "run 1 (req-7): attempt 1 on a",
            "run 1 (req-7): attempt 1 on a: retry (503), after 0.0ns",
            "run 1 (req-7): attempt 2 on b",
            "run 1 (req-7): attempt 2 on b: committed, first item after 2.0s",
        ]
    );
    let streams = || {
        let row = scene.pool.stats().resources.remove(1);
        (row.streams_begun, row.streams, row.held)
    };
    assert_eq!(streams(), (1, 0, 1));

    let mut stream = task.take_result().expect("it has begun").unwrap();
    scene.advance(secs(3));
    taps.end();
    assert_eq!(next(&mut stream), Some(Some(Ok("first"))));
    assert_eq!(next(&mut stream), Some(None));
    assert_eq!(
        told(&mut events),
        [
            "run 1 (req-7): attempt 2 on b: success, after 5.0s",
            "run 1 (req-7): ok after 2 attempts"
        ]
    );
    assert_eq!(streams(), (1, 1, 0));
    assert_eq!(scene.pool.stats().resources[0].streams_begun, 0, "that was no stream");
}

#[test]
fn an_error_of_its_own_before_the_first_item_ends_the_run() {
    for (fault, successes) in [(Fault::Operation(Boom), 1), (Fault::Failure(Boom), 0)] {
        let scene = Scene::of(&["a", "b"]);
        let taps = Taps::default();
        let task = taps.open(&scene, scene.pool.request());
        taps.feed(Err(fault));
        scene.settle();
        let error = task.take_result().expect("it is over").unwrap_err();
        assert_eq!(error, RunError::Operation(Boom));
        let stats = scene.pool.stats();
        assert_eq!((stats.attempts, stats.runs_error, stats.successes), (1, 1, successes));
        scene.assert_at_rest();
    }
}

#[test]
fn silence_before_the_first_item_is_a_failed_attempt() {
    let scene = Scene::of(&["a", "b"]);
    let taps = Taps::default();
    let mut events = scene.pool.events();
    let task = taps.open(&scene, scene.pool.request().stall_timeout(secs(5)));
    scene.advance(Duration::from_millis(4_999));
    assert_eq!(taps.seen(), ["a"]);
    scene.advance(Duration::from_millis(1));
    assert_eq!(taps.seen(), ["a", "b"]);
    taps.feed(Ok("x"));
    scene.settle();
    assert_eq!(task.take_result().expect("it has begun").unwrap().id(), "b");
    let stats = scene.pool.stats();
    assert_eq!((stats.failures, stats.timeouts), (1, 1));
    let told: Vec<Event> = std::iter::from_fn(|| events.try_next()).collect();
    let stalled = Outcome::Stalled(secs(5));
    assert!(matches!(&told[1], Event::AttemptSettled { outcome, .. } if *outcome == stalled));
    assert_eq!(told[1].to_string(), "run 1: attempt 1 on a: stalled: silent for 5s, after 5.0s");
}

#[test]
fn a_siblings_signal_sends_a_stream_elsewhere_that_has_not_begun() {
    let scene = Scene::of(&["a", "b"]);
    let taps = Taps::default();
    let older = scene.pool.request().exclude("b").try_acquire().unwrap();
    let task = taps.open(&scene, scene.pool.request().exclude("b").wait(true));
    older.signal(Fault::cooldown_for(secs(5), "429")).unwrap();
    scene.settle();
    assert!(!task.is_finished(), "it waits for a to come back");
    scene.advance(secs(5));
    assert_eq!(taps.seen(), ["a", "a"]);
}

#[test]
fn its_timeout_is_for_the_time_to_the_first_item_only() {
    let scene = Scene::of(&["a"]);
    let taps = Taps::default();
    let request = || scene.pool.request().timeout(secs(5)).attempt_timeout(secs(4));
    let late = taps.open(&scene, request());
    scene.advance(secs(5));
    let error = late.take_result().expect("its time is up").unwrap_err();
    assert!(matches!(error.exhausted().unwrap().reason, ExhaustedReason::Deadline { .. }));
    let begun = taps.open(&scene, request());
    taps.feed(Ok("x"));
    scene.settle();
    scene.advance(secs(3600));
    taps.feed(Ok("y"));
    let mut stream = begun.take_result().expect("it has begun").unwrap();
    assert_eq!(next(&mut stream), Some(Some(Ok("x"))));
    assert_eq!(next(&mut stream), Some(Some(Ok("y"))));
}

#[test]
fn a_stream_without_items_is_a_success_and_holds_nothing() {
    let scene = Scene::with(&[], one_place);
    let taps = Taps::default();
    let task = taps.open(&scene, scene.pool.request());
    taps.end();
    scene.settle();
    let mut stream = task.take_result().expect("it is over").unwrap();
    assert_eq!(next(&mut stream), Some(None));
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.runs_ok, stats.resources[0].streams), (0, 1, 1));
    scene.assert_at_rest();
}

#[test]
fn what_is_no_output_does_not_commit_and_reaches_the_reader_all_the_same() {
    let scene = Scene::of(&["a", "b"]);
    let taps = Taps::default();
    let (request, opening) = (scene.pool.request(), taps.clone());
    let task = scene.time.spawn(async move {
        let operation = async |lease: Lease<&'static str>| {
            let (tap, stream) = unbounded();
            opening.0.lock().unwrap().push((lease.id().to_owned(), tap));
            Ok::<_, Fault<Boom>>(stream)
        };
        request.run_stream_from(|item: &&str| !item.starts_with(':'), operation).await
    });
    scene.settle();
    taps.feed(Ok(": role of a"));
    taps.feed(Err(Fault::retry("cut")));
    scene.settle();
    taps.feed(Ok(": role of b"));
    taps.feed(Ok("data"));
    scene.settle();
    let mut stream = task.take_result().expect("it has begun").unwrap();
    assert_eq!(next(&mut stream), Some(Some(Ok(": role of b"))));
    assert_eq!(next(&mut stream), Some(Some(Ok("data"))));
    assert_eq!(next(&mut stream), None);
}

// From the commit point on.

#[test]
fn its_place_is_held_to_the_end_and_given_back_once() {
    let scene = Scene::with(&[], one_place);
    let taps = Taps::default();
    let mut stream = taps.begun(&scene);
    scene.advance(secs(3));
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.held, stats.saturated, stats.runs_ok), (1, 1, 1, 0));
    assert_eq!(scene.row("a").to_string(), "a: saturated: 1 in flight of 1, held for 3.0s");
    let waiting = taps.open(&scene, scene.pool.request().wait(true));
    assert_eq!(taps.seen(), ["a"], "it stands in line");
    taps.end();
    assert_eq!(next(&mut stream), Some(None));
    scene.settle();
    assert_eq!(taps.seen(), ["a"], "and comes in its turn");
    assert_eq!(next(&mut stream), Some(None), "an end is an end");
    drop(stream);
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.runs_ok, stats.runs_cancelled), (1, 1, 0));
    drop(waiting);
}

#[test]
fn a_break_reaches_the_reader_and_counts_as_its_fault_says() {
    for fault in faults() {
        let scene = Scene::of(&["a", "b"]);
        let taps = Taps::default();
        let mut stream = taps.begun(&scene);
        taps.feed(Err(fault.clone()));
        let Some(Some(Err(error))) = next(&mut stream) else { panic!("an error reaches it") };
        assert_eq!(next(&mut stream), Some(None), "and then nothing more");
        let stats = scene.pool.stats();
        assert_eq!((stats.in_flight, stats.attempts), (0, 1), "nothing is repeated");
        assert_eq!((stats.runs_error, stats.resources[0].streams), (1, 0));
        let status = scene.status("a");
        match fault {
            Fault::Operation(own) => {
                assert_eq!((error, stats.successes), (StreamError::Operation(own), 1));
            }
            Fault::Failure(own) => {
                assert_eq!((error, stats.failures), (StreamError::Operation(own), 1));
            }
            Fault::Signal(signal) => {
                assert_eq!(error.to_string(), format!("the stream broke off: {signal}"));
                assert_eq!((error, stats.failures), (StreamError::Broken(signal.clone()), 1));
                let sent = match signal {
                    rotapool::Signal::Cooldown { .. } => Status::CoolingDown,
                    rotapool::Signal::Disable { .. } => Status::Disabled,
                    _ => Status::Healthy,
                };
                assert_eq!(status, sent);
            }
        }
        drop(stream);
        assert_eq!(scene.pool.stats().runs_cancelled, 0, "counted once");
        scene.assert_at_rest();
    }
}

#[test]
fn a_drop_in_the_middle_is_neutral_and_gives_everything_back() {
    let scene = Scene::with(&[], one_place);
    let taps = Taps::default();
    drop(taps.begun(&scene));
    let stats = scene.pool.stats();
    let counted = (stats.successes, stats.failures, stats.runs_cancelled, stats.in_flight);
    assert_eq!(counted, (0, 0, 1, 0));
    scene.assert_at_rest();
}

#[test]
fn silence_after_the_first_item_is_an_error_and_a_failure_of_the_resource() {
    let scene = Scene::with(&[], |builder| one_place(builder).stall_timeout(secs(5)));
    let taps = Taps::default();
    let mut stream = taps.begun(&scene);
    // How long the reader takes does not count.
    scene.advance(secs(60));
    assert_eq!(next(&mut stream), None);
    let read = scene.time.spawn(async move { (stream.next().await, stream.next().await, stream) });
    scene.advance(Duration::from_millis(4_999));
    taps.feed(Ok("in time"));
    scene.settle();
    scene.advance(Duration::from_millis(4_999));
    assert!(!read.is_finished(), "each item begins it anew");
    scene.advance(Duration::from_millis(1));
    let (item, error, stream) = read.take_result().expect("it was silent for too long");
    let stalled = StreamError::Stalled { id: "a".into(), silence: secs(5) };
    assert_eq!((item, error), (Some(Ok("in time")), Some(Err(stalled.clone()))));
    assert_eq!(stalled.to_string(), "the stream of a was silent for 5s");
    let stats = scene.pool.stats();
    assert_eq!((stats.failures, stats.timeouts, stats.in_flight, stats.runs_error), (1, 1, 0, 1));
    drop(stream);
    scene.assert_at_rest();
}

#[test]
fn the_whole_may_be_bound_also_for_a_reader_who_has_stopped_to_read() {
    let scene = Scene::with(&[], |builder| one_place(builder).stream_timeout(secs(10)));
    let taps = Taps::default();
    let mut stream = taps.begun(&scene);
    scene.advance(secs(9));
    taps.feed(Ok("in time"));
    assert_eq!(next(&mut stream), Some(Some(Ok("in time"))));
    let waiting = taps.open(&scene, scene.pool.request().wait(true));
    scene.advance(secs(1));
    assert_eq!(taps.seen(), ["a", "a"], "the next in line has its place");
    let timed_out = StreamError::TimedOut { id: "a".into() };
    assert_eq!(timed_out.to_string(), "the stream of a took longer than it may");
    assert_eq!(next(&mut stream), Some(Some(Err(timed_out))));
    assert_eq!(next(&mut stream), Some(None));
    let stats = scene.pool.stats();
    assert_eq!((stats.taken_back, stats.failures, stats.runs_cancelled), (1, 0, 1));
    drop(waiting);
}

#[test]
fn a_reader_hears_of_the_end_of_its_time_while_it_waits() {
    for held_bound in [false, true] {
        let scene = Scene::with(&[], |builder| match held_bound {
            true => one_place(builder).held_bound(secs(10)),
            false => one_place(builder).stream_timeout(secs(10)),
        });
        let taps = Taps::default();
        let mut stream = taps.begun(&scene);
        let read = scene.time.spawn(async move { stream.next().await });
        // Somebody in line looks at the clock for what is only bound by the pool.
        let waiting = taps.open(&scene, scene.pool.request().wait(true));
        scene.advance(secs(10));
        let heard = read.take_result().expect("it is over");
        assert_eq!(heard, Some(Err(StreamError::TimedOut { id: "a".into() })));
        drop(waiting);
    }
}

#[test]
fn the_bound_of_the_whole_holds_before_the_first_item_too() {
    let scene = Scene::of(&["a"]);
    let taps = Taps::default();
    let task = taps.open(&scene, scene.pool.request().stream_timeout(secs(10)));
    scene.advance(secs(10));
    let error = task.take_result().expect("its time is up").unwrap_err();
    assert!(matches!(error.exhausted().unwrap().reason, ExhaustedReason::Deadline { .. }));
    drop(taps);
    scene.assert_at_rest();
}

#[test]
fn a_siblings_signal_leaves_a_stream_alone_that_has_begun_unless_the_builder_says_so() {
    for cancels in [false, true] {
        let scene = Scene::with(&["a"], |builder| builder.cancel_streams(cancels));
        let taps = Taps::default();
        let older = scene.pool.try_acquire().unwrap();
        let mut stream = taps.begun(&scene);
        let read = scene.time.spawn(async move { (stream.next().await, stream.next().await) });
        scene.settle();
        older.signal(Fault::cooldown("429")).unwrap();
        scene.settle();
        assert_eq!(read.is_finished(), cancels);
        if !cancels {
            taps.feed(Ok("last"));
            taps.end();
            scene.settle();
        }
        let aborted = StreamError::Aborted { id: "a".into() };
        let heard = read.take_result().expect("it is over");
        let stats = scene.pool.stats();
        match cancels {
            true => assert_eq!((heard, stats.runs_ok), ((Some(Err(aborted)), None), 0)),
            false => assert_eq!((heard, stats.runs_ok), ((Some(Ok("last")), None), 1)),
        }
        assert_eq!(scene.status("a"), Status::CoolingDown, "what came meanwhile is newer");
        scene.assert_at_rest();
    }
}

#[test]
fn a_panic_of_the_stream_gives_its_place_back_and_says_nothing() {
    let scene = Scene::with(&[], one_place);
    let stream = scene.pool.run_stream(async |_| {
        let panics = futures::stream::iter(0..).map(|item| match item {
            0 => Ok::<_, Fault<Boom>>(item),
            _ => std::panic::resume_unwind(Box::new("the stream panics")),
        });
        Ok::<_, Fault<Boom>>(panics)
    });
    let mut stream = futures::executor::block_on(stream).unwrap();
    assert_eq!(stream.next().now_or_never(), Some(Some(Ok(0))));
    let panics = std::panic::AssertUnwindSafe(|| stream.next().now_or_never());
    assert!(std::panic::catch_unwind(panics).is_err());
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.runs_error, stats.failures), (0, 1, 0));
    assert_eq!(stream.next().now_or_never(), Some(None));
    scene.assert_at_rest();
}

#[test]
fn what_a_break_says_hides_the_secrets_of_its_resource() {
    let pool = Pool::builder().resource(Resource::new("a", "x").secret("sk-12345678")).build();
    let pool = pool.unwrap();
    let stream = pool.run_stream(async |_| {
        let cut = Err(Fault::cooldown("key sk-12345678 is over"));
        Ok::<_, Fault<Boom>>(futures::stream::iter([Ok("first"), cut]))
    });
    let mut stream = futures::executor::block_on(stream).unwrap();
    assert_eq!(stream.next().now_or_never(), Some(Some(Ok("first"))));
    let error = stream.next().now_or_never().unwrap().unwrap().unwrap_err();
    assert!(error.to_string().contains("key *** is over"), "{error}");
    assert_eq!(pool.snapshot()[0].cause.as_ref().unwrap().to_string(), "key *** is over");
}

// Hedged.

fn hedged() -> Scene {
    let budget = rotapool::RetryBudget::percent(100).min_per_second(10);
    Scene::with(&["a", "b", "c"], |builder| builder.hedge(secs(2)).retry_budget(budget))
}

#[test]
fn a_stream_that_has_not_begun_gets_another_one_beside_it_and_the_first_item_decides() {
    for winner in ["a", "b"] {
        let scene = hedged();
        let taps = Taps::default();
        let task = taps.open(&scene, scene.pool.request());
        scene.advance(secs(2));
        assert_eq!(taps.seen(), ["a", "b"]);
        let (_, tap) = taps.0.lock().unwrap().remove(usize::from(winner == "b"));
        tap.unbounded_send(Ok("first")).unwrap();
        scene.settle();
        let mut stream = task.take_result().expect("it has begun").unwrap();
        assert_eq!(stream.id(), winner);
        let (_, loser) = taps.0.lock().unwrap().remove(0);
        assert!(loser.is_closed(), "the other one is dropped");
        let stats = scene.pool.stats();
        let wins = u64::from(winner == "b");
        assert_eq!((stats.in_flight, stats.held, stats.hedges, stats.hedge_wins), (1, 1, 1, wins));
        scene.advance(secs(60));
        assert_eq!(next(&mut stream), Some(Some(Ok("first"))));
        drop(tap);
        assert_eq!(next(&mut stream), Some(None));
        let stats = scene.pool.stats();
        assert_eq!((stats.runs_ok, stats.successes, stats.failures), (1, 1, 0));
        assert_eq!(stats.resources.iter().map(|resource| resource.streams).sum::<u64>(), 1);
        scene.assert_at_rest();
    }
}

#[test]
fn no_hedge_begins_beside_a_stream_that_has_begun() {
    let scene = hedged();
    let taps = Taps::default();
    let mut stream = taps.begun(&scene);
    let read = scene.time.spawn(async move { stream.next().await });
    scene.advance(secs(60));
    assert_eq!((taps.seen().len(), scene.pool.stats().hedges), (1, 0));
    assert!(!read.is_finished());
}

#[test]
fn the_younger_of_two_streams_hears_of_siblings_and_of_its_time_like_any() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder
            .hedge(secs(2))
            .stream_timeout(secs(10))
            .cancel_streams(true)
            .retry_budget(rotapool::RetryBudget::percent(100).min_per_second(10))
    });
    for sibling in [true, false] {
        let older = scene.pool.request().exclude("a").try_acquire().unwrap();
        let taps = Taps::default();
        let task = taps.open(&scene, scene.pool.request());
        scene.advance(secs(2));
        taps.feed(Ok("first"));
        scene.settle();
        let mut stream = task.take_result().expect("it has begun").unwrap();
        assert_eq!(stream.id(), "b");
        let read = scene.time.spawn(async move { (stream.next().await, stream.next().await) });
        scene.settle();
        match sibling {
            true => older.signal(Fault::cooldown_for(secs(1), "429")).unwrap(),
            false => scene.advance(secs(8)),
        }
        scene.settle();
        let (first, error) = read.take_result().expect("it is over");
        assert_eq!(first, Some(Ok("first")));
        assert_eq!(
            error,
            Some(Err(match sibling {
                true => StreamError::Aborted { id: "b".into() },
                false => StreamError::TimedOut { id: "b".into() },
            }))
        );
        scene.advance(secs(60));
    }
    scene.assert_at_rest();
}

// Given up at any poll.

/// A stream of two items, each after a poll in vain, whose opening takes one too.
fn hesitant() -> impl futures::Stream<Item = Item> + Send {
    let mut polls = 0;
    futures::stream::poll_fn(move |task| {
        polls += 1;
        match polls {
            1 | 3 | 5 => {
                task.waker().wake_by_ref();
                Poll::Pending
            }
            2 | 4 => Poll::Ready(Some(Ok("item"))),
            _ => Poll::Ready(None),
        }
    })
}

#[test]
fn given_up_at_any_poll_before_and_after_the_commit_point_it_leaves_nothing_behind() {
    let mut polls = 0;
    for at in 0.. {
        let scene = Scene::with(&[], |builder| {
            let builder = one_place(builder).stream_timeout(secs(60)).stall_timeout(secs(5));
            builder.resource(Resource::new("b", "b").max_in_flight(1)).retry_delay(secs(1))
        });
        let (pool, calls) = (scene.pool.clone(), Arc::new(Mutex::new(0)));
        let mut whole = Box::pin(async move {
            let operation = async |_| {
                *calls.lock().unwrap() += 1;
                let first = *calls.lock().unwrap() == 1;
                match first {
                    true => Err(Fault::<Boom>::retry("503")),
                    false => Ok(hesitant()),
                }
            };
            let stream = pool.run_stream(operation).await.unwrap();
            stream.map(|item| item.unwrap()).count().await
        });
        let mut task = Context::from_waker(Waker::noop());
        let done = (0..at).any(|_| whole.as_mut().poll(&mut task).is_ready());
        drop(whole);
        let stats = scene.pool.stats();
        let ended = (stats.runs_ok, stats.runs_cancelled, stats.in_flight);
        let expected = match (at, done) {
            (0, _) => (0, 0, 0),
            (_, true) => (1, 0, 0),
            (_, false) => (0, 1, 0),
        };
        assert_eq!(ended, expected, "at poll {at}");
        scene.assert_at_rest();
        if done {
            polls = at;
            break;
        }
    }
    assert!(polls >= 4, "over after {polls}");
}

// What it proves.

#[test]
fn its_first_item_proves_a_resource_on_trial_and_its_place_there_is_free() {
    let trial = Recovery::Trial(Trial::default());
    let scene = Scene::with(&["a"], |builder| builder.recovery(trial));
    scene.pool.try_acquire().unwrap().signal(Fault::cooldown_for(secs(5), "429")).unwrap();
    scene.advance(secs(5));
    let taps = Taps::default();
    let first = taps.begun(&scene);
    let others = [taps.begun(&scene), taps.begun(&scene)];
    scene.advance(secs(600));
    assert_eq!((scene.pool.stats().in_flight, scene.status("a")), (3, Status::Healthy));
    drop((first, others));
    scene.assert_at_rest();
}

#[test]
fn its_first_item_takes_a_ramp_a_step_up_and_its_end_no_further_one() {
    let scene = Scene::with(&["a"], |builder| builder.recovery(Recovery::Ramp));
    scene.pool.try_acquire().unwrap().signal(Fault::cooldown_for(secs(5), "429")).unwrap();
    scene.advance(secs(5));
    let taps = Taps::default();
    let waiting = || scene.pool.request().wait(true);
    let mut stream = taps.begun(&scene);
    let second = taps.open(&scene, waiting());
    let third = taps.open(&scene, waiting());
    assert_eq!(taps.seen().len(), 3, "two at a time, beside the one that streams");
    taps.0.lock().unwrap().remove(0);
    assert_eq!(next(&mut stream), Some(None));
    let fourth = taps.open(&scene, waiting());
    assert_eq!(taps.seen().len(), 2, "its end proves nothing more");
    drop((second, third, fourth));
}

#[test]
fn a_break_after_its_first_item_fails_no_trial() {
    let scene = Scene::with(&["a"], |builder| {
        builder.recovery(Recovery::Trial(Trial::default().successes(2)))
    });
    scene.pool.try_acquire().unwrap().signal(Fault::cooldown_for(secs(5), "429")).unwrap();
    scene.advance(secs(5));
    let taps = Taps::default();
    let mut stream = taps.begun(&scene);
    taps.feed(Err(Fault::retry("cut")));
    assert!(matches!(next(&mut stream), Some(Some(Err(StreamError::Broken(_))))));
    assert_eq!((scene.status("a"), scene.pool.stats().failures), (Status::Healthy, 2));
}

// The end of a pool.

#[test]
fn a_drain_that_takes_too_long_ends_streams_that_somebody_reads() {
    let scene = Scene::of(&["a"]);
    let taps = Taps::default();
    let mut stream = taps.begun(&scene);
    let read = scene.time.spawn(async move { stream.next().await });
    let pool = scene.pool.clone();
    let drain = scene.time.spawn(async move { pool.drain(secs(10)).await });
    scene.advance(secs(9));
    assert!(!read.is_finished() && !drain.is_finished());
    scene.advance(secs(1));
    scene.settle();
    assert_eq!(read.take_result(), Some(Some(Err(StreamError::Aborted { id: "a".into() }))));
    let report = drain.take_result().expect("it is over");
    assert_eq!((report.aborted, report.still_running.len()), (1, 0));
}

#[test]
fn a_drain_ends_a_stream_too_that_went_on_through_a_siblings_signal() {
    let scene = Scene::of(&["a"]);
    let taps = Taps::default();
    let older = scene.pool.try_acquire().unwrap();
    let mut stream = taps.begun(&scene);
    let read = scene.time.spawn(async move { stream.next().await });
    older.signal(Fault::cooldown("429")).unwrap();
    scene.settle();
    assert!(!read.is_finished(), "it may still come to a good end");
    assert_eq!(scene.pool.stats().sibling_cancels, 0, "nobody was aborted");

    let pool = scene.pool.clone();
    let drain = scene.time.spawn(async move { pool.drain(secs(10)).await });
    scene.advance(secs(10));
    assert_eq!(read.take_result(), Some(Some(Err(StreamError::Aborted { id: "a".into() }))));
    let report = drain.take_result().expect("it is over");
    assert_eq!((report.aborted, report.still_running.len()), (1, 0));
}

// Hostile surroundings.

#[test]
fn a_timer_that_wakes_too_early_loses_no_bound() {
    let scene = Scene::restless(&["a"], |builder| builder.stream_timeout(secs(10)));
    let taps = Taps::default();
    let mut stream = taps.begun(&scene);
    let read = scene.time.spawn(async move { stream.next().await });
    scene.advance(secs(9));
    assert!(!read.is_finished());
    scene.advance(secs(1));
    assert_eq!(read.take_result(), Some(Some(Err(StreamError::TimedOut { id: "a".into() }))));
}

#[test]
fn a_reader_hears_of_its_bound_after_a_siblings_signal_too_and_without_anybody_elses_doing() {
    let scene = Scene::with(&["a"], |builder| builder.held_bound(secs(60)));
    let taps = Taps::default();
    let older = scene.pool.try_acquire().unwrap();
    let mut stream = taps.begun(&scene);
    let read = scene.time.spawn(async move { stream.next().await });
    older.signal(Fault::cooldown_for(secs(1), "429")).unwrap();
    scene.advance(secs(60));
    assert_eq!(read.take_result(), Some(Some(Err(StreamError::TimedOut { id: "a".into() }))));
}

#[test]
fn a_reader_who_asks_once_and_comes_back_much_later_has_not_been_kept_waiting() {
    let scene = Scene::with(&["a"], |builder| builder.stall_timeout(secs(10)));
    let taps = Taps::default();
    let mut stream = taps.begun(&scene);
    assert_eq!(next(&mut stream), None);
    scene.advance(secs(100));
    assert_eq!(next(&mut stream), None, "nobody asked meanwhile");
    taps.feed(Ok("in time"));
    assert_eq!(next(&mut stream), Some(Some(Ok("in time"))));
    assert_eq!(scene.pool.stats().timeouts, 0);
    // From then on it counts again.
    assert_eq!(next(&mut stream), None);
    scene.advance(secs(100));
    let waits = scene.time.spawn(async move { stream.next().await });
    scene.advance(secs(9));
    assert!(!waits.is_finished());
    scene.advance(secs(1));
    let stalled = StreamError::Stalled { id: "a".into(), silence: secs(10) };
    assert_eq!(waits.take_result(), Some(Some(Err(stalled))));
}

#[test]
fn each_silence_before_the_first_item_counts_alone() {
    let scene = Scene::with(&["a"], |builder| builder.stall_timeout(secs(10)));
    let (clock, pool) = (scene.clock.clone(), scene.pool.clone());
    let run = scene.time.spawn(async move {
        let opens = async |_| {
            clock.sleep(secs(6)).await;
            let (tap, stream) = unbounded::<Item>();
            Ok::<_, Fault<Boom>>(stream.map(move |item| (&tap, item).1))
        };
        pool.run_stream(opens).await.map(drop)
    });
    scene.advance(secs(15));
    assert_eq!(scene.pool.stats().timeouts, 0, "nine seconds since it was opened");
    scene.advance(secs(1));
    assert_eq!(scene.pool.stats().timeouts, 1);
    drop(run);
}

#[test]
fn a_stream_that_is_over_leaves_no_timer_behind_though_it_is_kept() {
    let scene =
        Scene::with(&["a"], |builder| builder.stall_timeout(secs(10)).stream_timeout(secs(60)));
    let taps = Taps::default();
    let mut stream = taps.begun(&scene);
    assert_eq!(next(&mut stream), None);
    assert!(!scene.clock.sleeps().is_empty());
    taps.end();
    assert_eq!(next(&mut stream), Some(None));
    assert!(scene.clock.sleeps().is_empty(), "{:?}", scene.clock.sleeps());
}

/// A stream of one item and one fault, which panics when it is dropped.
struct Spiteful(u32);

impl futures::Stream for Spiteful {
    type Item = Item;

    fn poll_next(mut self: std::pin::Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Item>> {
        self.0 += 1;
        Poll::Ready(Some(if self.0 == 1 { Ok("first") } else { Err(Fault::retry("cut")) }))
    }
}

impl Drop for Spiteful {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            std::panic::resume_unwind(Box::new("it panics when it is dropped"));
        }
    }
}

#[test]
fn a_stream_that_panics_when_it_is_dropped_gives_its_place_back_and_counts_once() {
    let scene = Scene::with(&[], one_place);
    let open = scene.pool.run_stream(async |_| Ok::<_, Fault<Boom>>(Spiteful(0)));
    let mut stream = futures::executor::block_on(open).unwrap();
    assert_eq!(stream.next().now_or_never(), Some(Some(Ok("first"))));
    let breaks = std::panic::AssertUnwindSafe(|| stream.next().now_or_never());
    assert!(std::panic::catch_unwind(breaks).is_err());
    assert_eq!(stream.next().now_or_never(), Some(None));
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.failures, stats.runs_error, stats.runs_ok), (0, 1, 1, 0));
}

// Bodies.

#[test]
fn a_body_that_knows_its_length_has_succeeded_with_its_last_byte_and_shows_its_size() {
    let scene = Scene::with(&[], one_place);
    let open = scene
        .pool
        .run_body(async |_| Ok::<_, Fault<Boom>>(http::Response::new(Full::new(&b"hello"[..]))));
    let mut body = futures::executor::block_on(open).unwrap().into_body();
    assert_eq!((body.size_hint().exact(), body.is_end_stream()), (Some(5), false));
    let frame = body.frame().now_or_never().unwrap().unwrap().unwrap();
    assert_eq!(frame.into_data().unwrap(), b"hello");
    assert!(body.is_end_stream());
    drop(body);
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_ok, stats.runs_cancelled, stats.resources[0].streams), (1, 0, 1));
    scene.assert_at_rest();
}

#[test]
fn frames_without_data_commit_to_nothing() {
    let scene = Scene::of(&["a", "b"]);
    let open = scene.pool.run_body(async |lease: Lease<&'static str>| {
        let last = match lease.id() {
            "a" => Err(std::io::Error::other("cut")),
            _ => Ok(http_body::Frame::data(&b"hello"[..])),
        };
        let frames = [Ok(http_body::Frame::data(&b""[..])), last];
        let body = http_body_util::StreamBody::new(futures::stream::iter(frames));
        Ok::<_, Fault<Boom>>(http::Response::new(body))
    });
    let body = futures::executor::block_on(open).unwrap().into_body();
    assert_eq!(body.id(), "b");
    let whole = futures::executor::block_on(body.collect()).unwrap().to_bytes();
    assert_eq!(whole, "hello");
}

// What is measured.

#[test]
fn its_latency_is_the_time_to_the_first_item_and_the_whole_is_a_measure_of_its_own() {
    let scene = Scene::with(&["a"], |builder| builder.strategy(Strategy::LeastLatency));
    let taps = Taps::default();
    let task = taps.open(&scene, scene.pool.request());
    scene.advance(secs(2));
    taps.feed(Ok("x"));
    scene.settle();
    let mut stream = task.take_result().expect("it has begun").unwrap();
    assert_eq!(scene.pool.stats().resources[0].health.latency, Some(secs(2)), "known at once");
    scene.advance(secs(60));
    taps.end();
    assert_eq!(next(&mut stream), Some(Some(Ok("x"))));
    assert_eq!(next(&mut stream), Some(None));
    let resource = &scene.pool.stats().resources[0];
    assert_eq!(resource.health.latency, Some(secs(2)));
    assert_eq!((resource.streams, resource.streamed), (1, secs(62)));
}

#[test]
fn a_slow_first_item_is_a_slow_call_to_the_breaker_and_a_long_stream_is_not() {
    for (to_the_first, trips) in [(secs(3), 1), (secs(2), 0)] {
        let trip = rotapool::Trip::at_slow_rate(100, secs(3)).min_calls(1);
        let scene = Scene::with(&["a", "b"], |builder| builder.circuit_breaker(trip));
        let taps = Taps::default();
        let task = taps.open(&scene, scene.pool.request());
        scene.advance(to_the_first);
        taps.feed(Ok("first"));
        scene.settle();
        let mut stream = task.take_result().expect("it has begun").unwrap();
        scene.advance(secs(60));
        taps.end();
        assert_eq!(next(&mut stream), Some(Some(Ok("first"))));
        assert_eq!(next(&mut stream), Some(None));
        assert_eq!(scene.pool.stats().circuit_trips, trips);
    }
}

#[test]
fn what_it_takes_of_quotas_is_as_it_was_reserved_or_said() {
    let quota = rotapool::Quota::per_minute(100).of("tokens");
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").quota(quota.clone())));
    let taps = Taps::default();
    let left = || scene.pool.snapshot()[0].quotas[0].left;
    let task = taps.open(&scene, scene.pool.request().cost("tokens", 10));
    taps.feed(Ok("x"));
    scene.settle();
    drop(task.take_result().expect("it has begun"));
    assert_eq!(left(), 90, "a drop keeps the estimate");
    let task = taps.open(&scene, scene.pool.request().cost("tokens", 10));
    taps.feed(Ok("x"));
    scene.settle();
    let stream = task.take_result().expect("it has begun").unwrap();
    stream.lease().spent("tokens", 25);
    drop(stream);
    assert_eq!(left(), 65, "or what was reported");
}

// The door, and who may hold it.

#[test]
fn time_outs_of_zero_are_refused() {
    type Change = fn(rotapool::Builder<&'static str>) -> rotapool::Builder<&'static str>;
    let built: [(Change, BuildError); 2] = [
        (|builder| builder.stall_timeout(Duration::ZERO), BuildError::ZeroStallTimeout),
        (|builder| builder.stream_timeout(Duration::ZERO), BuildError::ZeroStreamTimeout),
    ];
    for (change, expected) in built {
        let refused = change(one_place(Pool::builder())).build().unwrap_err();
        assert_eq!(refused, expected);
        assert!(
            refused
                .to_string()
                .ends_with("is zero; allowed is more than that, or none for no limit")
        );
    }
    let scene = Scene::of(&["a"]);
    let request = || scene.pool.request();
    let taps = Taps::default();
    for (request, expected) in [
        (request().stall_timeout(Duration::ZERO), OptionsError::ZeroStallTimeout),
        (request().stream_timeout(Duration::ZERO), OptionsError::ZeroStreamTimeout),
    ] {
        let refused = taps.open(&scene, request).take_result().expect("at once").unwrap_err();
        assert_eq!(refused, RunError::Options(expected));
    }
    assert_eq!(taps.seen(), [""; 0]);
}

#[test]
fn it_tells_combinators_what_is_there_and_when_it_is_over() {
    let scene = Scene::of(&["a"]);
    let ready = |items: Vec<Item>| {
        let operation =
            move |_| std::future::ready(Ok::<_, Fault<Boom>>(futures::stream::iter(items.clone())));
        let run = scene.pool.request().run_stream_from(|item| *item == "third", operation);
        run.now_or_never().expect("it is all there").unwrap()
    };
    let mut reply = ready(vec![Ok("first"), Ok("second"), Ok("third"), Ok("fourth")]);
    for (kept, item) in [(3, "first"), (2, "second"), (1, "third"), (0, "fourth")] {
        assert_eq!((reply.size_hint(), reply.is_terminated()), ((kept, None), false));
        assert_eq!(reply.next().now_or_never(), Some(Some(Ok(item))));
    }
    assert!(!reply.is_terminated(), "it does not know");
    assert_eq!(reply.next().now_or_never(), Some(None));
    assert!(reply.is_terminated());
    // What is kept of one that is over is still to come.
    let mut reply = ready(vec![Ok("first")]);
    assert!(!reply.is_terminated());
    assert_eq!(reply.next().now_or_never(), Some(Some(Ok("first"))));
    assert!(reply.is_terminated());
}

#[test]
fn it_is_static_and_may_be_sent_and_shows_no_value() {
    fn check<T: Send + 'static>(_: &T) {}
    fn check_shared<T: Send + Sync + 'static>(_: &T) {}
    let pool = Pool::builder().resource(Resource::new("a", String::from("value"))).build().unwrap();
    let opening = pool.request().run_stream(|_| {
        std::future::ready(Ok::<_, Fault<Boom>>(futures::stream::iter([Ok(1), Ok(2)])))
    });
    check(&opening);
    let stream = futures::executor::block_on(opening).unwrap();
    drop(pool);
    check_shared(&stream);
    let shown = format!("{stream:?}");
    assert!(shown.contains("\"a\"") && !shown.contains("value"), "{shown}");
    let items = std::thread::spawn(|| futures::executor::block_on(stream.collect::<Vec<_>>()));
    assert_eq!(items.join().unwrap(), [Ok(1), Ok(2)]);
}

#[test]
fn a_body_that_knows_its_end_is_a_success_with_its_last_frame_for_nobody_asks_it_for_more() {
    use http_body_util::combinators::BoxBody;
    let scene = Scene::of(&["a"]);
    let body = Full::new(&b"all of it"[..]).map_err(|never| match never {});
    // Its error is a boxed one, and its run may be spawned all the same.
    let body: BoxBody<_, Box<dyn std::error::Error + Send + Sync>> = body.boxed();
    let mut body = Some(body);
    let pool = scene.pool.clone();
    let task = scene.time.spawn(async move {
        pool.run_body(|_| {
            let body = body.take().expect("one attempt");
            async { Ok::<_, Fault<Boom>>(http::Response::new(body)) }
        })
        .await
    });
    scene.settle();
    let mut body = task.take_result().expect("it has begun").unwrap().into_body().boxed();
    assert_eq!(scene.pool.stats().in_flight, 0, "all of it is there, if not read");
    assert!(!http_body::Body::is_end_stream(&body));
    body.frame().now_or_never().unwrap().unwrap().unwrap();
    assert!(http_body::Body::is_end_stream(&body));
    drop(body);
    let stats = scene.pool.stats();
    assert_eq!((stats.in_flight, stats.successes, stats.runs_cancelled), (0, 1, 0));
}
