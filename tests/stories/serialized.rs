//! What operators read of a pool as JSON: time in seconds, instants as ages, never a value.

use rotapool::{Fault, Quota, Resource};
use serde_json::json;

use crate::scene::{Scene, secs};
use crate::upstream::fine;

const VALUE: &str = "sk-secret";

/// One that serves, one that cools down, one disabled by a signal, one by an admin call.
fn scene() -> Scene {
    let scene = Scene::with(&[], |builder| {
        builder
            .resource(Resource::new("serves", VALUE).max_in_flight(2).metadata("region", "eu"))
            .resources(["cools", "revoked", "off"].map(|id| Resource::new(id, VALUE)))
    });
    let only = |id: &str| {
        let others = ["serves", "cools", "revoked", "off"].into_iter().filter(|&other| other != id);
        scene.start_with(|request| others.fold(request, rotapool::Request::exclude))
    };
    let runs = ["serves", "cools", "revoked"].map(only);
    scene.advance(secs(2));
    scene.answer("cools", Err(Fault::cooldown("429")));
    scene.answer("revoked", Err(Fault::disable("401")));
    scene.pool.disable("off").unwrap();
    scene.advance(secs(1));
    scene.answer("serves", fine());
    drop(runs);
    scene.advance(std::time::Duration::from_millis(500));
    scene
}

#[test]
fn a_snapshot_reads_as_seconds_and_ages() {
    let rows = serde_json::to_value(scene().pool.snapshot()).unwrap();
    let expected = json!([
        {
            "resource_id": "serves", "status": "healthy", "eligible": true, "saturated": false,
            "since_seconds_ago": null, "cooldown_remaining_seconds": 0.0, "basis": null, "cause": null, "attempt": null,
            "in_flight": 0, "held": 0, "held_since_seconds_ago": null, "held_by": null, "max_in_flight": 2, "limit": 2, "promised": 0, "pace": null, "kept": null, "group": null,
            "spent": false, "spent_remaining_seconds": 0.0, "quotas": [], "consecutive_cooldown": 0,
            "last_acquired_seconds_ago": 3.5, "metadata": { "region": "eu" },
        },
        {
            "resource_id": "cools", "status": "cooling_down", "eligible": false, "saturated": false,
            "since_seconds_ago": 1.5, "cooldown_remaining_seconds": 28.5, "basis": "guessed",
            "cause": { "by": "signal", "reason": "429", "group": null }, "attempt": 2,
            "in_flight": 0, "held": 0, "held_since_seconds_ago": null, "held_by": null, "max_in_flight": null, "limit": null, "promised": 0, "pace": null, "kept": null, "group": null,
            "spent": false, "spent_remaining_seconds": 0.0, "quotas": [], "consecutive_cooldown": 1,
            "last_acquired_seconds_ago": 3.5, "metadata": {},
        },
        {
            "resource_id": "revoked", "status": "disabled", "eligible": false, "saturated": false,
            "since_seconds_ago": 1.5, "cooldown_remaining_seconds": 0.0, "basis": null,
            "cause": { "by": "signal", "reason": "401", "group": null }, "attempt": 3,
            "in_flight": 0, "held": 0, "held_since_seconds_ago": null, "held_by": null, "max_in_flight": null, "limit": null, "promised": 0, "pace": null, "kept": null, "group": null,
            "spent": false, "spent_remaining_seconds": 0.0, "quotas": [], "consecutive_cooldown": 0,
            "last_acquired_seconds_ago": 3.5, "metadata": {},
        },
        {
            "resource_id": "off", "status": "disabled", "eligible": false, "saturated": false,
            "since_seconds_ago": 1.5, "cooldown_remaining_seconds": 0.0, "basis": null,
            "cause": { "by": "admin", "reason": null, "group": null }, "attempt": null,
            "in_flight": 0, "held": 0, "held_since_seconds_ago": null, "held_by": null, "max_in_flight": null, "limit": null, "promised": 0, "pace": null, "kept": null, "group": null,
            "spent": false, "spent_remaining_seconds": 0.0, "quotas": [], "consecutive_cooldown": 0,
            "last_acquired_seconds_ago": null, "metadata": {},
        },
    ]);
    assert_eq!(rows, expected);
}

#[test]
fn stats_read_as_seconds_and_ages_under_the_names_of_the_metrics() {
    let mut stats = serde_json::to_value(scene().pool.stats()).unwrap();
    let mut resources = stats["resources"].take();
    let peak = resources[0]["health"]["peak_latency_seconds"].take().as_f64().unwrap();
    assert!((2.85..2.86).contains(&peak), "half a second after three: {peak}");
    let expected = json!({
        "in_flight": 0, "held": 0, "waiting": 0, "oldest_wait_seconds": null, "eligible": 1, "saturated": 0, "spent": 0,
        "healthy": 1, "cooling_down": 1, "parked": 0, "disabled": 2,
        "attempts": 3, "successes": 1, "failures": 2, "timeouts": 0, "deadlines": 0, "cooldowns": 1, "disables": 2, "sibling_cancels": 0,
        "retries": 0, "circuit_trips": 0, "kept_available": 0, "retries_refused": 0, "taken_back": 0, "hedges": 0, "hedge_wins": 0, "hedges_refused": 0, "choice_faults": 0, "probes": 0, "probe_failures": 0, "early_probes": 0, "early_returns": 0,
        "runs_ok": 1, "runs_exhausted": 2, "runs_error": 0, "runs_cancelled": 0, "closed": false,
        "resources": null,
    });
    assert_eq!(stats, expected);
    let serves = json!({
        "resource_id": "serves", "status": "healthy", "in_flight": 0, "held": 0, "longest_held_seconds": null, "max_in_flight": 2,
        "consecutive_cooldown": 0, "cooldown_remaining_seconds": 0.0, "basis": null,
        "acquires": 1, "successes": 1, "failures": 0, "timeouts": 0, "cooldowns": 0, "circuit": null, "circuit_trips": 0, "disables": 0, "sibling_cancels": 0, "group": null, "taken_back": 0, "streams_begun": 0, "streams": 0, "streamed_seconds": 0.0, "probes": 0, "probe_failures": 0,
        "spent_remaining_seconds": 0.0, "quotas": [],
        "health": {
            "recent_successes": 1, "recent_failures": 0, "successes": 1, "failures": 0,
            "consecutive_failures": 0, "error_rate": null, "grade": "healthy",
            "latency_seconds": 3.0, "peak_latency_seconds": null,
            "last_success_seconds_ago": 0.5, "last_failure_seconds_ago": null,
        },
    });
    assert_eq!(resources[0], serves);
    assert_eq!(resources[1]["cooldown_remaining_seconds"], json!(28.5));
    assert_eq!(resources[1]["health"]["last_failure_seconds_ago"], json!(1.5));
}

#[test]
fn what_is_held_reads_as_since_when_and_by_which_request() {
    let scene = Scene::of(&["a"]);
    let _held = scene.pool.request().request_id("req-7").try_acquire().unwrap();
    scene.advance(secs(3));
    let row = &serde_json::to_value(scene.pool.snapshot()).unwrap()[0];
    let shown = (&row["held"], &row["held_since_seconds_ago"], &row["held_by"]);
    assert_eq!(shown, (&json!(1), &json!(3.0), &json!("req-7")));
    let stats = serde_json::to_value(scene.pool.stats()).unwrap();
    let shown = (&stats["held"], &stats["resources"][0]["longest_held_seconds"]);
    assert_eq!(shown, (&json!(1), &json!(3.0)));
}

#[test]
fn quotas_read_as_what_is_left_of_what_they_hold() {
    let key = Resource::new("key", VALUE).quota(Quota::per_minute(1));
    let scene = Scene::with(&[], |builder| builder.resource(key));
    let _holds_it = scene.start();
    let rows = serde_json::to_value(scene.pool.snapshot()).unwrap();
    let quotas = json!([
        { "dimension": "requests", "group": null, "capacity": 1, "left": 0, "quota": "1 requests a minute" },
    ]);
    assert_eq!((&rows[0]["quotas"], &rows[0]["spent"]), (&quotas, &json!(true)));
    assert_eq!(rows[0]["spent_remaining_seconds"], json!(60.0));
    let stats = serde_json::to_value(scene.pool.stats()).unwrap();
    assert_eq!((&stats["resources"][0]["quotas"], &stats["spent"]), (&quotas, &json!(1)));
}

#[test]
fn every_grade_has_its_word() {
    use rotapool::Grade;
    let words = [Grade::Healthy, Grade::Degraded, Grade::Unhealthy].map(|grade| json!(grade));
    assert_eq!(words, [json!("healthy"), json!("degraded"), json!("unhealthy")]);
}

#[test]
fn a_value_is_never_serialized() {
    let pool = scene().pool;
    for json in [serde_json::to_string(&pool.snapshot()), serde_json::to_string(&pool.stats())] {
        let json = json.unwrap();
        assert!(json.contains("serves") && !json.contains(VALUE), "{json}");
    }
}
