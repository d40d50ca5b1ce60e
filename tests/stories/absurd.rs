//! Clocks that say what no clock should: centuries pass and nothing panics.

use std::time::{Duration, Instant};

use futures::FutureExt as _;
use rotapool::{
    AsyncStdRuntime, DefaultRuntime, Fault, Resource, Runtime, SmolRuntime, Strategy, TokioRuntime,
};

use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const STRATEGIES: [Strategy; 10] = [
    Strategy::LeastInFlight,
    Strategy::RoundRobin,
    Strategy::PrimaryBackup,
    Strategy::Priority,
    Strategy::Weighted,
    Strategy::Sticky,
    Strategy::Random,
    Strategy::LeastLatency,
    Strategy::LeastErrors,
    Strategy::Affinity,
];

/// Everything that may be asked, which is a number of each kind and no panic.
fn look(scene: &Scene) {
    let (pool, stats) = (&scene.pool, scene.pool.stats());
    for resource in &stats.resources {
        assert!(resource.health.latency.is_none_or(|latency| latency <= YEAR * 293), "{stats:?}");
    }
    let all = format!("{stats:?}{:?}{}{pool:?}", pool.snapshot(), pool.explain());
    assert!(!all.is_empty());
}

/// Every way of an attempt to end, after so long.
fn live(scene: &Scene, years: u32) {
    let answers = [
        fine(),
        Err(Fault::Failure(Boom)),
        Err(Fault::Operation(Boom)),
        Err(Fault::retry("503")),
        Err(Fault::cooldown("429")),
        Err(Fault::cooldown_for(Duration::MAX, "429")),
    ];
    for answer in answers {
        let (run, dropped) = (scene.start(), scene.start());
        scene.advance(YEAR * years);
        look(scene);
        scene.drop_run(&dropped);
        let on = scene.upstream.pending().first().cloned();
        if let Some(on) = on {
            scene.answer(&on, answer);
        }
        look(scene);
        scene.drop_run(&run);
        for id in ["a", "b"] {
            scene.pool.enable(id).unwrap();
        }
    }
    scene.assert_at_rest();
}

#[test]
fn an_operation_may_be_under_way_for_300_years() {
    for strategy in STRATEGIES {
        live(&Scene::with(&["a", "b"], |builder| builder.strategy(strategy)), 300);
    }
}

#[test]
fn a_pool_may_be_there_for_600_years_and_serves() {
    for strategy in STRATEGIES {
        let scene = Scene::with(&["a", "b"], |builder| builder.strategy(strategy));
        for years in [583, 1, 1, 100] {
            scene.advance(YEAR * years);
            live(&scene, 0);
            let run = scene.start();
            let on = scene.upstream.pending().concat();
            scene.answer(&on, fine());
            assert_eq!(run.result().unwrap(), "fine", "{strategy:?} after {years} more years");
            scene.pool.add(Resource::new("c", "c")).unwrap();
            scene.pool.remove("c").unwrap();
        }
    }
}

#[test]
fn a_clock_that_stands_before_the_beginning_of_the_pool_counts_as_that() {
    #[derive(Debug)]
    struct Backwards(std::sync::Mutex<Instant>);

    impl Runtime for Backwards {
        fn now(&self) -> Instant {
            let mut now = self.0.lock().unwrap();
            *now = now.checked_sub(secs(1)).unwrap_or(*now);
            *now
        }

        fn sleep_until(&self, _: Instant) -> rotapool::Sleep {
            Box::pin(std::future::ready(()))
        }
    }

    let pool = rotapool::Pool::builder()
        .resource(Resource::new("a", ()))
        .runtime(Backwards(std::sync::Mutex::new(Instant::now())))
        .build()
        .unwrap();
    for fault in [None, Some(Fault::Failure(())), Some(Fault::cooldown("429"))] {
        let answer = || fault.clone().map_or(Ok(()), Err);
        let _ = futures::executor::block_on(pool.run(|_| async { answer() }));
        assert_eq!(pool.stats().in_flight, 0);
        assert!(!format!("{:?}{}", pool.snapshot(), pool.explain()).is_empty());
    }
}

/// The last instant that the system knows.
fn last() -> Instant {
    let mut last = Instant::now();
    for bits in (0..64).rev() {
        last = last.checked_add(Duration::from_secs(1 << bits)).unwrap_or(last);
    }
    last.checked_add(Duration::from_nanos(999_999_999)).unwrap_or(last)
}

#[test]
fn every_timer_bears_the_last_instant_there_is() {
    fn sleeps(runtime: &impl Runtime) {
        let mut sleep = runtime.sleep_until(last());
        assert!((&mut sleep).now_or_never().is_none(), "{runtime:?} is not there yet");
    }
    sleeps(&DefaultRuntime);
    sleeps(&SmolRuntime);
    sleeps(&AsyncStdRuntime);
    let tokio = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
    tokio.block_on(async { sleeps(&TokioRuntime) });
}
