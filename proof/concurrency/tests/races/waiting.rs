//! Runs that wait for a cooldown to end, and what should wake them.

use loom::future::block_on;
use loom::thread;
use rotapool::Resource;

use crate::clock::Leaping;
use crate::history;
use crate::scene::{
    begin, cool, cooling, cools_a_for_long, disables_a, explore, patient, poll, pool, pool_with,
    served,
};

#[test]
fn a_run_that_waits_is_woken_by_an_enable_at_any_moment() {
    explore(|| {
        let pool = cooling(&["a"]);
        let run = patient(&pool);
        let waits = thread::spawn(move || block_on(run));
        pool.enable("a").unwrap();
        assert_eq!(waits.join().unwrap().unwrap(), served("a", 1));
        assert_eq!(pool.stats().waiting, 0);
    });
}

#[test]
fn a_run_that_waits_is_woken_by_an_add_at_any_moment() {
    explore(|| {
        let pool = cooling(&["a"]);
        let run = patient(&pool);
        let waits = thread::spawn(move || block_on(run));
        pool.add(Resource::new("b", ())).unwrap();
        assert_eq!(waits.join().unwrap().unwrap(), served("b", 1));
        assert_eq!(pool.stats().waiting, 0);
    });
}

#[test]
fn a_run_that_waits_is_woken_when_nothing_is_left_to_wait_for() {
    for remove in [false, true] {
        explore(move || {
            let pool = cooling(&["a"]);
            let run = patient(&pool);
            let waits = thread::spawn(move || block_on(run));
            if remove { pool.remove("a") } else { pool.disable("a") }.unwrap();
            assert!(waits.join().unwrap().is_err());
            assert_eq!(pool.stats().runs_exhausted, 2);
        });
    }
}

#[test]
fn a_run_that_waits_is_woken_by_a_siblings_signal_at_any_moment() {
    explore(|| {
        let pool = pool(&["a"]);
        let mut events = pool.events();
        let older = begin(&pool, disables_a);
        cool(&pool, 1);
        let run = patient(&pool);
        let waits = thread::spawn(move || block_on(run));
        // It disables what the run waits for.
        assert!(block_on(older).is_err());
        assert!(waits.join().unwrap().is_err());
        history::check(&pool, &mut events);
    });
}

#[test]
fn all_runs_that_wait_are_woken_and_no_cap_is_exceeded() {
    explore(|| {
        let pool =
            pool_with(&["b"], |builder| builder.resource(Resource::new("a", ()).max_in_flight(1)));
        let mut events = pool.events();
        cool(&pool, 2);
        let waits = [patient(&pool), patient(&pool)]
            .map(|run| thread::spawn(move || block_on(run).unwrap().id));
        pool.enable("a").unwrap();
        // Whoever did not get `a` waits on, for `b`.
        pool.enable("b").unwrap();
        for waits in waits {
            waits.join().unwrap();
        }
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_run_that_waits_and_is_dropped_takes_no_wake_up_with_it() {
    explore(|| {
        let pool = cooling(&["a"]);
        let (mut gives_up, run) = (patient(&pool), patient(&pool));
        assert!(poll(gives_up.as_mut()).is_pending());
        let waits = thread::spawn(move || block_on(run));
        let enables = {
            let pool = pool.clone();
            thread::spawn(move || pool.enable("a").unwrap())
        };
        drop(gives_up);
        assert_eq!(waits.join().unwrap().unwrap(), served("a", 1));
        enables.join().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.waiting, stats.runs_cancelled), (0, 1));
    });
}

#[test]
fn a_run_whose_cooldown_is_extended_meanwhile_begins_nothing_before_its_new_end() {
    explore(|| {
        let pool = pool_with(&["a"], |builder| builder.runtime(Leaping::new()));
        let mut events = pool.events();
        let extends = begin(&pool, cools_a_for_long);
        cool(&pool, 1);
        let run = patient(&pool);
        let waits = thread::spawn(move || block_on(run));
        assert!(block_on(extends).is_err());
        // It may have begun between the two cooldowns, and been aborted by the second.
        assert_eq!(waits.join().unwrap().unwrap().id, "a");
        // That nothing begins on a resource that cools is what the history shows.
        history::check(&pool, &mut events);
    });
}
