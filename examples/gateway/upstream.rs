//! One upstream: its pool of keys, and one attempt with one of them.

use std::convert::Infallible;
use std::error::Error;
use std::time::Duration;

use http_body_util::{BodyExt as _, Full};
use hyper::body::Bytes;
use hyper::http::request::Parts;
use hyper::http::uri::PathAndQuery;
use hyper::{Request, Response, Uri};
use hyper_rustls::HttpsConnector;
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rotapool::hints::Verdict;
use rotapool::{Blame, Fault, Lease, Pool, Quota, Resource, RunError, Strategy, TokioRuntime};

use crate::answer::Body;
use crate::config::PoolConfig;
use crate::headers;
use crate::history::History;
use crate::peek::peek;
use crate::question::Question;
use crate::secret::Secret;
use crate::server::Site;

/// What is looked at of a refusal's body. No provider's is longer.
const REFUSAL: usize = 64 << 10;

/// How long a reply may say nothing before it is given up: as long as the official clients of OpenAI would wait.
const SILENCE: Duration = Duration::from_secs(600);

type HttpClient = Client<HttpsConnector<HttpConnector>, Full<Bytes>>;

/// An upstream, and the keys for it.
pub(crate) struct Upstream {
    pub(crate) config: PoolConfig,
    pub(crate) pool: Pool<Secret>,
    pub(crate) site: Site<Secret>,
    client: HttpClient,
}

impl Upstream {
    /// An upstream whose keys are all thought to be fine.
    pub(crate) fn new(mut config: PoolConfig) -> Result<Self, Box<dyn Error>> {
        let keys = std::mem::take(&mut config.keys).into_iter().map(|key| {
            let mut resource =
                Resource::new(key.id, key.secret.clone()).secret(key.secret.expose());
            if let Some(limit) = key.max_in_flight {
                resource = resource.max_in_flight(limit);
            }
            if let Some(requests) = key.requests_per_minute {
                resource = resource.quota(Quota::per_minute(requests));
            }
            resource
        });
        config.rules.strategy.get_or_insert(Strategy::Affinity);
        config.rules.stall_timeout.get_or_insert(SILENCE);
        let pool = Pool::builder()
            .name(&*config.name)
            .resources(keys)
            .config(&config.rules)
            .runtime(TokioRuntime)
            .build()?;
        let connector = hyper_rustls::HttpsConnectorBuilder::new()
            .with_native_roots()?
            .https_or_http()
            .enable_http1()
            .build();
        let client =
            Client::builder(TokioExecutor::new()).pool_timer(TokioTimer::new()).build(connector);
        let site = Site::new(pool.clone(), History::follow(&pool))?;
        Ok(Self { config, pool, site, client })
    }
}

impl Upstream {
    /// Asks with one key after another, until one of them begins to answer. The answer holds its key's place to its end.
    pub(crate) async fn ask(
        &self,
        head: &Parts,
        uri: &Uri,
        question: Question,
    ) -> Result<Response<Body>, RunError<Infallible>> {
        let PoolConfig { timeout, first_byte_within, .. } = self.config;
        let mut request = self.pool.request().timeout(timeout).attempt_timeout(first_byte_within);
        if let Some(session) = question.session {
            request = request.affinity(session);
        }
        let reply =
            request.run_body(|key| self.attempt(key, head, uri, question.body.clone())).await?;
        Ok(reply.map(|body| body.map_err(Into::into).boxed_unsync()))
    }

    async fn attempt(
        &self,
        key: Lease<Secret>,
        head: &Parts,
        uri: &Uri,
        body: Bytes,
    ) -> Result<Response<Body>, Fault<Infallible>> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = head.method.clone();
        request.uri_mut().clone_from(uri);
        *request.headers_mut() = headers::to_upstream(&head.headers);
        headers::sign(request.headers_mut(), &self.config.auth, &key);

        let response = self.client.request(request).await.or_retry()?;
        let (mut head, body) = response.into_parts();
        let body = if Verdict::asks_for_body(head.status) {
            let (refusal, body) = peek(body, REFUSAL).await.or_retry()?;
            key.judge_with_body((head.status, &head.headers), &refusal)?;
            body // the request's own fault: the client's to hear
        } else {
            key.judge((head.status, &head.headers))?;
            body.map_err(Into::into).boxed_unsync()
        };
        head.headers = headers::to_client(&head.headers);
        Ok(Response::from_parts(head, body))
    }

    /// The same path at the upstream, behind the path of its own; `None` if both together are no path, or too long.
    pub(crate) fn uri_of(&self, asked: &Uri) -> Option<Uri> {
        let path = asked.path().strip_prefix('/')?;
        let query = asked.query().map(|query| format!("?{query}")).unwrap_or_default();
        let before = self.config.upstream.path().trim_end_matches('/');
        let mut parts = self.config.upstream.clone().into_parts();
        parts.path_and_query =
            Some(PathAndQuery::try_from(format!("{before}/{path}{query}")).ok()?);
        Uri::from_parts(parts).ok()
    }
}
