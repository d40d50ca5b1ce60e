//! The pool explains whom it would pick, and of the others why not, and does nothing else.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use fastrand::Rng;
use rotapool::{
    Candidate, Event, ExhaustedReason, Fault, Outlook, Pool, PoolStats, Recovery, Request,
    Resource, ResourceSnapshot, Strategy, Trial,
};

use crate::field::takes_out;
use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

const IDS: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

fn resource(id: &'static str, random: &mut Rng) -> Resource<&'static str> {
    let resource = Resource::new(id, id)
        .weight([0.5, 1.0, 2.0, 5.0][random.usize(..4)])
        .priority(random.u32(..2));
    match random.u32(0..4) {
        0 => resource,
        limit => resource.max_in_flight(limit),
    }
}

/// All that can be seen of a pool, except by what it does next.
fn seen(pool: &Pool<&'static str>) -> (Vec<ResourceSnapshot>, PoolStats) {
    (pool.snapshot(), pool.stats())
}

/// What the pool says is next is what the next run gets, whatever has happened to the pool. Answers how
/// often a cooldown had ended that nobody had noticed when the pool was asked.
fn play(scene: &Scene, random: &mut Rng) -> usize {
    let (mut running, mut unnoticed) = (Vec::new(), 0);
    let mut events = scene.pool.events();
    for _ in 0..150 {
        match random.u32(..10) {
            0..4 => {
                let before = seen(&scene.pool);
                while events.try_next().is_some() {}
                let told = scene.pool.explain();
                assert_eq!(told, scene.pool.explain(), "asking twice gives one answer");
                assert_eq!(before, seen(&scene.pool), "asking changed the pool");
                assert_eq!(events.try_next(), None, "asking was told");
                let calls = scene.upstream.seen().len();
                running.push(scene.start());
                let got = scene.upstream.seen().get(calls).cloned();
                assert_eq!(told.next.as_deref(), got.as_deref(), "{told}");
                let noticed = std::iter::from_fn(|| events.try_next())
                    .filter(|event| matches!(event, Event::StateChanged { .. }));
                unnoticed += usize::from(noticed.count() > 0);
                for row in &told.resources {
                    let could = row.is_eligible();
                    assert!(could || told.next.as_ref() != Some(&row.id), "{told}");
                    assert!(!could || told.next.is_some(), "{told}");
                }
                assert_eq!(told.retry_at == Some(told.at), told.next.is_some(), "{told}");
            }
            4..7 => {
                let pending = scene.upstream.pending();
                if let Some(id) = random.choice(&pending) {
                    let answer = match random.u32(..8) {
                        0..2 => Err(Fault::cooldown_for(secs(random.u64(1..20)), "429")),
                        2 => Err(Fault::disable("revoked")),
                        3 => Err(Fault::retry("hiccup")),
                        4 => Err(Fault::Failure(Boom)),
                        _ => fine(),
                    };
                    scene.answer(id, answer);
                }
            }
            7 => scene.advance(secs(random.u64(..15))),
            8 if !running.is_empty() => {
                let run = running.swap_remove(random.usize(..running.len()));
                scene.drop_run(&run);
            }
            _ => {
                let id = IDS[random.usize(..IDS.len())];
                let _ = match random.u32(..6) {
                    0 => scene.pool.remove(id),
                    1 => scene.pool.disable(id),
                    2..4 => scene.pool.add(resource(id, random)),
                    _ => scene.pool.enable(id),
                };
            }
        }
    }
    unnoticed
}

fn a_recovery(random: &mut Rng) -> Recovery {
    let all = [Recovery::AtOnce, Recovery::Trial(Trial::default()), Recovery::Ramp];
    all[random.usize(..all.len())]
}

#[test]
fn what_it_names_is_what_the_next_run_gets_for_every_strategy_and_history() {
    for (number, &strategy) in Strategy::ALL.iter().enumerate() {
        let mut unnoticed = 0;
        for seed in 0..25 {
            let mut random = Rng::with_seed(1000 * number as u64 + seed);
            let recovery = a_recovery(&mut random);
            let scene = Scene::with(&[], |builder| {
                let resources = IDS.map(|id| resource(id, &mut random));
                builder.resources(resources).strategy(strategy).recovery(recovery).seed(seed)
            });
            unnoticed += play(&scene, &mut random);
        }
        assert!(unnoticed > 30, "{strategy:?} had {unnoticed} ended cooldowns to foresee");
    }
}

#[test]
fn a_choice_of_ones_own_is_asked() {
    let last = |candidates: &[Candidate]| candidates.len() - 1;
    for seed in 0..15 {
        let mut random = Rng::with_seed(seed);
        let recovery = a_recovery(&mut random);
        let scene = Scene::with(&[], |builder| {
            let resources = IDS.map(|id| resource(id, &mut random));
            builder.resources(resources).select(last).recovery(recovery)
        });
        play(&scene, &mut random);
    }
}

#[test]
fn a_choice_that_panics_is_contained_and_not_counted_and_the_strategys_is_named() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.select(|_: &[Candidate]| panic!("a choice that panics (this message is expected)"))
    });
    let told = scene.pool.explain();
    assert_eq!((told.next.as_deref(), told.strategy), (Some("a"), Some(Strategy::LeastInFlight)));
    assert_eq!(scene.pool.stats().choice_faults, 0);
    scene.start();
    assert_eq!(scene.upstream.seen(), ["a"]);
}

#[test]
fn a_choice_of_ones_own_may_call_the_pool_and_is_not_asked_about_nothing() {
    let asked = Arc::new(AtomicUsize::new(0));
    let pool: Arc<Mutex<Option<Pool<&'static str>>>> = Arc::default();
    let (count, handle) = (Arc::clone(&asked), Arc::clone(&pool));
    let scene = Scene::with(&["a"], |builder| {
        builder.select(move |_: &[Candidate]| {
            assert_eq!(handle.lock().unwrap().as_ref().unwrap().stats().eligible, 1);
            count.fetch_add(1, Ordering::SeqCst);
            0
        })
    });
    *pool.lock().unwrap() = Some(scene.pool.clone());
    let told = scene.pool.explain();
    assert_eq!((told.next.as_deref(), told.strategy), (Some("a"), None));
    scene.pool.disable("a").unwrap();
    assert_eq!(scene.pool.explain().next, None);
    assert_eq!(asked.load(Ordering::SeqCst), 1);
    pool.lock().unwrap().take();
}

#[test]
fn the_table_says_who_is_next_and_of_the_others_why_not() {
    let scene = Scene::with(&["a", "b", "c"], |builder| {
        builder.resource(Resource::new("d", "d").max_in_flight(1)).resource(Resource::new("e", "e"))
    });
    for _ in 0..5 {
        scene.start();
    }
    scene.advance(secs(1));
    scene.upstream.answer("a", Err(Fault::cooldown("429 from upstream")));
    scene.settle();
    scene.pool.disable("b").unwrap();
    scene.advance(secs(2));
    assert_eq!(
        scene.pool.explain().to_string(),
        "next is c, by LeastInFlight; 5 resources: 1 cooling down, 1 disabled, 1 saturated, 2 eligible
  a: cooling down, back in 28.0s: 429 from upstream (2.0s ago, guessed, cooldown 1)
  b: disabled 2.0s ago: by an admin call
> c: eligible: 1 in flight
  d: saturated: 1 in flight of 1
  e: eligible: 1 in flight"
    );
    for id in ["c", "d", "e"] {
        scene.pool.disable(id).unwrap();
    }
    let table = scene.pool.explain().to_string();
    let headline =
        "nothing to pick, first back in 28.0s; 5 resources: 1 cooling down, 4 disabled\n";
    assert!(table.starts_with(headline), "{table}");
    scene.pool.remove("a").unwrap();
    assert!(
        scene.pool.explain().to_string().starts_with("nothing to pick; 4 resources: 4 disabled")
    );
}

#[test]
fn an_exhausted_run_carries_the_same_explanation() {
    let scene = Scene::of(&["a", "b"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.answer("b", Err(Fault::disable("revoked")));
    let error = scene.start().error();
    let exhausted = error.exhausted().unwrap();
    let told = scene.pool.explain();
    assert_eq!(exhausted.explanation, told);
    let (error_table, table) = (exhausted.table().to_string(), told.to_string());
    let rows = |table: &str| table.lines().skip(1).map(str::to_owned).collect::<Vec<_>>();
    assert_eq!((rows(&error_table).len(), rows(&error_table)), (2, rows(&table)));
    assert_eq!(error.retry_after(), Some(secs(30)));
    assert_eq!(told.retry_after(), Some(secs(30)));
}

#[test]
fn a_resource_that_comes_back_on_trial_counts_with_the_room_that_it_will_have() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.recovery(Recovery::Trial(Trial::default())).cancel_siblings(false)
    });
    let only = |id: &'static str| {
        let other = if id == "a" { "b" } else { "a" };
        scene.start_with(|request| request.exclude(other))
    };
    let _old_ones_on_a = [only("a"), only("a")];
    only("b");
    scene.answer("b", Err(Fault::cooldown_for(secs(40), "429")));
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.advance(secs(30));
    assert_eq!(scene.pool.explain().next.as_deref(), Some("a"), "the old one holds no place of it");
    let _on_trial = only("a");
    assert_eq!(
        scene.pool.explain().to_string(),
        "nothing to pick; 2 resources: 1 cooling down, 1 saturated
  a: saturated: 2 in flight of 2 (on trial after a cooldown)
  b: cooling down, back in 10.0s: 429 (30.0s ago, as stated)"
    );
    assert!(scene.start().error().is_exhausted());
}

/// What `explain` says of a run with these options, and whether it does so.
fn foretold(
    scene: &Scene,
    options: impl Fn(Request<&'static str>) -> Request<&'static str>,
) -> Outlook {
    let told = options(scene.pool.request()).explain();
    let in_line = scene.pool.stats().waiting;
    let run = scene.start_with(&options);
    match told.outlook {
        Outlook::Served => {
            let next = told.next.clone().expect("who serves it");
            assert_eq!(scene.upstream.pending().last().map(String::as_str), Some(&*next));
            assert!(told.to_string().starts_with(&format!("next is {next}, by ")), "{told}");
        }
        Outlook::InLine { before } => {
            assert_eq!((before, scene.pool.stats().waiting), (in_line, in_line + 1));
            assert!(told.to_string().starts_with("nothing to pick yet: "), "{told}");
        }
        Outlook::Refused(reason) => {
            assert_eq!(run.error().exhausted().expect("it was refused").reason, reason);
        }
        other => panic!("{other:?}"),
    }
    scene.drop_run(&run);
    told.outlook
}

#[test]
fn it_says_what_becomes_of_a_run_with_options_that_finds_nothing() {
    let scene = Scene::with(&["cools"], |builder| {
        builder.resource(Resource::new("busy", "").max_in_flight(1)).max_waiting(3)
    });
    takes_out(&scene, "cools", 30);
    assert_eq!(foretold(&scene, |request| request), Outlook::Served);
    let holder = scene.start();
    let (first, nothing) = (Outlook::InLine { before: 0 }, ExhaustedReason::NoEligibleResource);
    assert_eq!(foretold(&scene, |request| request), Outlook::Refused(nothing));
    assert_eq!(foretold(&scene, |request| request.wait(true)), first);
    assert_eq!(foretold(&scene, |request| request.timeout(secs(1))), first);
    assert_eq!(
        foretold(&scene, |request| request.timeout(secs(1)).wait(false)),
        Outlook::Refused(nothing)
    );
    let deadline = scene.pool.now();
    let late = foretold(&scene, |request| request.deadline(deadline));
    assert_eq!(late, Outlook::Refused(ExhaustedReason::Deadline { deadline }));
    let on_time = |request: Request<_>| request.exclude("busy").timeout(secs(31));
    assert_eq!(foretold(&scene, on_time), first);
    let too_late = |request: Request<_>| request.exclude("busy").timeout(secs(30));
    let refused = foretold(&scene, too_late);
    assert!(
        matches!(refused, Outlook::Refused(ExhaustedReason::CooldownOutlastsDeadline { .. })),
        "{refused:?}"
    );
    let nobody = |request: Request<_>| request.wait(true).only(|_| false);
    let refused = Outlook::Refused(ExhaustedReason::NoResourceAdmitted);
    assert_eq!(foretold(&scene, nobody), refused);
    let _line: Vec<_> = (0..3)
        .map(|before| {
            assert_eq!(
                foretold(&scene, |request| request.wait(true)),
                Outlook::InLine { before },
                "behind all who came before"
            );
            scene.start_with(|request| request.wait(true))
        })
        .collect();
    let full = ExhaustedReason::LineFull { in_line: 3, max_waiting: 3 };
    assert_eq!(foretold(&scene, |request| request.wait(true)), Outlook::Refused(full));
    let told = scene.pool.request().wait(true).explain().to_string();
    let headline = "refused: the line is full: 3 runs are in it, and 3 may be; 2 resources: \
                    1 cooling down, 1 saturated; 3 runs in line\n";
    assert!(told.starts_with(headline), "{told}");
    drop(holder);
}

#[test]
fn a_run_that_waits_for_the_pace_of_a_ramp_is_said_to_be_in_line_and_one_that_does_not_is_served() {
    let scene = Scene::with(&["a"], |builder| builder.recovery(Recovery::Ramp));
    takes_out(&scene, "a", 30);
    scene.advance(secs(30));
    let _one = scene.start();
    assert_eq!(foretold(&scene, |request| request), Outlook::Served);
    assert_eq!(foretold(&scene, |request| request.timeout(secs(9))), Outlook::InLine { before: 0 });
}

#[test]
fn what_ends_while_nobody_looks_is_for_those_in_line_and_no_newcomer_is_promised_it() {
    let scene = Scene::with(&[], |builder| {
        let one = |id: &'static str| Resource::new(id, id).max_in_flight(1);
        builder.resource(one("a")).resource(one("b")).recovery(Recovery::AtOnce)
    });
    takes_out(&scene, "a", 30);
    takes_out(&scene, "b", 30);
    let first = scene.start_with(|request| request.wait(true).exclude("b"));
    // Nobody has had a turn since.
    scene.clock.advance(secs(30));
    let told = scene.pool.request().wait(true).explain();
    assert_eq!(told.next.as_deref(), Some("b"), "\"a\" is for who is in line: {told}");
    let told = scene.pool.request().exclude("b").explain();
    assert_eq!(
        (told.next, told.outlook),
        (None, Outlook::Refused(ExhaustedReason::NoEligibleResource))
    );
    let told = scene.pool.request().exclude("b").wait(true).explain();
    assert_eq!(told.outlook, Outlook::InLine { before: 1 });
    // And so it is.
    let second = scene.start_with(|request| request.wait(false).exclude("b"));
    assert!(second.error().is_exhausted());
    scene.answer("a", fine());
    assert_eq!(first.result().unwrap(), "fine");
}

#[test]
fn what_those_in_line_pay_of_a_groups_quota_is_not_promised_to_a_newcomer() {
    let scene = Scene::with(&[], |builder| {
        let one = |id: &'static str| Resource::new(id, id).group("org");
        builder
            .group(rotapool::Group::new("org").quota(rotapool::Quota::per(1, secs(30))))
            .resource(one("a"))
            .resource(one("b"))
    });
    let _pays = scene.start();
    let _first = scene.start_with(|request| request.wait(true).exclude("b"));
    scene.clock.advance(secs(30));
    assert_eq!(scene.pool.explain().next, None, "the one call that is back is the first's");
    scene.settle();
    assert_eq!(scene.upstream.seen().len(), 2);
    assert_eq!(scene.pool.explain().next, None);
}
