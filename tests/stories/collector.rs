//! The pools as Prometheus sees them. That every sample is right is told in `tests/prometheus.rs`.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::{
    CollectorError, Fault, Group, Pool, PoolCollector, Quota, Resource, Strategy, Trip,
};

use crate::scene::{Scene, secs};
use crate::upstream::{Boom, fine};

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
fn a_quota_of_a_group_is_told_from_one_of_the_same_dimension_that_its_member_has() {
    let pool = Pool::builder()
        .name("keys")
        .group(Group::new("org-1").quota(Quota::per_minute(90)))
        .resource(Resource::new("a", 1).group("org-1").quota(Quota::per_minute(60)))
        .build()
        .unwrap();
    let collector = PoolCollector::new();
    collector.add(&pool).unwrap();
    let page = scrape(&registry(&collector));
    let of = |group, left| {
        let labels =
            format!("pool=\"keys\",resource_id=\"a\",dimension=\"requests\",group=\"{group}\"");
        format!("rotapool_resource_quota_left{{{labels}}} {left}\n")
    };
    assert!(page.contains(&of("", 60)) && page.contains(&of("org-1", 90)), "{page}");
}

#[test]
fn a_spent_resource_is_shown_with_how_long_it_is() {
    let scene = Scene::with(&[], |builder| {
        let a = Resource::new("a", "a").quota(Quota::per_minute(1).sliding());
        builder.name("keys").resource(a).resource(Resource::new("b", "b"))
    });
    let collector = PoolCollector::new();
    collector.add(&scene.pool).unwrap();
    let shown = || {
        let page = scrape(&registry(&collector));
        let of = |name: &str| samples(&page, name).iter().map(|it| (*it).to_owned()).collect();
        let names = ["rotapool_spent", "rotapool_resource_spent_remaining_seconds"];
        names.map(of) as [Vec<String>; 2]
    };
    let row = "rotapool_resource_spent_remaining_seconds{pool=\"keys\",resource_id=\"a\"}";
    assert_eq!(shown(), [["rotapool_spent{pool=\"keys\"} 0".to_owned()], [format!("{row} 0.0")]]);
    scene.start_with(|request| request.exclude("b"));
    scene.answer("a", fine());
    scene.advance(secs(18));
    assert_eq!(shown(), [["rotapool_spent{pool=\"keys\"} 1".to_owned()], [format!("{row} 42.0")]]);
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

/// The samples of this name on a page, each with its labels.
fn samples<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    page.lines().filter(|line| line.starts_with(&format!("{name}{{"))).collect()
}

#[test]
fn what_the_package_does_not_have_is_shown_as_stats_has_it() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.name("keys").strategy(Strategy::PrimaryBackup).retry_delay(Duration::ZERO)
    });
    let collector = PoolCollector::new();
    collector.add(&scene.pool).unwrap();
    let registry = registry(&collector);
    let page = scrape(&registry);
    for unknown in
        ["error_rate", "latency_seconds", "peak_latency_seconds", "since_success_seconds"]
    {
        let unknown = samples(&page, &format!("rotapool_resource_{unknown}"));
        assert!(unknown.is_empty(), "of a resource that was never tried: {unknown:?}");
    }

    for took in [1, 3] {
        let run = scene.start();
        scene.advance(secs(took));
        scene.answer("a", fine());
        assert_eq!(run.result().unwrap(), "fine");
    }
    let fails = scene.start_with(|request| request.max_attempts(1));
    scene.answer("a", Err(Fault::Failure(Boom)));
    assert!(!fails.is_running());
    let cools = scene.start();
    for id in ["a", "b"] {
        scene.answer(id, Err(Fault::cooldown_for(secs(1000), "429")));
    }
    assert!(!cools.is_running());
    let _waits = [4, 5].map(|seconds| {
        let waits = scene.start_with(|request| request.wait(true));
        scene.advance(secs(seconds));
        waits
    });

    let (page, stats) = (scrape(&registry), scene.pool.stats());
    let pool = |name: &str| samples(&page, &format!("rotapool_{name}")).concat();
    assert_eq!(pool("failures_total"), "rotapool_failures_total{pool=\"keys\"} 3");
    assert_eq!(pool("timeouts_total"), "rotapool_timeouts_total{pool=\"keys\"} 0");
    assert_eq!(pool("deadlines_total"), "rotapool_deadlines_total{pool=\"keys\"} 0");
    assert_eq!(pool("choice_faults_total"), "rotapool_choice_faults_total{pool=\"keys\"} 0");
    assert_eq!(pool("retries_refused_total"), "rotapool_retries_refused_total{pool=\"keys\"} 0");
    assert_eq!(pool("probes_total"), "rotapool_probes_total{pool=\"keys\"} 0");
    assert_eq!(pool("probe_failures_total"), "rotapool_probe_failures_total{pool=\"keys\"} 0");
    assert_eq!(pool("hedges_total"), "rotapool_hedges_total{pool=\"keys\"} 0");
    assert_eq!(pool("hedge_wins_total"), "rotapool_hedge_wins_total{pool=\"keys\"} 0");
    assert_eq!(pool("hedges_refused_total"), "rotapool_hedges_refused_total{pool=\"keys\"} 0");
    assert_eq!(pool("waiting"), "rotapool_waiting{pool=\"keys\"} 2");
    assert_eq!(pool("oldest_wait_seconds"), "rotapool_oldest_wait_seconds{pool=\"keys\"} 9.0");

    let health = stats.resources[0].health;
    assert_eq!((health.recent_successes, health.recent_failures), (1, 2));
    let a = |name: &str| {
        let name = format!("rotapool_resource_{name}");
        let of_a = format!("{name}{{pool=\"keys\",resource_id=\"a\"}} ");
        let line = page.lines().find_map(|line| line.strip_prefix(&of_a));
        line.map(|value| value.parse::<f64>().unwrap())
    };
    let seconds = |time: Option<Duration>| time.map(|time| time.as_secs_f64());
    assert_eq!(a("failures_total"), Some(2.0));
    assert_eq!(a("timeouts_total"), Some(0.0));
    assert_eq!((a("probes_total"), a("probe_failures_total")), (Some(0.0), Some(0.0)));
    assert_eq!(a("consecutive_failures"), Some(2.0));
    assert_eq!((a("recent_successes"), a("recent_failures")), (Some(1.0), Some(2.0)));
    assert_eq!(a("error_rate"), None, "three attempts tell nothing");
    assert_eq!(a("latency_seconds"), seconds(health.latency));
    assert_eq!(a("peak_latency_seconds"), seconds(health.peak_latency));
    assert_eq!((a("since_success_seconds"), a("since_failure_seconds")), (Some(9.0), Some(9.0)));
    let grades: Vec<_> = samples(&page, "rotapool_resource_grade");
    assert!(grades[0].ends_with("resource_id=\"a\",grade=\"healthy\"} 1"), "{grades:?}");
    assert!(grades[1].ends_with("resource_id=\"a\",grade=\"degraded\"} 0"), "{grades:?}");
    assert_eq!(grades.len(), 6);
}

#[test]
fn who_is_parked_and_how_a_circuit_stands_is_shown() {
    let scene = Scene::with(&["a", "b"], |builder| {
        builder.name("keys").circuit_breaker(Trip::after_failures(1)).keep_available(0)
    });
    scene.pool.park("a", secs(60), "").unwrap();
    let fails = scene.pool.run(async |_| Err::<(), _>(Fault::<Boom>::Failure(Boom)));
    scene.time.block_on(fails).unwrap_err();
    let collector = PoolCollector::new();
    collector.add(&scene.pool).unwrap();
    let page = scrape(&registry(&collector));
    let shown = |name: &str| -> Vec<String> {
        let labels = |line: &&str| line.split_once("resource_id=").unwrap().1.to_owned();
        samples(&page, name).iter().map(labels).collect()
    };
    assert_eq!(shown("rotapool_resource_parked"), ["\"a\"} 1", "\"b\"} 0"]);
    let circuits = shown("rotapool_resource_circuit");
    let now: Vec<_> = circuits.iter().filter(|line| line.ends_with(" 1")).collect();
    assert_eq!(now, ["\"a\",state=\"closed\"} 1", "\"b\",state=\"open\"} 1"]);
    assert_eq!(circuits.len(), 6);
}

#[test]
fn the_documentation_names_every_metric_of_a_page_and_no_other() {
    let scene = Scene::with(&[], |builder| {
        let a = Resource::new("a", "a").quota(Quota::per_second(100));
        builder.resource(a).circuit_breaker(Trip::after_failures(9))
    });
    // Enough to know a latency and an error rate.
    for answer in [Ok(()), Ok(()), Ok(()), Ok(()), Err(Fault::<Boom>::Failure(Boom))] {
        let _ = scene.time.block_on(scene.pool.run(async |_| answer.clone()));
    }
    let collector = PoolCollector::new();
    collector.add(&scene.pool).unwrap();
    let page = scrape(&registry(&collector));
    let samples = page.lines().filter(|line| !line.starts_with('#'));
    let shown: BTreeSet<&str> = samples.filter_map(|line| line.split('{').next()).collect();
    let documentation = include_str!("../../src/watch/metrics/mod.rs").lines();
    let rows = documentation.filter_map(|line| line.strip_prefix("/// | `rotapool_"));
    let rows: Vec<&str> = rows.filter_map(|row| row.split('`').next()).collect();
    let named: Vec<String> = rows.iter().map(|row| format!("rotapool_{row}")).collect();
    let named: BTreeSet<&str> = named.iter().map(String::as_str).collect();
    assert_eq!(named, shown);
}

#[test]
fn a_pool_that_is_removed_is_shown_no_longer_and_kept_alive_no_longer() {
    let (collector, value) = (PoolCollector::new(), Arc::new(()));
    let pool_of_values = pool("keys", Arc::clone(&value));
    collector.add(&pool_of_values).unwrap();
    collector.add(&pool("others", 1)).unwrap();
    let registry = registry(&collector);
    drop(pool_of_values);
    assert_eq!(Arc::strong_count(&value), 2, "the collector keeps its pools alive");

    collector.remove("keys").unwrap();
    assert_eq!(Arc::strong_count(&value), 1);
    let page = scrape(&registry);
    assert!(!page.contains("keys") && page.contains("pool=\"others\""), "{page}");
    let error = collector.remove("keys").unwrap_err();
    assert_eq!(error, CollectorError::UnknownName { name: "keys".into() });
    let expected = "no pool named `keys` is in the collector: see `Pool::name`";
    assert_eq!(error.to_string(), expected);
    collector.add(&pool("keys", 2)).expect("the name is free again");
}

#[test]
fn a_value_that_goes_with_a_removed_pool_may_use_the_collector() {
    struct Uses(PoolCollector);
    impl Drop for Uses {
        fn drop(&mut self) {
            let (same, (done, ended)) = (self.0.clone(), channel());
            thread::spawn(move || done.send(format!("{same:?}")));
            let shown = ended.recv_timeout(Duration::from_secs(10));
            assert_eq!(shown.as_deref(), Ok("[]"), "the collector is locked");
        }
    }
    let collector = PoolCollector::new();
    collector.add(&pool("keys", Uses(collector.clone()))).unwrap();
    collector.remove("keys").unwrap();
}
