//! The web server: the page, and what the page and others read.

use std::convert::Infallible;
use std::error::Error;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderValue};
use hyper::http::uri::Authority;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::{Pool, PoolCollector, PoolStats, ResourceSnapshot};
use serde::Serialize;
use tokio::net::TcpListener;

use crate::acts::Asked;
use crate::history::{History, Report};

const PAGE: &str = include_str!("page.html");

/// The page is one file and loads nothing but the snapshot.
pub(crate) const POLICY: &str = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; \
                      img-src data:; connect-src 'self'";

/// What is served about a pool.
pub(crate) struct Site<T> {
    pool: Pool<T>,
    history: Arc<Mutex<History>>,
    metrics: Registry,
}

/// The kind of a page, and its text.
pub(crate) type Content = (&'static str, String);

/// What `/snapshot.json` says.
#[derive(Serialize)]
struct View<'a> {
    pool: &'a str,
    stats: PoolStats,
    snapshot: Vec<ResourceSnapshot>,
    history: Report,
}

impl<T: Send + Sync + 'static> Site<T> {
    pub(crate) fn new(pool: Pool<T>, history: Arc<Mutex<History>>) -> Result<Self, Box<dyn Error>> {
        let collector = PoolCollector::new();
        collector.add(&pool)?;
        let mut metrics = Registry::default();
        metrics.register_collector(Box::new(collector));
        Ok(Self { pool, history, metrics })
    }

    /// Serves for as long as it is awaited.
    pub(crate) async fn serve(self, listener: TcpListener) -> Result<Infallible, Box<dyn Error>> {
        let site = Arc::new(self);
        loop {
            let (stream, _) = listener.accept().await?;
            let site = Arc::clone(&site);
            tokio::spawn(async move {
                let service = service_fn(|request| {
                    let response = site.answer(&request);
                    async { Ok::<_, Infallible>(response) }
                });
                // A browser that goes away in the middle is no news.
                let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), service).await;
            });
        }
    }

    fn answer(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, _) => {}
            (&Method::POST, "/act") => return self.act(request),
            _ => {
                return plain(
                    StatusCode::METHOD_NOT_ALLOWED,
                    "There is only GET, and POST of /act.\n",
                );
            }
        }
        match self.content(request.uri().path()) {
            None => plain(StatusCode::NOT_FOUND, "There is no such page.\n"),
            Some(Ok((kind, content))) => response(StatusCode::OK, kind, content),
            Some(Err(error)) => plain(StatusCode::INTERNAL_SERVER_ERROR, &format!("{error}\n")),
        }
    }

    /// Does what a button asks for, if it is one of our page: no page of somebody else's may name an operator, for its
    /// browser would ask us first, nor reach us under a name of its own.
    fn act(&self, request: &Request<Incoming>) -> Response<Full<Bytes>> {
        let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
        let Some(by) = header("x-operator").filter(|_| header(HOST.as_str()).is_some_and(is_ours))
        else {
            return plain(StatusCode::FORBIDDEN, "Say in x-operator who asks, by our address.\n");
        };
        match Asked::of_query(request.uri().query()).done_to(&self.pool.admin(by)) {
            Ok(done) => plain(StatusCode::OK, &format!("{done}\n")),
            Err(refused) => plain(StatusCode::BAD_REQUEST, &format!("{refused}\n")),
        }
    }

    /// What is under this path, and of what kind it is; `None` if nothing is.
    pub(crate) fn content(&self, path: &str) -> Option<Result<Content, Box<dyn Error>>> {
        Some(match path {
            "/" => Ok(("text/html; charset=utf-8", PAGE.to_owned())),
            "/snapshot.json" => self.snapshot().map(|json| ("application/json", json)),
            "/metrics" => self.metrics().map(|metrics| {
                ("application/openmetrics-text; version=1.0.0; charset=utf-8", metrics)
            }),
            _ => return None,
        })
    }

    fn snapshot(&self) -> Result<String, Box<dyn Error>> {
        let (snapshot, now) = (self.pool.snapshot(), self.pool.now());
        let history = || self.history.lock().expect("nothing panics with the history");
        let history = history().report(now, &snapshot);
        let view = View { pool: self.pool.name(), stats: self.pool.stats(), snapshot, history };
        Ok(serde_json::to_string(&view)?)
    }

    fn metrics(&self) -> Result<String, Box<dyn Error>> {
        let mut page = String::new();
        encode(&mut page, &self.metrics)?;
        Ok(page)
    }
}

/// Whether a `Host` is an address or the local one, and not a name that somebody has pointed at us.
fn is_ours(host: &str) -> bool {
    let Ok(host) = host.parse::<Authority>() else { return false };
    let bare = host.host().trim_start_matches('[').trim_end_matches(']');
    bare.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok()
}

fn plain(status: StatusCode, text: &str) -> Response<Full<Bytes>> {
    response(status, "text/plain; charset=utf-8", text.to_owned())
}

fn response(status: StatusCode, kind: &'static str, content: String) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(content));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY));
    response
}
