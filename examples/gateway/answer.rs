//! Answers of the gateway's own.

use std::time::Duration;

use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderValue, RETRY_AFTER};
use hyper::{Response, StatusCode};
use serde::Serialize;
use serde_json::json;

/// Whatever ends a body in its middle.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// A body that goes to a client.
pub(crate) type Body = UnsyncBoxBody<Bytes, BodyError>;

/// A body that is there as a whole.
pub(crate) fn whole(content: impl Into<Bytes>) -> Body {
    Full::new(content.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A page of text or markup.
pub(crate) fn page(kind: &'static str, content: impl Into<Bytes>) -> Response<Body> {
    let mut response = Response::new(whole(content));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A value as JSON.
pub(crate) fn json<V: Serialize>(value: &V) -> Response<Body> {
    match serde_json::to_vec_pretty(value) {
        Ok(text) => page("application/json", text),
        Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error.to_string()),
    }
}

/// A refusal, in the form in which clients of OpenAI's API look for it.
pub(crate) fn refuse(status: StatusCode, code: &str, message: &str) -> Response<Body> {
    let error = json!({ "error": { "message": message, "type": "gateway_error", "code": code } });
    let mut response = page("application/json", error.to_string());
    *response.status_mut() = status;
    response
}

/// A refusal that says when to come back, in whole seconds, rounded up.
pub(crate) fn come_back(
    status: StatusCode,
    code: &str,
    message: &str,
    after: Option<Duration>,
) -> Response<Body> {
    let mut response = refuse(status, code, message);
    if let Some(after) = after {
        let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
        response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
