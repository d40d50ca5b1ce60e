//! A monitor, and what changes while it looks or sleeps.

use std::future::{Future as _, pending, poll_fn};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Poll;
use std::time::{Duration, Instant};

use loom::future::block_on;
use loom::thread;
use rotapool::{Fault, Pool, Runtime, Sleep};

use crate::clock::Leaping;
use crate::scene::{explore, pool_with};

fn add_one(told: &AtomicU32) {
    told.fetch_add(1, Ordering::Relaxed);
}

/// Drives a monitor until it has told of so many turns.
fn hear(pool: &Pool<()>, turns: u32) {
    // Not of the model: only this thread writes and reads it.
    let told = Arc::new(AtomicU32::new(0));
    let (down, up) = (Arc::clone(&told), Arc::clone(&told));
    let mut monitor =
        pool.monitor().on_exhausted(move |_| add_one(&down)).on_recovered(move |_| add_one(&up));
    block_on(poll_fn(|task| {
        assert!(Pin::new(&mut monitor).poll(task).is_pending(), "the pool is there");
        match told.load(Ordering::Relaxed) < turns {
            true => Poll::Pending,
            false => Poll::Ready(()),
        }
    }));
}

#[test]
fn a_monitor_sees_an_outage_that_begins_at_any_moment_to_its_end() {
    explore(|| {
        let pool = pool_with(&["a"], |builder| builder.runtime(Leaping::new()));
        let cools = {
            let pool = pool.clone();
            thread::spawn(move || send_away(&pool, "", 30))
        };
        hear(&pool, 2);
        cools.join().unwrap();
    });
}

/// A run that cools one resource down.
fn send_away(pool: &Pool<()>, spares: &str, seconds: u64) {
    let limited = move || Fault::<()>::cooldown_for(Duration::from_secs(seconds), "429");
    let cools = move |_| async move { Err::<(), _>(limited()) };
    let mut run = Box::pin(pool.request().max_attempts(1).exclude(spares).run(cools));
    // It would go on elsewhere, if it could.
    let cooled = pool.stats().cooldowns;
    let _ = crate::scene::poll(run.as_mut());
    assert!(pool.stats().cooldowns > cooled);
}

/// Time stands still, and the last sleep that was asked for is written down, in seconds.
#[derive(Debug, Clone)]
struct Alarm(Instant, Arc<AtomicU32>);

impl Runtime for Alarm {
    fn now(&self) -> Instant {
        self.0
    }

    fn sleep_until(&self, at: Instant) -> Sleep {
        self.1.store((at - self.0).as_secs() as u32, Ordering::Relaxed);
        Box::pin(pending())
    }
}

#[test]
fn a_monitor_that_sleeps_or_is_about_to_is_called_when_something_ends_earlier() {
    explore(|| {
        // Not of the model: only the monitor, in this thread, writes and reads it.
        let alarm = Arc::new(AtomicU32::new(0));
        let clock = Alarm(Instant::now(), Arc::clone(&alarm));
        let pool = pool_with(&["a", "b"], |builder| builder.runtime(clock));
        send_away(&pool, "b", 600);
        let cools = {
            let pool = pool.clone();
            thread::spawn(move || send_away(&pool, "a", 10))
        };
        let mut monitor = pool.monitor();
        block_on(poll_fn(|task| {
            assert!(Pin::new(&mut monitor).poll(task).is_pending(), "the pool is there");
            match alarm.load(Ordering::Relaxed) {
                10 => Poll::Ready(()),
                _ => Poll::Pending,
            }
        }));
        cools.join().unwrap();
    });
}

#[test]
fn a_monitor_ends_with_the_pool_whenever_that_is() {
    explore(|| {
        let pool = pool_with(&["a"], |builder| builder);
        let monitor = pool.monitor();
        let leaves = thread::spawn(move || {
            send_away(&pool, "", 30);
            drop(pool);
        });
        block_on(monitor);
        leaves.join().unwrap();
    });
}
