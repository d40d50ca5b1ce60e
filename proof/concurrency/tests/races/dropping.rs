//! A run that its caller drops while a sibling signals.

use std::time::Duration;

use loom::future::block_on;
use loom::thread;

use crate::clock::Leaping;
use crate::history;
use crate::scene::{
    Call, begin, begin_with, cools_a, disables_a, explore, fine, fine_later, hangs_on_a, patient,
    poll, pool, pool_with, served, stumbles_on_a,
};

/// Drops a run of each shape after its k-th poll, while an older sibling sends its signal.
fn dropped_after(polls: usize, signals: fn(rotapool::Lease<()>) -> Call) {
    for operation in [fine_later, hangs_on_a, stumbles_on_a, cools_a] {
        explore(move || {
            let pool = pool_with(&["a", "b"], |builder| builder.runtime(Leaping::new()));
            let mut events = pool.events();
            let older = begin(&pool, signals);
            let pauses = pool.request().retry_delay(Duration::from_secs(10));
            let mut younger = begin_with(pauses, operation);
            let signals = thread::spawn(move || block_on(older));
            let ended = (0..polls).any(|_| poll(younger.as_mut()).is_ready());
            drop(younger);
            signals.join().unwrap().unwrap();
            let stats = pool.stats();
            assert_eq!(stats.runs_cancelled, u64::from(!ended));
            history::check(&pool, &mut events);
            // Nothing of it hits whoever comes next.
            assert_eq!(block_on(pool.request().exclude("a").run(fine)).unwrap(), served("b", 1));
        });
    }
}

#[test]
fn a_run_dropped_in_its_attempt_gives_its_place_back_once() {
    dropped_after(0, cools_a);
}

#[test]
fn a_run_dropped_after_one_more_poll_gives_its_place_back_once() {
    dropped_after(1, disables_a);
}

#[test]
fn a_run_dropped_after_two_more_polls_gives_its_place_back_once() {
    dropped_after(2, cools_a);
}

#[test]
fn a_run_dropped_in_its_wait_is_no_longer_counted_as_waiting() {
    explore(|| {
        let pool = pool(&["a"]);
        let mut events = pool.events();
        let older = begin(&pool, disables_a);
        crate::scene::cool(&pool, 1);
        let mut waits = patient(&pool);
        assert!(poll(waits.as_mut()).is_pending());
        let signals = thread::spawn(move || block_on(older));
        let ended = poll(waits.as_mut()).is_ready();
        drop(waits);
        assert!(signals.join().unwrap().is_err());
        assert_eq!(pool.stats().runs_cancelled, u64::from(!ended));
        history::check(&pool, &mut events);
    });
}
