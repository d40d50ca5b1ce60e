//! State changes are reported after the lock was released, numbered, whatever the hook does.

use std::sync::{Arc, Mutex, OnceLock};

use rotapool::{Fault, Pool, StateChange};

use crate::scene::{Scene, secs, words};
use crate::upstream::fine;

fn listening(ids: &[&'static str]) -> (Scene, Arc<Mutex<Vec<StateChange>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let scene = Scene::with(ids, |builder| {
        builder.on_state_change(move |change| sink.lock().unwrap().push(change.clone()))
    });
    (scene, heard)
}

#[test]
fn every_change_is_reported_once_and_in_order() {
    let (scene, heard) = listening(&["a", "b"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.answer("b", fine());
    scene.pool.disable("b").unwrap();
    scene.pool.disable("b").unwrap();
    scene.pool.enable("b").unwrap();
    scene.pool.enable("b").unwrap();
    scene.advance(secs(30));
    assert_eq!(heard.lock().unwrap().len(), 3, "an expiry is reported by the next selection");
    scene.start();
    let heard = heard.lock().unwrap();
    assert_eq!(
        heard.iter().map(words).collect::<Vec<_>>(),
        [
            "a: healthy > cooling_down",
            "b: healthy > disabled",
            "b: disabled > healthy",
            "a: cooling_down > healthy",
        ]
    );
    let numbers: Vec<u64> = heard.iter().map(|change| change.sequence).collect();
    assert_eq!(numbers, [1, 2, 3, 4]);
}

#[test]
fn several_expiries_are_reported_in_pool_order() {
    let (scene, heard) = listening(&["a", "b", "c"]);
    let _three = [scene.start(), scene.start(), scene.start()];
    // Answered all at once, so that nobody finds a resource to go on with.
    for (id, seconds) in [("c", 10), ("a", 20), ("b", 15)] {
        scene.upstream.answer(id, Err(Fault::cooldown_for(secs(seconds), "429")));
    }
    scene.settle();
    scene.advance(secs(30));
    heard.lock().unwrap().clear();
    scene.start();
    assert_eq!(
        heard.lock().unwrap().iter().map(words).collect::<Vec<_>>(),
        ["a", "b", "c"].map(|id| format!("{id}: cooling_down > healthy"))
    );
}

#[test]
fn a_change_says_why_and_until_when() {
    let (scene, heard) = listening(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429 from upstream")));
    scene.pool.disable("a").unwrap();
    scene.pool.enable("a").unwrap();
    let heard = heard.lock().unwrap();
    let told: Vec<_> = heard
        .iter()
        .map(|change| (change.until.is_some(), change.cause.as_ref().map(ToString::to_string)))
        .collect();
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(
        told,
        [(true, text("429 from upstream")), (false, text("by an admin call")), (false, None)]
    );
}

#[test]
fn a_cooldown_extended_is_reported_although_the_status_stays() {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&heard);
    let scene = Scene::with(&["a"], |builder| {
        builder
            .cancel_siblings(false)
            .on_state_change(move |change| sink.lock().unwrap().push(words(change)))
    });
    let _two = (scene.start(), scene.start());
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.answer("a", Err(Fault::cooldown_for(std::time::Duration::from_secs(60), "429")));
    assert_eq!(
        *heard.lock().unwrap(),
        ["a: healthy > cooling_down", "a: cooling_down > cooling_down"]
    );
}

#[test]
fn removing_and_adding_is_no_change_of_status() {
    let (scene, heard) = listening(&["a", "b"]);
    scene.pool.remove("a").unwrap();
    scene.pool.add(rotapool::Resource::new("a", "a")).unwrap();
    assert!(heard.lock().unwrap().is_empty());
}

#[test]
fn a_hook_may_call_the_pool() {
    static POOL: OnceLock<Pool<&'static str>> = OnceLock::new();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let sink = Arc::clone(&seen);
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.on_state_change(move |change| {
            let pool = POOL.get().expect("set before the first change");
            sink.lock().unwrap().push((change.new, pool.stats().disabled));
            if &*change.id == "a" {
                pool.disable("b").unwrap();
            }
        })
    });
    POOL.set(scene.pool.clone()).unwrap();
    scene.pool.disable("a").unwrap();
    assert_eq!(seen.lock().unwrap().len(), 2);
    assert_eq!(scene.pool.stats().disabled, 2);
}

#[test]
fn a_panicking_hook_harms_neither_the_pool_nor_the_run() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.on_state_change(|_| panic!("a hook that panics (this message is expected)"))
    });
    let run = scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.answer("b", fine());
    assert_eq!(run.result().unwrap(), "fine");
    assert_eq!(scene.pool.stats().cooling_down, 1);
    scene.assert_at_rest();
}

/// What a hook panics with, which panics again when it is dropped.
struct Spiteful;

impl Drop for Spiteful {
    fn drop(&mut self) {
        std::panic::resume_unwind(Box::new("dropped"));
    }
}

#[test]
fn nor_does_what_it_panicked_with() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.on_state_change(|_| std::panic::resume_unwind(Box::new(Spiteful)))
    });
    scene.pool.disable("a").unwrap();
    scene.pool.disable("b").unwrap();
    assert_eq!(scene.pool.stats().disabled, 2);
}
