//! Settings from files: read, refused with everything that is wrong, and laid under the calls of a builder.

use std::time::Duration;

use rotapool::config::{
    HeartbeatConfig, PoolConfig, ResourceConfig, Settings, Source, WatchdogConfig,
};
use rotapool::hints::Reactions;
use rotapool::lifecycle::{Heartbeat, Shutdown, Watchdog};
use rotapool::{
    BuildError, Builder, Fault, Group, Hedge, Pool, Quota, Recovery, Resource, ResourceError,
    RunError, Strategy, Trial,
};
use serde_json::{Value, json};

#[expect(dead_code, reason = "the example runs; here its loader does")]
#[path = "../examples/configured.rs"]
mod example;

const fn s(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn pool_of(file: Value) -> Result<PoolConfig, String> {
    serde_json::from_value(file).map_err(|error| error.to_string())
}

fn builder() -> Builder<&'static str> {
    Pool::builder().resource(Resource::new("a", "secret-value"))
}

/// The lines of an error that tell what is wrong.
fn problems(error: &str) -> Vec<&str> {
    let lines: Vec<&str> = error.lines().map(str::trim).collect();
    match lines.as_slice() {
        [one] => vec![one],
        [_, many @ ..] => many.to_vec(),
        [] => Vec::new(),
    }
}

fn everything() -> Value {
    json!({
        "name": "keys",
        "strategy": "least_errors",
        "max_attempts": 7,
        "retry_delay": "250ms",
        "attempt_timeout": "1m 30s",
        "cooldown_table": ["10s", "1m", "1h"],
        "cooldown_bounds": { "least": "2s", "most": "1h" },
        "step_down_after": 3,
        "recovery": { "trial": { "at_once": 2, "successes": 3, "bound": "20s" } },
        "max_waiting": 99,
        "cancel_siblings": false,
        "cancel_streams": true,
        "hedge": "300ms",
        "stall_timeout": "30s",
        "stream_timeout": "10m",
        "held_bound": "5m",
        "circuit_breaker": {
            "failures": 4, "failure_percent": 50, "slow_percent": 80, "slow_from": "2s", "window_calls": 30,
            "min_calls": 20, "open": ["10s", "1m"]
        },
        "keep_available": 2,
        "degrade": true,
        "probe_early": "10m",
        "allow_empty": true,
        "retry_budget": { "percent": 20, "min_per_second": 2, "window": "30s" },
        "health": {
            "window": "30s", "min_sample": 9, "degraded": 0.25, "unhealthy": 0.5,
            "latency_decay": "5s", "failure_latency": "1s"
        },
        "groups": {
            "org-1": { "quotas": [{ "amount": 90_000, "per": "1m", "of": "tokens", "burst": 10_000 }] },
            "org-2": { "quotas": [{ "amount": 9, "per": "1s", "of": "requests", "sliding": true }] }
        },
        "reactions": {
            "fine": "nothing", "over_limit": "cool_down", "quota_gone": { "cool_down_or": "10m" }, "auth_failed": "retry",
            "overloaded": "cool_down_if_stated", "transient": "retry", "callers_fault": "nothing",
            "statuses": { "403": "disable", "529": { "cool_down_or": "20s" } },
            "most_of_header": "1h", "most_of_body": "2h", "most_of_outage": "30s"
        },
    })
}

#[test]
fn what_is_read_is_in_force_and_is_written_as_it_was_read() {
    let config = pool_of(everything()).unwrap();
    assert_eq!(config.strategy, Some(Strategy::LeastErrors));
    assert_eq!(config.retry_delay, Some(Duration::from_millis(250)));
    let trial = Trial::default().at_once(2).successes(3).bound(s(20));
    assert_eq!(config.recovery, Some(Recovery::Trial(trial)));
    assert_eq!(serde_json::to_value(&config).unwrap(), everything());
    let pool = builder().config(&config).build().unwrap();
    assert_eq!(serde_json::to_value(pool.config().settings()).unwrap(), everything());
    assert_eq!(pool.name(), "keys");
    for recovery in ["at_once", "ramp", "trial"] {
        let read = pool_of(json!({ "recovery": recovery })).unwrap();
        let again = pool_of(serde_json::to_value(&read).unwrap()).unwrap();
        assert_eq!(read, again);
    }
}

#[test]
fn each_way_to_say_a_setting_is_in_force_as_it_was_read() {
    for (name, said) in [
        ("hedge", json!("never")),
        ("hedge", json!("p95")),
        ("hedge", json!("2s")),
        (
            "circuit_breaker",
            json!({ "failures": 4, "window": "20s", "min_calls": 5, "open": ["1s"] }),
        ),
    ] {
        let config = pool_of(json!({ name: said })).unwrap();
        let pool = builder().config(&config).build().unwrap();
        let in_force = serde_json::to_value(pool.config().settings()).unwrap();
        assert_eq!(in_force[name], said, "{name}");
    }
    assert_eq!(pool_of(json!({ "hedge": "p95" })).unwrap().hedge, Some(Hedge::P95));
}

#[test]
fn nothing_has_to_be_there_and_nothing_is_changed_by_what_is_not() {
    let empty = pool_of(json!({})).unwrap();
    assert_eq!(empty, PoolConfig::default());
    assert_eq!(empty, pool_of(json!({ "max_attempts": null })).unwrap());
    let (with, without) = (builder().config(&empty).build().unwrap(), builder().build().unwrap());
    assert_eq!(with.config(), without.config());
    assert_eq!(with.config().source("health"), Some(Source::Default));
    assert_eq!(with.config().source("no such thing"), None);
}

#[test]
fn a_call_wins_over_the_file_and_the_file_over_the_default_whatever_the_order() {
    let file = pool_of(everything()).unwrap();
    let calls = |builder: Builder<&'static str>| {
        builder
            .name("called")
            .strategy(Strategy::Random)
            .max_attempts(2)
            .retry_delay(s(1))
            .attempt_timeout(s(2))
            .cooldown_table([s(3)])
            .cooldown_bounds(s(4)..=s(5))
            .step_down_after(6)
            .recovery(Recovery::AtOnce)
            .max_waiting(7)
            .cancel_siblings(true)
            .hedge(s(1))
            .stall_timeout(s(8))
            .stream_timeout(s(9))
            .cancel_streams(false)
            .held_bound(s(8))
            .circuit_breaker(rotapool::Trip::after_failures(9))
            .keep_available(3)
            .degrade(false)
            .probe_early(s(10))
            .allow_empty(false)
            .retry_budget(rotapool::RetryBudget::percent(50))
            .health(rotapool::HealthRules::default())
            .group(Group::new("org-1").quota(Quota::per_second(1)))
            .group(Group::new("org-2"))
            .reactions(Reactions::default())
    };
    let before = calls(builder()).config(&file).build().unwrap();
    let after = calls(builder().config(&file)).build().unwrap();
    let alone = calls(builder()).build().unwrap();
    assert_eq!(before.config(), after.config());
    assert_eq!(before.config().settings(), alone.config().settings(), "every call counts");
    let Value::Object(names) = everything() else { unreachable!() };
    for name in names.keys() {
        assert_eq!(before.config().source(name), Some(Source::Argument), "{name}");
    }
    // A call that says the default is a call as well.
    let pool = builder().max_attempts(3).config(&file).build().unwrap();
    assert_eq!(pool.config().settings().max_attempts, Some(3));
    assert_eq!(pool.config().source("max_waiting"), Some(Source::File));
}

#[test]
fn a_later_file_is_laid_over_an_earlier_one() {
    let one = pool_of(json!({ "max_attempts": 5, "max_waiting": 6 })).unwrap();
    let other = pool_of(json!({ "max_waiting": 7 })).unwrap();
    let pool = builder().config(&one).config(&other).build().unwrap();
    let config = pool.config();
    assert_eq!((config.settings().max_attempts, config.settings().max_waiting), (Some(5), Some(7)));
}

#[test]
fn a_running_pool_says_of_each_setting_what_is_in_force_and_who_said_so() {
    let file = json!({ "max_attempts": 5, "health": { "window": "1m" } });
    let pool = builder().max_waiting(9).config(&pool_of(file).unwrap()).build().unwrap();
    let written = serde_json::to_value(pool.config()).unwrap();
    assert_eq!(written["max_attempts"], json!({ "value": 5, "from": "file" }));
    assert_eq!(written["max_waiting"], json!({ "value": 9, "from": "argument" }));
    assert_eq!(written["attempt_timeout"], json!({ "value": null, "from": "default" }));
    assert_eq!(written["health"]["window"], json!({ "value": "1m", "from": "file" }));
    assert_eq!(written["health"]["min_sample"], json!({ "value": 5, "from": "default" }));
    assert!(!written.to_string().contains("secret-value"));
}

#[test]
fn a_file_says_which_groups_share_a_limit_and_who_belongs_to_them() {
    let file = json!({
        "pools": { "keys": { "groups": {
            "org-1": { "quotas": [{ "amount": 2, "per": "1m" }] },
            "org-2": { "quotas": [{ "amount": 5 }] },
        } } },
        "resources": { "keys": [
            { "id": "a", "group": "org-1" }, { "id": "b", "group": "org-1" }, { "id": "c", "group": "org-2" },
            { "id": "d", "group": "org-3" },
        ] },
    });
    let settings: Settings = serde_json::from_value(file).unwrap();
    let builder = || {
        let keys = settings.resources_of("keys", |_| ());
        Pool::builder().config(&settings.pool("keys")).resources(keys)
    };
    // Which groups there are, the file and the calls say together.
    let BuildError::Resource(ResourceError::UnknownGroup { id, known, .. }) =
        builder().build().unwrap_err()
    else {
        panic!("org-3 is nowhere");
    };
    assert_eq!((&*id, known.len()), ("d", 2));
    let org_2 = || Group::new("org-2").quota(Quota::per_minute(9));
    let pool = builder().group(Group::new("org-3")).group(org_2()).build().unwrap();
    let levels = pool.snapshot();
    let level = |row: usize| levels[row].quotas.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(level(0), ["2 requests a minute of group org-1: 2 left"]);
    assert_eq!(level(1), level(0));
    assert_eq!(level(2), ["9 requests a minute of group org-2: 9 left"], "the call wins");
    assert!(level(3).is_empty());
    let config = pool.config();
    assert_eq!(config.source("groups"), Some(Source::Argument));
    let written = serde_json::to_value(&config).unwrap()["groups"].take();
    let from = |group: &str| written[group]["quotas"]["from"].as_str().map(str::to_owned);
    assert_eq!(from("org-1").as_deref(), Some("file"));
    assert_eq!(from("org-2").as_deref(), Some("argument"));
    let alone: Pool<()> =
        Pool::builder().config(&settings.pool("keys")).allow_empty(true).build().unwrap();
    assert_eq!(alone.config().source("groups"), Some(Source::File));
}

#[test]
fn all_that_is_wrong_is_told_at_once_each_with_its_path() {
    let file = json!({
        "pools": {
            "keys": {
                "max_atempts": 5,
                "max_attempts": 0,
                "retry_delay": 500,
                "attempt_timeout": "0s",
                "cooldown_table": ["10s", 30, "0s", "soon"],
                "cooldown_bounds": { "least": "2h", "most": "1h" },
                "strategy": "fastest",
                "recovery": "slowly",
                "max_waiting": -1,
                "cancel_siblings": "yes",
                "hedge": "0s",
                "stall_timeout": "0s",
                "stream_timeout": "0s",
                "held_bound": "0s",
                "circuit_breaker": { "failures": 0 },
                "retry_budget": { "window": "30s" },
                "health": { "window": "1ms", "degraded": 2, "unhealthy": 0.5 },
                "reactions": {
                    "over_limit": "sleep", "transient": { "cool_down_or": 5 }, "overloaded": { "cool_down_or": "0s" },
                    "statuses": { "42": "retry", "429": "rest" },
                },
            },
            "workers": {
                "circuit_breaker": { "permits": 2 },
                "groups": {
                    "": {},
                    "org-1": { "quotas": [{ "per": "1s" }, { "amount": 1 }, { "amount": 2 }] },
                    "org-2": { "quotas": [{ "amount": 0 }], "limit": 5 },
                },
            },
            "proxies": { "name": "", "step_down_after": 1.5, "recovery": { "trial": { "bound": "0s" } } },
        },
        "resources": { "keys": [
            { "id": "a", "weight": 0 }, { "max_in_flight": 3 }, { "id": "b", "quotas": [{ "per": "1s" }] }, { "id": "b" },
            { "id": "c", "quotas": [{ "amount": 0 }] }, { "id": "d", "reactions": { "teapot": "retry" } },
        ] },
        "breakers": { "db": { "failures": 0, "slow_percent": 5, "window": "1s", "window_calls": 3 } },
        "limiters": { "api": { "per": "1s", "burst": 0 } },
        "shutdown": { "deadline": "0s" },
        "heartbeat": { "interval": "1ms", "metadata": { "version": 1 } },
        "watchdog": { "limit": "30 s", "check_every": "1us" },
        "pool": {},
    });
    let error = serde_json::from_value::<Settings>(file).unwrap_err().to_string();
    let told = problems(&error);
    for (path, what) in [
        (
            "pools.keys.max_atempts",
            "there is no such setting; there are name strategy max_attempts",
        ),
        ("pools.keys.max_attempts", "needs at least 1"),
        ("pools.keys.retry_delay", "500 has no unit; write text with a unit, such as \\\"30s\\\""),
        ("pools.keys.attempt_timeout", "is zero"),
        ("pools.keys.cooldown_table[1]", "30 has no unit"),
        ("pools.keys.cooldown_table[3]", "is no duration"),
        ("pools.keys.cooldown_bounds", "are 7200s to 3600s"),
        ("pools.keys.strategy", "there is no strategy `fastest`"),
        ("pools.keys.recovery", "is not \\\"at_once\\\", \\\"ramp\\\", \\\"trial\\\""),
        ("pools.keys.max_waiting", "-1 is not a whole number"),
        ("pools.keys.cancel_siblings", "is not true or false"),
        ("pools.keys.hedge", "is zero"),
        ("pools.keys.stall_timeout", "is zero"),
        ("pools.keys.stream_timeout", "is zero"),
        ("pools.keys.held_bound", "is zero"),
        ("pools.keys.circuit_breaker", "0; allowed is 1 or more"),
        ("pools.workers.circuit_breaker", "`recovery` says how a resource comes back"),
        ("pools.workers.groups", "the name of a group is empty"),
        ("pools.workers.groups.org-1.quotas[0].amount", "it is missing"),
        ("pools.workers.groups.org-1.quotas", "two are of `requests`; allowed is one a dimension"),
        ("pools.workers.groups.org-2.quotas", "the rate is 0 tokens"),
        ("pools.workers.groups.org-2.limit", "there is no such setting; there are quotas"),
        ("pools.keys.retry_budget.percent", "it is missing"),
        ("pools.keys.health.window", "10 ms to 1 day"),
        ("pools.keys.health.degraded", "above 0, to 1"),
        (
            "pools.keys.reactions.over_limit",
            "\\\"sleep\\\" is not \\\"nothing\\\", \\\"retry\\\", \\\"cool_down\\\"",
        ),
        ("pools.keys.reactions.transient.cool_down_or", "5 has no unit"),
        ("pools.keys.reactions.overloaded", "0s"),
        ("pools.keys.reactions.statuses.42", "100 to 999"),
        ("pools.keys.reactions.statuses.429", "is not \\\"nothing\\\""),
        ("resources.keys[5].reactions.teapot", "there are fine over_limit"),
        ("pools.proxies.name", "is empty"),
        ("pools.proxies.step_down_after", "1.5 is not a whole number"),
        ("pools.proxies.recovery", "bound of the trial is 0"),
        ("resources.keys[0]", "weight of resource `a` is 0"),
        ("resources.keys[1].id", "it is missing"),
        ("resources.keys[2].quotas[0].amount", "it is missing"),
        ("resources.keys[3]", "ids are unique"),
        ("resources.keys[4]", "0"),
        ("breakers.db.window_calls", "window is there too"),
        ("breakers.db.slow_from", "it is missing"),
        ("breakers.db", "0"),
        ("limiters.api.rate", "it is missing"),
        ("limiters.api.burst", "allowed is 1 or more"),
        ("shutdown.deadline", "0s"),
        ("heartbeat.interval", "10 ms to a day"),
        ("heartbeat.metadata.version", "1 is not a text"),
        ("watchdog.check_every", "1 ms or more"),
        ("pool", "there is no such setting; there are pools"),
    ] {
        let what = what.replace("\\\"", "\"");
        let line = |line: &&&str| {
            line.starts_with(&format!("`{path}`: ")) && line.replace("\\\"", "\"").contains(&what)
        };
        assert!(told.iter().any(|it| line(&it)), "{path}: {what}, in\n{error}");
    }
    assert!(told.len() == 49, "{} are told:\n{error}", told.len());
}

#[test]
fn what_a_part_refuses_it_tells_of_the_setting_that_is_wrong_and_of_no_other() {
    let paths = |health: Value| -> Vec<String> {
        let error = pool_of(json!({ "health": health })).unwrap_err();
        let path = |line: &&str| line.split('`').nth(1).unwrap().to_owned();
        problems(&error).iter().map(path).collect()
    };
    for (health, wrong) in [
        (json!({ "min_sample": 0 }), "health.min_sample"),
        (json!({ "unhealthy": 2 }), "health.unhealthy"),
        (json!({ "degraded": 0.7, "unhealthy": 0.6 }), "health.unhealthy"),
        (json!({ "degraded": 2, "unhealthy": 2 }), "health.degraded"),
        (json!({ "latency_decay": "0s" }), "health.latency_decay"),
        (json!({ "failure_latency": "2days" }), "health.failure_latency"),
    ] {
        assert_eq!(paths(health), [wrong]);
    }
    let two = json!({ "degraded": 2, "min_sample": 0 });
    assert_eq!(paths(two), ["health.min_sample", "health.degraded"]);
    // Above what is unhealthy if nobody says otherwise, and yet right.
    assert!(pool_of(json!({ "health": { "degraded": 0.9, "unhealthy": 0.95 } })).is_ok());
}

#[test]
fn a_part_that_is_read_alone_is_refused_as_in_its_place() {
    let alone = serde_json::from_value::<ResourceConfig>(json!({ "id": "a", "weight": 0 }));
    assert!(alone.unwrap_err().to_string().contains("weight of resource `a` is 0"));
    assert!(serde_json::from_value::<ResourceConfig>(json!({ "id": "a", "weight": 2 })).is_ok());
}

#[test]
fn a_heart_and_a_watchdog_take_from_a_file_what_they_take_in_code() {
    let millis = Duration::from_millis;
    let path = std::env::temp_dir().join("rotapool-no-beat");
    for interval in [millis(9), millis(10), s(3_600), s(86_400), s(86_400) + millis(1)] {
        let config = HeartbeatConfig { interval: Some(interval), ..HeartbeatConfig::default() };
        let heart = Heartbeat::builder(&path).interval(interval).build();
        assert_eq!(config.check().is_ok(), heart.is_ok(), "{interval:?}");
    }
    for limit in [Duration::from_micros(999), millis(1)] {
        let config = WatchdogConfig { limit: Some(limit), ..WatchdogConfig::default() };
        let looks = Watchdog::from_heartbeat(&path, s(1)).check_every(limit).build();
        let kept = [Watchdog::builder(limit).build(), looks].map(|watchdog| watchdog.is_ok());
        assert_eq!([config.check().is_ok(); 2], kept, "{limit:?}");
    }
}

#[test]
fn settings_made_in_code_are_refused_by_the_builder_all_at_once() {
    let table = vec![s(1), Duration::ZERO, Duration::ZERO];
    let config =
        PoolConfig { cooldown_table: Some(table), max_waiting: Some(0), ..PoolConfig::default() };
    let error = builder().config(&config).build().unwrap_err();
    let BuildError::Config(error) = error else { panic!("{error}") };
    let paths: Vec<&str> = error.problems.iter().map(|problem| &*problem.path).collect();
    assert_eq!(paths, ["cooldown_table[1]", "cooldown_table[2]", "max_waiting"]);
    // The file is wrong whether or not a call makes up for it.
    assert!(builder().config(&config).cooldown_table([s(1)]).max_waiting(1).build().is_err());
}

#[test]
fn a_key_twice_and_a_table_of_another_kind_are_refused() {
    let twice = serde_json::from_str::<PoolConfig>(r#"{"max_attempts": 1, "max_attempts": 2}"#);
    assert_eq!(twice.unwrap_err().to_string(), "`max_attempts`: it is there twice");
    let twice = r#"{"pools": {"a": {}, "a": {}}}"#;
    let twice = serde_json::from_str::<Settings>(twice).unwrap_err().to_string();
    assert_eq!(twice, "`pools.a`: it is there twice");
    for wrong in [json!(5), json!([]), json!("x"), json!(null)] {
        assert!(pool_of(wrong).unwrap_err().contains("is not a table"));
    }
    assert!(pool_of(json!({ "health": [1] })).unwrap_err().starts_with("`health`: a list"));
}

#[test]
fn breakers_and_limiters_are_made_of_their_settings() {
    let file = json!({
        "breakers": { "db": { "failure_percent": 50, "window_calls": 4, "min_calls": 2, "open": ["1s", "2s"] } },
        "limiters": { "api": { "name": "api", "rate": 0.5, "per": "1s", "burst": 3 } },
    });
    let settings: Settings = serde_json::from_value(file.clone()).unwrap();
    assert_eq!(serde_json::to_value(&settings).unwrap(), file);
    let trip = settings.breakers.unwrap()["db"].trip();
    let expected = rotapool::Trip::at_failure_rate(50)
        .window(rotapool::Window::Calls(4))
        .min_calls(2)
        .open_table([s(1), s(2)]);
    assert_eq!(trip, expected);
    rotapool::CircuitBreaker::new(trip).unwrap();
    let limiter = rotapool::RateLimiter::configured(&settings.limiters.unwrap()["api"]).unwrap();
    let limiter = limiter.build().unwrap();
    assert_eq!((limiter.name(), limiter.available()), ("api", 3.0));
}

#[test]
fn the_lifecycle_takes_its_settings_and_a_call_wins_there_too() {
    let file = json!({
        "shutdown": { "deadline": "7s", "side_by_side": true },
        "watchdog": { "name": "loop", "limit": "3s", "check_every": "2s" },
        "heartbeat": { "path": "/nowhere/beat", "interval": "2s", "metadata": { "version": "1" } },
    });
    let settings: Settings = serde_json::from_value(file).unwrap();
    let deadline = |builder: rotapool::lifecycle::ShutdownBuilder| {
        let shutdown = builder.build().unwrap();
        shutdown.trigger();
        shutdown.report().unwrap().deadline
    };
    let shutdown = Shutdown::configured(&settings.shutdown.unwrap()).unwrap();
    assert_eq!(deadline(shutdown.clone()), s(7));
    assert_eq!(deadline(shutdown.deadline(s(9))), s(9));
    let config = settings.watchdog.unwrap();
    assert!(
        format!("{:?}", Watchdog::configured(&config).unwrap()).contains("\"loop\", limit: 3s")
    );
    assert!(
        format!("{:?}", Watchdog::configured(&config).unwrap().name("mine")).contains("\"mine\"")
    );
    let heart = Heartbeat::configured(&settings.heartbeat.unwrap()).unwrap();
    assert!(format!("{heart:?}").contains("/nowhere/beat"), "{heart:?}");
    let missing = Watchdog::configured(&WatchdogConfig::default()).unwrap_err().to_string();
    assert_eq!(missing, "`limit`: it is missing: how long a silence may be");
    assert!(Heartbeat::configured(&HeartbeatConfig::default()).is_err());
}

#[test]
fn a_file_and_the_environment_over_it_are_layered_by_a_loader() {
    let file = "[pools.keys]\nmax_attempts = 5\nattempt_timeout = \"1m 30s\"\n";
    let variables = [("SERVICE__POOLS__KEYS__MAX_ATTEMPTS", "7"), ("OTHER", "8")];
    let variables = variables.map(|(key, value)| (key.to_owned(), value.to_owned()));
    let settings = example::load(file, Some(variables.into())).unwrap();
    let keys = settings.pool("keys");
    assert_eq!((keys.max_attempts, keys.attempt_timeout), (Some(7), Some(s(90))));
    assert_eq!(settings.pool("no such pool"), PoolConfig::default());
    let wrong = "[pools.keys]\nmax_attempts = 0\nretry_delay = 500\n";
    let error = example::load(wrong, None).unwrap_err().to_string();
    assert_eq!(problems(&error).len(), 2, "{error}");
}

#[test]
fn the_schema_is_that_of_the_settings() {
    let made = serde_json::to_value(Settings::json_schema()).unwrap();
    let pool = &made["properties"]["pools"]["additionalProperties"];
    let Value::Object(names) = everything() else { unreachable!() };
    let described: Vec<&String> = pool["properties"].as_object().unwrap().keys().collect();
    assert_eq!(described, names.keys().collect::<Vec<_>>(), "everything is described");
    assert_eq!(pool["additionalProperties"], json!(false));
    assert_eq!(pool["properties"]["max_attempts"]["type"], "integer");
    for (name, property) in pool["properties"].as_object().unwrap() {
        assert!(property["description"].as_str().is_some_and(|it| it.len() > 10), "{name}");
    }
    let kept: Value = serde_json::from_str(include_str!("../docs/settings.schema.json")).unwrap();
    assert_eq!(made, kept, "made anew by: cargo run --example schema > docs/settings.schema.json");
}

#[test]
fn answers_are_judged_by_the_table_of_the_file_and_those_of_a_provider_by_its_own() {
    let file = json!({
        "pools": { "keys": { "reactions": { "statuses": { "404": "retry" } } } },
        "resources": { "keys": [
            { "id": "usual" },
            { "id": "theirs", "reactions": { "auth_failed": { "cool_down_or": "5m" }, "statuses": { "409": "retry" } } },
        ] },
    });
    let settings: Settings = serde_json::from_value(file).unwrap();
    let pool = Pool::builder()
        .config(&settings.pool("keys"))
        .resources(settings.resources_of("keys", str::to_owned))
        .build()
        .unwrap();
    let told = |id: &str, status: u16| {
        let others = |each: &&str| **each != *id;
        let request = ["usual", "theirs"].into_iter().filter(others);
        let request = request.fold(pool.request(), |request, other| request.exclude(other));
        let run = request.max_attempts(1).run(async |lease| {
            let status = http::StatusCode::from_u16(status).unwrap();
            lease.judge((status, &http::HeaderMap::new()))?;
            Ok::<_, Fault<std::convert::Infallible>>(())
        });
        let told = futures::executor::block_on(run).err();
        pool.enable(id).unwrap();
        told.map(|error| match error {
            RunError::Exhausted(why) => why.last_signal.clone().unwrap().to_string(),
            other => panic!("{other}"),
        })
    };
    assert_eq!(told("usual", 404).unwrap(), "retry (404: the request's own fault)");
    assert_eq!(told("usual", 401).unwrap(), "disable (401: credentials refused)");
    assert_eq!(told("usual", 409), None);
    // What it does not say is as the file has it for the pool.
    assert_eq!(told("theirs", 404).unwrap(), "retry (404: the request's own fault)");
    assert_eq!(told("theirs", 409).unwrap(), "retry (409: the request's own fault)");
    let cooled = told("theirs", 401).unwrap();
    assert_eq!(cooled, "cooldown of 300.0s, guessed (401: credentials refused)");
    let written = serde_json::to_value(pool.config()).unwrap();
    let of = |name: &str| written["reactions"][name].clone();
    assert_eq!(of("statuses"), json!({ "404": { "value": "retry", "from": "file" } }));
    assert_eq!(of("over_limit"), json!({ "value": "cool_down", "from": "default" }));
}
