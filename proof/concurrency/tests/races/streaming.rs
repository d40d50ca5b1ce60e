//! Streams, up to the item that commits them and from then on: against siblings, readers who go away, and the pool that takes
//! a place back.

use std::future::{Future, pending};
use std::pin::Pin;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _, stream};
use loom::future::block_on;
use loom::thread;
use rotapool::{
    Builder, ExhaustedReason, Fault, HeldStream, Lease, Pool, Resource, RunError, StreamError,
};

use crate::clock::Leaping;
use crate::history;
use crate::scene::{
    begin, cools_a, disables_a, explore, in_line, one_poll, poll, pool, pool_with, served,
};

type Item = Result<&'static str, Fault<&'static str>>;
type Items = Pin<Box<dyn Stream<Item = Item> + Send>>;
type Reply = HeldStream<(), Items>;
type Opening = Pin<Box<dyn Future<Output = Result<Reply, RunError<&'static str>>> + Send>>;

/// An item that commits, and the end, each of which takes a poll to come.
fn ends() -> Items {
    let steps = [Some(Ok("first")), None].into_iter();
    Box::pin(stream::unfold(steps, |mut steps| async move {
        one_poll().await;
        Some((steps.next()??, steps))
    }))
}

/// The same without an end.
fn hangs() -> Items {
    Box::pin(ends().chain(stream::once(pending())))
}

/// Ends wherever it was opened.
fn everywhere(_: &Lease<()>) -> Items {
    ends()
}

/// Has no end on `a`.
fn endless_on_a(lease: &Lease<()>) -> Items {
    if lease.id() == "a" { hangs() } else { ends() }
}

/// A stream that was opened, and has had no item so far.
fn open(pool: &Pool<()>, items: fn(&Lease<()>) -> Items) -> Opening {
    let operation = move |lease| async move { Ok::<_, Fault<&'static str>>(items(&lease)) };
    let mut opening: Opening = Box::pin(pool.request().run_stream(operation));
    assert!(poll(opening.as_mut()).is_pending());
    opening
}

/// A stream that has begun, with its first item still to be read.
fn begun(pool: &Pool<()>, items: fn(&Lease<()>) -> Items) -> Reply {
    block_on(open(pool, items)).unwrap()
}

/// Reads to the end: where it was served, and how it ended.
fn read(opening: Opening) -> (String, Option<StreamError<&'static str>>) {
    let mut reply = block_on(opening).unwrap();
    let id = reply.id().to_owned();
    assert_eq!(block_on(reply.next()), Some(Ok("first")));
    let end = block_on(reply.next()).map(|item| item.expect_err("there was one item"));
    assert_eq!(block_on(reply.next()), None, "the end is the end");
    (id, end)
}

fn cancels(builder: Builder<()>) -> Builder<()> {
    builder.cancel_streams(true)
}

#[test]
fn a_stream_that_is_aborted_as_it_begins_is_begun_elsewhere_or_comes_to_its_end() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let (older, reply) = (begin(&pool, cools_a), open(&pool, everywhere));
        let signals = thread::spawn(move || block_on(older));
        let (id, end) = read(reply);
        assert!((id == "a" || id == "b") && end.is_none(), "{id}: {end:?}");
        assert_eq!(signals.join().unwrap().unwrap(), served("b", 2));
        assert_eq!(pool.stats().runs_ok, 2);
        history::check(&pool, &mut events);
    });
}

#[test]
fn where_streams_are_cancelled_one_that_has_begun_ends_once_whether_aborted_or_not() {
    explore(|| {
        let pool = pool_with(&["a", "b"], cancels);
        let mut events = pool.events();
        let (older, reply) = (begin(&pool, disables_a), open(&pool, everywhere));
        let signals = thread::spawn(move || block_on(older));
        let (id, end) = read(reply);
        assert!(end.is_none() || end == Some(StreamError::Aborted { id: "a".into() }), "{end:?}");
        assert!(end.is_none() || id == "a");
        signals.join().unwrap().unwrap();
        let stats = pool.stats();
        assert_eq!(
            (stats.runs_ok, stats.runs_error),
            (2 - stats.runs_error, u64::from(end.is_some()))
        );
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_reader_that_waits_for_an_item_is_woken_by_the_abort_at_any_moment() {
    explore(|| {
        let pool = pool_with(&["a", "b"], cancels);
        let mut events = pool.events();
        let (older, reply) = (begin(&pool, disables_a), open(&pool, endless_on_a));
        let signals = thread::spawn(move || block_on(older));
        let (id, end) = read(reply);
        let aborted = (id == "a").then(|| StreamError::Aborted { id: "a".into() });
        assert_eq!(end, aborted);
        signals.join().unwrap().unwrap();
        assert_eq!(pool.stats().sibling_cancels, 1);
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_stream_that_its_reader_drops_as_it_begins_or_is_aborted_gives_its_place_back_once() {
    for polls in 0..3 {
        explore(move || {
            let pool = pool_with(&["a", "b"], cancels);
            let mut events = pool.events();
            let (older, mut opening) = (begin(&pool, disables_a), open(&pool, everywhere));
            let signals = thread::spawn(move || block_on(older));
            // Dropped before its first item, or with it unread.
            let begun = (0..polls).any(|_| poll(opening.as_mut()).is_ready());
            drop(opening);
            signals.join().unwrap().unwrap();
            assert_eq!(pool.stats().runs_cancelled, 1, "begun: {begun}");
            history::check(&pool, &mut events);
        });
    }
}

#[test]
fn the_places_of_a_stream_that_ends_and_of_one_that_is_dropped_go_to_those_in_line() {
    explore(|| {
        let key = Resource::new("a", ()).max_in_flight(2);
        let pool = pool_with(&[], |builder| builder.resource(key));
        let mut events = pool.events();
        let (mut ends, dropped) = (begun(&pool, everywhere), begun(&pool, everywhere));
        let (one, other) = (in_line(&pool), in_line(&pool));
        let reads = thread::spawn(move || {
            assert_eq!(block_on(ends.next()), Some(Ok("first")));
            assert_eq!(block_on(ends.next()), None);
            // Kept, it holds nothing.
            ends
        });
        let drops = thread::spawn(move || drop(dropped));
        assert_eq!(block_on(one).unwrap(), served("a", 1));
        assert_eq!(block_on(other).unwrap(), served("a", 1));
        let _kept = reads.join().unwrap();
        drops.join().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.runs_ok, stats.runs_cancelled), (3, 1));
        history::check(&pool, &mut events);
    });
}

#[test]
fn the_end_of_the_pool_wakes_a_reader_also_of_a_stream_that_a_sibling_called_as_it_began() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let (older, reply) = (begin(&pool, cools_a), open(&pool, |_| hangs()));
        let others = pool.clone();
        let signals = thread::spawn(move || {
            block_on(older).unwrap();
            block_on(others.drain(Duration::ZERO))
        });
        match block_on(reply) {
            Ok(mut reply) => {
                let aborted = StreamError::Aborted { id: reply.id().into() };
                assert_eq!(block_on(reply.next()), Some(Ok("first")));
                assert_eq!(block_on(reply.next()), Some(Err(aborted)));
            }
            Err(RunError::Exhausted(why)) => assert_eq!(why.reason, ExhaustedReason::Closed),
            Err(other) => panic!("{other}"),
        }
        let report = signals.join().unwrap();
        assert!(report.is_complete(), "{report}");
        assert_eq!(pool.stats().in_flight, 0);
    });
}

/// A stream on the only place, with somebody in line for it who finds at any moment that it was held for too long.
fn taken_back(end: fn(Reply) -> Option<StreamError<&'static str>>) {
    explore(move || {
        let pool = pool_with(&[], |builder| {
            builder
                .resource(Resource::new("a", ()).max_in_flight(1))
                .held_bound(Duration::from_secs(10))
                .runtime(Leaping::at_second_sight())
        });
        let mut events = pool.events();
        let reply = begun(&pool, endless_on_a);
        let next = in_line(&pool);
        let waits = thread::spawn(move || block_on(next).unwrap());
        let told = end(reply);
        assert_eq!(waits.join().unwrap(), served("a", 1));
        let late = StreamError::TimedOut { id: "a".into() };
        assert!(told.is_none() || told == Some(late), "{told:?}");
        let stats = pool.stats();
        assert_eq!((stats.runs_ok, stats.runs_cancelled, stats.resources[0].acquires), (1, 1, 2));
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_stream_that_is_dropped_as_it_is_taken_back_gives_its_place_back_once() {
    taken_back(|reply| {
        drop(reply);
        None
    });
}

#[test]
fn a_reader_that_waits_is_told_that_its_place_was_taken_back() {
    taken_back(|mut reply| {
        assert_eq!(block_on(reply.next()), Some(Ok("first")));
        Some(block_on(reply.next()).unwrap().expect_err("it has no end"))
    });
}

#[test]
fn a_stream_that_ends_as_it_is_taken_back_is_one_or_the_other() {
    explore(|| {
        let pool = pool_with(&[], |builder| {
            builder
                .resource(Resource::new("a", ()).max_in_flight(1))
                .held_bound(Duration::from_secs(10))
                .runtime(Leaping::at_second_sight())
        });
        let mut events = pool.events();
        let mut reply = begun(&pool, everywhere);
        let next = in_line(&pool);
        let waits = thread::spawn(move || block_on(next).unwrap());
        assert_eq!(block_on(reply.next()), Some(Ok("first")));
        let end = block_on(reply.next());
        assert_eq!(waits.join().unwrap(), served("a", 1));
        let stats = pool.stats();
        assert_eq!(stats.runs_ok + stats.runs_cancelled, 2);
        // Whoever has read to the end has all of it, even if its place was taken back meanwhile.
        assert!(end.is_none() || stats.runs_cancelled == 1, "{end:?}");
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_stream_beside_a_run_on_one_place_is_never_there_with_it() {
    explore(|| {
        let key = Resource::new("a", ()).max_in_flight(1);
        let pool = pool_with(&[], |builder| builder.resource(key));
        let mut events = pool.events();
        let mut reply = open(&pool, everywhere);
        let run = in_line(&pool);
        let runs = thread::spawn(move || block_on(run).unwrap());
        // It gives its place back before it has begun, or after.
        let begun = poll(reply.as_mut()).is_ready();
        drop(reply);
        assert_eq!(runs.join().unwrap(), served("a", 1));
        assert_eq!(pool.stats().runs_cancelled, 1, "begun: {begun}");
        history::check(&pool, &mut events);
    });
}
