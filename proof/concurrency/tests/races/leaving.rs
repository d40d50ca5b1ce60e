//! A shutdown that several may drive.

use loom::future::block_on;
use loom::thread;
use rotapool::lifecycle::{CleanUp, Shutdown};

use crate::clock::Still;
use crate::scene::{explore, one_poll, poll};

/// Its clean-ups need to be woken once each.
fn shutdown(clean_ups: &[&'static str]) -> Shutdown {
    let shutdown = Shutdown::builder().runtime(Still::new()).build().unwrap();
    for name in clean_ups {
        shutdown.register(CleanUp::new(*name, one_poll)).unwrap();
    }
    shutdown
}

#[test]
fn who_waits_is_told_of_a_trigger_at_any_moment() {
    explore(|| {
        let shutdown = shutdown(&["a"]);
        let (wait, token) = (shutdown.wait(), shutdown.token());
        let waits = thread::spawn(move || block_on(wait));
        assert!(shutdown.trigger());
        assert!(waits.join().unwrap().is_clean());
        assert!(token.is_triggered());
    });
}

#[test]
fn of_two_who_trigger_one_begins_it_and_both_see_the_end() {
    explore(|| {
        let shutdown = shutdown(&["a"]);
        let other = shutdown.clone();
        let runs = thread::spawn(move || (other.trigger(), block_on(other.wait())));
        let first = shutdown.trigger();
        let here = block_on(shutdown.wait());
        let (other_first, there) = runs.join().unwrap();
        assert!(first != other_first);
        assert!(std::sync::Arc::ptr_eq(&here, &there));
    });
}

#[test]
fn who_drives_and_gives_up_leaves_the_rest_to_the_other_at_any_moment() {
    explore(|| {
        let shutdown = shutdown(&["a", "b"]);
        shutdown.trigger();
        let wait = shutdown.wait();
        let waits = thread::spawn(move || block_on(wait));
        let mut gives_up = Box::pin(shutdown.wait());
        let _ = poll(gives_up.as_mut());
        drop(gives_up);
        assert!(waits.join().unwrap().is_clean());
    });
}

#[test]
fn a_registration_is_in_time_or_refused() {
    explore(|| {
        let shutdown = shutdown(&[]);
        let other = shutdown.clone();
        let registers = thread::spawn(move || other.register(CleanUp::new("late", one_poll)));
        let report = block_on(shutdown.run());
        let registered = registers.join().unwrap();
        assert_eq!(registered.is_ok(), report.of("late").is_some());
    });
}
