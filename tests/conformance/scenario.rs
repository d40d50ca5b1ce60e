//! The scenario format, and how a play is compared with its record.
//!
//! A scenario is a pool, steps, and what each step changed in the pool's public state when the Python
//! package `rotapool` 0.6.0 played it under a virtual clock. See `FORMAT.md` beside this file.

use rotapool::{PoolStats, Status};
use serde::Deserialize;
use serde_json::{Map, Value, json};

#[derive(Deserialize)]
pub(crate) struct File {
    pub(crate) format: u32,
    pub(crate) scenarios: Vec<Scenario>,
}

#[derive(Deserialize)]
pub(crate) struct Scenario {
    pub(crate) name: String,
    pub(crate) pool: PoolSpec,
    pub(crate) steps: Vec<Step>,
}

#[derive(Deserialize)]
pub(crate) struct PoolSpec {
    /// As metrics call it. The scenarios do not say.
    #[serde(default = "nameless")]
    pub(crate) name: String,
    pub(crate) resources: Vec<ResourceSpec>,
    pub(crate) max_attempts: u32,
    pub(crate) cooldown_table: Vec<f64>,
    pub(crate) strategy: String,
    pub(crate) cancel_siblings: bool,
    pub(crate) probe_on_recovery: bool,
}

fn nameless() -> String {
    "pool".to_owned()
}

#[derive(Deserialize)]
pub(crate) struct ResourceSpec {
    pub(crate) id: String,
    pub(crate) max_in_flight: Option<u32>,
}

#[derive(Deserialize)]
pub(crate) struct Step {
    #[serde(flatten)]
    pub(crate) action: Action,
    pub(crate) expect: Map<String, Value>,
}

#[derive(Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
pub(crate) enum Action {
    Start {
        run: String,
        #[serde(default)]
        attempts: Vec<Attempt>,
        #[serde(default)]
        options: Options,
    },
    Release {
        run: String,
    },
    Cancel {
        run: String,
    },
    Advance {
        seconds: f64,
    },
    Add(ResourceSpec),
    Remove {
        id: String,
    },
    Enable {
        id: String,
    },
    Disable {
        id: String,
    },
}

#[derive(Deserialize, Clone)]
pub(crate) struct Attempt {
    pub(crate) then: Then,
    pub(crate) seconds: Option<f64>,
    #[serde(default)]
    pub(crate) hold: bool,
}

impl Attempt {
    /// What an attempt past the end of the list does.
    pub(crate) const PAST_THE_LIST: Self = Self { then: Then::Ok, seconds: None, hold: false };
}

#[derive(Deserialize, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Then {
    Ok,
    Cooldown,
    Disable,
    Retry,
    Error,
}

#[derive(Deserialize, Default, Clone)]
#[serde(deny_unknown_fields)]
pub(crate) struct Options {
    pub(crate) max_attempts: Option<u32>,
    pub(crate) deadline: Option<f64>,
    pub(crate) retry_delay: Option<f64>,
    #[serde(default)]
    pub(crate) wait_for_cooldown: bool,
}

/// How a run stands.
#[derive(Clone, Default)]
pub(crate) struct RunRecord {
    pub(crate) state: &'static str,
    pub(crate) why: Option<&'static str>,
    pub(crate) resources: Vec<String>,
}

/// Plays the steps of one scenario and shows the public state after each.
pub(crate) trait Player {
    fn start(spec: &PoolSpec) -> Self;
    /// Carries a step out until nothing more happens; answers an admin call's error.
    fn act(&mut self, action: &Action) -> Option<&'static str>;
    /// The state changes since the last call.
    fn take_events(&mut self) -> Vec<[String; 3]>;
    fn stats(&self) -> PoolStats;
    fn runs(&self) -> Vec<(String, RunRecord)>;
}

/// Plays a scenario to its end, or to the first difference from its record.
pub(crate) fn play<P: Player>(scenario: &Scenario) -> Result<(), String> {
    let mut player = P::start(&scenario.pool);
    let mut expected = json!({ "resources": {}, "pool": {}, "runs": {} });
    for (number, step) in scenario.steps.iter().enumerate() {
        let error = player.act(&step.action);
        let events = player.take_events();
        expected["error"] = step.expect.get("error").cloned().unwrap_or(Value::Null);
        expected["events"] = step.expect.get("events").cloned().unwrap_or_else(|| json!([]));
        for section in ["resources", "pool", "runs"] {
            if let Some(changes) = step.expect.get(section) {
                apply(&mut expected[section], changes);
            }
        }
        let mut actual = observe(&player);
        actual["error"] = json!(error);
        actual["events"] = json!(events);
        if let Some(difference) = first_difference("", &expected, &actual) {
            return Err(format!("{}, step {}: {difference}", scenario.name, number + 1));
        }
    }
    Ok(())
}

/// The whole public state, in the words of the format.
fn observe<P: Player>(player: &P) -> Value {
    let stats = player.stats();
    let resources: Map<String, Value> = stats
        .resources
        .iter()
        .map(|r| {
            let row = json!({
                "status": status(r.status),
                "in_flight": r.in_flight,
                "max_in_flight": r.max_in_flight,
                "consecutive_cooldown": r.consecutive_cooldowns,
                "cooldown_remaining": r.cooldown_remaining.as_secs_f64(),
                "acquires": r.acquires,
                "successes": r.successes,
                "cooldowns": r.cooldowns,
                "disables": r.disables,
                "sibling_cancels": r.sibling_cancels,
            });
            (r.id.to_string(), row)
        })
        .collect();
    let runs: Map<String, Value> = player
        .runs()
        .into_iter()
        .map(|(name, run)| {
            let row = json!({ "state": run.state, "why": run.why, "resources": run.resources });
            (name, row)
        })
        .collect();
    json!({
        "resources": resources,
        "runs": runs,
        "pool": {
            "in_flight": stats.in_flight,
            "eligible": stats.eligible,
            "saturated": stats.saturated,
            "status_healthy": stats.healthy,
            "status_cooling_down": stats.cooling_down,
            "status_disabled": stats.disabled,
            "attempts": stats.attempts,
            "successes": stats.successes,
            "cooldowns": stats.cooldowns,
            "disables": stats.disables,
            "sibling_cancels": stats.sibling_cancels,
            "retries": stats.retries,
            "runs_ok": stats.runs_ok,
            "runs_exhausted": stats.runs_exhausted,
            "runs_error": stats.runs_error,
            "runs_cancelled": stats.runs_cancelled,
        },
    })
}

pub(crate) fn status(status: Status) -> &'static str {
    match status {
        Status::Healthy => "healthy",
        Status::CoolingDown => "cooling_down",
        Status::Disabled => "disabled",
        other => panic!("the format has no word for {other:?}"),
    }
}

/// Applies what changed; `null` for a whole row means that it is gone.
fn apply(section: &mut Value, changes: &Value) {
    let (Value::Object(section), Value::Object(changes)) = (section, changes) else {
        panic!("a section is an object");
    };
    for (key, change) in changes {
        match change {
            Value::Null if section.get(key).is_some_and(Value::is_object) => {
                section.remove(key);
            }
            Value::Object(_) => {
                apply(section.entry(key.clone()).or_insert_with(|| json!({})), change);
            }
            _ => {
                section.insert(key.clone(), change.clone());
            }
        }
    }
}

fn first_difference(path: &str, expected: &Value, actual: &Value) -> Option<String> {
    match (expected, actual) {
        (Value::Object(expected), Value::Object(actual)) => {
            let missing = actual.keys().find(|key| !expected.contains_key(*key));
            if let Some(key) = missing {
                return Some(format!("{path}/{key} is there and should not be"));
            }
            expected.iter().find_map(|(key, value)| {
                let path = format!("{path}/{key}");
                match actual.get(key) {
                    Some(actual) => first_difference(&path, value, actual),
                    None => Some(format!("{path} is missing, expected {value}")),
                }
            })
        }
        (Value::Number(e), Value::Number(a)) if path.ends_with("/cooldown_remaining") => {
            let (e, a) = (e.as_f64().unwrap(), a.as_f64().unwrap());
            ((e - a).abs() > 0.001).then(|| format!("{path} is {a}, expected {e}"))
        }
        _ if expected == actual => None,
        _ => Some(format!("{path} is {actual}, expected {expected}")),
    }
}
