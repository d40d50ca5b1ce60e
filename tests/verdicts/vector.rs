//! One answer of an upstream, and what it says.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use http::{HeaderMap, HeaderName, HeaderValue};
use rotapool::hints::{Allowance, Class, Verdict};
use serde::Deserialize;
use serde_json::{Map, Value};

#[derive(Debug, Deserialize)]
pub(crate) struct Vector {
    name: String,
    status: u16,
    headers: Vec<(String, String)>,
    body: Option<String>,
    /// The reader's wall clock.
    now: jiff::Timestamp,
    expect: Expected,
}

/// What is absent is not asked, which is why it is looked up in maps: in a struct it would be as good as null.
#[derive(Debug, Deserialize)]
#[serde(transparent)]
struct Expected(Map<String, Value>);

impl Vector {
    pub(crate) fn check(&self) -> Result<(), String> {
        let verdict = self.read();
        self.compare(&verdict).map_err(|error| format!("{}: {error}\n    {verdict:?}", self.name))
    }

    fn read(&self) -> Verdict {
        let mut headers = HeaderMap::new();
        for (name, value) in &self.headers {
            let name = HeaderName::from_bytes(name.as_bytes());
            // What is no name or value of HTTP, no client would hand to us.
            if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
                headers.append(name, value);
            }
        }
        let body = self.body.as_deref().map(str::as_bytes);
        let now = SystemTime::try_from(self.now).expect("a moment of this millennium");
        Verdict::read(self.status, &headers, body, now)
    }

    fn compare(&self, verdict: &Verdict) -> Result<(), String> {
        for (asked, expected) in &self.expect.0 {
            match (asked.as_str(), expected) {
                ("class", Value::String(class)) => {
                    let read = class_name(verdict.class);
                    same("class", class, &read)?;
                }
                ("after_ms", expected) => {
                    let after = verdict.stated.map(|stated| stated.after.as_secs_f64() * 1e3);
                    let near = match (after, expected.as_f64()) {
                        (Some(after), Some(expected)) => (after - expected).abs() <= 1.0,
                        (None, None) => expected.is_null(),
                        _ => false,
                    };
                    near.then_some(()).ok_or(format!("after_ms is {after:?}, not {expected}"))?;
                }
                ("quotas", Value::Object(quotas)) => compare_quotas(quotas, &verdict.allowances)?,
                _ => return Err(format!("this player does not know {asked}: {expected}")),
            }
        }
        Ok(())
    }
}

fn compare_quotas(expected: &Map<String, Value>, read: &[Allowance]) -> Result<(), String> {
    let mut read: BTreeMap<&str, &Allowance> =
        read.iter().map(|allowance| (&*allowance.dimension, allowance)).collect();
    for (dimension, expected) in expected {
        // The same name, whoever spells it.
        let dimension = dimension.replace('-', "_");
        let spelled = read.keys().find(|name| name.replace('-', "_") == dimension).copied();
        let allowance = spelled
            .and_then(|name| read.remove(name))
            // Of headers that name no dimension we say that they count requests; others may call it the default.
            .or_else(|| read.remove("requests").filter(|_| dimension == "default"))
            .ok_or(format!("{dimension} is not reported"))?;
        let expected = expected.as_object().ok_or("a quota is an object")?;
        for (part, expected) in expected {
            let read = match part.as_str() {
                "limit" => allowance.limit.map(u128::from),
                "remaining" => allowance.remaining.map(u128::from),
                "reset_ms" => allowance.reset.map(milliseconds),
                _ => return Err(format!("this player does not know {part}")),
            };
            let expected = match expected {
                Value::Null => None,
                number => Some(number.as_u64().map(u128::from).ok_or("no whole number")?),
            };
            same(&format!("{part} of {dimension}"), &expected, &read)?;
        }
    }
    match read.keys().next() {
        Some(more) => Err(format!("{more} is reported too")),
        None => Ok(()),
    }
}

fn class_name(class: Class) -> &'static str {
    match class {
        Class::Fine => "ok",
        Class::OverLimit => "rate_limited",
        Class::QuotaGone => "quota",
        Class::AuthFailed => "auth",
        Class::Overloaded => "overloaded",
        Class::Transient => "transient",
        Class::CallersFault => "caller",
        _ => "unknown",
    }
}

/// Rounded up.
fn milliseconds(span: Duration) -> u128 {
    span.as_nanos().div_ceil(1_000_000)
}

fn same<A: PartialEq<B> + std::fmt::Debug, B: std::fmt::Debug>(
    what: &str,
    expected: &A,
    read: &B,
) -> Result<(), String> {
    if expected == read { Ok(()) } else { Err(format!("{what} is {read:?}, not {expected:?}")) }
}
