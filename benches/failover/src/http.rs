//! What the clients in Rust send calls with: one HTTP client, and no opinion on failures.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use http_body_util::{BodyExt as _, Empty};
use hyper::Request;
use hyper::body::Bytes;
use hyper::header::{AUTHORIZATION, HeaderMap, RETRY_AFTER};
use hyper_util::client::legacy::{self, connect::HttpConnector};
use hyper_util::rt::TokioExecutor;

use crate::server::secret;
use crate::upstream::Reply;

/// Clones share their connections.
#[derive(Clone)]
pub(crate) struct Http {
    client: legacy::Client<HttpConnector, Empty<Bytes>>,
    upstream: SocketAddr,
}

impl Http {
    pub(crate) fn new(upstream: SocketAddr) -> Self {
        Self { client: legacy::Client::builder(TokioExecutor::new()).build_http(), upstream }
    }

    /// One call with this key.
    pub(crate) async fn send(&self, key: usize) -> io::Result<Reply> {
        let request = Request::post(format!("http://{}/chat/completions", self.upstream))
            .header(AUTHORIZATION, format!("Bearer {}", secret(key)))
            .body(Empty::new())
            .expect("plain ASCII");
        let response = self.client.request(request).await.map_err(io::Error::other)?;
        let reply = Reply {
            status: response.status().as_u16(),
            retry_after: retry_after(response.headers()),
        };
        // Read to the end, so that the connection can be used again.
        response.into_body().collect().await.map_err(io::Error::other)?;
        Ok(reply)
    }
}

/// `Retry-After` in its form of whole seconds; the other form, a date, this upstream never sends.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.parse().ok().map(Duration::from_secs)
}
