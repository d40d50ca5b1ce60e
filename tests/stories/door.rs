//! Bad input is turned away at the door, by a typed error that says what would be right.

use std::time::Duration;

use rotapool::{BuildError, HealthRules, OptionsError, Pool, Resource, ResourceError, RunError};

use crate::scene::Scene;

fn refusal(builder: rotapool::Builder<&'static str>) -> BuildError {
    builder.build().expect_err("the door lets nothing bad in")
}

#[test]
fn a_pool_needs_a_resource() {
    let error = refusal(Pool::builder());
    assert_eq!(error, BuildError::NoResources);
    assert_eq!(
        error.to_string(),
        "the pool has no resources; give it at least one, or `allow_empty` if they are added later"
    );
}

#[test]
fn a_pool_has_a_name_that_is_not_empty() {
    let pool = || Pool::builder().resource(Resource::new("a", "x"));
    assert_eq!(pool().build().unwrap().name(), "pool");
    assert_eq!(pool().name("openai").build().unwrap().name(), "openai");
    assert_eq!(refusal(pool().name("")), BuildError::EmptyName);
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
fn cooldowns_of_no_time_and_bounds_that_hold_nothing_are_refused() {
    let builder = || Pool::builder().resource(Resource::new("a", "1"));
    let (zero, one) = (Duration::ZERO, Duration::from_secs(1));
    let error = refusal(builder().cooldown_table([one, zero]));
    assert_eq!(error, BuildError::ZeroCooldown { entry: 1 });
    let least_of_all = Duration::from_nanos(1);
    for (least, most) in [(one, one - least_of_all), (zero, one)] {
        let error = refusal(builder().cooldown_bounds(least..=most));
        assert_eq!(error, BuildError::CooldownBounds { least, most });
    }
    assert!(builder().cooldown_bounds(one..=one).build().is_ok(), "all are as long as that");
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
fn of_many_known_ids_an_admin_call_names_the_first() {
    let ids = ["k0", "k1", "k2", "k3", "k4", "k5", "k6", "k7", "k8", "k9", "k10"];
    let scene = Scene::of(&ids[..10]);
    let error = scene.pool.remove("zz").unwrap_err().to_string();
    assert!(error.ends_with("it has 10: k0, k1, k2, k3, k4, k5, k6, k7, k8, k9"), "{error}");
    let scene = Scene::of(&ids);
    let error = scene.pool.remove("zz").unwrap_err().to_string();
    assert!(error.ends_with("it has 11: k0, k1, k2, k3, k4, k5, k6, k7, k8, k9, …"), "{error}");
}

#[test]
fn admin_calls_on_an_empty_pool_say_that_it_is_empty() {
    let scene = Scene::of(&["a"]);
    scene.pool.remove("a").unwrap();
    let error = scene.pool.remove("a").unwrap_err();
    assert_eq!(error.to_string(), "the pool has no resource `a`; it is empty");
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

const BAD_WEIGHTS: [f64; 9] =
    [0.0, -0.0, -1.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e5, 10_000.1, 9e-4];

#[test]
fn a_weight_out_of_range_is_refused_by_the_builder_and_by_add() {
    let scene = Scene::of(&["a"]);
    let before = scene.pool.stats();
    for bad in BAD_WEIGHTS {
        let built = refusal(Pool::builder().resource(Resource::new("heavy", "1").weight(bad)));
        let BuildError::Resource(built) = built else { panic!("{built}") };
        let added = scene.pool.add(Resource::new("heavy", "1").weight(bad)).unwrap_err();
        for error in [built, added] {
            let ResourceError::Weight { id, weight } = &error else { panic!("{error}") };
            assert_eq!((&**id, weight.to_bits()), ("heavy", bad.to_bits()));
            let text = error.to_string();
            assert!(text.starts_with("the weight of resource `heavy` is "), "{text}");
            assert!(text.contains("allowed is 0.001 to 10000"), "{text}");
        }
    }
    assert_eq!(scene.pool.stats(), before);
}

#[test]
fn the_ends_of_the_range_of_weights_are_in_it() {
    let scene = Scene::of(&["a"]);
    scene.pool.add(Resource::new("least", "1").weight(1e-3)).unwrap();
    scene.pool.add(Resource::new("most", "1").weight(1e4)).unwrap();
}

fn with_rules(set: impl FnOnce(&mut HealthRules)) -> Result<Pool<&'static str>, BuildError> {
    let mut rules = HealthRules::default();
    set(&mut rules);
    Pool::builder().resource(Resource::new("a", "1")).health(rules).build()
}

#[test]
fn health_rules_out_of_range_are_refused_each_by_its_name() {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    const LATER: Duration = Duration::from_nanos(24 * 60 * 60 * 1_000_000_000 + 1);
    type Set = Box<dyn FnOnce(&mut HealthRules)>;
    let bad: Vec<(&str, Set)> = vec![
        ("window", Box::new(|rules| rules.window = Duration::ZERO)),
        ("window", Box::new(|rules| rules.window = Duration::from_micros(9999))),
        ("window", Box::new(|rules| rules.window = LATER)),
        ("min_sample", Box::new(|rules| rules.min_sample = 0)),
        ("degraded", Box::new(|rules| rules.degraded = 0.0)),
        ("degraded", Box::new(|rules| rules.degraded = -0.5)),
        ("degraded", Box::new(|rules| rules.degraded = 1.01)),
        ("degraded", Box::new(|rules| rules.degraded = f64::NAN)),
        ("unhealthy", Box::new(|rules| rules.unhealthy = 0.29)),
        ("unhealthy", Box::new(|rules| rules.unhealthy = 1.01)),
        ("unhealthy", Box::new(|rules| rules.unhealthy = f64::NAN)),
        ("latency_decay", Box::new(|rules| rules.latency_decay = Duration::from_micros(999))),
        ("latency_decay", Box::new(|rules| rules.latency_decay = LATER)),
        ("failure_latency", Box::new(|rules| rules.failure_latency = LATER)),
    ];
    for (name, set) in bad {
        let error = with_rules(set).expect_err(name);
        let BuildError::HealthRule { rule, value, allowed } = &error else { panic!("{error}") };
        assert_eq!(*rule, name);
        let text = error.to_string();
        let expected = format!("{name} of the health rules is {value}; allowed is {allowed}");
        assert_eq!(text, expected);
    }
    let good = with_rules(|rules| {
        (rules.window, rules.latency_decay, rules.failure_latency) = (DAY, DAY, DAY);
        (rules.degraded, rules.unhealthy, rules.min_sample) = (1.0, 1.0, u32::MAX);
    });
    good.expect("the upper ends are in range");
    let good = with_rules(|rules| {
        (rules.window, rules.latency_decay) = (Duration::from_millis(10), Duration::from_millis(1));
        (rules.degraded, rules.unhealthy) = (f64::MIN_POSITIVE, f64::MIN_POSITIVE);
        (rules.min_sample, rules.failure_latency) = (1, Duration::ZERO);
    });
    good.expect("and so are the lower ones");
}
