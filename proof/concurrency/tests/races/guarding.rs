//! The pool's own breaker, quotas, groups and budget: against successes, promises, those who leave, and each other.

use std::time::Duration;

use loom::future::block_on;
use loom::thread;
use rotapool::{
    Builder, Event, Events, ExhaustedReason, Fault, Group, Lease, Pool, Quota, Resource,
    RetryBudget, RunError, Status, Trip,
};

use crate::clock::Leaping;
use crate::history;
use crate::scene::{
    Call, begin, begin_with, explore, fine, fine_later, in_line, one_poll, pool_with, served,
    stumbles_on_a,
};

const HOUR: Duration = Duration::from_secs(3600);

fn so_many(requests: u64) -> Quota {
    Quota::per(requests, HOUR)
}

/// A pool of these, in pool order.
fn of<const N: usize>(
    resources: [Resource<()>; N],
    set: impl FnOnce(Builder<()>) -> Builder<()>,
) -> (Pool<()>, Events) {
    let pool = pool_with(&[], |builder| set(builder.resources(resources)));
    let events = pool.events();
    (pool, events)
}

fn plain(id: &str) -> Resource<()> {
    Resource::new(id, ())
}

fn left(pool: &Pool<()>, row: usize) -> i64 {
    pool.snapshot()[row].quotas[0].left
}

/// That the history adds up, and nothing is promised any more.
#[track_caller]
fn check(pool: &Pool<()>, events: &mut Events) {
    history::check(pool, events);
    assert!(pool.snapshot().iter().all(|row| row.promised == 0));
}

/// Says that nothing was taken, later.
fn takes_nothing(lease: Lease<()>) -> Call {
    Box::pin(async move {
        one_poll().await;
        lease.unspent();
        fine(lease).await
    })
}

/// Says that three were taken, later.
fn takes_three(lease: Lease<()>) -> Call {
    Box::pin(async move {
        one_poll().await;
        lease.spent("requests", 3);
        fine(lease).await
    })
}

/// Fails at its first attempt, later, wherever that is.
fn stumbles_at_first(lease: Lease<()>) -> Call {
    match lease.attempt() {
        1 => Box::pin(async {
            one_poll().await;
            Err(Fault::retry("503"))
        }),
        _ => fine_later(lease),
    }
}

#[test]
fn the_last_of_a_quota_goes_to_one_of_two_and_the_other_goes_elsewhere() {
    explore(|| {
        let (pool, mut events) = of([plain("a").quota(so_many(1)), plain("b")], |it| it);
        let other = {
            let pool = pool.clone();
            thread::spawn(move || block_on(pool.run(fine)).unwrap())
        };
        let mine = block_on(pool.run(fine)).unwrap();
        let mut both = [mine.id, other.join().unwrap().id];
        both.sort_unstable();
        assert_eq!(both, ["a", "b"]);
        assert_eq!(left(&pool, 0), 0);
        check(&pool, &mut events);
    });
}

#[test]
fn what_a_group_shares_is_taken_once_by_whichever_of_them() {
    explore(|| {
        let members = [plain("a").group("org"), plain("b").group("org"), plain("c")];
        let (pool, mut events) = of(members, |it| it.group(Group::new("org").quota(so_many(1))));
        let other = {
            let pool = pool.clone();
            // `b` first, if it can be had.
            thread::spawn(move || block_on(pool.request().exclude("a").run(fine)).unwrap())
        };
        let mine = block_on(pool.run(fine)).unwrap();
        let ids = [mine.id, other.join().unwrap().id];
        assert_eq!(ids.iter().filter(|id| *id == "c").count(), 1, "{ids:?}");
        assert_eq!([left(&pool, 0), left(&pool, 1)], [0, 0]);
        check(&pool, &mut events);
    });
}

#[test]
fn what_was_not_taken_is_handed_on_by_who_gives_up_as_it_comes() {
    explore(|| {
        let (pool, mut events) = of([plain("a").quota(so_many(1))], |it| it);
        let holder = begin(&pool, takes_nothing);
        let (gives_up, next) = (in_line(&pool), in_line(&pool));
        let gives_back = thread::spawn(move || block_on(holder).unwrap());
        let leaves = thread::spawn(move || drop(gives_up));
        assert_eq!(block_on(next).unwrap(), served("a", 1));
        gives_back.join().unwrap();
        leaves.join().unwrap();
        assert_eq!(left(&pool, 0), 0, "one was given back, and one taken");
        check(&pool, &mut events);
    });
}

#[test]
fn what_was_taken_beyond_the_estimate_is_a_debt_whoever_was_promised_the_place() {
    explore(|| {
        let key = plain("a").quota(so_many(3)).max_in_flight(2);
        let (pool, mut events) = of([key], |it| it.runtime(Leaping::new()));
        let takes = begin(&pool, takes_three);
        let ends = begin(&pool, fine_later);
        // Two places are taken and one request is left: the place that comes free first is for this one.
        let waits = in_line(&pool);
        let others = [takes, ends].map(|run| thread::spawn(move || block_on(run).unwrap()));
        // If it is not served before there is nothing left, it is once the debt has grown back.
        assert_eq!(block_on(waits).unwrap(), served("a", 1));
        for other in others {
            other.join().unwrap();
        }
        check(&pool, &mut events);
    });
}

#[test]
fn a_word_of_the_group_finds_the_attempt_on_another_of_it_at_any_moment() {
    fn cools_the_group(lease: Lease<()>) -> Call {
        match lease.id() {
            "a" => Box::pin(async {
                one_poll().await;
                Err(Fault::cooldown("429").of_group())
            }),
            _ => fine_later(lease),
        }
    }
    fn hangs_on_b(lease: Lease<()>) -> Call {
        match lease.id() {
            "b" => Box::pin(std::future::pending()),
            _ => fine_later(lease),
        }
    }
    explore(|| {
        let members = [plain("a").group("org"), plain("b").group("org"), plain("c")];
        let (pool, _) = of(members, |it| it.group(Group::new("org")));
        let older = begin(&pool, cools_the_group);
        let younger = begin_with(pool.request().exclude("a"), hangs_on_b);
        let signals = thread::spawn(move || block_on(older).unwrap());
        assert_eq!(block_on(younger).unwrap(), served("c", 2));
        assert_eq!(signals.join().unwrap(), served("c", 2));
        let statuses: Vec<Status> = pool.snapshot().iter().map(|row| row.status).collect();
        assert_eq!(statuses, [Status::CoolingDown, Status::CoolingDown, Status::Healthy]);
        assert_eq!((pool.stats().sibling_cancels, pool.stats().in_flight), (1, 0));
    });
}

#[test]
fn a_trip_stands_whatever_an_older_attempt_comes_to_at_the_same_time() {
    explore(|| {
        let (pool, mut events) = of([plain("a"), plain("b")], |it| {
            it.circuit_breaker(Trip::after_failures(1)).keep_available(0)
        });
        let (fails, succeeds) = (begin(&pool, stumbles_on_a), begin(&pool, fine_later));
        let trips = thread::spawn(move || block_on(fails).unwrap());
        assert_eq!(block_on(succeeds).unwrap(), served("a", 1));
        assert_eq!(trips.join().unwrap(), served("b", 2));
        assert_eq!(pool.snapshot()[0].status, Status::CoolingDown);
        assert_eq!(pool.stats().circuit_trips, 1);
        check(&pool, &mut events);
    });
}

#[test]
fn two_failures_of_one_outage_are_one_trip() {
    explore(|| {
        let (pool, mut events) = of([plain("a"), plain("b")], |it| {
            it.circuit_breaker(Trip::after_failures(1).open_table([HOUR, 2 * HOUR]))
        });
        let runs = [begin(&pool, stumbles_on_a), begin(&pool, stumbles_on_a)];
        let [one, other] = runs.map(|run| thread::spawn(move || block_on(run).unwrap()));
        assert_eq!(one.join().unwrap(), served("b", 2));
        assert_eq!(other.join().unwrap(), served("b", 2));
        let stats = pool.stats();
        assert_eq!((stats.circuit_trips, stats.resources[0].cooldown_remaining), (1, HOUR));
        check(&pool, &mut events);
    });
}

#[test]
fn of_two_that_fail_at_once_the_last_healthy_one_is_kept() {
    explore(|| {
        let (pool, mut events) =
            of([plain("a"), plain("b")], |it| it.circuit_breaker(Trip::after_failures(1)));
        let on_a = begin(&pool, stumbles_at_first);
        let on_b = begin_with(pool.request().exclude("a"), stumbles_at_first);
        let other = thread::spawn(move || block_on(on_a).unwrap());
        let _ = block_on(on_b);
        other.join().unwrap();
        let stats = pool.stats();
        assert_eq!((stats.circuit_trips, stats.healthy), (1, 1));
        check(&pool, &mut events);
    });
}

#[test]
fn the_last_retry_of_the_budget_is_made_by_one_of_two() {
    explore(|| {
        let budget = RetryBudget::percent(50).min_per_second(0);
        let (pool, mut events) = of([plain("a"), plain("b")], |it| it.retry_budget(budget));
        let runs = [begin(&pool, stumbles_on_a), begin(&pool, stumbles_on_a)];
        let [one, other] = runs.map(|run| thread::spawn(move || block_on(run)));
        let ended = [one.join().unwrap(), other.join().unwrap()];
        let is_refused = |ended: &&Result<_, RunError<_>>| match ended {
            Err(RunError::Exhausted(why)) => matches!(why.reason, ExhaustedReason::RetryBudget(_)),
            _ => false,
        };
        assert_eq!(ended.iter().filter(is_refused).count(), 1, "{ended:?}");
        assert!(ended.contains(&Ok(served("b", 2))), "{ended:?}");
        check(&pool, &mut events);
    });
}

#[test]
fn who_takes_up_what_was_promised_races_the_word_that_it_is_all_gone() {
    fn hears_that_nothing_is_left(lease: Lease<()>) -> Call {
        Box::pin(async move {
            one_poll().await;
            lease.correct("requests", 0, Duration::from_secs(60));
            fine(lease).await
        })
    }
    explore(|| {
        let key = plain("a").quota(so_many(3)).max_in_flight(2);
        let (pool, mut events) = of([key], |it| it.runtime(Leaping::new()));
        let (hears, ends) = (begin(&pool, hears_that_nothing_is_left), begin(&pool, fine_later));
        let waits = in_line(&pool);
        let others = [hears, ends].map(|run| thread::spawn(move || block_on(run).unwrap()));
        assert_eq!(block_on(waits).unwrap(), served("a", 1));
        for other in others {
            other.join().unwrap();
        }
        let told = std::iter::from_fn(|| events.try_next());
        let begun = told.filter(|event| matches!(event, Event::AttemptStarted { .. })).count();
        assert_eq!((begun, pool.snapshot()[0].promised), (3, 0));
    });
}
