//! Operators' routes, behind their token.
//!
//! | route | does |
//! |---|---|
//! | `GET /admin/` | lists the pools and their keys |
//! | `POST /admin/POOL/rotate` | parks the key in use, for five minutes |
//! | `POST /admin/POOL/KEY/park?for=30s&reason=why` | takes a key out for that long |
//! | `POST /admin/POOL/KEY/unpark`, `/reset`, `/enable`, `/disable` | what they say |
//! | `POST /dashboard/POOL/act?act=park&id=KEY&for=30s` | the same for the buttons of the page |
//!
//! Names and ids in a path are percent-decoded, a step each. Who asks may be said in the header `x-operator`; the pool's events tell it.

use std::borrow::Cow;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use percent_encoding::percent_decode_str;
use rotapool::ResourceError;
use serde_json::json;

use crate::acts::{Asked, Done, Refused};
use crate::answer::{self, Body, refuse};
use crate::gateway::TEXT;
use crate::upstream::Upstream;

pub(crate) fn answer(upstreams: &[Upstream], request: &Request<Incoming>) -> Response<Body> {
    let path = request.uri().path().trim_start_matches("/admin/");
    let Some(steps) = steps_of(path) else {
        let what = "what is escaped in the path, as by %2F, is no UTF-8";
        return refuse(StatusCode::BAD_REQUEST, "bad_path", what);
    };
    let (name, id, act) = match (request.method(), &steps[..]) {
        (&Method::GET, []) => return list(upstreams),
        (&Method::POST, [name, act]) if act == "rotate" => (name, None, act),
        (&Method::POST, [name, id, act]) => (name, Some(id.to_string()), act),
        _ => return refuse(StatusCode::NOT_FOUND, "not_found", "there is no such route"),
    };
    let asked = Asked::of_query(request.uri().query());
    let asked = Asked { act: act.to_string(), id, ..asked };
    act_on(upstreams, name, &asked, request, answer::json)
}

/// The steps of a path, each as it was before it was escaped, if all of them are text.
fn steps_of(path: &str) -> Option<Vec<Cow<'_, str>>> {
    let steps = path.split('/').filter(|step| !step.is_empty());
    steps.map(|step| percent_decode_str(step).decode_utf8().ok()).collect()
}

/// What a button of the page asks for, of the pool of this name.
pub(crate) fn press(
    upstreams: &[Upstream],
    name: &str,
    request: &Request<Incoming>,
) -> Response<Body> {
    let asked = Asked::of_query(request.uri().query());
    act_on(upstreams, name, &asked, request, |done| answer::page(TEXT, format!("{done}\n")))
}

fn act_on(
    upstreams: &[Upstream],
    name: &str,
    asked: &Asked,
    request: &Request<Incoming>,
    show: impl FnOnce(&Done) -> Response<Body>,
) -> Response<Body> {
    let mut pools = upstreams.iter().map(|upstream| &upstream.pool);
    let Some(pool) = pools.find(|pool| pool.name() == name) else {
        let what = format!("no pool is called {name:?}");
        return refuse(StatusCode::NOT_FOUND, "no_pool", &what);
    };
    let by = request.headers().get("x-operator").and_then(|by| by.to_str().ok());
    match asked.done_to(&pool.admin(by.unwrap_or("an operator of the gateway"))) {
        Ok(done) => show(&done),
        Err(refused) => {
            let status = match &refused {
                Refused::NoSuchAct | Refused::Pool(ResourceError::UnknownResource { .. }) => {
                    StatusCode::NOT_FOUND
                }
                _ => StatusCode::BAD_REQUEST,
            };
            refuse(status, "refused", &refused.to_string())
        }
    }
}

fn list(upstreams: &[Upstream]) -> Response<Body> {
    let pools = upstreams.iter().map(|upstream| {
        let pool = &upstream.pool;
        json!({ "pool": pool.name(), "stats": pool.stats(), "keys": pool.snapshot() })
    });
    answer::json(&pools.collect::<Vec<_>>())
}
