//! Whatever else a pool is made of, nobody fails beside one resource that works.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use rotapool::testing::{VirtualClock, VirtualTime};
use rotapool::{
    Candidate, Fault, Group, Lease, Pool, Quota, Recovery, Request, Resource, RunError, Strategy,
    Trial,
};

use super::millis;
use crate::scene::secs;
use crate::upstream::Boom;

/// What is wrong with a resource.
#[derive(Debug, Clone, Copy)]
enum Trouble {
    None,
    Refuses,
    Hangs,
    IsLimited,
    IsLimitedForNoTime,
    IsLimitedForAnUnknownTime,
    IsLimitedWithItsGroup,
    IsRevoked,
    HasOnePlace,
    HasLittleQuota,
}

use Trouble::{
    Hangs, HasLittleQuota, HasOnePlace, IsLimited, IsLimitedForAnUnknownTime, IsLimitedForNoTime,
    IsLimitedWithItsGroup, IsRevoked, Refuses,
};

const TROUBLES: [Trouble; 10] = [
    Trouble::None,
    Refuses,
    Hangs,
    IsLimited,
    IsLimitedForNoTime,
    IsLimitedForAnUnknownTime,
    IsLimitedWithItsGroup,
    IsRevoked,
    HasOnePlace,
    HasLittleQuota,
];

/// One that works, and one to eight others. What costs a run an attempt is there twice at most: it has three.
fn mixture(dice: &mut fastrand::Rng) -> Vec<Trouble> {
    let mut costly = 0;
    let mut any = || {
        let trouble = TROUBLES[dice.usize(..TROUBLES.len())];
        costly += u32::from(matches!(trouble, Refuses | Hangs));
        if costly > 2 { Trouble::None } else { trouble }
    };
    let others = (0..8).map(|_| any()).collect::<Vec<_>>();
    let mut all = [&[Trouble::None], &others[..dice.usize(1..=8)]].concat();
    dice.shuffle(&mut all);
    all
}

fn resource(number: usize, trouble: Trouble, dice: &mut fastrand::Rng) -> Resource<Trouble> {
    let one = Resource::new(number.to_string(), trouble)
        .weight(0.1 + 5.0 * dice.f64())
        .priority(dice.u8(..3).into());
    match trouble {
        HasOnePlace => one.max_in_flight(1),
        HasLittleQuota => one.quota(Quota::per(2, secs(60))),
        IsLimitedWithItsGroup => one.group("org"),
        _ => one,
    }
}

async fn call(clock: VirtualClock, trouble: Trouble, took: Duration) -> Result<(), Fault<Boom>> {
    let took = match trouble {
        Hangs => secs(10_000),
        Refuses | IsLimitedForNoTime => millis(1),
        _ => took,
    };
    clock.sleep(took).await;
    match trouble {
        Refuses => Err(Fault::retry("connection refused")),
        IsLimited => Err(Fault::cooldown_for(secs(2), "429")),
        IsLimitedForNoTime => Err(Fault::cooldown_for(millis(1), "429")),
        IsLimitedForAnUnknownTime => Err(Fault::cooldown("429")),
        IsLimitedWithItsGroup => Err(Fault::cooldown_for(secs(3), "429").of_group()),
        IsRevoked => Err(Fault::disable("401")),
        _ => Ok(()),
    }
}

/// How a run is asked for.
type Asks = fn(Request<Trouble>) -> Request<Trouble>;

const ASKS: [Asks; 3] = [
    |request| request.wait(false),
    |request| request.wait(true),
    |request| request.timeout(secs(8)).affinity("one key"),
];

#[test]
fn no_run_fails_beside_one_that_works_whatever_the_others_suffer_from() {
    for seed in 0..100 {
        let dice = &mut fastrand::Rng::with_seed(seed);
        let strategy = Strategy::ALL[dice.usize(..Strategy::ALL.len())];
        let recovery = [
            Recovery::AtOnce,
            Recovery::Ramp,
            Recovery::Trial(Trial::default()),
            Recovery::Trial(Trial::default().at_once(2).successes(3)),
        ][dice.usize(..4)];
        let (troubles, asks) = (mixture(dice), dice.usize(..ASKS.len()));
        let every = [millis(5), millis(50), millis(400)][dice.usize(..3)];
        let (pause, chooses) = ([Duration::ZERO, millis(500)][dice.usize(..2)], dice.u8(..5) == 0);
        let told = format!("seed {seed}: {strategy:?}, {recovery:?}, asks {asks}, {troubles:?}");

        let time = VirtualTime::new();
        let clock = time.clock();
        let all = troubles.iter().enumerate();
        let resources = all.map(|(number, &trouble)| resource(number, trouble, dice));
        let builder = Pool::builder()
            .runtime(clock.clone())
            .seed(seed)
            .group(Group::new("org"))
            .resources(resources.collect::<Vec<_>>())
            .strategy(strategy)
            .recovery(recovery)
            .retry_delay(pause)
            .attempt_timeout(secs(1));
        let builder = match chooses {
            true => builder.select(|candidates: &[Candidate]| candidates.len() - 1),
            false => builder,
        };
        let pool = builder.build().unwrap();
        let latencies = Rc::new(RefCell::new(fastrand::Rng::with_seed(seed)));
        let runs: Vec<_> = (0..100_u32)
            .map(|number| {
                let (clock, latencies) = (clock.clone(), Rc::clone(&latencies));
                let request = ASKS[asks](pool.request());
                time.spawn(async move {
                    clock.sleep(every * number).await;
                    let operation = |lease: Lease<Trouble>| {
                        let took = millis(latencies.borrow_mut().u64(100..700));
                        call(clock.clone(), *lease, took)
                    };
                    let result: Result<(), RunError<Boom>> = request.run(operation).await;
                    result
                })
            })
            .collect();
        time.advance(every * 100 + secs(100));
        for run in runs {
            assert_eq!(run.take_result().expect("it has ended"), Ok(()), "{told}");
        }
        assert_eq!((pool.stats().in_flight, pool.stats().waiting), (0, 0), "{told}");
    }
}
