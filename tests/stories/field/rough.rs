//! Clocks, timers, wakers and operations as rude as they come.

use std::cell::Cell;
use std::future::{Future, pending, ready};
use std::num::NonZeroUsize;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use rotapool::testing::VirtualClock;
use rotapool::{Candidate, Fault, Pool, Recovery, Resource, Runtime, Sleep, Strategy, Trial};

use super::takes_out;
use crate::scene::{Restless, Scene, secs};
use crate::upstream::{Answer, Boom, fine};

/// A clock that stands still, with a timer that is always ready.
#[derive(Debug)]
struct Frozen(Instant);

impl Runtime for Frozen {
    fn now(&self) -> Instant {
        self.0
    }

    fn sleep_until(&self, _: Instant) -> Sleep {
        Box::pin(ready(()))
    }
}

#[derive(Default)]
struct Counts(AtomicUsize);

impl Wake for Counts {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn frozen(ids: &[&'static str]) -> Pool<&'static str> {
    Pool::builder()
        .resources(ids.iter().map(|&id| Resource::new(id, id)))
        .runtime(Frozen(Instant::now()))
        .build()
        .unwrap()
}

/// Polls a few times: every poll has to return, and to ask for another.
fn every_poll_returns(run: impl Future) {
    let counts = Arc::new(Counts::default());
    let waker = Waker::from(Arc::clone(&counts));
    let mut run = pin!(run);
    for polls in 1..=10 {
        assert!(run.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        assert!(counts.0.load(Ordering::SeqCst) >= polls, "nobody would poll it again");
    }
}

fn limited() -> Answer {
    Err(Fault::cooldown("429"))
}

#[test]
fn under_a_clock_that_stands_still_every_poll_of_a_run_returns() {
    // In a pause.
    let pool = frozen(&["a"]);
    every_poll_returns(pool.run(|_| ready(Answer::Err(Fault::retry("503")))));

    // In line for a cooldown.
    let pool = frozen(&["a"]);
    every_poll_returns(pool.request().wait(true).run(|_| ready(limited())));

    // In an attempt that has a limit, and in one that a deadline ends.
    for deadline in [false, true] {
        let pool = frozen(&["a"]);
        let request = pool.request();
        let request = match deadline {
            true => request.timeout(secs(1)),
            false => request.attempt_timeout(secs(1)),
        };
        every_poll_returns(request.run(|_| pending::<Answer>()));
    }

    // Behind a trial that hangs.
    let pool = Pool::builder()
        .resource(Resource::new("a", "a").max_in_flight(1))
        .runtime(Frozen(Instant::now()))
        .build()
        .unwrap();
    let mut holder = pin!(pool.run(|_| pending::<Answer>()));
    assert!(holder.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    every_poll_returns(pool.request().timeout(secs(1)).run(|_| pending::<Answer>()));
}

#[test]
fn an_operation_that_is_always_ready_and_never_content_lets_others_have_a_turn() {
    type Op = fn() -> Answer;
    let retry: Op = || Err(Fault::retry("503"));
    for python in [false, true] {
        let builder = Pool::builder()
            .resource(Resource::new("a", "a"))
            .retry_delay(Duration::ZERO)
            .max_attempts(1_000_000)
            .runtime(VirtualClock::new());
        let builder = if python { builder.python_rules() } else { builder };
        let pool = builder.build().unwrap();
        let calls = Cell::new(0_u32);
        let mut run = pin!(pool.request().wait(true).run(|_| {
            calls.set(calls.get() + 1);
            ready(retry())
        }));
        let counts = Arc::new(Counts::default());
        let waker = Waker::from(Arc::clone(&counts));
        let mut polls = 0_u32;
        let result = loop {
            polls += 1;
            match run.as_mut().poll(&mut Context::from_waker(&waker)) {
                Poll::Ready(result) => break result,
                Poll::Pending => {
                    assert_eq!(counts.0.load(Ordering::SeqCst), polls as usize, "it asks for more");
                    assert!(calls.get() <= polls * 100, "{} calls in {polls} polls", calls.get());
                }
            }
        };
        assert!(result.unwrap_err().is_exhausted());
        assert_eq!(calls.get(), 1_000_000, "python rules: {python}");
    }
}

#[test]
fn an_operation_that_revokes_and_enables_for_ever_lets_others_have_a_turn_too() {
    let pool = frozen(&["a", "b"]);
    let calls = Cell::new(0_u32);
    let request = pool.request().max_attempts(u32::MAX).retry_delay(Duration::ZERO).wait(true);
    let mut run = pin!(request.run(|lease| {
        calls.set(calls.get() + 1);
        let (id, pool) = (lease.id().to_owned(), pool.clone());
        async move {
            let other = if id == "a" { "b" } else { "a" };
            pool.enable(other).unwrap();
            Answer::Err(Fault::disable("401"))
        }
    }));
    for polls in 1..=100 {
        assert!(run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        assert!(calls.get() <= polls * 100);
    }
}

#[test]
fn a_timer_that_wakes_early_ends_no_wait_no_trial_no_ramp_and_no_limit_before_its_time() {
    for recovery in [Recovery::Ramp, Recovery::Trial(Trial::default()), Recovery::AtOnce] {
        let scene = Scene::restless(&["a"], |builder| builder.recovery(recovery));
        takes_out(&scene, "a", 10);
        let run = scene.start_with(|request| {
            request.timeout(secs(30)).attempt_timeout(secs(5)).max_attempts(1)
        });
        for _ in 0..10 {
            assert_eq!(scene.upstream.pending(), [""; 0]);
            scene.advance(secs(1));
        }
        for _ in 0..5 {
            assert_eq!(scene.upstream.pending(), ["a"], "{recovery:?}");
            scene.advance(secs(1));
        }
        assert!(run.error().to_string().contains("no answer within 5s"));
        scene.assert_at_rest();
    }
}

#[test]
fn a_waker_that_panics_costs_nobody_else_his_place() {
    struct Broken;
    impl Wake for Broken {
        fn wake(self: Arc<Self>) {
            panic!("a waker that panics (this message is expected)");
        }
    }
    for recovery in [Recovery::Ramp, Recovery::AtOnce] {
        let scene = Scene::with(&[], |builder| {
            builder.resource(Resource::new("a", "a").max_in_flight(2)).recovery(recovery)
        });
        let _holders = [(); 2].map(|()| scene.start());
        let waker = Waker::from(Arc::new(Broken));
        let request = scene.pool.request().wait(true);
        let mut broken = Box::pin(request.run(scene.upstream.operation()));
        assert!(broken.as_mut().poll(&mut Context::from_waker(&waker)).is_pending());
        let waits = [(); 2].map(|()| scene.start_with(|request| request.wait(true)));
        scene.answer("a", fine());
        assert_eq!(scene.row("a").promised, 1, "his task is lost, not the place");
        scene.answer("a", fine());
        scene.answer("a", fine());
        assert_eq!(waits[0].result().unwrap(), "fine");
        drop(broken);
        scene.settle();
        assert_eq!(scene.row("a").promised, 0);
        while let Some(on) = scene.upstream.pending().first() {
            scene.answer(on, fine());
        }
        assert_eq!(waits[1].result().unwrap(), "fine");
        scene.assert_at_rest();
    }
}

#[test]
fn everything_as_long_as_can_be_is_no_panic_and_serves() {
    for &strategy in Strategy::ALL {
        for recovery in [
            Recovery::AtOnce,
            Recovery::Ramp,
            Recovery::Trial(Trial::default().bound(Duration::MAX)),
        ] {
            let scene = Scene::with(&["a", "b"], |builder| {
                builder
                    .strategy(strategy)
                    .recovery(recovery)
                    .retry_delay(Duration::MAX)
                    .attempt_timeout(Duration::MAX)
                    .cooldown_table([Duration::MAX])
                    .cooldown_bounds(Duration::from_nanos(1)..=Duration::MAX)
                    .max_attempts(u32::MAX)
                    .max_waiting(usize::MAX)
            });
            let long = |request: rotapool::Request<&'static str>| {
                request.timeout(Duration::MAX).retry_delay(Duration::MAX).affinity("k").wait(true)
            };
            let run = scene.start_with(long);
            let on = scene.upstream.pending().remove(0);
            scene.answer(&on, limited());
            let other = scene.upstream.pending().remove(0);
            scene.answer(&other, Err(Fault::cooldown_for(Duration::MAX, "for ever")));
            assert!(run.error().is_exhausted(), "{strategy:?}: the deadline is no later");
            let patient = scene.start_with(|request| request.wait(true));
            let (stats, explanation) = (scene.pool.stats(), scene.pool.explain().to_string());
            assert_eq!((stats.cooling_down, stats.waiting), (2, 1), "{explanation}");
            scene.advance(secs(99 * 365 * 86_400));
            assert!(patient.is_running());
            scene.advance(secs(366 * 86_400));
            let on = scene.upstream.pending().remove(0);
            scene.answer(&on, fine());
            assert_eq!(patient.result().unwrap(), "fine", "{strategy:?}: a hundred years later");
            scene.assert_at_rest();
        }
    }
}

#[test]
fn a_choice_that_meddles_with_the_pool_loses_nobody() {
    let pool: Arc<std::sync::OnceLock<Pool<&'static str>>> = Arc::default();
    let calls = Arc::new(AtomicUsize::new(0));
    let scene = {
        let (pool, calls) = (Arc::clone(&pool), Arc::clone(&calls));
        Scene::with(&["a", "b", "c"], move |builder| {
            builder.select(move |candidates: &[Candidate]| {
                let call = calls.fetch_add(1, Ordering::SeqCst);
                let id = &*candidates[call % candidates.len()].id;
                if let Some(pool) = pool.get() {
                    match call % 4 {
                        0 => pool.disable(id).unwrap(),
                        1 => pool
                            .remove(id)
                            .and_then(|()| pool.add(Resource::new("d", "d")))
                            .unwrap_or(()),
                        2 => pool.snapshot().iter().for_each(|row| pool.enable(&row.id).unwrap()),
                        _ => drop(pool.explain()),
                    }
                }
                call
            })
        })
    };
    pool.set(scene.pool.clone()).ok().unwrap();
    let runs: Vec<_> = (0..40).map(|_| scene.start_with(|request| request.wait(true))).collect();
    for _ in 0..400 {
        if let Some(on) = scene.upstream.pending().first() {
            scene.answer(on, fine());
        }
        scene.pool.snapshot().iter().for_each(|row| scene.pool.enable(&row.id).unwrap());
        scene.settle();
    }
    let ended = runs.iter().filter(|run| !run.is_running()).count();
    assert_eq!((ended, scene.pool.stats().waiting), (40, 0));
    assert_eq!(scene.pool.stats().in_flight, 0);
}

#[test]
fn runs_that_are_never_polled_again_hold_up_nobody_once_they_are_dropped() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let _holder = scene.start();
    let mut sleepers: Vec<_> = (0..10)
        .map(|_| Box::pin(scene.pool.request().wait(true).run(scene.upstream.operation())))
        .collect();
    for sleeper in &mut sleepers {
        let mut context = Context::from_waker(Waker::noop());
        assert!(sleeper.as_mut().poll(&mut context).is_pending());
    }
    let awake = scene.start_with(|request| request.wait(true));
    scene.answer("a", fine());
    while !sleepers.is_empty() {
        assert!(awake.is_running());
        assert_eq!((scene.row("a").promised, scene.upstream.pending().len()), (1, 0));
        drop(sleepers.remove(0));
        scene.settle();
    }
    scene.answer("a", fine());
    assert_eq!(awake.result().unwrap(), "fine");
}

#[test]
fn a_subscriber_of_one_event_and_a_hook_that_panics_disturb_no_line() {
    let scene = Scene::with(&[], |builder| {
        builder
            .resource(Resource::new("a", "a").max_in_flight(1))
            .on_state_change(|_| panic!("a hook that panics (this message is expected)"))
    });
    let _slow = scene.pool.events_with_capacity(NonZeroUsize::new(1).unwrap());
    takes_out(&scene, "a", 10);
    let line = [(); 3].map(|()| scene.start_with(|request| request.wait(true)));
    scene.advance(secs(10));
    for run in line {
        scene.answer("a", fine());
        assert_eq!(run.result().unwrap(), "fine");
    }
    scene.assert_at_rest();
}

#[test]
fn an_operation_that_panics_hands_its_place_to_the_next_in_line() {
    let scene =
        Scene::with(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let holder = scene.start();
    let request = scene.pool.request().wait(true);
    let mut bomb = Box::pin(request.run(|_| async {
        if true {
            panic!("an operation that panics (this message is expected)");
        }
        Answer::Ok(String::new())
    }));
    assert!(bomb.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let next = scene.start_with(|request| request.wait(true));
    scene.answer("a", fine());
    assert_eq!(holder.result().unwrap(), "fine");
    let polled = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let _ = bomb.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    }));
    assert!(polled.is_err());
    scene.settle();
    scene.answer("a", fine());
    assert_eq!(next.result().unwrap(), "fine");
    drop(bomb);
    let _: Fault<Boom> = Fault::retry("unused");
    scene.assert_at_rest();
}

#[test]
fn with_a_restless_timer_a_crowd_is_served_in_order_all_the_same() {
    let scene =
        Scene::restless(&[], |builder| builder.resource(Resource::new("a", "a").max_in_flight(1)));
    let _: fn(VirtualClock) -> Restless = Restless;
    takes_out(&scene, "a", 5);
    let line: Vec<_> =
        (0..5).map(|_| scene.start_with(|request| request.timeout(secs(60)))).collect();
    scene.advance(secs(5));
    for (at, run) in line.iter().enumerate() {
        scene.advance(secs(1));
        scene.answer("a", fine());
        assert!(!run.is_running(), "{at}");
    }
    scene.assert_at_rest();
}
