//! Those who listen to what happens.

use std::num::NonZeroUsize;

use loom::future::block_on;
use loom::thread;
use rotapool::{Event, Events, Pool};

use crate::scene::{explore, pool};

fn rest(events: &mut Events) -> Vec<String> {
    std::iter::from_fn(|| events.try_next()).map(|event| event.to_string()).collect()
}

fn disable(pool: &Pool<()>, id: &'static str) -> thread::JoinHandle<()> {
    let pool = pool.clone();
    thread::spawn(move || pool.disable(id).unwrap())
}

#[test]
fn a_subscriber_that_waits_is_woken_by_an_event_at_any_moment() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let disables = disable(&pool, "a");
        assert!(block_on(events.next()).is_some());
        disables.join().unwrap();
        assert!(events.try_next().is_none());
    });
}

#[test]
fn all_subscribers_hear_the_same_in_the_same_order() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let (mut one, mut other) = (pool.events(), pool.events());
        let disables = ["a", "b"].map(|id| disable(&pool, id));
        let heard: Vec<_> = (0..3).map(|_| block_on(one.next()).unwrap().to_string()).collect();
        for disables in disables {
            disables.join().unwrap();
        }
        assert_eq!(heard, rest(&mut other));
        assert!(rest(&mut one).is_empty());
    });
}

#[test]
fn a_subscriber_that_is_dropped_while_it_is_told_is_no_loss_to_others() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let (mut stays, leaves, mut last) = (pool.events(), pool.events(), pool.events());
        let disables = disable(&pool, "a");
        let left = thread::spawn(move || {
            let mut leaves = leaves;
            let _ = crate::scene::poll(std::pin::pin!(leaves.next()));
        });
        assert!(block_on(stays.next()).is_some());
        disables.join().unwrap();
        left.join().unwrap();
        assert_eq!((rest(&mut stays).len(), rest(&mut last).len()), (0, 1));
    });
}

#[test]
fn what_a_slow_subscriber_hears_and_what_it_misses_is_all_there_was() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events_with_capacity(NonZeroUsize::MIN);
        let disables = disable(&pool, "a");
        let toggles = {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.disable("b").unwrap();
                drop(pool);
            })
        };
        // Two changes, and that the pool is exhausted.
        let mut all = 0;
        while all < 3 {
            all += match block_on(events.next()).unwrap() {
                Event::Missed { count, .. } => count,
                _ => 1,
            };
        }
        disables.join().unwrap();
        toggles.join().unwrap();
        assert!(all == 3 && rest(&mut events).is_empty());
    });
}

#[test]
fn the_end_of_the_pool_wakes_a_subscriber_after_it_has_heard_all() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let ends = thread::spawn(move || {
            pool.disable("a").unwrap();
            drop(pool);
        });
        assert!(block_on(events.next()).is_some());
        assert!(block_on(events.next()).is_none());
        ends.join().unwrap();
    });
}

#[test]
fn who_subscribes_meanwhile_hears_all_from_then_on() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut first = pool.events();
        let disables = disable(&pool, "a");
        let mut late = pool.events();
        pool.disable("b").unwrap();
        disables.join().unwrap();
        let (all, heard) = (rest(&mut first), rest(&mut late));
        assert!(heard.len() >= 2 && all.ends_with(&heard), "{all:?} {heard:?}");
    });
}
