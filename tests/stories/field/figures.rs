//! Traffic as people have it, played in virtual time: how many runs fail.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use rotapool::testing::VirtualTime;
use rotapool::{Builder, Fault, Lease, Pool, Recovery, Request, Resource, Runtime, Strategy};

use super::millis;
use crate::scene::secs;
use crate::upstream::Boom;

/// How a call goes: how long it takes, and how it ends.
type Call = (Duration, Result<(), Fault<Boom>>);

struct Load {
    resources: Vec<Resource<usize>>,
    every: Duration,
    runs: u32,
    /// How long nobody comes after the first one.
    quiet: Duration,
}

#[derive(Default, Debug)]
struct Counts {
    served: u32,
    failed: u32,
    calls: BTreeMap<usize, u32>,
    latest: Duration,
}

/// Runs that arrive at a steady pace, each a task of its own.
fn play(
    load: Load,
    set_up: impl FnOnce(Builder<usize>) -> Builder<usize>,
    options: impl Fn(Request<usize>) -> Request<usize> + 'static,
    call: impl FnMut(usize, u32, Duration) -> Call + 'static,
) -> Counts {
    let time = Rc::new(VirtualTime::new());
    let clock = time.clock();
    let builder = Pool::builder().runtime(clock.clone()).seed(11).resources(load.resources);
    let pool = set_up(builder).build().unwrap();
    let call = Rc::new(RefCell::new(call));
    let counts = Rc::new(RefCell::new(Counts::default()));
    for number in 0..load.runs {
        let (clock, call, counts) = (clock.clone(), Rc::clone(&call), Rc::clone(&counts));
        let request = options(pool.request());
        drop(time.spawn(async move {
            clock.sleep(load.every * number + load.quiet * number.min(1)).await;
            let began = clock.now();
            let operation = |lease: Lease<usize>| {
                let (took, answer) = (call.borrow_mut())(*lease, lease.attempt(), clock.elapsed());
                *counts.borrow_mut().calls.entry(*lease).or_default() += 1;
                let clock = clock.clone();
                async move {
                    clock.sleep(took).await;
                    answer
                }
            };
            let result = request.run(operation).await;
            let mut counts = counts.borrow_mut();
            counts.latest = counts.latest.max(clock.now() - began);
            match result {
                Ok(()) => counts.served += 1,
                Err(_) => counts.failed += 1,
            }
        }));
    }
    time.advance(load.every * load.runs + load.quiet + secs(3600));
    assert_eq!(pool.stats().in_flight, 0);
    drop(pool);
    Rc::try_unwrap(counts).unwrap().into_inner()
}

fn numbered(resources: usize) -> Vec<Resource<usize>> {
    (0..resources).map(|number| Resource::new(format!("proxy-{number}"), number)).collect()
}

/// Number 0 refuses in a millisecond, the others take one to two seconds.
fn one_refuses() -> impl FnMut(usize, u32, Duration) -> Call {
    let mut dice = fastrand::Rng::with_seed(5);
    move |resource, _, _| match resource {
        0 => (millis(1), Err(Fault::retry("connection refused"))),
        _ => (millis(dice.u64(1000..2000)), Ok(())),
    }
}

#[test]
fn no_run_fails_beside_a_proxy_that_refuses_at_once() {
    for (proxies, a_second) in [(2, 10), (3, 10), (4, 20), (10, 50)] {
        for pause in [None, Some(Duration::ZERO)] {
            let load = Load {
                resources: numbered(proxies),
                every: secs(1) / a_second,
                runs: 60 * a_second,
                quiet: Duration::ZERO,
            };
            let set_up = |builder: Builder<usize>| match pause {
                Some(pause) => builder.retry_delay(pause),
                None => builder,
            };
            let counts = play(load, set_up, |request| request, one_refuses());
            assert_eq!(counts.failed, 0, "{proxies} proxies, pause {pause:?}: {counts:?}");
            assert!(counts.latest < millis(2002), "and none pauses: {counts:?}");
        }
    }
}

#[test]
fn no_run_fails_beside_it_under_any_strategy_or_way_to_wait() {
    for strategy in Strategy::ALL {
        for timeout in [None, Some(secs(5))] {
            let load = Load {
                resources: numbered(3),
                every: millis(100),
                runs: 300,
                quiet: Duration::ZERO,
            };
            let options = move |request: Request<usize>| match timeout {
                Some(timeout) => request.timeout(timeout).affinity("one key"),
                None => request.affinity("one key"),
            };
            let set_up = |builder: Builder<usize>| builder.strategy(*strategy);
            let counts = play(load, set_up, options, one_refuses());
            assert_eq!(counts.failed, 0, "{strategy:?}, {timeout:?}: {counts:?}");
        }
    }
}

#[test]
fn no_run_fails_beside_two_that_refuse_at_once_by_other_words() {
    let refusals: [fn() -> Fault<Boom>; 3] = [
        || Fault::retry("connection refused"),
        || Fault::cooldown_for(millis(1), "come back soon"),
        || Fault::cooldown("429"),
    ];
    for refusal in refusals {
        let load =
            Load { resources: numbered(5), every: millis(50), runs: 1200, quiet: Duration::ZERO };
        let mut dice = fastrand::Rng::with_seed(5);
        let call = move |resource, _, _| match resource {
            0 | 1 => (millis(1), Err(refusal())),
            _ => (millis(dice.u64(1000..2000)), Ok(())),
        };
        let counts = play(load, |builder| builder, |request| request, call);
        assert_eq!(counts.failed, 0, "{:?}: {counts:?}", refusal());
    }
}

#[test]
fn by_the_recorded_rules_many_fail_beside_it() {
    let load =
        Load { resources: numbered(3), every: millis(100), runs: 600, quiet: Duration::ZERO };
    let counts = play(load, |builder| builder.python_rules(), |request| request, one_refuses());
    assert!(counts.failed > 60, "{counts:?}");
}

#[test]
fn none_fails_for_the_pauses_of_others_on_keys_that_are_nearly_full() {
    for pause in [millis(500), secs(5)] {
        // Four keys of five places; 1.25 calls a run of a second each take 17 of 20.
        let resources = numbered(4).into_iter().map(|key| key.max_in_flight(5)).collect();
        let load = Load { resources, every: millis(74), runs: 2000, quiet: Duration::ZERO };
        let mut runs = 0_u32;
        let call = move |_, attempt, _| {
            runs += u32::from(attempt == 1);
            match attempt == 1 && runs % 4 == 0 {
                true => (secs(1), Err(Fault::retry("503"))),
                false => (secs(1), Ok(())),
            }
        };
        let counts = play(load, |builder| builder.retry_delay(pause), |request| request, call);
        assert_eq!(counts.failed, 0, "{pause:?}: {counts:?}");
    }
}

#[test]
fn a_crowd_at_a_small_pool_is_served_to_the_last_and_nobody_starves() {
    // A hundred workers, ten places, 200 ms each: two seconds for all of them.
    for strategy in Strategy::ALL {
        let resources = numbered(5).into_iter().map(|key| key.max_in_flight(2)).collect();
        let load = Load { resources, every: Duration::ZERO, runs: 100, quiet: Duration::ZERO };
        let set_up = |builder: Builder<usize>| builder.strategy(*strategy);
        let options = |request: Request<usize>| request.timeout(secs(2));
        // A hair less, so that nobody is served at the instant of his deadline.
        let call = |_, _, _| (Duration::from_nanos(199_999_999), Ok(()));
        let counts = play(load, set_up, options, call);
        assert_eq!((counts.failed, counts.served), (0, 100), "{strategy:?}");
        assert!(counts.latest < secs(2), "{strategy:?}: {counts:?}");
    }
}

#[test]
fn a_hang_is_survived_by_all_who_give_an_attempt_its_time() {
    // Number 0 never answers; every run has five seconds, and an attempt one.
    for strategy in Strategy::ALL {
        let load =
            Load { resources: numbered(3), every: millis(100), runs: 600, quiet: Duration::ZERO };
        let set_up = |builder: Builder<usize>| builder.strategy(*strategy).attempt_timeout(secs(1));
        let options = |request: Request<usize>| request.timeout(secs(5));
        let call = |resource, _, _| match resource {
            0 => (secs(100_000), Ok(())),
            _ => (millis(300), Ok(())),
        };
        let counts = play(load, set_up, options, call);
        assert_eq!(counts.failed, 0, "{strategy:?}: {counts:?}");
        assert!(counts.latest <= millis(1300), "{strategy:?}: {counts:?}");
    }
}

#[test]
fn an_outage_of_everything_costs_nobody_with_time_who_comes_in_it() {
    // All four are out for ten seconds at second 5; every run has fifteen.
    for strategy in Strategy::ALL {
        let load =
            Load { resources: numbered(4), every: millis(50), runs: 600, quiet: Duration::ZERO };
        let options = |request: Request<usize>| request.timeout(secs(15));
        let call = |_, _, at: Duration| match (5..15).contains(&at.as_secs()) {
            true => (millis(10), Err(Fault::cooldown_for(secs(15) - at, "maintenance"))),
            false => (millis(100), Ok(())),
        };
        let set_up = |builder: Builder<usize>| builder.strategy(*strategy);
        let counts = play(load, set_up, options, call);
        assert_eq!(counts.failed, 0, "{strategy:?}: {counts:?}");
    }
}

#[test]
fn a_ramp_lets_nobody_fail_whose_time_is_long_enough_for_him_without_it() {
    // How long all was out, the first call after that, and the others; the time of a run, and how often one comes.
    for (away, first, others, timeout, every) in [
        (secs(3600), secs(3600), secs(1), secs(20), secs(6)),
        (secs(30), secs(10), secs(10), secs(25), secs(1)),
        (secs(3600), secs(60), secs(60), secs(125), secs(6)),
        (secs(30), secs(1), secs(1), secs(5), millis(100)),
    ] {
        for recovery in [Recovery::AtOnce, Recovery::Ramp] {
            let load = Load { resources: numbered(1), every, runs: 600, quiet: away };
            let mut calls = 0;
            let call = move |_, _, _| {
                calls += 1;
                match calls {
                    1 => (millis(1), Err(Fault::cooldown_for(away, "limited"))),
                    2 => (first, Ok(())),
                    _ => (others, Ok(())),
                }
            };
            let is_first = Cell::new(true);
            let options = move |request: Request<usize>| match is_first.replace(false) {
                true => request.wait(true),
                false => request.timeout(timeout),
            };
            let counts = play(load, |builder| builder.recovery(recovery), options, call);
            assert_eq!(counts.failed, 0, "{recovery:?}, others take {others:?}: {counts:?}");
        }
    }
}
