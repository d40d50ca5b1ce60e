//! What a run that is served at the first attempt costs in heap allocations: none, or one for an affinity key.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use allocation_counter::measure;
use futures::StreamExt as _;
use futures::stream::{self, Iter};
use rotapool::{Fault, HeldStream, Lease, Pool, Resource, Strategy};

fn run(pool: &Pool<u64>, affinity: bool) {
    let operation = |lease: Lease<u64>| async move { Ok::<_, Fault<()>>(*lease) };
    let mut context = Context::from_waker(Waker::noop());
    let served = if affinity {
        pin!(pool.request().affinity("somebody").run(operation)).poll(&mut context)
    } else {
        pin!(pool.run(operation)).poll(&mut context)
    };
    assert!(matches!(served, Poll::Ready(Ok(_))));
}

#[test]
fn a_healthy_run_allocates_nothing_or_once_for_its_affinity_key() {
    for &strategy in Strategy::ALL {
        let resources = (0..100).map(|number| Resource::new(format!("r{number}"), number));
        let pool = Pool::builder().resources(resources).strategy(strategy).build().unwrap();
        // The first run makes room in the slab of usages, and the abort pair that the next ones use.
        run(&pool, false);
        for affinity in [false, true] {
            let allocated = measure(|| (0..1000).for_each(|_| run(&pool, affinity)));
            let expected = if affinity { 1000 } else { 0 };
            assert_eq!(allocated.count_total, expected, "{strategy:?}, affinity: {affinity}");
        }
    }
}

#[test]
fn a_checkout_allocates_for_what_it_keeps_and_gives_it_all_back() {
    let pool = Pool::builder().resource(Resource::new("r", 1)).build().unwrap();
    let checkouts = |number: usize| {
        measure(|| (0..number).for_each(|_| pool.try_acquire().unwrap().succeed().unwrap()))
    };
    checkouts(1);
    let allocated = checkouts(1000);
    assert!(allocated.count_total <= 5 * 1000, "{allocated:?}");
    assert_eq!(allocated.bytes_current, 0);
    assert_eq!(measure(|| run(&pool, false)).count_total, 0, "runs pay nothing for it");
}

type Item = Result<u32, Fault<()>>;
type Items = stream::Map<Iter<std::ops::Range<u32>>, fn(u32) -> Item>;

/// A stream of so many items, the first of which is there.
fn stream(pool: &Pool<u64>, items: u32) -> HeldStream<u64, Items> {
    let operation = async |_: Lease<u64>| {
        let item: fn(u32) -> Item = Ok;
        Ok::<_, Fault<()>>(stream::iter(0..items).map(item))
    };
    let mut context = Context::from_waker(Waker::noop());
    match pin!(pool.run_stream(operation)).poll(&mut context) {
        Poll::Ready(Ok(stream)) => stream,
        other => panic!("it has begun: {other:?}"),
    }
}

/// Reads the stream to its end.
fn read(pool: &Pool<u64>, items: u32) {
    let mut stream = stream(pool, items);
    let mut context = Context::from_waker(Waker::noop());
    for item in 0..items {
        assert_eq!(stream.poll_next_unpin(&mut context), Poll::Ready(Some(Ok(item))));
    }
    assert_eq!(stream.poll_next_unpin(&mut context), Poll::Ready(None));
}

#[test]
fn a_stream_allocates_for_its_beginning_and_nothing_for_its_items() {
    let pool = Pool::builder().resource(Resource::new("r", 1)).build().unwrap();
    let streams =
        |number: u32, items: u32| measure(|| (0..number).for_each(|_| read(&pool, items)));
    streams(1, 1);
    let allocated = streams(1000, 1);
    assert!(allocated.count_total <= 5 * 1000, "{allocated:?}");
    assert_eq!(allocated.bytes_current, 0);
    assert_eq!(streams(1000, 100).count_total, allocated.count_total, "its items cost nothing");
    let dropped = measure(|| (0..1000).for_each(|_| drop(stream(&pool, 2))));
    // An abort pair goes with a run that was given up.
    assert!(dropped.count_total <= allocated.count_total + 1000, "{dropped:?}");
    assert!(dropped.bytes_current <= 0, "{dropped:?}");
    run(&pool, false);
    let plain = measure(|| (0..1000).for_each(|_| run(&pool, false)));
    assert_eq!(plain.count_total, 0, "runs pay nothing for it");
}

#[test]
fn a_run_that_may_be_hedged_and_is_not_allocates_for_what_it_would_need() {
    let pool = Pool::builder()
        .resources([Resource::new("r", 1), Resource::new("s", 2)])
        .hedge(std::time::Duration::from_secs(1))
        .build()
        .unwrap();
    run(&pool, false);
    let allocated = measure(|| (0..1000).for_each(|_| run(&pool, false)));
    assert!(allocated.count_total <= 1000, "{allocated:?}");
    assert_eq!(allocated.bytes_current, 0);
}

#[test]
fn a_subscriber_that_was_dropped_costs_nothing_any_more() {
    let pool = Pool::builder().resource(Resource::new("r", 1)).build().unwrap();
    let events = pool.events();
    run(&pool, false);
    drop(events);
    // The next event finds it gone.
    run(&pool, false);
    let allocated = measure(|| (0..1000).for_each(|_| run(&pool, false)));
    assert_eq!(allocated.count_total, 0);
}

#[test]
fn a_subscriber_that_never_reads_takes_no_more_memory_once_it_is_full() {
    let pool = Pool::builder().resource(Resource::new("r", 1)).build().unwrap();
    let events = pool.events_with_capacity(std::num::NonZero::new(64).unwrap());
    let runs = |number: usize| measure(|| (0..number).for_each(|_| run(&pool, false)));
    runs(100);
    assert_eq!(runs(1000).bytes_current, 0);
    drop(events);
}
