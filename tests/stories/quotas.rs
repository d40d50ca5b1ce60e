//! Quotas of resources: what they refuse, until when, and what operations and upstreams say of them.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use rotapool::testing::VirtualTime;
use rotapool::{
    CostError, Event, Events, ExhaustedReason, Fault, Lease, OptionsError, Pool, Quota, Resource,
    RunError, Strategy,
};

use crate::scene::{Scene, Started, secs};
use crate::upstream::{Boom, fine};

fn with_quotas(quotas: &[Quota]) -> Resource<&'static str> {
    quotas.iter().cloned().fold(Resource::new("a", "a"), Resource::quota)
}

/// A resource `a` with these quotas, and others without any.
fn scene(quotas: &[Quota], others: &[&'static str]) -> Scene {
    let a = with_quotas(quotas);
    let others: Vec<_> = others.iter().map(|&id| Resource::new(id, id)).collect();
    Scene::with(&[], |builder| {
        builder.resource(a).resources(others).strategy(Strategy::PrimaryBackup)
    })
}

fn tokens(a_minute: u64) -> Quota {
    Quota::per_minute(a_minute).of("tokens")
}

/// How much is left of a resource's quotas.
fn left(scene: &Scene, id: &str) -> Vec<i64> {
    scene.row(id).quotas.iter().map(|level| level.left).collect()
}

/// A run that is served at once.
fn serve(scene: &Scene, id: &str) {
    let run = scene.start();
    scene.answer(id, fine());
    assert!(run.result().is_ok());
}

/// A run of this cost whose operation says this and then ends.
fn say(scene: &Scene, cost: u64, say: impl Fn(&Lease<&'static str>) + 'static) -> Started<()> {
    let request = scene.pool.request().cost("tokens", cost);
    scene.enter(async move {
        request
            .run(move |lease| {
                say(&lease);
                async { Ok::<_, Fault<Boom>>(()) }
            })
            .await
    })
}

/// A run of this cost that goes on, and what its operation holds.
fn in_flight(scene: &Scene, cost: u64) -> (Started<()>, Lease<&'static str>) {
    let (hand, lease) = futures::channel::oneshot::channel();
    let request = scene.pool.request().cost("tokens", cost);
    let mut hand = Some(hand);
    let run = scene.enter(async move {
        request
            .run(|lease| {
                let _ = hand.take().unwrap().send(lease);
                std::future::pending::<Result<(), Fault<Boom>>>()
            })
            .await
    });
    (run, futures::executor::block_on(lease).unwrap())
}

#[test]
fn a_spent_resource_is_healthy_and_passed_over_until_it_has_quota_again() {
    let scene = scene(&[Quota::per_second(2)], &["b"]);
    for id in ["a", "a", "b"] {
        serve(&scene, id);
    }
    let row = scene.row("a");
    assert_eq!(row.status, rotapool::Status::Healthy);
    assert!(row.is_spent() && !row.is_eligible() && !row.is_saturated());
    let stats = scene.pool.stats();
    assert_eq!((stats.healthy, stats.eligible, stats.spent), (2, 1, 1));
    assert_eq!(stats.resources[0].spent_remaining, Duration::from_millis(500));
    scene.advance(Duration::from_nanos(499_999_999));
    serve(&scene, "b");
    scene.advance(Duration::from_nanos(1));
    serve(&scene, "a");
    scene.assert_at_rest();
}

#[test]
fn a_spent_resource_whose_quotas_are_taken_away_is_one_to_wait_for() {
    let scene = Scene::with(&[], |builder| {
        builder.resource(with_quotas(&[Quota::per_minute(1)]).max_in_flight(1))
    });
    serve(&scene, "a");
    assert_eq!(scene.pool.stats().spent, 1);
    scene.pool.update("a", |profile| profile.quotas.clear()).unwrap();
    assert_eq!((scene.pool.stats().spent, scene.pool.stats().eligible), (0, 1));
    let _busy = scene.start();
    let waits = scene.start_with(|request| request.wait(true));
    assert_eq!(scene.pool.stats().waiting, 1, "it is only busy");
    scene.answer("a", fine());
    scene.answer("a", fine());
    assert!(waits.result().is_ok());
}

#[test]
fn a_run_that_finds_all_spent_is_told_when_to_come_back_and_which_quota_it_was() {
    let scene = scene(&[Quota::per_minute(1), tokens(90_000)], &[]);
    serve(&scene, "a");
    scene.advance(secs(15));
    let error = scene.start().error();
    assert_eq!(error.retry_after(), Some(secs(45)));
    assert_eq!(
        error.to_string(),
        "pool exhausted: no eligible resource after 0 attempts; 1 resource: 1 spent; first back is \
         a: spent, has quota again in 45.0s: 1 requests a minute: 0 left"
    );
    assert_eq!(
        scene.pool.explain().to_string(),
        "nothing to pick, first back in 45.0s; 1 resource: 1 spent\n  \
         a: spent, has quota again in 45.0s: 1 requests a minute: 0 left"
    );
}

#[test]
fn those_in_line_are_served_one_by_one_as_the_quota_grows_by_one_timer() {
    let scene = scene(&[Quota::per_second(1)], &[]);
    serve(&scene, "a");
    let runs: Vec<_> = (0..3).map(|_| scene.start_with(|request| request.wait(true))).collect();
    assert_eq!(scene.clock.sleeps(), [secs(1)]);
    for (served, run) in runs.iter().enumerate() {
        assert!(run.is_running(), "{served} were served, and it too");
        scene.advance(secs(1));
        scene.answer("a", fine());
        assert!(run.result().is_ok());
    }
    scene.assert_at_rest();
}

#[test]
fn a_wait_for_quota_that_outlasts_the_deadline_is_not_begun() {
    let scene = scene(&[Quota::per_minute(1)], &[]);
    serve(&scene, "a");
    let error = scene.start_with(|request| request.timeout(secs(60))).error();
    let reason = error.exhausted().unwrap().reason;
    assert!(matches!(reason, ExhaustedReason::CooldownOutlastsDeadline { .. }), "{reason:?}");
    let run = scene.start_with(|request| request.timeout(secs(61)));
    scene.advance(secs(60));
    scene.answer("a", fine());
    assert!(run.result().is_ok());
}

#[test]
fn who_wants_more_than_the_first_has_gets_the_next_that_has_it() {
    let scene = scene(&[tokens(100)], &["b"]);
    let started = scene.start_with(|request| request.cost("tokens", 60));
    let other = scene.start_with(|request| request.cost("tokens", 60));
    let cheap = scene.start_with(|request| request.cost("tokens", 40));
    assert_eq!(scene.upstream.pending(), ["a", "b", "a"]);
    assert_eq!(left(&scene, "a"), [0]);
    for id in ["a", "b", "a"] {
        scene.answer(id, fine());
    }
    assert!([started, other, cheap].iter().all(|run| run.result().is_ok()));
}

#[test]
fn all_dimensions_are_paid_or_none() {
    let scene = scene(&[Quota::per_minute(10), tokens(100)], &[]);
    let refused = scene.start_with(|request| request.cost("tokens", 100).cost("requests", 3));
    assert!(refused.is_running());
    assert_eq!(left(&scene, "a"), [7, 0]);
    scene.answer("a", fine());
    scene.advance(secs(6));
    assert_eq!(left(&scene, "a"), [8, 10]);
    let refused = scene.start_with(|request| request.cost("tokens", 11)).error();
    assert_eq!(refused.retry_after(), Some(Duration::from_millis(600)));
    assert_eq!(left(&scene, "a"), [8, 10]);
}

#[test]
fn a_waiting_run_waits_until_its_cost_can_be_paid_somewhere() {
    let scene = scene(&[tokens(60)], &[]);
    assert!(say(&scene, 60, |_| ()).result().is_ok());
    let dear = scene.start_with(|request| request.cost("tokens", 30).wait(true));
    let cheap = scene.start_with(|request| request.cost("tokens", 5).wait(true));
    assert_eq!(scene.clock.sleeps(), [secs(1)], "for what it is first told of: who comes next");
    scene.advance(secs(5));
    assert_eq!(scene.upstream.pending(), ["a"], "the cheap one overtakes");
    scene.answer("a", fine());
    assert!(cheap.result().is_ok() && dear.is_running());
    scene.advance(Duration::from_nanos(29_999_999_999));
    assert_eq!(scene.upstream.pending(), [""; 0]);
    scene.advance(Duration::from_nanos(1));
    scene.answer("a", fine());
    assert!(dear.result().is_ok());
    scene.assert_at_rest();
}

#[test]
fn who_came_first_of_two_that_cost_the_same_is_served_first() {
    let scene = scene(&[tokens(60)], &[]);
    assert!(say(&scene, 60, |_| ()).result().is_ok());
    let runs = [(), ()].map(|()| scene.start_with(|it| it.cost("tokens", 10).wait(true)));
    for run in &runs {
        assert!(run.is_running());
        scene.advance(secs(10));
        scene.answer("a", fine());
        assert!(run.result().is_ok());
    }
}

#[test]
fn the_operation_says_what_it_took_and_a_debt_is_paid_once() {
    let scene = scene(&[tokens(60)], &[]);
    assert!(say(&scene, 20, |lease| lease.spent("tokens", 90)).result().is_ok());
    assert_eq!(left(&scene, "a"), [-30]);
    assert_eq!(scene.start().error().retry_after(), Some(secs(31)));
    scene.advance(secs(31));
    assert_eq!(left(&scene, "a"), [1]);
    let said_twice = say(&scene, 1, |lease| {
        lease.spent("tokens", 40);
        lease.spent("tokens", 3);
    });
    assert!(said_twice.result().is_ok());
    assert_eq!(left(&scene, "a"), [-2], "the last word counts");
}

#[test]
fn what_was_reserved_and_not_taken_goes_to_those_in_line_at_once() {
    let scene = scene(&[tokens(60)], &[]);
    let (hand, lease) = futures::channel::oneshot::channel::<Lease<&'static str>>();
    let request = scene.pool.request().cost("tokens", 60);
    let mut hand = Some(hand);
    let _holds = scene.enter(async move {
        request
            .run(|lease| {
                let _ = hand.take().unwrap().send(lease);
                std::future::pending::<Result<(), Fault<Boom>>>()
            })
            .await
    });
    let waits = scene.start_with(|request| request.cost("tokens", 10).wait(true));
    assert_eq!(scene.upstream.pending(), [""; 0]);
    let lease = futures::executor::block_on(lease).unwrap();
    lease.spent("tokens", 50);
    scene.settle();
    scene.answer("a", fine());
    assert!(waits.result().is_ok());
}

#[test]
fn an_attempt_that_never_reached_the_upstream_gives_back_all_and_a_dropped_one_nothing() {
    let scene = scene(&[Quota::per_minute(10), tokens(60)], &[]);
    assert!(say(&scene, 20, Lease::unspent).result().is_ok());
    assert_eq!(left(&scene, "a"), [10, 60]);
    let dropped = scene.start_with(|request| request.cost("tokens", 20));
    scene.drop_run(&dropped);
    assert_eq!(left(&scene, "a"), [9, 40]);
}

#[test]
fn a_lease_whose_attempt_has_ended_changes_nothing_any_more() {
    let scene = scene(&[tokens(60)], &[]);
    let request = scene.pool.request().cost("tokens", 20);
    let smuggled = scene
        .enter(async move { request.run(|lease| async { Ok::<_, Fault<Boom>>(lease) }).await });
    let lease = smuggled.result().unwrap();
    lease.unspent();
    lease.spent("tokens", 60);
    lease.correct("tokens", 0, secs(60));
    assert_eq!(left(&scene, "a"), [40]);
    drop(scene);
    lease.unspent();
}

#[test]
fn what_the_upstream_says_is_left_beats_what_was_counted() {
    let scene = scene(&[Quota::per_minute(10)], &[]);
    let correct = |remaining, reset| {
        let request = scene.pool.request();
        let said = scene.enter(async move {
            request
                .run(move |lease| async move {
                    lease.correct("requests", remaining, reset);
                    Ok::<_, Fault<Boom>>(())
                })
                .await
        });
        assert!(said.result().is_ok());
    };
    correct(2, Some(secs(90)));
    scene.advance(secs(60));
    assert_eq!(left(&scene, "a"), [2], "nothing grows until the reset");
    correct(0, Some(secs(20)));
    assert_eq!(scene.start().error().retry_after(), Some(secs(20)));
    scene.advance(secs(20));
    assert_eq!(left(&scene, "a"), [10]);
    correct(4, None);
    scene.advance(secs(6));
    assert_eq!(left(&scene, "a"), [5], "without a reset it grows as ever");
    correct(1_000, None);
    assert_eq!(left(&scene, "a"), [10], "never above what it holds");
}

#[test]
fn what_is_on_its_way_is_not_in_what_the_upstream_says_is_left() {
    let scene = scene(&[Quota::per_minute(10), tokens(100)], &[]);
    let (_first, older) = in_flight(&scene, 10);
    let (_second, _) = in_flight(&scene, 20);
    let (_third, younger) = in_flight(&scene, 30);
    older.correct("requests", 9, None);
    older.correct("tokens", 85, None);
    assert_eq!(left(&scene, "a"), [7, 35]);
    younger.correct("tokens", 20, None);
    assert_eq!(left(&scene, "a"), [7, 20], "nobody younger is on the way any more");
    older.correct("tokens", 15, None);
    assert_eq!(left(&scene, "a"), [7, 15], "and was not when the older heard more");
    let (_fourth, _) = in_flight(&scene, 5);
    younger.correct("tokens", 3, None);
    assert_eq!(left(&scene, "a"), [6, 0], "never less than nothing");
}

#[test]
fn what_may_be_on_its_way_yet_gives_nothing_back() {
    let scene = scene(&[tokens(100)], &[]);
    let (first, _) = in_flight(&scene, 20);
    let (_second, younger) = in_flight(&scene, 10);
    // It may have overtaken the first.
    younger.correct("tokens", 90, None);
    assert_eq!(left(&scene, "a"), [70]);
    younger.correct("tokens", 95, None);
    assert_eq!(left(&scene, "a"), [75], "wherever the first is");
    younger.correct("tokens", 80, secs(3));
    assert_eq!(left(&scene, "a"), [75]);
    scene.advance(secs(3));
    assert_eq!(left(&scene, "a"), [100], "and when all is back is heard nevertheless");
    younger.correct("tokens", 70, None);
    scene.drop_run(&first);
    younger.correct("tokens", 80, None);
    assert_eq!(left(&scene, "a"), [80], "nobody else is in flight");
}

#[test]
fn an_older_answer_that_comes_late_gives_nothing_back() {
    let scene = scene(&[tokens(100)], &[]);
    let (_first, older) = in_flight(&scene, 10);
    let (_second, younger) = in_flight(&scene, 10);
    younger.correct("tokens", 40, None);
    older.correct("tokens", 70, secs(5));
    assert_eq!(left(&scene, "a"), [40]);
    scene.advance(secs(6));
    assert_eq!(left(&scene, "a"), [50], "of when all is back it is as little news");
    older.correct("tokens", 30, None);
    assert_eq!(left(&scene, "a"), [30], "what is gone is gone, whoever says so");
    younger.spent("tokens", 60);
    older.correct("tokens", 0, None);
    assert_eq!(left(&scene, "a"), [-20], "nor does it forgive a debt");
    younger.correct("tokens", 60, None);
    assert_eq!(left(&scene, "a"), [50]);
}

/// How often 300 runs, 60 at once, are refused by an upstream that allows 60 in any minute and says what is left, if they
/// pass that on, or not.
fn refused_of_many_at_once(pass_on: bool) -> usize {
    let scene = scene(&[Quota::per_minute(60).sliding()], &[]);
    let (taken, refused) = <(Rc<RefCell<Vec<Duration>>>, Rc<Cell<usize>>)>::default();
    let runs = (0..300_u64).map(|number| {
        let (clock, taken, refused) = (scene.clock.clone(), Rc::clone(&taken), Rc::clone(&refused));
        let request = scene.pool.request().timeout(secs(1_200)).max_attempts(100);
        let call = move |lease: Lease<&'static str>| {
            let (clock, taken, refused) = (clock.clone(), Rc::clone(&taken), Rc::clone(&refused));
            async move {
                clock.sleep(Duration::from_millis(10 + number * 7 % 5)).await;
                let now = clock.elapsed();
                taken.borrow_mut().retain(|&from| now - from < secs(60));
                let is_served = taken.borrow().len() < 60;
                if is_served {
                    taken.borrow_mut().push(now);
                }
                let left = 60 - taken.borrow().len() as u64;
                clock.sleep(Duration::from_millis(50 + number * 77 % 200)).await;
                if pass_on {
                    lease.correct("requests", left, None);
                }
                if is_served {
                    return Ok(());
                }
                refused.set(refused.get() + 1);
                Err(Fault::<Boom>::cooldown_for(secs(5), "429"))
            }
        };
        let clock = scene.clock.clone();
        scene.time.spawn(async move {
            clock.sleep(Duration::from_millis(number / 60 * 300)).await;
            request.run(call).await.unwrap();
        })
    });
    let runs: Vec<_> = runs.collect();
    scene.time.block_on(futures::future::join_all(runs));
    refused.get()
}

#[test]
fn many_at_once_that_pass_on_what_is_left_are_not_refused_for_it() {
    assert_eq!([false, true].map(refused_of_many_at_once), [0, 0]);
}

#[test]
fn a_quota_that_slides_never_gives_more_than_its_amount_in_any_period() {
    let scene = scene(&[Quota::per_second(2).sliding()], &[]);
    let told = |scene: &Scene| scene.pool.explain().to_string();
    serve(&scene, "a");
    scene.advance(Duration::from_millis(700));
    serve(&scene, "a");
    // A bucket would give the third by half a second after the first.
    assert!(told(&scene).contains("2 requests in any second: 0 left"), "{}", told(&scene));
    assert_eq!(scene.start().error().retry_after(), Some(Duration::from_millis(300)));
    scene.advance(Duration::from_nanos(299_999_999));
    assert_eq!(left(&scene, "a"), [0]);
    scene.advance(Duration::from_nanos(1));
    serve(&scene, "a");
    assert_eq!(scene.start().error().retry_after(), Some(Duration::from_millis(700)));
    scene.assert_at_rest();
}

#[test]
fn those_in_line_for_a_quota_that_slides_are_served_as_what_was_taken_is_back() {
    let scene = scene(&[Quota::per_second(2).sliding()], &[]);
    serve(&scene, "a");
    scene.advance(Duration::from_millis(400));
    serve(&scene, "a");
    let [first, second, third] = [(); 3].map(|()| scene.start_with(|request| request.wait(true)));
    for (run, after) in [(&first, 600), (&second, 400), (&third, 600)] {
        scene.advance(Duration::from_millis(after - 1));
        assert!(run.is_running());
        scene.advance(Duration::from_millis(1));
        scene.answer("a", fine());
        assert!(run.result().is_ok());
    }
    scene.assert_at_rest();
}

#[test]
fn what_is_given_back_to_a_quota_that_slides_is_what_its_own_attempt_took() {
    let scene = scene(&[tokens(100).sliding()], &[]);
    let (_holds, lease) = in_flight(&scene, 30);
    scene.advance(secs(10));
    assert!(say(&scene, 60, |_| ()).result().is_ok());
    lease.unspent();
    assert_eq!(left(&scene, "a"), [40]);
    // What the other took, it took ten seconds later than what is there again.
    scene.advance(secs(59));
    assert_eq!(left(&scene, "a"), [40]);
    scene.advance(secs(1));
    assert_eq!(left(&scene, "a"), [100]);
}

#[test]
fn the_window_of_the_upstream_ends_a_quota_that_slides() {
    let scene = scene(&[tokens(100).sliding()], &[]);
    assert!(say(&scene, 90, |lease| lease.correct("tokens", 10, secs(20))).result().is_ok());
    scene.advance(secs(10));
    assert!(say(&scene, 10, |_| ()).result().is_ok());
    assert_eq!(left(&scene, "a"), [0]);
    scene.advance(secs(10));
    assert_eq!(left(&scene, "a"), [100], "all of it, a whole window as the upstream counts it");
}

#[test]
fn a_cost_that_makes_no_sense_is_refused_with_what_is_allowed() {
    let scene = scene(&[tokens(100)], &[]);
    let refused = |dimension: &str, cost: u64| match scene
        .start_with(|request| request.cost(dimension, cost))
        .error()
    {
        RunError::Options(OptionsError::Cost(error)) => error.to_string(),
        other => panic!("{other:?}"),
    };
    assert!(
        refused("tokens", 0).starts_with("the run's cost of `tokens` is 0; allowed is 1 or more")
    );
    assert_eq!(
        refused("token", 1),
        "the run states a cost of `token`, of which no resource has a quota; there are quotas of: tokens"
    );
    assert_eq!(
        refused("tokens", 101),
        "the run's cost of `tokens` is 101; allowed is up to 100, which is the most that any resource's \
         quota holds"
    );
    assert_eq!(scene.pool.stats().attempts, 0);
    scene.pool.add(Resource::new("b", "b")).unwrap();
    let unlimited = scene.start_with(|request| request.cost("tokens", 101));
    assert_eq!(scene.upstream.pending(), ["b"]);
    drop(unlimited);
    scene.pool.remove("a").unwrap();
    let known = scene.start_with(|request| request.cost("tokens", 1).exclude("b")).error();
    assert!(known.is_exhausted(), "a dimension that was known stays known: {known:?}");
    assert!(matches!(
        scene.start_with(|request| request.cost("words", 1)).error(),
        RunError::Options(OptionsError::Cost(CostError::UnknownDimension { .. }))
    ));
}

#[test]
fn quotas_that_make_no_sense_are_turned_away_at_the_door() {
    let scene = Scene::of(&["b"]);
    for (quotas, told) in [
        (
            vec![tokens(1), tokens(2)],
            "the quotas of resource `a`: two are of `tokens`; allowed is one a dimension",
        ),
        (
            vec![Quota::per_minute(0)],
            "the quotas of resource `a`: that of `requests`: the rate is 0 tokens in a period; allowed is 0.000001 to \
             1000000000000",
        ),
        (
            vec![Quota::per(1, Duration::ZERO)],
            "the quotas of resource `a`: that of `requests`: the period of the rate is 0ns; allowed is 1 ns to a hundred years",
        ),
        (
            vec![Quota::per_minute(1).burst(0)],
            "the quotas of resource `a`: that of `requests`: the burst is 0 tokens; allowed is 1 to 1000000000000",
        ),
        (
            vec![Quota::per_minute(9).burst(2).sliding()],
            "the quotas of resource `a`: that of `requests` slides and has a burst of 2; allowed is one of both: what slides \
             never gives more than its amount",
        ),
        (
            vec![Quota::per_minute(0).sliding()],
            "the quotas of resource `a`: that of `requests`: the rate is 0 tokens in a period; allowed is 0.000001 to \
             1000000000000",
        ),
        (
            vec![Quota::per_minute(1).of("")],
            "the quotas of resource `a`: one is of a dimension without a name; allowed is one of one character or more",
        ),
    ] {
        let refused = scene.pool.add(with_quotas(&quotas)).unwrap_err();
        assert_eq!(refused.to_string(), told);
    }
    assert_eq!(scene.pool.snapshot().len(), 1);
}

#[test]
fn a_new_membership_has_all_its_quota() {
    let scene = scene(&[Quota::per_minute(1)], &[]);
    let drains = scene.start();
    assert_eq!(left(&scene, "a"), [0]);
    scene.pool.remove("a").unwrap();
    scene.pool.add(with_quotas(&[Quota::per_minute(1)])).unwrap();
    assert_eq!(left(&scene, "a"), [1]);
    scene.answer("a", fine());
    assert!(drains.result().is_ok());
    assert_eq!(left(&scene, "a"), [1]);
}

#[test]
fn of_a_cooldown_and_a_spent_quota_the_later_end_counts() {
    for (cooldown, back) in [(10, 60), (90, 90)] {
        let scene = scene(&[Quota::per_minute(1)], &[]);
        let run = scene.start_with(|request| request.max_attempts(1));
        scene.answer("a", Err(Fault::cooldown_for(secs(cooldown), "429")));
        let error = run.error();
        assert_eq!(error.retry_after(), Some(secs(back)));
        let waits = scene.start_with(|request| request.wait(true));
        scene.advance(secs(back - 1));
        assert_eq!(scene.upstream.pending(), [""; 0]);
        scene.advance(secs(1));
        scene.answer("a", fine());
        assert!(waits.result().is_ok());
    }
}

#[test]
fn a_disabled_resource_refills_and_enabling_it_serves_the_line() {
    let scene = scene(&[Quota::per_minute(1)], &[]);
    serve(&scene, "a");
    scene.pool.disable("a").unwrap();
    scene.advance(secs(60));
    assert!(scene.start_with(|request| request.wait(true)).error().is_exhausted());
    scene.pool.enable("a").unwrap();
    serve(&scene, "a");
}

#[test]
fn a_cap_and_a_quota_hold_both() {
    let a = with_quotas(&[Quota::per_minute(2)]).max_in_flight(1);
    let scene = Scene::with(&[], |builder| builder.resource(a));
    let runs: Vec<_> = (0..3).map(|_| scene.start_with(|request| request.wait(true))).collect();
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.answer("a", fine());
    assert_eq!(scene.upstream.pending(), ["a"], "the second is promised the place and the quota");
    scene.answer("a", fine());
    assert_eq!(scene.upstream.pending(), [""; 0], "the third waits for the quota");
    scene.advance(secs(30));
    scene.answer("a", fine());
    assert!(runs.iter().all(|run| run.result().is_ok()));
    scene.assert_at_rest();
}

#[test]
fn quotas_work_under_the_rules_of_the_python_package_too() {
    let a = with_quotas(&[Quota::per_minute(1)]);
    let scene = Scene::with(&[], |builder| builder.resource(a).python_rules());
    serve(&scene, "a");
    assert_eq!(scene.start().error().retry_after(), Some(secs(60)));
    let waits = scene.start_with(|request| request.wait(true));
    scene.advance(secs(60));
    scene.answer("a", fine());
    assert!(waits.result().is_ok());
}

#[test]
fn every_strategy_passes_over_what_is_spent() {
    for &strategy in Strategy::ALL {
        let a = with_quotas(&[Quota::per_minute(2), tokens(100)]);
        let b = Resource::new("b", "b").quota(tokens(1_000));
        let scene = Scene::with(&[], |builder| builder.resource(a).resource(b).strategy(strategy));
        let dear = scene.start_with(|request| request.cost("tokens", 101));
        assert_eq!(scene.upstream.pending(), ["b"], "{strategy:?}");
        scene.answer("b", fine());
        assert!(dear.result().is_ok());
        let runs: Vec<_> = (0..6).map(|_| scene.start()).collect();
        let on_a = scene.upstream.pending().iter().filter(|id| *id == "a").count();
        assert!(on_a <= 2, "{strategy:?}");
        drop(runs);
    }
}

/// By the recorded rules only a selection looks at the clock; an operator's word looks at the quotas too.
#[test]
fn an_operators_word_that_finds_the_quotas_back_has_the_pool_say_that_it_has_recovered() {
    let time = VirtualTime::new();
    let pool = Pool::builder()
        .resource(Resource::new("a", "a").quota(Quota::per(1, secs(10))))
        .python_rules()
        .runtime(time.clock())
        .build()
        .unwrap();
    for word in [Pool::<&str>::enable, Pool::reset] {
        drop(pool.request().try_acquire().unwrap());
        pool.disable("a").unwrap();
        let mut events = pool.events();
        let recoveries = |events: &mut Events| {
            let is_it = |event: &Event| matches!(event, Event::PoolRecovered { .. });
            std::iter::from_fn(|| events.try_next()).filter(is_it).count()
        };
        pool.enable("a").unwrap();
        assert_eq!(recoveries(&mut events), 0, "back, and spent");
        time.advance(secs(10));
        word(&pool, "a").unwrap();
        assert_eq!(recoveries(&mut events), 1);
    }
}
