//! A budget of retries: how much of them an upstream that fails a little is spared.

use std::time::Duration;

use rotapool::testing::VirtualTime;
use rotapool::{
    BuildError, Exhausted, ExhaustedReason, Fault, Lease, Pool, Resource, RetryBudget, RunError,
    Signal,
};

use crate::scene::{Scene, Started, secs};
use crate::upstream::{Answer, fine};

/// Three resources and a budget without a floor.
fn frugal(percent: u32) -> Scene {
    let budget = RetryBudget::percent(percent).min_per_second(0);
    Scene::with(&["a", "b", "c"], |builder| builder.retry_budget(budget))
}

/// So many runs that are served at once.
fn serve(scene: &Scene, runs: u32) {
    for _ in 0..runs {
        let run = scene.start();
        let on = scene.upstream.pending().remove(0);
        scene.answer(&on, fine());
        run.result().unwrap();
    }
}

/// Answers whoever is asked first.
fn answer(scene: &Scene, answer: Answer) {
    let on = scene.upstream.pending().remove(0);
    scene.answer(&on, answer);
}

fn exhausted(run: &Started) -> Exhausted {
    match run.error() {
        RunError::Exhausted(unserved) => (**unserved).clone(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn retries_are_no_more_than_their_share_of_the_runs() {
    let scene = frugal(25);
    serve(&scene, 5);
    let runs = [(); 3].map(|()| scene.start());
    for _ in 0..3 {
        answer(&scene, Err(Fault::retry("503")));
    }
    // A quarter of eight runs.
    assert_eq!(scene.upstream.pending().len(), 2);
    answer(&scene, fine());
    answer(&scene, fine());
    let [first, second, third] = runs;
    assert!(first.result().is_ok() && second.result().is_ok());
    let refused = exhausted(&third);
    assert_eq!(refused.attempts, 1);
    assert!(matches!(refused.last_signal, Some(Signal::Retry { .. })), "{refused}");
    let ExhaustedReason::RetryBudget(spent) = refused.reason else { panic!("{refused}") };
    assert_eq!((spent.runs, spent.retries, spent.budget.percent), (8, 2, 25));
    assert_eq!(scene.pool.stats().retries_refused, 1);
}

#[test]
fn a_refused_run_says_why_and_when_retries_are_allowed_again() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.retry_budget(RetryBudget::percent(10).min_per_second(1).window(secs(2)))
    });
    scene.advance(secs(20));
    let run = scene.start();
    for _ in 0..2 {
        answer(&scene, Err(Fault::retry("503")));
    }
    answer(&scene, fine());
    run.result().unwrap();
    let run = scene.start();
    answer(&scene, Err(Fault::retry("overloaded")));
    let refused = exhausted(&run);
    assert!(
        refused.to_string().starts_with(
            "pool exhausted: the retry budget is spent (2 to 2 runs; 10 % of the runs or 1 a second, over 2s; again in \
             2.0s), after 1 attempt; 2 resources: 2 eligible"
        ),
        "{refused}"
    );
    assert!(refused.to_string().ends_with("last signal: retry (overloaded)"), "{refused}");
    scene.advance(secs(2));
    let run = scene.start();
    answer(&scene, Err(Fault::retry("503")));
    answer(&scene, fine());
    run.result().unwrap();
}

#[test]
fn an_attempt_after_a_disable_signal_or_an_abort_is_no_retry() {
    let scene = frugal(1);
    let revoked = scene.start();
    let (_b, _c) = (scene.start(), scene.start());
    let aborted = scene.start();
    assert_eq!(scene.upstream.pending(), ["a", "b", "c", "a"]);
    scene.answer("a", Err(Fault::disable("401")));
    assert_eq!(scene.upstream.pending().len(), 4, "both go on elsewhere");
    while !scene.upstream.pending().is_empty() {
        answer(&scene, fine());
    }
    assert!(revoked.result().is_ok() && aborted.result().is_ok());
    assert_eq!(scene.pool.stats().retries_refused, 0);
}

#[test]
fn a_cooldown_signal_and_a_time_out_lead_to_retries() {
    for times_out in [false, true] {
        let scene = frugal(50);
        let run = scene.start_with(|request| request.attempt_timeout(secs(1)));
        match times_out {
            true => scene.advance(secs(1)),
            false => answer(&scene, Err(Fault::cooldown("429"))),
        }
        assert!(matches!(exhausted(&run).reason, ExhaustedReason::RetryBudget(_)), "{times_out}");
    }
}

#[test]
fn a_run_that_waited_in_line_asks_the_budget_when_its_turn_comes() {
    let scene = Scene::with(&["a"], |builder| {
        builder.retry_budget(RetryBudget::percent(50).min_per_second(0).window(secs(60)))
    });
    serve(&scene, 1);
    let first = scene.start_with(|request| request.wait(true));
    scene.answer("a", Err(Fault::cooldown_for(secs(5), "429")));
    assert!(first.is_running(), "one retry for two runs");
    scene.advance(secs(5));
    scene.answer("a", Err(Fault::cooldown_for(secs(5), "429")));
    assert!(matches!(exhausted(&first).reason, ExhaustedReason::RetryBudget(_)));
    scene.assert_at_rest();
}

#[test]
fn a_budget_that_makes_no_sense_is_refused_with_what_is_allowed() {
    let build = |budget| {
        let builder = Pool::builder().resource(Resource::new("a", "a")).retry_budget(budget);
        builder.build().map(drop)
    };
    let error = build(RetryBudget::percent(0)).unwrap_err();
    assert!(matches!(error, BuildError::RetryBudget(_)));
    assert_eq!(
        error.to_string(),
        "the percentage of the retry budget is 0 percent; allowed is 1 to 100 percent"
    );
    assert!(build(RetryBudget::percent(20).window(Duration::ZERO)).is_err());
    assert!(build(RetryBudget::percent(100)).is_ok());
}

/// Pauses for 50 s or more after a failure on "a". One retry a second is all that the pool can afford.
fn pauses_on_a_budget_of_one_a_second(scene: &Scene) -> Started {
    let run = scene.start_with(|request| request.only(|data| data.get("x").is_none()).wait(false));
    scene.answer("a", Err(Fault::retry("503")));
    assert!(run.is_running());
    run
}

#[test]
fn a_wake_up_in_the_middle_of_a_pause_asks_the_budget_for_nothing() {
    let budget = RetryBudget::percent(1).min_per_second(1).window(secs(1));
    let one = |id: &'static str| Resource::new(id, id).max_in_flight(1);
    let scene = Scene::with(&[], |builder| {
        let x = one("x").metadata("x", "yes");
        builder.retry_delay(secs(100)).retry_budget(budget).resource(one("a")).resource(x)
    });
    let out = scene.start_with(|request| request.exclude("a").wait(false));
    scene.answer("x", Err(Fault::cooldown_for(secs(30), "limited")));
    drop(out);
    let run = pauses_on_a_budget_of_one_a_second(&scene);
    scene.advance(Duration::from_millis(29_500));
    let _retries =
        scene.start_with(|request| request.exclude("x").wait(false).retry_delay(Duration::ZERO));
    scene.answer("a", Err(Fault::retry("503")));
    assert_eq!(scene.upstream.pending(), ["a"], "it spends the retry of this second");
    scene.advance(Duration::from_millis(600));
    assert!(run.is_running(), "\"x\" is back, which the first in line was to see");
    scene.answer("a", fine());
    scene.advance(secs(121));
    assert_eq!(scene.upstream.pending(), ["a"], "its pause is over");
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
}

#[test]
fn who_is_refused_by_the_budget_is_told_to_come_when_it_allows_a_retry() {
    let budget = RetryBudget::percent(1).min_per_second(1).window(secs(1));
    let scene = Scene::with(&["a", "b"], |builder| builder.retry_budget(budget));
    let run = scene.start();
    answer(&scene, Err(Fault::retry("503")));
    answer(&scene, Err(Fault::retry("503")));
    let refused = exhausted(&run);
    let ExhaustedReason::RetryBudget(spent) = refused.reason else { panic!("{refused}") };
    assert_eq!(refused.explanation.retry_at, spent.allows_at);
    assert_eq!(refused.retry_after(), Some(secs(1)));
}

/// A run that waits asks the budget when there is something to pay for, and was not asked for what serves although it is out.
#[test]
fn a_retry_on_a_resource_that_is_out_is_paid_for_too() {
    for (percent, is_served) in [(50, false), (100, true)] {
        let time = VirtualTime::new();
        let pool = Pool::builder()
            .resources(["a", "b", "c"].map(|id| Resource::new(id, id)))
            .retry_budget(RetryBudget::percent(percent).min_per_second(0).window(secs(600)))
            .degrade(true)
            .runtime(time.clock())
            .build()
            .unwrap();
        time.block_on(pool.run(async |_| Ok::<_, Fault<String>>(()))).unwrap();
        pool.park("b", secs(10), "paused").unwrap();
        let waits = pool.request().timeout(secs(30)).exclude("c").retry_delay(secs(60));
        let run = time.spawn(waits.run(async |key: Lease<&str>| match *key {
            "a" => Err(Fault::retry("503")),
            other => Ok::<_, Fault<String>>(other),
        }));
        time.advance(secs(1));
        // Another one spends the only retry that half of three runs allow.
        let other = pool.request().run(async |key: Lease<&str>| match key.attempt() {
            1 => Err(Fault::retry("503")),
            _ => Ok::<_, Fault<String>>(()),
        });
        time.block_on(other).unwrap();
        assert!(!run.is_finished(), "it waits for b");
        pool.park("a", secs(3_600), "paused").unwrap();
        pool.park("b", secs(3_600), "paused").unwrap();
        time.advance(secs(1));
        match run.take_result().expect("nothing comes in time") {
            Ok(on) => assert!(is_served && on == "b"),
            Err(error) => {
                assert!(!is_served && error.to_string().contains("retry budget"), "{error}");
            }
        }
    }
}
