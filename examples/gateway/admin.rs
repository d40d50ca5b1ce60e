//! Operators' routes, behind their token.
//!
//! | route | does |
//! |---|---|
//! | `GET /admin/` | lists the pools and their keys |
//! | `POST /admin/POOL/rotate` | parks the key in use, for five minutes |
//! | `POST /admin/POOL/KEY/park?for=30s&reason=why` | takes a key out for that long |
//! | `POST /admin/POOL/KEY/unpark`, `/reset`, `/enable`, `/disable` | what they say |
//!
//! Who asks may be said in the header `x-operator`; the pool's events tell it.

use std::time::Duration;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use rotapool::{Pool, ResourceError};
use serde_json::{Value, json};

use crate::answer::{self, Body, refuse};
use crate::secret::Secret;
use crate::upstream::Upstream;

pub(crate) fn answer(upstreams: &[Upstream], request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().trim_start_matches("/admin/");
    let steps: Vec<&str> = path.split('/').filter(|step| !step.is_empty()).collect();
    let by = request.headers().get("x-operator").and_then(|by| by.to_str().ok());
    let pool = |name: &str| {
        let pool = upstreams.iter().map(|upstream| &upstream.pool).find(|pool| pool.name() == name);
        pool.map(|pool| pool.admin(by.unwrap_or("an operator of the gateway")))
    };
    match (request.method(), &steps[..]) {
        (&Method::GET, []) => list(upstreams),
        (&Method::POST, [name, "rotate"]) => {
            match pool(name) {
                Some(pool) => said(pool.rotate().map(
                    |it| json!({ "done": "rotated", "from": &*it.from, "to": it.to.as_deref() }),
                )),
                None => no_pool(name),
            }
        }
        (&Method::POST, [name, key, act]) => match pool(name) {
            Some(pool) => {
                let query = form_urlencoded::parse(request.uri().query().unwrap_or("").as_bytes());
                operate(&pool, key, act, &query.into_owned().collect::<Vec<_>>())
            }
            None => no_pool(name),
        },
        _ => refuse(StatusCode::NOT_FOUND, "not_found", "there is no such route"),
    }
}

fn list(upstreams: &[Upstream]) -> Response<Body> {
    let pools = upstreams.iter().map(|upstream| {
        let pool = &upstream.pool;
        json!({ "pool": pool.name(), "stats": pool.stats(), "keys": pool.snapshot() })
    });
    answer::json(&pools.collect::<Vec<_>>())
}

fn operate(
    pool: &Pool<Secret>,
    key: &str,
    act: &str,
    query: &[(String, String)],
) -> Response<Body> {
    let word = |name: &str| query.iter().find(|(known, _)| known == name).map(|(_, word)| &**word);
    let done = match act {
        "park" => {
            let Some(period) = word("for").and_then(|text| humantime::parse_duration(text).ok())
            else {
                let what = "`for` says how long: \"30s\" or \"1h 30m\"";
                return refuse(StatusCode::BAD_REQUEST, "for", what);
            };
            park(pool, key, period, word("reason").unwrap_or("no reason given"))
        }
        "unpark" => pool.unpark(key).map(|()| json!({ "done": "unparked" })),
        "reset" => pool.reset(key).map(|()| json!({ "done": "reset" })),
        "enable" => pool.enable(key).map(|()| json!({ "done": "enabled" })),
        "disable" => pool.disable(key).map(|()| json!({ "done": "disabled" })),
        _ => return refuse(StatusCode::NOT_FOUND, "not_found", "there is no such act"),
    };
    said(done)
}

/// Answers also for how long, for the later end wins.
fn park(
    pool: &Pool<Secret>,
    key: &str,
    period: Duration,
    reason: &str,
) -> Result<Value, ResourceError> {
    let until = pool.park(key, period, reason)?;
    let left = until.saturating_duration_since(pool.now());
    Ok(json!({ "done": "parked", "seconds": left.as_secs_f64() }))
}

fn said(done: Result<Value, ResourceError>) -> Response<Body> {
    match done {
        Ok(done) => answer::json(&done),
        Err(error) => {
            let status = match error {
                ResourceError::UnknownResource { .. } => StatusCode::NOT_FOUND,
                _ => StatusCode::BAD_REQUEST,
            };
            refuse(status, "refused", &error.to_string())
        }
    }
}

fn no_pool(name: &str) -> Response<Body> {
    refuse(StatusCode::NOT_FOUND, "no_pool", &format!("no pool is called {name:?}"))
}
