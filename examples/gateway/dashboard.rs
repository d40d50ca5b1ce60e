//! The page that shows a pool live, a pool each under `/dashboard/`.

use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue, LOCATION};
use hyper::{Response, StatusCode};

use crate::answer::{Body, page, refuse};
use crate::server::POLICY;
use crate::upstream::Upstream;

/// What is under `path`, which is behind `/dashboard`.
pub(crate) fn answer(upstreams: &[Upstream], path: &str) -> Response<Body> {
    let Some((name, rest)) = path.trim_start_matches('/').split_once('/') else {
        // Names are checked to fit a path.
        let first = upstreams.first().map_or("", |upstream| upstream.pool.name());
        let mut response = refuse(StatusCode::FOUND, "moved", "the first pool");
        let to = HeaderValue::try_from(format!("/dashboard/{first}/"));
        response.headers_mut().extend(to.ok().map(|to| (LOCATION, to)));
        return response;
    };
    let upstream = upstreams.iter().find(|upstream| upstream.pool.name() == name);
    match upstream.and_then(|upstream| upstream.site.content(&format!("/{rest}"))) {
        None => refuse(StatusCode::NOT_FOUND, "not_found", "there is no such page"),
        Some(Ok((kind, content))) => {
            let mut response = page(kind, content);
            let policy = HeaderValue::from_static(POLICY);
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            response
        }
        Some(Err(error)) => {
            refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error.to_string())
        }
    }
}
