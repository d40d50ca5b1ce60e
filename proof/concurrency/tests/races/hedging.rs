//! Two attempts of one run, against each other, a sibling's signal, a caller who goes away, and those in line.

use std::future::pending;
use std::time::Duration;

use loom::future::block_on;
use loom::thread;
use rotapool::{
    Builder, Event, Fault, Lease, Outcome, Pool, Request, Resource, RetryBudget, RunError,
};

use crate::clock::Leaping;
use crate::history;
use crate::scene::{
    Call, Run, begin, begin_with, cools_a, disables_a, explore, fine, fine_later, hangs_on_a,
    in_line, one_poll, poll, pool_with, served, stumbles_on_a,
};

const DELAY: Duration = Duration::from_secs(1);

/// As many hedges as runs, and nobody has to wait for one.
fn generous(builder: Builder<()>) -> Builder<()> {
    builder.retry_budget(RetryBudget::percent(100).min_per_second(100)).runtime(Leaping::new())
}

fn pool(ids: &[&str]) -> Pool<()> {
    pool_with(ids, generous)
}

/// A run that has an attempt on `a` under way, and another one on `b`.
fn raced(pool: &Pool<()>, operation: fn(Lease<()>) -> Call) -> Run {
    raced_with(pool, operation, |request| request)
}

fn raced_with(
    pool: &Pool<()>,
    operation: fn(Lease<()>) -> Call,
    options: impl FnOnce(Request<()>) -> Request<()>,
) -> Run {
    let before = pool.stats().in_flight;
    let run = begin_with(options(pool.request().hedge(DELAY)), operation);
    assert_eq!(pool.stats().in_flight, before + 2);
    run
}

/// Sends `b` away for good, later; fine elsewhere.
fn disables_b(lease: Lease<()>) -> Call {
    match lease.id() {
        "b" => Box::pin(async {
            one_poll().await;
            Err(Fault::disable("revoked"))
        }),
        _ => fine_later(lease),
    }
}

/// Stumbles on `a` and `b`, later; fine elsewhere.
fn stumbles_on_both(lease: Lease<()>) -> Call {
    match lease.id() {
        "b" => Box::pin(async {
            one_poll().await;
            Err(Fault::retry("503"))
        }),
        _ => stumbles_on_a(lease),
    }
}

/// Hangs on `a` and `b`; fine elsewhere.
fn hangs_on_both(lease: Lease<()>) -> Call {
    if lease.id() == "b" { Box::pin(pending()) } else { hangs_on_a(lease) }
}

/// Fine, and on `a` slower than elsewhere.
fn slow_on_a(lease: Lease<()>) -> Call {
    Box::pin(async move {
        for _ in 0..if lease.id() == "a" { 3 } else { 1 } {
            one_poll().await;
        }
        fine(lease).await
    })
}

#[test]
fn the_answer_of_the_younger_is_the_runs_whenever_the_older_is_aborted() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let older = begin(&pool, disables_a);
        let raced = raced(&pool, hangs_on_a);
        let signals = thread::spawn(move || block_on(older));
        assert_eq!(block_on(raced).unwrap(), served("b", 2));
        assert_eq!(signals.join().unwrap().unwrap(), served("b", 2));
        let stats = pool.stats();
        assert_eq!((stats.hedges, stats.hedge_wins, stats.runs_ok), (1, 1, 2));
        assert!(stats.sibling_cancels <= 1);
        history::check(&pool, &mut events);
    });
}

#[test]
fn of_two_that_answer_as_the_older_is_aborted_one_is_the_runs() {
    explore(|| {
        let pool = pool(&["a", "b", "c"]);
        let mut events = pool.events();
        let older = begin(&pool, disables_a);
        let raced = raced(&pool, fine_later);
        let signals = thread::spawn(move || block_on(older));
        let ended = block_on(raced).unwrap();
        assert!(ended == served("a", 1) || ended == served("b", 2), "{ended:?}");
        signals.join().unwrap().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.runs_ok, stats.hedge_wins), (2, u64::from(ended.id == "b")));
        history::check(&pool, &mut events);
    });
}

#[test]
fn of_two_that_answer_as_the_younger_is_aborted_one_is_the_runs() {
    explore(|| {
        let pool = pool(&["a", "b", "c"]);
        let mut events = pool.events();
        let older = begin_with(pool.request().exclude("a"), disables_b);
        let raced = raced(&pool, slow_on_a);
        let signals = thread::spawn(move || block_on(older));
        let ended = block_on(raced).unwrap();
        assert!(ended == served("a", 1) || ended == served("b", 2), "{ended:?}");
        assert_eq!(signals.join().unwrap().unwrap(), served("c", 2));
        assert_eq!(pool.stats().runs_ok, 2);
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_hedge_that_hangs_is_woken_by_its_abort_and_leaves_the_older_alone() {
    explore(|| {
        let pool = pool(&["a", "b", "c"]);
        let (mut events, mut told) = (pool.events(), pool.events());
        let older = begin_with(pool.request().exclude("a"), disables_b);
        let (raced, stop) = pool.request().hedge(DELAY).run_abortable(hangs_on_both);
        let mut raced = Box::pin(raced);
        assert!(poll(raced.as_mut()).is_pending());
        let raced = thread::spawn(move || block_on(raced));
        let signals = thread::spawn(move || block_on(older).unwrap());
        let aborted = async {
            while let Some(event) = told.next().await {
                if matches!(&event, Event::AttemptSettled { outcome: Outcome::Aborted, .. }) {
                    return event;
                }
            }
            panic!("the pool has gone");
        };
        let aborted = block_on(aborted);
        assert!(matches!(&aborted, Event::AttemptSettled { id, .. } if **id == *"b"), "{aborted}");
        // On `a` it would go on for ever.
        stop.abort();
        assert!(matches!(raced.join().unwrap(), Err(RunError::Aborted)));
        assert_eq!(signals.join().unwrap(), served("c", 2));
        assert_eq!(pool.stats().runs_cancelled, 1);
        history::check(&pool, &mut events);
    });
}

#[test]
fn two_that_hang_are_woken_by_both_aborts_at_any_moment() {
    explore(|| {
        let pool = pool(&["a", "b", "c"]);
        let mut events = pool.events();
        let on_a = begin(&pool, disables_a);
        let on_b = begin_with(pool.request().exclude("a"), disables_b);
        let raced = raced_with(&pool, hangs_on_both, |request| request.max_attempts(9));
        let signals = [on_a, on_b].map(|run| thread::spawn(move || block_on(run).unwrap()));
        assert_eq!(block_on(raced).unwrap(), served("c", 3));
        for signals in signals {
            signals.join().unwrap();
        }
        // Who sent `a` away may have gone on to `b`.
        assert!((2..=3).contains(&pool.stats().sibling_cancels));
        history::check(&pool, &mut events);
    });
}

#[test]
fn two_of_which_the_older_is_aborted_and_the_younger_fails_go_elsewhere_once() {
    explore(|| {
        let pool = pool(&["a", "b", "c"]);
        let mut events = pool.events();
        let older = begin(&pool, disables_a);
        let raced = raced_with(&pool, stumbles_on_both, |request| request.max_attempts(9));
        let signals = thread::spawn(move || block_on(older));
        let ended = block_on(raced).unwrap();
        assert!(ended == served("c", 3), "{ended:?}");
        signals.join().unwrap().unwrap();
        assert_eq!(pool.stats().runs_ok, 2);
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_signal_of_a_hedged_run_finds_the_hedges_of_others() {
    explore(|| {
        let pool = pool(&["a", "b", "c"]);
        let mut events = pool.events();
        // Both have an attempt on `a` and one on `b`; what one says of `a` is for the other too.
        let (one, other) = (raced(&pool, disables_a), raced(&pool, hangs_on_a));
        let one = thread::spawn(move || block_on(one).unwrap());
        assert_eq!(block_on(other).unwrap(), served("b", 2));
        assert_eq!(one.join().unwrap(), served("b", 2));
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_hedged_run_that_its_caller_drops_gives_both_places_back_once() {
    for polls in 0..2 {
        for operation in [fine_later, hangs_on_a, cools_a] {
            explore(move || {
                let pool = pool(&["a", "b", "c"]);
                let mut events = pool.events();
                let older = begin(&pool, disables_a);
                let mut raced = raced(&pool, operation);
                let signals = thread::spawn(move || block_on(older));
                let ended = (0..polls).any(|_| poll(raced.as_mut()).is_ready());
                drop(raced);
                signals.join().unwrap().unwrap();
                assert_eq!(pool.stats().runs_cancelled, u64::from(!ended));
                history::check(&pool, &mut events);
            });
        }
    }
}

#[test]
fn both_places_of_a_hedged_run_go_to_those_in_line() {
    explore(|| {
        let places = ["a", "b"].map(|id| Resource::new(id, ()).max_in_flight(1));
        let pool = pool_with(&[], |builder| generous(builder.resources(places)));
        let mut events = pool.events();
        let raced = raced(&pool, hangs_on_a);
        let (one, other) = (in_line(&pool), in_line(&pool));
        let raced = thread::spawn(move || block_on(raced).unwrap());
        let one = thread::spawn(move || block_on(one).unwrap());
        let mut ids = [block_on(other).unwrap().id, one.join().unwrap().id];
        assert_eq!(raced.join().unwrap(), served("b", 2));
        ids.sort_unstable();
        assert!(ids[0] == "a" || ids == ["b", "b"], "{ids:?}");
        assert_eq!(pool.stats().runs_ok, 3);
        history::check(&pool, &mut events);
    });
}
