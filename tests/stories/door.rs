//! Bad input is turned away at the door, by a typed error that says what would be right.

use std::time::Duration;

use rotapool::{BuildError, OptionsError, Pool, Resource, ResourceError, RunError};

use crate::scene::Scene;

fn refusal(builder: rotapool::Builder<&'static str>) -> BuildError {
    builder.build().expect_err("the door lets nothing bad in")
}

#[test]
fn a_pool_needs_a_resource() {
    let error = refusal(Pool::builder());
    assert_eq!(error, BuildError::NoResources);
    assert_eq!(error.to_string(), "the pool has no resources; give it at least one");
}

#[test]
fn ids_are_unique_and_not_empty() {
    let twice = [Resource::new("a", "1"), Resource::new("b", "2"), Resource::new("a", "3")];
    let error = refusal(Pool::builder().resources(twice));
    assert_eq!(error, BuildError::Resource(ResourceError::DuplicateResource { id: "a".into() }));
    assert!(error.to_string().starts_with("resource `a` is in the pool already"), "{error}");
    let error = refusal(Pool::builder().resource(Resource::new("", "1")));
    assert_eq!(error, BuildError::Resource(ResourceError::EmptyId));
}

#[test]
fn a_cap_of_zero_is_refused() {
    let error = refusal(Pool::builder().resource(Resource::new("a", "1").max_in_flight(0)));
    assert_eq!(error, BuildError::Resource(ResourceError::ZeroMaxInFlight { id: "a".into() }));
    assert!(error.to_string().contains("allowed is 1 or more"), "{error}");
}

#[test]
fn a_budget_of_zero_is_refused_by_the_builder_and_by_the_run() {
    let builder = Pool::builder().resource(Resource::new("a", "1"));
    assert_eq!(refusal(builder.max_attempts(0)), BuildError::ZeroMaxAttempts);
    let scene = Scene::of(&["a"]);
    let run = scene.start_with(|request| request.max_attempts(0));
    let error = run.error();
    assert_eq!(error, RunError::Options(OptionsError::ZeroMaxAttempts));
    assert!(error.to_string().contains("at least 1 attempt"), "{error}");
    let stats = scene.pool.stats();
    assert_eq!((stats.attempts, stats.runs_exhausted, stats.runs_cancelled), (0, 0, 0));
}

#[test]
fn an_empty_cooldown_table_is_refused() {
    let builder = Pool::builder().resource(Resource::new("a", "1"));
    let error = refusal(builder.cooldown_table(Vec::<Duration>::new()));
    assert_eq!(error, BuildError::EmptyCooldownTable);
}

#[test]
fn admin_calls_name_the_unknown_id_and_those_that_are_known() {
    let scene = Scene::of(&["a", "b"]);
    for error in [
        scene.pool.remove("zz").unwrap_err(),
        scene.pool.enable("zz").unwrap_err(),
        scene.pool.disable("zz").unwrap_err(),
    ] {
        assert_eq!(error.to_string(), "the pool has no resource `zz`; it has 2: a, b");
    }
}

#[test]
fn a_refused_add_leaves_the_pool_as_it_was() {
    let scene = Scene::of(&["a"]);
    let before = scene.pool.stats();
    scene.pool.add(Resource::new("a", "other")).unwrap_err();
    scene.pool.add(Resource::new("", "other")).unwrap_err();
    scene.pool.add(Resource::new("b", "other").max_in_flight(0)).unwrap_err();
    assert_eq!(scene.pool.stats(), before);
}
