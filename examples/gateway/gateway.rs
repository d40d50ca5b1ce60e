//! Where a request goes: to an upstream, to an operator's route, or to a page.

use std::error::Error;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::{Method, Request, Response, StatusCode};
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::PoolCollector;

use crate::answer::{Body, json, page, refuse};
use crate::config::Config;
use crate::headers::show;
use crate::proxy::forward;
use crate::secret::Secret;
use crate::upstream::Upstream;
use crate::{admin, dashboard};

const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
pub(crate) const TEXT: &str = "text/plain; charset=utf-8";

/// What serves.
pub(crate) struct Gateway {
    pub(crate) upstreams: Vec<Upstream>,
    pub(crate) max_body: usize,
    token: Option<Secret>,
    admin_token: Option<Secret>,
    metrics: Registry,
}

impl Gateway {
    pub(crate) fn new(config: Config) -> Result<Arc<Self>, Box<dyn Error>> {
        let Config { pools, max_body, token, admin_token, .. } = config;
        let upstreams = pools.into_iter().map(Upstream::new).collect::<Result<Vec<_>, _>>()?;
        let collector = PoolCollector::new();
        for upstream in &upstreams {
            collector.add(&upstream.pool)?;
        }
        let mut metrics = Registry::default();
        metrics.register_collector(Box::new(collector));
        Ok(Arc::new(Self { upstreams, max_body, token, admin_token, metrics }))
    }

    /// Answers one request, whatever it is.
    pub(crate) async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        match (request.method(), request.uri().path()) {
            (&Method::GET, "/healthz") => self.health(),
            (&Method::GET, "/metrics") => self.metrics(),
            (&Method::GET, "/explain") => self.explain(),
            (&Method::GET, path) if path.starts_with("/dashboard") => {
                dashboard::answer(&self.upstreams, &path["/dashboard".len()..])
            }
            (_, path) if path.starts_with("/admin/") => {
                self.for_operators(&request, || admin::answer(&self.upstreams, &request))
            }
            (&Method::POST, path) if path.starts_with("/dashboard/") => {
                match path["/dashboard/".len()..].split_once('/') {
                    Some((name, "act")) => {
                        let press = || admin::press(&self.upstreams, name, &request);
                        self.for_operators(&request, press)
                    }
                    _ => refuse(StatusCode::NOT_FOUND, "not_found", "there is no such page"),
                }
            }
            _ if !self.is_known(&request) => refuse(
                StatusCode::UNAUTHORIZED,
                "invalid_api_key",
                "this gateway has a token of its own, to be shown as an API key",
            ),
            _ => forward(self, request).await,
        }
    }

    /// The upstream for this model: the first that names it, else the one that names none.
    pub(crate) fn upstream_of(&self, model: Option<&str>) -> Option<&Upstream> {
        let named = model
            .and_then(|model| self.upstreams.iter().find(|upstream| upstream.config.has(model)));
        let only = || match &self.upstreams[..] {
            // A call without a model, as for the list of models, has only one place to go.
            [only] if model.is_none() => Some(only),
            _ => None,
        };
        named
            .or_else(|| self.upstreams.iter().find(|upstream| upstream.config.models.is_empty()))
            .or_else(only)
    }

    fn is_known(&self, request: &Request<Incoming>) -> bool {
        self.token.as_ref().is_none_or(|token| show(request.headers(), token))
    }

    fn for_operators(
        &self,
        request: &Request<Incoming>,
        answer: impl FnOnce() -> Response<Body>,
    ) -> Response<Body> {
        match &self.admin_token {
            Some(token) if show(request.headers(), token) => answer(),
            Some(_) => refuse(StatusCode::UNAUTHORIZED, "unauthorized", "this is for operators"),
            None => refuse(StatusCode::NOT_FOUND, "not_found", "no `admin_token` is configured"),
        }
    }

    /// Well as long as any pool can serve.
    fn health(&self) -> Response<Body> {
        let stats: Vec<_> = self.upstreams.iter().map(|upstream| upstream.pool.stats()).collect();
        let is_well = stats.iter().any(|stats| stats.healthy > 0);
        let mut response = json(&stats);
        if !is_well {
            *response.status_mut() = StatusCode::SERVICE_UNAVAILABLE;
        }
        response
    }

    fn explain(&self) -> Response<Body> {
        let pools = self.upstreams.iter().map(|upstream| format!("{}\n", upstream.pool.explain()));
        page(TEXT, pools.collect::<String>())
    }

    fn metrics(&self) -> Response<Body> {
        let mut text = String::new();
        match encode(&mut text, &self.metrics) {
            Ok(()) => page(OPEN_METRICS, text),
            Err(error) => refuse(StatusCode::INTERNAL_SERVER_ERROR, "internal", &error.to_string()),
        }
    }
}
