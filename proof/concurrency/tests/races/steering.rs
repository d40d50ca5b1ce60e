//! Operators who change who is in the pool, and what is said of them, while others run. No sleep ends by itself: a
//! change of which somebody in line does not hear is a deadlock.

use std::future::pending;
use std::time::Duration;

use loom::future::block_on;
use loom::thread;
use rotapool::{Fault, Pool, ProbeRules, Resource};

use crate::clock::Leaping;
use crate::history;
use crate::scene::{
    Run, begin, cooling, explore, fine_later, hangs_on_a, patient, poll, pool, pool_with, served,
};

/// The members, in pool order.
fn members(pool: &Pool<()>) -> Vec<String> {
    pool.snapshot().iter().map(|row| row.id.to_string()).collect()
}

fn listed<const N: usize>(ids: [&str; N]) -> [Resource<()>; N] {
    ids.map(|id| Resource::new(id, ()).max_in_flight(4))
}

fn waits(run: Run) -> thread::JoinHandle<crate::scene::Ended> {
    thread::spawn(move || block_on(run))
}

#[test]
fn a_run_beside_a_list_that_is_applied_is_served_by_who_was_there_or_who_is() {
    explore(|| {
        let pool = pool(&["a", "b"]);
        let mut events = pool.events();
        let request = pool.request();
        let runs = thread::spawn(move || block_on(request.run(fine_later)));
        let applied = pool.apply(listed(["b", "c"])).unwrap();
        assert_eq!((applied.added.len(), applied.removed.len(), applied.updated.len()), (1, 1, 1));
        let ended = runs.join().unwrap().unwrap();
        assert!(ended == served("a", 1) || ended == served("b", 1), "{ended:?}");
        assert_eq!(members(&pool), ["b", "c"]);
        block_on(pool.drained("a"));
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_run_that_gets_in_line_as_a_list_brings_somebody_is_served() {
    explore(|| {
        let pool = cooling(&["a"]);
        let run = waits(patient(&pool));
        pool.apply(listed(["a", "b"])).unwrap();
        assert_eq!(run.join().unwrap().unwrap(), served("b", 1));
        assert_eq!((pool.stats().waiting, pool.stats().cooling_down), (0, 1), "and a is as it was");
    });
}

#[test]
fn a_run_that_waits_for_who_leaves_the_list_is_served_by_who_joins_it() {
    explore(|| {
        let pool = cooling(&["a"]);
        let mut run = patient(&pool);
        assert!(poll(run.as_mut()).is_pending());
        let run = waits(run);
        pool.apply(listed(["b"])).unwrap();
        assert_eq!(run.join().unwrap().unwrap(), served("b", 1));
        assert_eq!(pool.stats().waiting, 0);
    });
}

#[test]
fn a_cap_that_is_raised_as_a_run_gets_in_line_lets_it_in() {
    explore(|| {
        let only = Resource::new("a", ()).max_in_flight(1);
        let pool = pool_with(&[], |builder| builder.resource(only));
        let holds = begin(&pool, hangs_on_a);
        let run = waits(patient(&pool));
        pool.update("a", |profile| profile.max_in_flight = Some(2)).unwrap();
        assert_eq!(run.join().unwrap().unwrap(), served("a", 1));
        drop(holds);
        assert_eq!(pool.stats().in_flight, 0);
    });
}

#[test]
fn of_two_who_change_a_resource_at_once_neither_undoes_what_the_other_did() {
    explore(|| {
        let pool = pool(&["a"]);
        let other = pool.clone();
        let changes = thread::spawn(move || {
            other.update("a", |profile| profile.max_in_flight = Some(7)).unwrap();
        });
        pool.update("a", |profile| profile.priority = 3).unwrap();
        changes.join().unwrap();
        pool.update("a", |profile| {
            assert_eq!((profile.max_in_flight, profile.priority), (Some(7), 3));
        })
        .unwrap();
    });
}

#[test]
fn a_prober_that_is_dropped_as_a_run_gets_in_line_gives_it_the_place_of_its_probe() {
    explore(|| {
        let only = Resource::new("a", ()).max_in_flight(1);
        let pool = pool_with(&[], |builder| builder.resource(only).runtime(Leaping::new()));
        let rules = ProbeRules::every(Duration::from_secs(1)).healthy_too().within_limits();
        let hangs = |_| async { pending::<Result<(), Fault<()>>>().await };
        let mut prober = Box::pin(pool.prober(rules.limit(Duration::MAX), hangs).unwrap());
        while pool.stats().in_flight == 0 {
            assert!(poll(prober.as_mut()).is_pending());
        }
        let run = waits(patient(&pool));
        drop(prober);
        assert_eq!(run.join().unwrap().unwrap(), served("a", 1));
        assert_eq!(pool.stats().in_flight, 0);
    });
}
