//! The pools as Prometheus sees them. That every sample is right is told in `tests/prometheus.rs`.

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::{CollectorError, Fault, Pool, PoolCollector, Resource};

use crate::scene::{Scene, secs};

fn pool<T>(name: &str, value: T) -> Pool<T> {
    Pool::builder().name(name).resource(Resource::new("a", value)).build().unwrap()
}

fn registry(collector: &PoolCollector) -> Registry {
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector.clone()));
    registry
}

fn scrape(registry: &Registry) -> String {
    let mut page = String::new();
    encode(&mut page, registry).unwrap();
    page
}

#[test]
fn two_pools_under_one_name_are_refused_and_the_first_stays() {
    let collector = PoolCollector::new();
    let first = pool("keys", 1);
    collector.add(&first).unwrap();
    let error = collector.add(&pool("keys", "of another type")).unwrap_err();
    assert_eq!(error, CollectorError::DuplicateName { name: "keys".into() });
    let expected = "a pool named `keys` is in the collector already; every pool needs a name of its own: \
                    see `Builder::name`";
    assert_eq!(error.to_string(), expected);
    collector.add(&first.clone()).expect_err("the same pool twice is two under one name");
    first.add(Resource::new("b", 2)).unwrap();
    assert!(scrape(&registry(&collector)).contains("rotapool_eligible{pool=\"keys\"} 2\n"));
}

#[test]
fn pools_of_any_types_stand_in_one_family() {
    let collector = PoolCollector::new();
    collector.add(&pool("numbers", 1)).unwrap();
    collector.add(&pool("names", String::from("x"))).unwrap();
    let page = scrape(&registry(&collector));
    let family = "# TYPE rotapool_eligible gauge\n\
                  rotapool_eligible{pool=\"numbers\"} 1\nrotapool_eligible{pool=\"names\"} 1\n";
    assert!(page.contains(family), "{page}");
}

#[test]
fn a_pool_that_is_added_after_the_registration_is_shown_from_then_on() {
    let collector = PoolCollector::new();
    let registry = registry(&collector);
    let before = scrape(&registry);
    assert!(!before.contains("pool=") && before.ends_with("# EOF\n"), "{before}");
    collector.add(&pool("late", 1)).unwrap();
    assert!(scrape(&registry).contains("rotapool_eligible{pool=\"late\"} 1\n"));
}

#[test]
fn a_scrape_tells_of_the_moment_when_it_is_taken() {
    let scene = Scene::of(&["a"]);
    let collector = PoolCollector::new();
    collector.add(&scene.pool).unwrap();
    let registry = registry(&collector);
    let run = scene.start();
    scene.answer("a", Err(Fault::cooldown_for(secs(10), "429")));
    drop(run);
    let left = "rotapool_resource_cooldown_remaining_seconds{pool=\"pool\",resource_id=\"a\"}";
    for (wait, expected) in [(0, 10.0), (4, 6.0), (6, 0.0), (60, 0.0)] {
        scene.advance(secs(wait));
        let page = scrape(&registry);
        assert!(page.contains(&format!("{left} {expected:?}\n")), "{page}");
    }
}

#[test]
fn a_collector_shows_names_and_no_values_when_it_is_debugged() {
    let collector = PoolCollector::new();
    collector.add(&pool("keys", "sk-secret")).unwrap();
    assert_eq!(format!("{collector:?}"), "[\"keys\"]");
    assert!(!scrape(&registry(&collector)).contains("sk-secret"));
}
