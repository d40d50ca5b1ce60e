//! An operation that panics.

use std::panic::{AssertUnwindSafe, catch_unwind};

use futures::FutureExt as _;
use rotapool::{Fault, Lease, Status};

use crate::scene::Scene;
use crate::upstream::{Answer, Boom, fine};

fn panics(lease: &Lease<&'static str>) -> Answer {
    panic!("an operation that panics on {} (this message is expected)", lease.id())
}

#[test]
fn a_panic_reaches_the_caller_and_gives_the_place_back() {
    let scene = Scene::of(&["a"]);
    let pool = scene.pool.clone();
    let run = scene.enter(async move {
        let run = pool.run(|lease| async move { panics(&lease) });
        let panic = AssertUnwindSafe(run).catch_unwind().await.expect_err("it panicked");
        Ok::<_, rotapool::RunError<Boom>>(*panic.downcast::<String>().unwrap())
    });
    assert!(run.result().unwrap().contains("panics on a"));
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_error, stats.runs_cancelled, stats.successes), (1, 0, 0));
    assert_eq!(scene.status("a"), Status::Healthy);
    scene.assert_at_rest();
    let next = scene.start();
    scene.answer("a", fine());
    assert_eq!(next.result().unwrap(), "fine");
}

#[test]
fn a_panic_while_the_future_is_made_counts_alike() {
    let scene = Scene::of(&["a"]);
    let result = catch_unwind(AssertUnwindSafe(|| {
        futures::executor::block_on(scene.pool.run(|lease| -> std::future::Ready<Answer> {
            panic!("panics before there is a future, on {} (expected)", lease.id())
        }))
    }));
    assert!(result.is_err());
    let stats = scene.pool.stats();
    assert_eq!((stats.runs_error, stats.in_flight), (1, 0));
}

#[test]
fn a_panic_is_no_evidence_about_the_resource() {
    let scene = Scene::of(&["a"]);
    scene.start();
    scene.answer("a", Err(Fault::cooldown("429")));
    scene.advance(std::time::Duration::from_secs(30));
    let pool = scene.pool.clone();
    let run = scene.enter(async move {
        let run = pool.run(|lease| async move { panics(&lease) });
        let caught = AssertUnwindSafe(run).catch_unwind().await;
        Ok::<_, rotapool::RunError<Boom>>(caught.is_err())
    });
    assert!(run.result().unwrap());
    assert_eq!(scene.row("a").consecutive_cooldowns, 1, "the escalation stays where it was");
}
