//! The client: one HTTP request with one key, and what the answer means.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rotapool::Fault;

/// Why the upstream did not serve a request.
pub(crate) enum Refusal {
    OverLimit {
        retry_after: Option<Duration>,
    },
    KeyRevoked,
    /// The upstream or the way to it stumbled, whichever key it was.
    Hiccup(String),
    /// None of the above: no key would have fared better.
    Unexpected(StatusCode),
}

/// What a refusal says of the key, in the pool's words.
pub(crate) fn fault(refusal: Refusal) -> Fault<StatusCode> {
    match refusal {
        Refusal::OverLimit { retry_after } => Fault::cooldown_for(retry_after, "429 from upstream"),
        Refusal::KeyRevoked => Fault::disable("401, key revoked"),
        Refusal::Hiccup(why) => Fault::retry(why),
        Refusal::Unexpected(status) => Fault::Operation(status),
    }
}

/// Clones share their connections.
#[derive(Clone)]
pub(crate) struct Client {
    http: legacy::Client<HttpConnector, Empty<Bytes>>,
    upstream: SocketAddr,
}

impl Client {
    pub(crate) fn new(upstream: SocketAddr) -> Self {
        Self { http: legacy::Client::builder(TokioExecutor::new()).build_http(), upstream }
    }

    pub(crate) async fn ask(&self, secret: &str) -> Result<(), Refusal> {
        let request = Request::get(format!("http://{}/", self.upstream))
            .header(AUTHORIZATION, format!("Bearer {secret}"))
            .body(Empty::new())
            .expect("the address and the secret are plain ASCII");
        let response = self.http.request(request).await;
        let response = response.map_err(|error| Refusal::Hiccup(error.to_string()))?;
        match response.status() {
            StatusCode::OK => Ok(()),
            StatusCode::TOO_MANY_REQUESTS => {
                Err(Refusal::OverLimit { retry_after: retry_after(response.headers()) })
            }
            StatusCode::UNAUTHORIZED => Err(Refusal::KeyRevoked),
            status if status.is_server_error() => Err(Refusal::Hiccup(status.to_string())),
            status => Err(Refusal::Unexpected(status)),
        }
    }
}

/// `Retry-After` in its form of whole seconds; the other form, a date, this upstream never sends.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
