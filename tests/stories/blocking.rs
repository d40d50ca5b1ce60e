//! Callers that block: the same choice, signals, retries, pauses and line, on the thread that calls.

use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use rotapool::testing::VirtualClock;
use rotapool::{
    ExhaustedReason, Fault, Lease, Meaning, OptionsError, Pool, Resource, RunError, Signal, Status,
};

use crate::scene::secs;
use crate::upstream::Boom;

type Answer = Result<String, Fault<Boom>>;

fn pool_of(ids: &[&'static str], clock: &VirtualClock) -> Pool<&'static str> {
    Pool::builder()
        .resources(ids.iter().map(|&id| Resource::new(id, id).max_in_flight(1)))
        .runtime(clock.clone())
        .seed(1)
        .build()
        .unwrap()
}

/// Lets the clock of a thread that sleeps jump to the end of its sleep, once.
fn wake_the_sleeper(clock: &VirtualClock) {
    while clock.sleeps().is_empty() {
        thread::yield_now();
    }
    let next = clock.sleeps()[0];
    clock.advance(next.saturating_sub(clock.elapsed()));
}

#[test]
fn a_blocking_run_rotates_retries_and_ends_as_any_run() {
    let pool = pool_of(&["a", "b", "c"], &VirtualClock::new());
    let mut seen = Vec::new();
    let served = pool.run_blocking(|lease: &Lease<&str>| -> Answer {
        seen.push((lease.id().to_owned(), lease.attempt()));
        match lease.id() {
            "a" => Err(Fault::cooldown("429")),
            "b" => Err(Fault::retry("503")),
            _ => Ok((**lease).to_owned()),
        }
    });
    assert_eq!(served.unwrap(), "c");
    assert_eq!(seen, [("a".into(), 1), ("b".into(), 2), ("c".into(), 3)]);
    let stats = pool.stats();
    assert_eq!((stats.runs_ok, stats.cooling_down, stats.retries, stats.in_flight), (1, 1, 1, 0));
    let own = pool.run_blocking(|_| -> Answer { Err(Fault::Operation(Boom)) });
    assert_eq!(own, Err(RunError::Operation(Boom)));
}

#[test]
fn it_borrows_freely_and_needs_no_send() {
    let pool = Pool::builder().resource(Resource::new("a", std::rc::Rc::new(7))).build().unwrap();
    let mut sum = 0;
    pool.run_blocking(|lease| {
        sum += **lease.clone();
        Ok::<_, Fault<Boom>>(())
    })
    .unwrap();
    assert_eq!(sum, 7);
}

#[test]
fn the_thread_is_parked_through_a_pause_and_holds_nothing_meanwhile() {
    let clock = VirtualClock::new();
    let pool = pool_of(&["a"], &clock);
    let run = thread::spawn({
        let pool = pool.clone();
        move || {
            pool.request().retry_delay(secs(10)).run_blocking(|lease| -> Answer {
                if lease.attempt() == 1 { Err(Fault::retry("503")) } else { Ok("fine".into()) }
            })
        }
    });
    while clock.sleeps().is_empty() {
        thread::yield_now();
    }
    assert_eq!(pool.stats().in_flight, 0);
    wake_the_sleeper(&clock);
    assert_eq!(run.join().unwrap().unwrap(), "fine");
    assert!((secs(5)..secs(15)).contains(&clock.elapsed()));
}

#[test]
fn it_stands_in_the_one_line_with_all_others() {
    let clock = VirtualClock::new();
    let pool = pool_of(&["a"], &clock);
    let held = pool.try_acquire().unwrap();
    let run = thread::spawn({
        let pool = pool.clone();
        move || pool.request().wait(true).run_blocking(|_| -> Answer { Ok("fine".into()) })
    });
    while pool.stats().waiting == 0 {
        thread::yield_now();
    }
    held.succeed().unwrap();
    assert_eq!(run.join().unwrap().unwrap(), "fine");
    assert_eq!(pool.stats().runs_ok, 2);
}

#[test]
fn in_line_its_deadline_holds() {
    let clock = VirtualClock::new();
    let pool = pool_of(&["a"], &clock);
    let _held = pool.try_acquire().unwrap();
    let run = thread::spawn({
        let pool = pool.clone();
        move || pool.request().timeout(secs(4)).run_blocking(|_| -> Answer { Ok("fine".into()) })
    });
    while !run.is_finished() {
        if let Some(next) = clock.sleeps().first() {
            clock.advance(next.saturating_sub(clock.elapsed()));
        }
        thread::yield_now();
    }
    let error = run.join().unwrap().unwrap_err();
    let reason = error.exhausted().map(|exhausted| exhausted.reason);
    assert!(matches!(reason, Some(ExhaustedReason::Deadline { .. })), "{error}");
    assert_eq!(clock.elapsed(), secs(4));
}

#[test]
fn a_siblings_abort_shows_to_a_loop_that_looks_and_costs_no_attempt() {
    let clock = VirtualClock::new();
    let pool = Pool::builder()
        .resources(["a", "b"].map(|id| Resource::new(id, id)))
        .strategy(rotapool::Strategy::PrimaryBackup)
        .runtime(clock)
        .build()
        .unwrap();
    let older = pool.try_acquire().unwrap();
    let (begun, begins) = mpsc::channel();
    let run = thread::spawn({
        let pool = pool.clone();
        move || {
            pool.request().max_attempts(1).run_blocking(|lease| -> Answer {
                begun.send(()).unwrap();
                while lease.id() == "a" && !lease.is_aborted() {
                    thread::yield_now();
                }
                if lease.is_aborted() { Err(Fault::retry("aborted")) } else { Ok("b".into()) }
            })
        }
    });
    begins.recv().unwrap();
    older.signal(Fault::cooldown("429")).unwrap();
    assert_eq!(run.join().unwrap().unwrap(), "b", "one attempt is all it has");
    let stats = pool.stats();
    assert_eq!((stats.failures, stats.retries, stats.sibling_cancels), (1, 0, 1));
}

#[test]
fn aborted_it_is_otherwise_settled_by_what_it_returns() {
    type End = (fn() -> Answer, u64, usize);
    let ends: [End; 3] = [
        (|| Ok("fine".into()), 1, 0),
        (|| Err(Fault::disable("401")), 0, 1),
        (|| Err(Fault::Operation(Boom)), 0, 0),
    ];
    for (end, ok, disabled) in ends {
        let pool = Pool::builder().resource(Resource::new("a", "a")).build().unwrap();
        let mut older = Some(pool.try_acquire().unwrap());
        let _ = pool.request().max_attempts(1).run_blocking(|lease| {
            if let Some(older) = older.take() {
                older.signal(Fault::cooldown("429")).unwrap();
            }
            assert!(lease.is_aborted());
            end()
        });
        let stats = pool.stats();
        assert_eq!((stats.runs_ok, stats.disabled, stats.in_flight), (ok, disabled, 0));
    }
}

#[test]
fn a_lease_that_is_kept_hears_of_no_other_attempts_abort() {
    let pool = Pool::builder().resource(Resource::new("a", "a")).build().unwrap();
    let mut kept = None;
    pool.run_blocking(|lease| {
        kept = Some(lease.clone());
        Ok::<_, Fault<Boom>>(())
    })
    .unwrap();
    let (older, younger) = (pool.try_acquire().unwrap(), pool.try_acquire().unwrap());
    older.signal(Fault::cooldown("429")).unwrap();
    assert!(younger.is_aborted() && !kept.unwrap().is_aborted());
}

#[test]
fn nor_does_it_hear_of_the_next_attempt_of_its_own_run() {
    let pool = Pool::builder().resources(["a", "b"].map(|id| Resource::new(id, id))).build();
    let pool = pool.unwrap();
    let mut older = Some(pool.request().exclude("a").try_acquire().unwrap());
    let mut kept = None;
    let _ = pool.run_blocking(|lease| -> Answer {
        let Some(first) = &kept else {
            kept = Some(lease.clone());
            return Err(Fault::retry("503"));
        };
        older.take().unwrap().signal(Fault::cooldown("429")).unwrap();
        assert!(lease.is_aborted() && !first.is_aborted());
        Ok("fine".into())
    });
    assert!(older.is_none(), "there was another attempt");
}

#[test]
fn its_time_is_told_and_a_retry_after_that_is_the_time_out_that_it_was() {
    let clock = VirtualClock::new();
    let pool = pool_of(&["a", "b"], &clock);
    let request = pool.request().attempt_timeout(secs(2));
    let served = request.run_blocking(|lease| -> Answer {
        assert_eq!(lease.limit(), Some(pool.now() + secs(2)));
        match lease.id() {
            "a" => {
                clock.advance(secs(2));
                Err(Fault::retry("timed out"))
            }
            _ => Ok("fine".into()),
        }
    });
    assert_eq!(served.unwrap(), "fine");
    let stats = pool.stats();
    assert_eq!((stats.timeouts, stats.failures, stats.retries), (1, 1, 0));
    pool.run_blocking(|lease| -> Answer {
        assert_eq!(lease.limit(), None);
        Ok(String::new())
    })
    .unwrap();
}

#[test]
fn a_value_that_comes_after_the_deadline_is_a_value_and_no_attempt_begins_after_it() {
    let clock = VirtualClock::new();
    let pool = pool_of(&["a", "b"], &clock);
    let late = pool.request().timeout(secs(1)).run_blocking(|_| -> Answer {
        clock.advance(secs(5));
        Ok("late".into())
    });
    assert_eq!(late.unwrap(), "late");
    let mut calls = 0;
    let error = pool.request().timeout(secs(1)).run_blocking(|_| -> Answer {
        calls += 1;
        clock.advance(secs(5));
        Err(Fault::cooldown("429"))
    });
    let error = error.unwrap_err();
    assert!(matches!(error.exhausted().unwrap().reason, ExhaustedReason::Deadline { .. }));
    assert_eq!((calls, pool.stats().cooling_down), (1, 1), "a signal counts however late it comes");
}

#[test]
fn a_panic_reaches_the_caller_and_leaves_nothing_behind() {
    let pool = pool_of(&["a"], &VirtualClock::new());
    let panics = std::panic::catch_unwind(|| {
        pool.run_blocking(|_| -> Answer { std::panic::resume_unwind(Box::new("boom")) })
    });
    assert!(panics.is_err());
    let stats = pool.stats();
    assert_eq!((stats.in_flight, stats.runs_error, stats.runs_cancelled), (0, 1, 0));
    assert_eq!(pool.snapshot()[0].status, Status::Healthy);
}

#[test]
fn a_classifier_judges_what_it_returns() {
    let pool = pool_of(&["a", "b"], &VirtualClock::new());
    let judge = |result: &Result<u16, Boom>| match result {
        Ok(429) => Meaning::from(Signal::cooldown("429")),
        _ => Meaning::Fine,
    };
    let judged = pool.request().classify(judge);
    let status = judged.run_blocking(|lease| Ok(if lease.id() == "a" { 429 } else { 200 }));
    assert_eq!((status, pool.stats().cooling_down), (Ok(200), 1));
}

#[test]
fn it_has_the_door_and_the_request_id_of_any_run() {
    let pool = pool_of(&["a"], &VirtualClock::new());
    let refused = pool.request().max_attempts(0).run_blocking(|_| -> Answer { unreachable!() });
    assert_eq!(refused, Err(RunError::Options(OptionsError::ZeroMaxAttempts)));
    let zero = pool.request().attempt_timeout(Duration::ZERO);
    let refused = zero.run_blocking(|_| -> Answer { unreachable!() });
    assert_eq!(refused, Err(RunError::Options(OptionsError::ZeroAttemptTimeout)));
    let id = pool
        .request()
        .request_id("req-7")
        .run_blocking(|lease| Ok::<_, Fault<Boom>>(lease.request_id().map(str::to_owned)));
    assert_eq!(id.unwrap().as_deref(), Some("req-7"));
}
