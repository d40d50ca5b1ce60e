//! The hook on state changes.

use std::sync::{Arc, OnceLock};

use loom::sync::Mutex;
use loom::thread;
use rotapool::Pool;

use crate::scene::{explore, pool_with};

#[test]
fn every_change_is_told_once_and_a_thread_tells_its_own_in_order() {
    explore(|| {
        let told = Arc::new(Mutex::new(Vec::new()));
        let tells = Arc::clone(&told);
        let pool = pool_with(&["a", "b"], |builder| {
            builder.on_state_change(move |change| {
                tells.lock().unwrap().push((change.sequence, change.id.to_string()));
            })
        });
        let toggle = |pool: &Pool<()>, id| {
            pool.disable(id).unwrap();
            pool.enable(id).unwrap();
        };
        let other = {
            let pool = pool.clone();
            thread::spawn(move || toggle(&pool, "b"))
        };
        toggle(&pool, "a");
        other.join().unwrap();

        let mut told = told.lock().unwrap().clone();
        for id in ["a", "b"] {
            let own: Vec<_> = told.iter().filter(|(_, of)| of == id).map(|(at, _)| *at).collect();
            assert!(own.len() == 2 && own.is_sorted(), "{told:?}");
        }
        told.sort_unstable();
        let sequence: Vec<_> = told.iter().map(|(sequence, _)| *sequence).collect();
        assert_eq!(sequence, [1, 2, 3, 4]);
    });
}

#[test]
fn a_hook_may_call_the_pool_and_finds_the_change_made() {
    explore(|| {
        let seen = Arc::new(Mutex::new(0));
        let (sees, handle) = (Arc::clone(&seen), Arc::new(OnceLock::<Pool<()>>::new()));
        let itself = Arc::clone(&handle);
        let pool = pool_with(&["a", "b"], |builder| {
            builder.on_state_change(move |_| {
                *sees.lock().unwrap() += itself.get().unwrap().stats().disabled;
            })
        });
        let _ = handle.set(pool.clone());
        let other = {
            let pool = pool.clone();
            thread::spawn(move || pool.disable("b").unwrap())
        };
        pool.disable("a").unwrap();
        other.join().unwrap();
        // Each found its own change, and the later one found both.
        assert!((3..=4).contains(&*seen.lock().unwrap()));
    });
}
