//! A run may be dropped anywhere, and aborted from outside.

use std::cell::Cell;
use std::future::Future;
use std::pin::pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use rotapool::{Fault, Lease, Pool, Resource, RunError, Status};

use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

#[test]
fn dropped_before_its_first_poll_a_run_never_was() {
    let scene = Scene::of(&["a"]);
    drop(scene.pool.run(scene.upstream.operation()));
    let stats = scene.pool.stats();
    assert_eq!((stats.attempts, stats.runs_cancelled), (0, 0));
    scene.assert_at_rest();
}

#[test]
fn dropped_in_an_attempt_it_gives_the_place_back_and_says_nothing_of_the_resource() {
    let scene = Scene::of(&["a"]);
    let run = scene.start();
    scene.drop_run(&run);
    let stats = scene.pool.stats();
    assert_eq!((stats.attempts, stats.runs_cancelled, stats.successes), (1, 1, 0));
    assert_eq!(scene.status("a"), Status::Healthy);
    scene.assert_at_rest();
}

#[test]
fn dropped_in_a_pause_it_leaves_no_sleeper() {
    let scene = Scene::of(&["a"]);
    let run = scene.start_with(|request| request.retry_delay(secs(10)));
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!((scene.clock.sleeps().len(), scene.pool.stats().in_flight), (1, 0));
    scene.drop_run(&run);
    assert_eq!(scene.pool.stats().runs_cancelled, 1);
    scene.assert_at_rest();
}

#[test]
fn dropped_in_a_wait_it_leaves_no_sleeper() {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    let run = scene.start_with(|request| request.wait(true));
    assert_eq!(scene.clock.sleeps().len(), 1);
    scene.drop_run(&run);
    assert_eq!(scene.pool.stats().runs_cancelled, 1);
    scene.assert_at_rest();
}

#[test]
fn a_run_that_has_ended_is_counted_once_although_its_future_is_dropped_later() {
    let scene = Scene::of(&["a"]);
    let mut run = Box::pin(scene.pool.run(scene.upstream.operation()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(run.as_mut().poll(&mut context).is_pending());
    scene.answer("a", fine());
    assert!(run.as_mut().poll(&mut context).is_ready());
    drop(run);
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_ok, stats.runs_cancelled), (1, 0));
}

/// An operation that needs a few polls and then fails or succeeds by its attempt number.
async fn slow(lease: Lease<&'static str>, alive: Rc<Cell<i32>>) -> Result<(), Fault<Boom>> {
    struct Alive(Rc<Cell<i32>>);
    impl Drop for Alive {
        fn drop(&mut self) {
            self.0.set(self.0.get() - 1);
        }
    }
    alive.set(alive.get() + 1);
    let _alive = Alive(alive);
    for _ in 0..2 {
        let mut yielded = false;
        std::future::poll_fn(|context| {
            if std::mem::replace(&mut yielded, true) {
                return Poll::Ready(());
            }
            context.waker().wake_by_ref();
            Poll::Pending
        })
        .await;
    }
    match lease.attempt() {
        1 => Err(Fault::retry("503")),
        2 => Err(Fault::cooldown("429")),
        3 => Err(Fault::cooldown_for(secs(5), "429")),
        _ => Ok(()),
    }
}

#[test]
fn dropped_at_any_poll_of_its_life_a_run_leaves_nothing_behind() {
    let mut polls_of_a_whole_life = 0;
    for drop_at in 0.. {
        let scene = Scene::of(&["a", "b"]);
        let alive = Rc::new(Cell::new(0));
        let request = scene.pool.request().max_attempts(4).retry_delay(secs(1));
        let run = request.wait(true).run(|lease| slow(lease, Rc::clone(&alive)));
        let mut context = Context::from_waker(Waker::noop());
        let mut ended = false;
        {
            let mut run = pin!(run);
            for _ in 0..drop_at {
                scene.clock.advance(secs(1));
                if run.as_mut().poll(&mut context).is_ready() {
                    ended = true;
                    break;
                }
            }
        }
        let stats = scene.pool.stats();
        let begun = u64::from(drop_at > 0 && !ended);
        assert_eq!(alive.get(), 0, "dropped at poll {drop_at}: an operation lives on");
        assert_eq!((stats.in_flight, stats.runs_cancelled), (0, begun), "at poll {drop_at}");
        assert!(scene.clock.sleeps().is_empty(), "dropped at poll {drop_at}: a sleep lives on");
        if ended {
            assert_eq!(stats.runs_ok, 1);
            polls_of_a_whole_life = drop_at;
            break;
        }
    }
    assert!(polls_of_a_whole_life > 15, "{polls_of_a_whole_life} polls: pauses and waits included");
}

#[test]
fn a_run_aborted_from_outside_ends_at_once_and_drops_its_operation() {
    let scene = Scene::of(&["a"]);
    let (run, abort) = scene.pool.run_abortable(scene.upstream.operation());
    let run = scene.enter(run);
    assert!(run.is_running());
    abort.clone().abort();
    scene.settle();
    assert_eq!(run.error(), RunError::Aborted);
    assert_eq!(scene.pool.stats().runs_cancelled, 1);
    scene.assert_at_rest();
    abort.abort();
}

#[test]
fn a_run_that_is_aborted_before_its_first_poll_never_was() {
    let scene = Scene::of(&["a"]);
    let mut events = scene.pool.events();
    let (run, abort) = scene.pool.run_abortable(scene.upstream.operation());
    abort.abort();
    assert_eq!(scene.enter(run).error(), RunError::Aborted);
    assert!(scene.upstream.seen().is_empty(), "no operation was called");
    let stats = scene.pool.stats();
    assert_eq!((stats.attempts, stats.runs_cancelled), (0, 0), "as one that is dropped before");
    assert_eq!(events.try_next(), None);
    scene.assert_at_rest();
}

#[test]
fn aborting_a_run_that_has_ended_changes_nothing() {
    let scene = Scene::of(&["a"]);
    let (run, abort) = scene.pool.run_abortable(scene.upstream.operation());
    let run = scene.enter(run);
    scene.answer("a", fine());
    abort.abort();
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(scene.pool.stats().runs_cancelled, 0);
}

#[test]
fn a_value_is_dropped_outside_the_lock() {
    /// Asks the pool something when it is dropped, which would deadlock under the lock.
    struct Nosy(std::sync::OnceLock<Pool<Arc<Self>>>);
    impl Drop for Nosy {
        fn drop(&mut self) {
            if let Some(pool) = self.0.get() {
                let _ = pool.stats();
            }
        }
    }
    let nosy = Arc::new(Nosy(std::sync::OnceLock::new()));
    let pool = Pool::builder()
        .resource(Resource::new("a", Arc::clone(&nosy)))
        .resource(Resource::new("b", Arc::new(Nosy(std::sync::OnceLock::new()))))
        .build()
        .unwrap();
    assert!(nosy.0.set(pool.clone()).is_ok());
    drop(nosy);
    pool.remove("a").unwrap();
    assert_eq!(pool.stats().resources.len(), 1);
}
