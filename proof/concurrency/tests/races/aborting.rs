//! A sibling's signal against the attempt that it aborts.

use std::time::Duration;

use loom::future::block_on;
use loom::thread;
use rotapool::Lease;

use crate::clock::Leaping;
use crate::history;
use crate::scene::{
    begin, begin_with, cools_a, disables_a, explore, fine, fine_later, hangs_on_a, pool, pool_with,
    served, stumbles_on_a,
};

#[test]
fn an_attempt_that_hangs_is_woken_by_its_abort_at_any_moment() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let (older, younger) = (begin(&pool, cools_a), begin(&pool, hangs_on_a));
        let signals = thread::spawn(move || block_on(older));
        assert_eq!(block_on(younger).unwrap(), served("b", 2));
        assert_eq!(signals.join().unwrap().unwrap(), served("b", 2));
        assert_eq!(pool.stats().sibling_cancels, 1);
        history::check(&pool, &mut events);
    });
}

#[test]
fn an_attempt_that_ends_as_it_is_aborted_is_either_settled_or_tried_elsewhere() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let (older, younger) = (begin(&pool, cools_a), begin(&pool, fine_later));
        let signals = thread::spawn(move || block_on(older));
        let ended = block_on(younger).unwrap();
        assert!(ended == served("a", 1) || ended == served("b", 2), "{ended:?}");
        assert_eq!(signals.join().unwrap().unwrap(), served("b", 2));
        if ended.attempt == 2 {
            assert_eq!(pool.stats().sibling_cancels, 1);
        }
        history::check(&pool, &mut events);
    });
}

#[test]
fn an_abort_that_comes_too_late_hits_no_later_run() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let (older, younger) = (begin(&pool, cools_a), begin(&pool, fine_later));
        let signals = thread::spawn(move || block_on(older));
        block_on(younger).unwrap();
        // What the run before used may serve this one, which nobody may abort.
        let next = pool.request().exclude("a").max_attempts(1).run(fine_later);
        assert_eq!(block_on(next).unwrap(), served("b", 1));
        signals.join().unwrap().unwrap();
        history::check(&pool, &mut events);
    });
}

#[test]
fn an_abort_that_comes_too_late_hits_no_later_attempt_of_the_run() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let (older, younger) = (begin(&pool, disables_a), begin(&pool, stumbles_on_a));
        let signals = thread::spawn(move || block_on(older));
        // Stumbled or aborted, its next attempt is on `b`, where nobody aborts it.
        assert_eq!(block_on(younger).unwrap(), served("b", 2));
        assert_eq!(signals.join().unwrap().unwrap(), served("b", 2));
        history::check(&pool, &mut events);
    });
}

#[test]
fn two_siblings_that_signal_at_once_abort_each_younger_one_once() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let (oldest, older) = (begin(&pool, cools_a), begin(&pool, disables_a));
        let youngest = begin(&pool, hangs_on_a);
        let one = thread::spawn(move || block_on(oldest));
        let other = thread::spawn(move || block_on(older));
        assert_eq!(block_on(youngest).unwrap(), served("b", 2));
        assert_eq!(one.join().unwrap().unwrap(), served("b", 2));
        assert_eq!(other.join().unwrap().unwrap(), served("b", 2));
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_run_that_is_aborted_from_outside_as_it_ends_is_counted_once() {
    explore(|| {
        let pool = pool(&["a"]);
        let mut events = pool.events();
        let (run, abort) = pool.request().run_abortable(fine_later);
        let aborts = thread::spawn(move || abort.abort());
        let ended = block_on(run);
        aborts.join().unwrap();
        let stats = pool.stats();
        match ended {
            Ok(_) => assert_eq!((stats.runs_ok, stats.runs_cancelled), (1, 0)),
            Err(_) => assert!(stats.runs_ok == 0 && stats.runs_cancelled == stats.attempts),
        }
        history::check(&pool, &mut events);
    });
}

#[test]
fn an_attempt_aborted_in_its_pause_is_not_aborted_in_its_next() {
    // By the recorded rules alone a pause keeps the place of the failed attempt.
    for python_rules in [false, true] {
        explore(move || {
            let pool = pool_with(&["a", "b"], |builder| {
                let builder = builder.runtime(Leaping::new());
                if python_rules { builder.python_rules() } else { builder }
            });
            let mut events = pool.events();
            let pauses = pool.request().retry_delay(Duration::from_secs(10));
            let older = begin(&pool, disables_a);
            let younger = begin_with(pauses, stumbles_on_a);
            let signals = thread::spawn(move || block_on(older));
            match block_on(younger) {
                Ok(ended) => assert_eq!(ended, served("b", 2)),
                // It has stumbled twice over the same resource.
                Err(error) => assert!(python_rules && error.is_exhausted()),
            }
            assert_eq!(signals.join().unwrap().unwrap(), served("b", 2));
            assert_eq!(block_on(pool.run(fine)).unwrap(), served("b", 1));
            history::check(&pool, &mut events);
        });
    }
}

#[test]
fn a_run_that_pauses_before_it_repeats_itself_is_no_sibling() {
    explore(|| {
        let pool = pool_with(&["a"], |builder| builder.runtime(Leaping::new()));
        let mut events = pool.events();
        let pauses = pool.request().retry_delay(Duration::from_secs(10));
        let older = begin(&pool, disables_a);
        let younger = begin_with(pauses, stumbles_on_a);
        let signals = thread::spawn(move || block_on(older));
        // It stumbles until it is aborted, or finds the resource gone, or has spent its budget.
        assert!(block_on(younger).unwrap_err().is_exhausted());
        assert!(signals.join().unwrap().unwrap_err().is_exhausted());
        let stats = pool.stats();
        assert!(stats.sibling_cancels <= 1 && stats.retries <= 3, "{stats:#?}");
        history::check(&pool, &mut events);
    });
}

#[test]
fn an_attempt_whose_time_is_up_as_it_is_aborted_ends_once() {
    explore(|| {
        let pool = pool_with(&["a", "b"], |builder| builder.runtime(Leaping::new()));
        let mut events = pool.events();
        let hangs = |lease: Lease<()>| match lease.id() {
            "a" => hangs_on_a(lease),
            _ => fine(lease),
        };
        let limited = pool.request().attempt_timeout(Duration::from_secs(5)).run(hangs);
        let older = begin(&pool, disables_a);
        let signals = thread::spawn(move || block_on(older));
        assert_eq!(block_on(limited).unwrap().id, "b");
        assert_eq!(signals.join().unwrap().unwrap(), served("b", 2));
        assert!(pool.stats().timeouts <= 1);
        history::check(&pool, &mut events);
    });
}
