//! Runs that compete for a place on a resource.

use loom::future::block_on;
use loom::thread;
use rotapool::{Pool, Resource, Strategy};

use crate::history;
use crate::scene::{explore, fine_later, pool_with, stumbles_on_a};

fn capped() -> Pool<()> {
    pool_with(&["b"], |builder| {
        builder.strategy(Strategy::LeastInFlight).resource(Resource::new("a", ()).max_in_flight(1))
    })
}

#[test]
fn runs_on_three_threads_stay_within_a_cap_and_all_are_counted() {
    explore(|| {
        let pool = capped();
        let mut events = pool.events();
        let runs = [fine_later, stumbles_on_a].map(|operation| {
            let pool = pool.clone();
            thread::spawn(move || block_on(pool.request().run(operation)).is_ok())
        });
        assert!(block_on(pool.run(fine_later)).is_ok());
        let ok = runs.map(|run| run.join().unwrap()).into_iter().filter(|ok| *ok).count();
        assert_eq!(pool.stats().runs_ok, 1 + ok as u64);
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_place_that_the_only_resource_has_left_is_given_to_one_run_only() {
    explore(|| {
        let pool = capped();
        pool.remove("b").unwrap();
        let mut events = pool.events();
        let other = {
            let pool = pool.clone();
            thread::spawn(move || block_on(pool.run(fine_later)).is_ok())
        };
        let ok = block_on(pool.run(fine_later)).is_ok();
        let other = other.join().unwrap();
        assert!(ok || other);
        let stats = pool.stats();
        assert_eq!(stats.runs_ok, u64::from(ok) + u64::from(other));
        assert_eq!(stats.runs_exhausted, 2 - stats.runs_ok);
        history::check(&pool, &mut events);
    });
}

#[test]
fn a_run_in_flight_on_a_resource_that_is_removed_and_added_again_ends_well() {
    explore(|| {
        let pool = capped();
        pool.remove("b").unwrap();
        let run = {
            let pool = pool.clone();
            thread::spawn(move || block_on(pool.run(fine_later)).is_ok())
        };
        pool.remove("a").unwrap();
        pool.add(Resource::new("a", ()).max_in_flight(1)).unwrap();
        let ok = run.join().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.in_flight, stats.eligible), (0, 1));
        assert_eq!((stats.runs_ok, stats.runs_exhausted), (u64::from(ok), u64::from(!ok)));
    });
}
