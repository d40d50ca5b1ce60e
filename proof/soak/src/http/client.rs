//! The client: one HTTP request with one key, and what the answer means.

use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use hyper::{Request, StatusCode};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;
use rotapool::Fault;

/// How long an answer may take.
const PATIENCE: Duration = Duration::from_millis(60);

/// The upstream knows no such thing, whichever key asks.
#[derive(Debug)]
pub(crate) struct NotFound;

/// Clones share their connections.
#[derive(Clone)]
pub(crate) struct Client {
    http: legacy::Client<HttpConnector, Empty<Bytes>>,
    upstream: SocketAddr,
}

impl Client {
    pub(crate) fn new(upstream: SocketAddr) -> Self {
        let http =
            legacy::Client::builder(TokioExecutor::new()).pool_max_idle_per_host(32).build_http();
        Self { http, upstream }
    }

    /// Asks for a number with a key.
    pub(crate) async fn ask(&self, number: u64, key: u64) -> Result<String, Fault<NotFound>> {
        match tokio::time::timeout(PATIENCE, self.exchange(number, key)).await {
            Ok(answer) => answer,
            Err(_) => Err(Fault::cooldown_for(PATIENCE, "the upstream stalls")),
        }
    }

    async fn exchange(&self, number: u64, key: u64) -> Result<String, Fault<NotFound>> {
        let request = Request::get(format!("http://{}/{number}", self.upstream))
            .header(AUTHORIZATION, format!("Bearer {key}"))
            .body(Empty::new())
            .expect("plain ASCII");
        let response = self.http.request(request).await.map_err(Fault::retry)?;
        let (status, after) = (response.status(), retry_after(response.headers()));
        let body = response.into_body().collect().await.map_err(Fault::retry)?.to_bytes();
        match status {
            StatusCode::OK => String::from_utf8(body.to_vec()).map_err(Fault::retry),
            StatusCode::NOT_FOUND => Err(Fault::Operation(NotFound)),
            StatusCode::TOO_MANY_REQUESTS => Err(Fault::cooldown_for(after, status.to_string())),
            StatusCode::UNAUTHORIZED => Err(Fault::disable(status.to_string())),
            _ => Err(Fault::cooldown_for(Duration::from_millis(20), status.to_string())),
        }
    }
}

fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
