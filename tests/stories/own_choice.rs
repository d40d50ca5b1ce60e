//! A choice by code of the user's own.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use rotapool::{Candidate, Fault, Pool, Resource, Select, Strategy};

use crate::picks::{pick, pick_with, run};
use crate::scene::{Scene, secs};
use crate::upstream::fine;

type Lists = Arc<Mutex<Vec<Vec<Candidate>>>>;

/// A pool that chooses by `select`, and the lists that it was shown.
fn choosing(
    ids: &[&'static str],
    select: impl Fn(&[Candidate]) -> usize + Send + Sync + 'static,
) -> (Scene, Lists) {
    let lists = Lists::default();
    let shown = Arc::clone(&lists);
    let scene = Scene::with(ids, |builder| {
        builder.select(move |candidates: &[Candidate]| {
            shown.lock().unwrap().push(candidates.to_vec());
            select(candidates)
        })
    });
    (scene, lists)
}

fn ids(candidates: &[Candidate]) -> Vec<&str> {
    candidates.iter().map(|candidate| &*candidate.id).collect()
}

#[test]
fn the_choice_is_used() {
    let (scene, _) = choosing(&["a", "b", "c"], |candidates| candidates.len() - 1);
    assert_eq!([pick(&scene), pick(&scene)], ["c", "c"]);
    scene.pool.disable("c").unwrap();
    assert_eq!(pick(&scene), "b");
    assert_eq!(scene.pool.stats().choice_faults, 0);
}

#[test]
fn an_explanation_tells_what_it_would_choose() {
    let (scene, _) = choosing(&["a", "b"], |_| 1);
    let text = scene.pool.explain().to_string();
    assert!(
        text.starts_with("next is b, by a choice of your own; 2 resources: 2 eligible"),
        "{text}"
    );
}

#[test]
fn a_type_of_ones_own_can_choose() {
    struct Next(AtomicUsize);
    impl Select for Next {
        fn select(&self, candidates: &[Candidate]) -> usize {
            self.0.fetch_add(2, Ordering::Relaxed) % candidates.len()
        }
    }
    let scene = Scene::with(&["a", "b", "c"], |builder| builder.select(Next(AtomicUsize::new(1))));
    assert_eq!([pick(&scene), pick(&scene), pick(&scene)], ["b", "a", "c"]);
}

#[test]
fn it_sees_the_eligible_in_pool_order_as_plain_data() {
    let (scene, lists) = choosing(&["off"], |_| 0);
    scene.pool.disable("off").unwrap();
    let rich = Resource::new("rich", "v").weight(2.5).priority(3).metadata("region", "eu");
    scene.pool.add(rich.max_in_flight(2)).unwrap();
    scene.pool.add(Resource::new("full", "v").max_in_flight(1)).unwrap();
    scene.pool.add(Resource::new("plain", "v")).unwrap();
    scene.start_with(|request| request.exclude("rich").exclude("plain"));
    let begun = scene.pool.now();
    scene.start();
    scene.advance(secs(2));
    scene.start();
    let lists = lists.lock().unwrap();
    let last = lists.last().unwrap();
    assert_eq!(ids(last), ["rich", "plain"], "not the one that is off nor the one that is full");
    let (rich, plain) = (&last[0], &last[1]);
    assert_eq!((rich.in_flight, rich.limit, rich.weight, rich.priority), (1, Some(2), 2.5, 3));
    assert_eq!((rich.metadata.get("region"), rich.last_acquired), (Some("eu"), Some(begun)));
    assert_eq!((plain.in_flight, plain.limit, plain.weight, plain.priority), (0, None, 1.0, 0));
    assert_eq!((plain.metadata.get("region"), plain.last_acquired), (None, None));
    assert!(!rich.tried && !plain.tried);
}

#[test]
fn it_sees_how_each_has_been_doing() {
    let (scene, lists) = choosing(&["a", "b"], |_| 0);
    let _ = run(&scene, |_| {
        scene.clock.advance(Duration::from_millis(250));
        fine()
    });
    pick(&scene);
    let lists = lists.lock().unwrap();
    let seen = lists[1].iter().map(|each| (each.health.successes, each.health.latency));
    assert_eq!(seen.collect::<Vec<_>>(), [(1, Some(Duration::from_millis(250))), (0, None)]);
}

#[test]
fn it_sees_what_its_run_has_tried_only_when_nothing_else_is_eligible() {
    let (scene, lists) = choosing(&["a", "b"], |_| 0);
    let run = scene.start();
    for on in ["a", "b"] {
        scene.answer(on, Err(Fault::retry("503")));
    }
    assert_eq!(scene.upstream.pending(), ["a"]);
    scene.answer("a", fine());
    assert_eq!(run.result().unwrap(), "fine");
    let lists = lists.lock().unwrap();
    let seen = lists.iter().map(|list| (ids(list), list.iter().all(|each| each.tried)));
    let expected = [(vec!["a", "b"], false), (vec!["b"], false), (vec!["a", "b"], true)];
    assert_eq!(seen.collect::<Vec<_>>(), expected);
}

#[test]
fn a_choice_that_panics_or_is_no_place_in_the_list_falls_to_the_strategy_and_is_counted() {
    let faults: [fn(&[Candidate]) -> usize; 3] =
        [|_| panic!("a choice that panics (this message is expected)"), <[_]>::len, |_| usize::MAX];
    for fault in faults {
        let (scene, _) = choosing(&["a", "b"], fault);
        assert_eq!([pick(&scene), pick(&scene), pick(&scene)], ["a", "b", "a"]);
        let stats = scene.pool.stats();
        assert_eq!((stats.choice_faults, stats.runs_ok, stats.in_flight), (3, 3, 0));
    }
}

#[test]
fn the_strategy_that_steps_in_is_the_one_the_pool_was_given() {
    let scene = Scene::with(&["a"], |builder| {
        builder
            .resource(Resource::new("b", "b").weight(3.0))
            .strategy(Strategy::Weighted)
            .select(|candidates: &[Candidate]| candidates.len())
    });
    let served: String = (0..8).map(|_| pick(&scene)).collect();
    assert_eq!(served.matches('b').count(), 6, "{served}");
}

#[test]
fn it_may_call_the_pool_and_when_its_choice_is_gone_the_strategy_steps_in() {
    static POOL: OnceLock<Pool<&'static str>> = OnceLock::new();
    let (scene, _) = choosing(&["a", "b", "c", "d"], |candidates| {
        let pool = POOL.get().expect("set before the first run");
        match pool.stats().attempts {
            0 => pool.disable("b").unwrap(),
            1 => pool.remove("d").unwrap(),
            2 => pool.disable("c").unwrap(),
            _ => pool.disable("a").unwrap(),
        }
        candidates.len() - 1
    });
    POOL.set(scene.pool.clone()).unwrap();
    scene.start();
    assert_eq!(scene.upstream.pending(), ["d"], "the choice stands: another one went");
    scene.start();
    assert_eq!(scene.upstream.pending(), ["d", "a"], "its choice left while it was choosing");
    scene.answer("a", fine());
    scene.start();
    assert_eq!(scene.upstream.pending(), ["d", "a"], "its choice was disabled");
    let error = scene.start().error();
    assert_eq!(error.exhausted().unwrap().attempts, 0, "and now all are");
    assert_eq!(scene.pool.stats().choice_faults, 0, "nobody's fault");
}

#[test]
fn an_id_that_was_replaced_while_it_chose_is_not_its_choice_any_more() {
    static POOL: OnceLock<Pool<&'static str>> = OnceLock::new();
    let (scene, _) = choosing(&["a", "b"], |_| {
        let pool = POOL.get().expect("set before the first run");
        pool.remove("b").unwrap();
        pool.add(Resource::new("b", "another")).unwrap();
        1
    });
    POOL.set(scene.pool.clone()).unwrap();
    assert_eq!(pick(&scene), "a", "by the strategy");
}

#[test]
fn it_is_asked_only_when_there_is_something_to_choose() {
    let (scene, lists) = choosing(&["a"], |_| 0);
    let _ = run(&scene, |_| Err(Fault::cooldown("429")));
    assert!(run(&scene, |_| fine()).is_err());
    assert_eq!(lists.lock().unwrap().len(), 1);
    let waiting = scene.start_with(|request| request.wait(true));
    scene.advance(secs(30));
    scene.answer("a", fine());
    assert_eq!(waiting.result().unwrap(), "fine");
    assert_eq!(lists.lock().unwrap().len(), 1, "what is handed over in line is no choice");
}

#[test]
fn it_chooses_among_what_the_run_admits() {
    let (scene, lists) = choosing(&["a", "b", "c"], |_| 0);
    scene.pool.add(Resource::new("d", "d").metadata("region", "eu")).unwrap();
    assert_eq!(pick_with(&scene, |request| request.exclude("a")), "b");
    let european = |data: &rotapool::Metadata| data.get("region") == Some("eu");
    assert_eq!(pick_with(&scene, |request| request.only(european)), "d");
    let lists = lists.lock().unwrap();
    assert_eq!([ids(&lists[0]), ids(&lists[1])], [vec!["b", "c", "d"], vec!["d"]]);
}

#[test]
fn one_choice_serves_one_attempt() {
    let (scene, lists) = choosing(&["a", "b", "c"], |candidates| {
        candidates.iter().position(|each| !each.tried).unwrap_or(0)
    });
    let error = run(&scene, |_| Err(Fault::retry("503"))).unwrap_err();
    assert_eq!(error.exhausted().unwrap().attempts, 3);
    assert_eq!(lists.lock().unwrap().len(), 3);
    assert_eq!(scene.pool.stats().attempts, 3);
}
