//! Places that are handed over in line: against those who leave it, those who come, and what takes the places away.

use futures_util::future::join;
use loom::future::block_on;
use loom::thread;
use rotapool::{Builder, Event, Events, Pool, Resource};

use crate::clock::Leaping;
use crate::history;
use crate::scene::{
    Call, Ended, Run, Served, begin, begin_with, cool, cools_a, cools_a_for_long, disables_a,
    explore, fine_later, in_line, patient, pool_with, served,
};

/// A pool in which each of these has so many places, and all that happens to it.
fn with_places(
    ids: &[&str],
    places: u32,
    set: fn(Builder<()>) -> Builder<()>,
) -> (Pool<()>, Events) {
    let resources = ids.iter().map(|id| Resource::new(*id, ()).max_in_flight(places));
    let pool = pool_with(&[], |builder| set(builder.resources(resources)));
    let events = pool.events();
    (pool, events)
}

/// A pool in which each of these has one place, which one of the runs has taken.
fn full<const N: usize>(ids: [&str; N]) -> (Pool<()>, Events, [Run; N]) {
    let (pool, events) = with_places(&ids, 1, |builder| builder);
    let runs = ids.map(|_| begin(&pool, fine_later));
    (pool, events, runs)
}

/// That the history adds up, nothing is promised any more, and every place can be had.
#[track_caller]
fn check(pool: &Pool<()>, events: &mut Events) {
    history::check(pool, events);
    assert!(pool.snapshot().iter().all(|row| row.promised == 0));
    let rows = pool.snapshot();
    rows.iter().for_each(|row| pool.enable(&row.id).unwrap());
    let places: u32 = rows.iter().filter_map(|row| row.max_in_flight).sum();
    let runs: Vec<_> = (0..places).map(|_| begin(pool, fine_later)).collect();
    assert_eq!(pool.stats().eligible, 0);
    drop(runs);
}

/// A run that does not wait.
fn newcomer(pool: &Pool<()>) -> Run {
    Box::pin(pool.request().request_id("newcomer").run(fine_later))
}

#[track_caller]
fn assert_no_newcomer_was_first(heard: &mut Events) {
    let is_newcomer = |event: Event| match event {
        Event::AttemptStarted { request_id, .. } => Some(request_id.is_some()),
        _ => None,
    };
    let begun: Vec<_> = std::iter::from_fn(|| heard.try_next()).filter_map(is_newcomer).collect();
    assert_eq!(begun.first(), Some(&false), "{begun:?}");
}

fn spawn(run: Run) -> thread::JoinHandle<Ended> {
    thread::spawn(move || block_on(run))
}

#[test]
fn a_run_that_gets_in_line_as_a_place_comes_free_is_called_to_it() {
    explore(|| {
        let (pool, mut events, [holder]) = full(["a"]);
        let waits = spawn(patient(&pool));
        assert_eq!(block_on(holder).unwrap(), served("a", 1));
        assert_eq!(waits.join().unwrap().unwrap(), served("a", 1));
        check(&pool, &mut events);
    });
}

#[test]
fn a_run_that_is_dropped_as_it_is_handed_a_place_hands_it_on() {
    explore(|| {
        let (pool, mut events, [holder]) = full(["a"]);
        let (leaves, stays) = (in_line(&pool), in_line(&pool));
        let (holds, waits) = (spawn(holder), spawn(stays));
        drop(leaves);
        assert_eq!(waits.join().unwrap().unwrap(), served("a", 1));
        assert_eq!(holds.join().unwrap().unwrap(), served("a", 1));
        assert_eq!(pool.stats().runs_cancelled, 1);
        check(&pool, &mut events);
    });
}

#[test]
fn a_run_that_was_handed_a_place_and_is_polled_as_the_next_one_leaves_is_served() {
    explore(|| {
        let (pool, mut events, [holder]) = full(["a"]);
        let (stays, leaves) = (in_line(&pool), in_line(&pool));
        assert!(block_on(holder).is_ok());
        let waits = spawn(stays);
        drop(leaves);
        assert_eq!(waits.join().unwrap().unwrap(), served("a", 1));
        check(&pool, &mut events);
    });
}

#[test]
fn two_places_that_come_free_at_once_go_to_the_two_in_line() {
    explore(|| {
        let (pool, mut events, holders) = full(["a", "b"]);
        let (first, second) = (in_line(&pool), in_line(&pool));
        let holds = holders.map(spawn);
        let (first, second) = block_on(join(first, second));
        let (Served { id: first, attempt }, second) = (first.unwrap(), second.unwrap());
        assert!(attempt == 1 && second.attempt == 1);
        assert!(first == "a" || first == "b");
        for holds in holds {
            holds.join().unwrap().unwrap();
        }
        check(&pool, &mut events);
    });
}

#[test]
fn a_resource_that_is_enabled_as_the_first_in_line_leaves_serves_the_next() {
    explore(|| {
        let (pool, mut events) = with_places(&["a"], 1, |builder| builder);
        cool(&pool, 1);
        let (leaves, stays) = (in_line(&pool), in_line(&pool));
        let waits = spawn(stays);
        let enables = {
            let pool = pool.clone();
            thread::spawn(move || pool.enable("a").unwrap())
        };
        drop(leaves);
        assert_eq!(waits.join().unwrap().unwrap(), served("a", 1));
        enables.join().unwrap();
        check(&pool, &mut events);
    });
}

#[test]
fn who_comes_first_as_the_one_before_leaves_looks_at_the_clock() {
    explore(|| {
        let (pool, mut events) =
            with_places(&["a"], 2, |builder| builder.runtime(Leaping::at_second_sight()));
        let extends = begin_with(pool.request().max_attempts(1), cools_a_for_long);
        cool(&pool, 1);
        // Nobody but the first in line is to move the clock; it sleeps, and leaves before it does.
        let (leaves, stays) = (in_line(&pool), in_line(&pool));
        let (waits, extends) = (spawn(stays), spawn(extends));
        drop(leaves);
        // Once the time has passed, the other one may find the resource out a second time.
        assert!(waits.join().unwrap().unwrap().attempt <= 2);
        assert!(extends.join().unwrap().is_err());
        check(&pool, &mut events);
    });
}

#[test]
fn a_usage_that_is_aborted_as_it_was_handed_over_is_tried_again() {
    for signals in [cools_a as fn(_) -> Call, disables_a] {
        explore(move || {
            let (pool, mut events) =
                with_places(&["a"], 2, |builder| builder.runtime(Leaping::new()));
            let (holder, older) = (begin(&pool, fine_later), begin(&pool, signals));
            let run = in_line(&pool);
            let (holds, signals) = (spawn(holder), spawn(older));
            let ended = block_on(run);
            assert_eq!(holds.join().unwrap().unwrap(), served("a", 1));
            assert!(signals.join().unwrap().is_err());
            match ended {
                Ok(served) => assert!(served.id == "a" && served.attempt <= 2, "{served:?}"),
                // Disabled before it came for its place, or in its attempt: nothing is left to wait for.
                Err(error) => assert!(error.is_exhausted() && pool.stats().disabled == 1),
            }
            check(&pool, &mut events);
        });
    }
}

#[test]
fn a_newcomer_is_not_served_before_whoever_stands_in_line() {
    explore(|| {
        let (pool, mut events, [holder]) = full(["a"]);
        let mut heard = pool.events();
        let run = in_line(&pool);
        let holds = spawn(holder);
        let comes = spawn(newcomer(&pool));
        assert_eq!(block_on(run).unwrap(), served("a", 1));
        assert!(holds.join().unwrap().is_ok());
        let _ = comes.join().unwrap();
        assert_no_newcomer_was_first(&mut heard);
        check(&pool, &mut events);
    });
}

#[test]
fn a_newcomer_does_not_profit_from_a_promise_that_is_broken() {
    explore(|| {
        let (pool, mut events, [on_a, on_b]) = full(["a", "b"]);
        let mut heard = pool.events();
        let run = in_line(&pool);
        let holds = thread::spawn(move || block_on(on_a).is_ok() && block_on(on_b).is_ok());
        let comes = {
            let pool = pool.clone();
            thread::spawn(move || {
                // If the place on `a` was promised to the run, the one on `b` is the run's from now on.
                pool.disable("a").unwrap();
                block_on(newcomer(&pool))
            })
        };
        assert_eq!(block_on(run).unwrap().attempt, 1);
        assert!(holds.join().unwrap());
        let _ = comes.join().unwrap();
        assert_no_newcomer_was_first(&mut heard);
        check(&pool, &mut events);
    });
}

#[test]
fn a_place_that_is_removed_as_it_is_handed_over_is_found_elsewhere() {
    explore(|| {
        let (pool, mut events, [holder]) = full(["a"]);
        let run = in_line(&pool);
        let holds = spawn(holder);
        let moves = {
            let pool = pool.clone();
            thread::spawn(move || {
                pool.add(Resource::new("b", ()).max_in_flight(1)).unwrap();
                pool.remove("a").unwrap();
            })
        };
        let ended = block_on(run).unwrap();
        assert!(ended == served("a", 1) || ended == served("b", 1), "{ended:?}");
        moves.join().unwrap();
        assert!(holds.join().unwrap().is_ok());
        check(&pool, &mut events);
    });
}
