//! A pool that closes and drains while others run. No sleep ever ends here: a drain that nobody wakes is a deadlock.

use std::time::Duration;

use loom::future::block_on;
use loom::thread;
use rotapool::{ExhaustedReason, RunError};

use crate::history;
use crate::scene::{
    Ended, begin, cooling, explore, fine_later, hangs_on_a, patient, poll, pool, pool_with,
    stumbles_on_a,
};

fn is_refused(ended: &Ended) -> bool {
    matches!(ended, Err(RunError::Exhausted(why)) if why.reason == ExhaustedReason::Closed)
}

#[test]
fn a_run_is_served_or_refused_and_the_drain_waits_for_it_either_way() {
    explore(|| {
        let pool = pool(&["a"]);
        let mut events = pool.events();
        let request = pool.request();
        let runs = thread::spawn(move || block_on(request.run(fine_later)));
        let report = block_on(pool.drain(Duration::MAX));
        assert!(report.is_complete() && pool.stats().in_flight == 0);
        let ended = runs.join().unwrap();
        assert!(ended.is_ok() || is_refused(&ended));
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_run_in_line_is_woken_and_refused() {
    explore(|| {
        let pool = cooling(&["a"]);
        let run = patient(&pool);
        let waits = thread::spawn(move || block_on(run));
        pool.close();
        assert!(is_refused(&waits.join().unwrap()));
        assert_eq!(pool.stats().waiting, 0);
    });
}

#[test]
fn a_drain_is_woken_by_a_run_that_is_dropped_at_any_moment() {
    explore(|| {
        let pool = pool(&["a"]);
        let run = begin(&pool, hangs_on_a);
        let drops = thread::spawn(move || drop(run));
        let report = block_on(pool.drain(Duration::MAX));
        assert_eq!((report.aborted, report.is_complete()), (0, true));
        drops.join().unwrap();
    });
}

#[test]
fn what_hangs_is_aborted_at_the_deadline_and_the_drain_waits_for_its_end() {
    explore(|| {
        let pool = pool(&["a"]);
        let run = begin(&pool, hangs_on_a);
        let runs = thread::spawn(move || block_on(run));
        let report = block_on(pool.drain(Duration::ZERO));
        assert_eq!((report.aborted, report.is_complete()), (1, true));
        assert!(is_refused(&runs.join().unwrap()));
    });
}

#[test]
fn a_pause_ends_with_the_pool() {
    explore(|| {
        let pool = pool_with(&["a"], |builder| builder.retry_delay(Duration::from_secs(1)));
        let request = pool.request();
        let runs = thread::spawn(move || block_on(request.run(stumbles_on_a)));
        let report = block_on(pool.drain(Duration::ZERO));
        assert!(report.is_complete(), "{report}");
        assert!(is_refused(&runs.join().unwrap()));
    });
}

#[test]
fn of_two_drains_both_are_woken_and_one_that_is_dropped_harms_neither() {
    explore(|| {
        let pool = pool(&["a"]);
        let run = begin(&pool, fine_later);
        let other = pool.drain(Duration::MAX);
        let waits = thread::spawn(move || block_on(other));
        let mut dropped = Box::pin(pool.drain(Duration::MAX));
        let _ = poll(dropped.as_mut());
        drop(dropped);
        assert!(block_on(run).is_ok());
        assert!(waits.join().unwrap().is_complete());
        assert!(block_on(pool.drain(Duration::MAX)).is_complete());
    });
}

#[test]
fn who_waits_for_a_removed_resource_is_woken_by_its_last_run() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let run = begin(&pool, hangs_on_a);
        pool.remove("a").unwrap();
        let drained = pool.drained("a");
        let waits = thread::spawn(move || block_on(drained));
        drop(run);
        waits.join().unwrap();
    });
}
