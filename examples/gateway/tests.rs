//! The gateway as a whole, over the wires, before upstreams that are asked for one thing each.

use std::convert::Infallible;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::Duration;

use futures::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, Full, StreamBody};
use hyper::body::{Bytes, Frame, Incoming};
use hyper::header::{AUTHORIZATION, RETRY_AFTER};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode, Uri};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rotapool::config::PoolConfig as Rules;
use rotapool::lifecycle::Shutdown;
use rotapool::{PoolStats, Resource, Status, TokioRuntime};
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::answer::{Body, BodyError, page, refuse, whole};
use crate::config::{Auth, Config, KeyConfig, PoolConfig};
use crate::gateway::Gateway;
use crate::secret::Secret;
use crate::serve::serve;

const KEYS: [&str; 2] = ["sk-secret-one", "sk-secret-two"];

/// An upstream that answers a request with this key as it is told to.
async fn upstream(
    answer: impl Fn(&str, &Request<Incoming>) -> Response<Body> + Send + Sync + 'static,
) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let answer = Arc::new(answer);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let answer = Arc::clone(&answer);
            let service = service_fn(move |request: Request<Incoming>| {
                let key = request.headers().get(AUTHORIZATION).map(|key| key.to_str().unwrap());
                let response =
                    answer(key.unwrap_or_default().trim_start_matches("Bearer "), &request);
                async { Ok::<_, Infallible>(response) }
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    address
}

/// A gateway with two keys before this upstream. It serves as long as the test lasts.
struct Subject {
    address: SocketAddr,
    gateway: Arc<Gateway>,
    shutdown: Shutdown,
    server: JoinHandle<()>,
}

impl Subject {
    async fn before(upstream: SocketAddr) -> Self {
        Self::with(upstream, Rules::default()).await
    }

    async fn with(upstream: SocketAddr, rules: Rules) -> Self {
        let keys = ["one", "two"].into_iter().zip(KEYS);
        let keys = keys.map(|(id, secret)| KeyConfig {
            id: id.to_owned(),
            secret: Secret::new(secret).unwrap(),
            max_in_flight: None,
            requests_per_minute: None,
        });
        let pool = PoolConfig {
            name: "pool".to_owned(),
            upstream: Uri::try_from(format!("http://{upstream}/base/")).unwrap(),
            models: Vec::new(),
            timeout: Duration::from_secs(1),
            first_byte_within: Duration::from_millis(200),
            rules,
            auth: Auth::Bearer,
            keys: keys.collect(),
        };
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            token: Some(Secret::new("client").unwrap()),
            admin_token: Some(Secret::new("operator").unwrap()),
            max_body: 1_000,
            grace: Duration::from_secs(5),
            pools: vec![pool],
        };
        let shutdown = Shutdown::builder().runtime(TokioRuntime).build().unwrap();
        let listener = TcpListener::bind(config.listen).await.unwrap();
        let address = listener.local_addr().unwrap();
        let gateway = Gateway::new(config).unwrap();
        let server = tokio::spawn(serve(listener, Arc::clone(&gateway), shutdown.token()));
        Self { address, gateway, shutdown, server }
    }

    /// One request; its status, its `Retry-After`, and its body if it came whole.
    async fn ask(&self, method: Method, path: &str, token: &str, body: &str) -> Answer {
        let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
        let request = Request::builder()
            .method(method)
            .uri(format!("http://{}{path}", self.address))
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .body(Full::from(body.to_owned()));
        let response = client.request(request.unwrap()).await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        let body = response.into_body().collect().await.ok().map(|body| body.to_bytes());
        let text = body.map(|body| String::from_utf8(body.to_vec()).unwrap());
        let retry_after = headers.get(RETRY_AFTER).map(|value| value.to_str().unwrap().to_owned());
        Answer { status, retry_after, text }
    }

    /// Sends these very bytes.
    fn send_raw(&self, request: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        stream
    }

    /// What is answered to these very bytes.
    async fn ask_raw(&self, request: &str) -> String {
        let mut stream = self.send_raw(request);
        let mut said = String::new();
        let read = move || stream.read_to_string(&mut said).map(|_| said);
        tokio::task::spawn_blocking(read).await.unwrap().unwrap()
    }

    fn stats(&self) -> PoolStats {
        self.gateway.upstreams[0].pool.stats()
    }

    /// What the pool says once nobody has a place any more, which is at the latest when the client's connection is gone.
    async fn at_rest(&self) -> PoolStats {
        let rest = async {
            while self.stats().in_flight > 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(5), rest).await.expect("all places are free");
        self.stats()
    }

    async fn post(&self, body: &str) -> Answer {
        self.ask(Method::POST, "/v1/chat/completions", "client", body).await
    }
}

#[derive(Debug)]
struct Answer {
    status: StatusCode,
    retry_after: Option<String>,
    text: Option<String>,
}

impl Answer {
    fn text(&self) -> &str {
        self.text.as_deref().expect("a whole body")
    }
}

fn limited(after: &str) -> Response<Body> {
    let mut response = refuse(StatusCode::TOO_MANY_REQUESTS, "rate_limit_exceeded", "slow down");
    response.headers_mut().insert(RETRY_AFTER, after.parse().unwrap());
    response
}

#[tokio::test]
async fn a_request_reaches_the_upstream_with_a_key_and_its_own_path_and_query() {
    let upstream =
        upstream(|key, request| page("text/plain", format!("{key} {}", request.uri()))).await;
    let subject = Subject::before(upstream).await;
    let answer = subject.ask(Method::GET, "/v1/models?limit=3", "client", "").await;
    let (key, uri) = answer.text().split_once(' ').unwrap();
    assert!(KEYS.contains(&key));
    assert_eq!(uri, "/base/v1/models?limit=3");
}

#[tokio::test]
async fn a_limited_key_costs_the_client_nothing() {
    let upstream = upstream(|key, _| match key == KEYS[0] {
        true => limited("60"),
        false => page("text/plain", "served"),
    })
    .await;
    let subject = Subject::before(upstream).await;
    for _ in 0..5 {
        assert_eq!(subject.post("{}").await.text(), "served");
    }
    assert_eq!(subject.gateway.upstreams[0].pool.stats().cooling_down, 1);
}

#[tokio::test]
async fn who_cannot_be_served_hears_when_to_come_back() {
    let upstream = upstream(|_, _| limited("60")).await;
    let answer = Subject::before(upstream).await.post("{}").await;
    assert_eq!(answer.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(answer.retry_after.as_deref(), Some("60"));
    let error: Value = serde_json::from_str(answer.text()).unwrap();
    assert_eq!(error["error"]["code"], "exhausted");
}

#[tokio::test]
async fn a_refusal_of_the_request_itself_reaches_the_client_as_it_is() {
    let long = "x".repeat(200_000);
    let text = long.clone();
    let upstream = upstream(move |_, _| {
        let mut response = Response::new(whole(text.clone()));
        *response.status_mut() = StatusCode::UNPROCESSABLE_ENTITY;
        response
    })
    .await;
    let subject = Subject::before(upstream).await;
    let answer = subject.post("{}").await;
    assert_eq!((answer.status, answer.text() == long), (StatusCode::UNPROCESSABLE_ENTITY, true));
    assert_eq!(subject.gateway.upstreams[0].pool.stats().healthy, 2);
}

#[tokio::test]
async fn a_request_that_is_too_long_to_be_kept_is_refused_before_a_key_is_used() {
    let upstream = upstream(|_, _| panic!("nobody asks the upstream")).await;
    let answer = Subject::before(upstream).await.post(&"x".repeat(1_001)).await;
    assert_eq!(answer.status, StatusCode::PAYLOAD_TOO_LARGE);
    assert!(answer.text().contains("1000 bytes"), "{}", answer.text());
}

#[tokio::test]
async fn nobody_is_served_without_the_token_that_is_for_it() {
    let upstream = upstream(|_, _| panic!("nobody asks the upstream")).await;
    let subject = Subject::before(upstream).await;
    for (path, token) in [
        ("/v1/models", "operator"),
        ("/v1/models", ""),
        ("/admin/", "client"),
        ("/admin/pool/one/disable", ""),
        ("/dashboard/pool/act?act=disable&id=one", ""),
        ("/dashboard/pool/act?act=disable&id=one", "client"),
    ] {
        let answer = subject.ask(Method::POST, path, token, "").await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path} {token}");
    }
    assert_eq!(subject.gateway.upstreams[0].pool.stats().disabled, 0);
}

#[tokio::test]
async fn an_answer_that_is_cut_or_silent_before_its_first_byte_costs_the_client_nothing() {
    let upstream = upstream(|key, request| {
        let silent = request.uri().path().ends_with("silent");
        match (key == KEYS[0], silent) {
            (true, false) => {
                let cut = stream::once(async {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    Err::<Frame<Bytes>, _>(BodyError::from("cut"))
                });
                Response::new(StreamBody::new(cut).boxed_unsync())
            }
            (true, true) => Response::new(
                StreamBody::new(stream::pending::<Result<_, BodyError>>()).boxed_unsync(),
            ),
            (false, _) => page("text/plain", "served"),
        }
    })
    .await;
    let subject = Subject::before(upstream).await;
    for path in ["/cut", "/cut", "/silent", "/silent"] {
        let answer = subject.ask(Method::POST, path, "client", "").await;
        assert_eq!(answer.text.as_deref(), Some("served"), "{path}");
    }
}

/// Half an answer, and then this.
fn half(then: impl Future<Output = BodyError> + Send + 'static) -> Response<Body> {
    let half = stream::once(async { Ok(Frame::data(Bytes::from("half"))) });
    let rest = stream::once(async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        Err(then.await)
    });
    Response::new(StreamBody::new(half.chain(rest)).boxed_unsync())
}

#[tokio::test]
async fn an_answer_that_is_cut_in_its_middle_is_cut_for_the_client_and_counts_for_its_key() {
    let upstream = upstream(|_, _| half(async { BodyError::from("cut") })).await;
    let subject = Subject::before(upstream).await;
    let answer = subject.post("{}").await;
    assert_eq!((answer.status, answer.text), (StatusCode::OK, None));
    let stats = subject.at_rest().await;
    assert_eq!((stats.attempts, stats.failures, stats.successes), (1, 1, 0));
}

#[tokio::test]
async fn an_answer_that_stalls_or_takes_too_long_is_cut_by_the_time_limits_of_the_file() {
    let limit = Some(Duration::from_millis(200));
    let stall = Rules { stall_timeout: limit, ..Rules::default() };
    let whole = Rules { stream_timeout: limit, ..Rules::default() };
    for (rules, failures) in [(stall, 1), (whole, 0)] {
        let upstream = upstream(|_, _| half(std::future::pending())).await;
        let subject = Subject::with(upstream, rules).await;
        let answer = subject.post("{}").await;
        assert_eq!((answer.status, answer.text), (StatusCode::OK, None));
        let stats = subject.at_rest().await;
        assert_eq!((stats.failures, stats.timeouts, stats.successes), (failures, failures, 0));
    }
}

#[tokio::test]
async fn an_answer_holds_its_place_until_its_client_has_it_or_goes_away() {
    let answers = upstream(|_, request| match request.uri().path().ends_with("endless") {
        true => half(std::future::pending()),
        false => page("text/plain", "its length is known, so that nobody reads past it"),
    });
    let subject = Subject::before(answers.await).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::get(format!("http://{}/endless", subject.address))
        .header(AUTHORIZATION, "Bearer client")
        .body(Full::default());
    let mut body = client.request(request.unwrap()).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "half");
    assert_eq!(subject.stats().in_flight, 1);
    drop(body);
    let stats = subject.at_rest().await;
    assert_eq!((stats.failures, stats.successes, stats.runs_cancelled), (0, 0, 1));
    assert!(subject.post("{}").await.text.is_some());
    let stats = subject.at_rest().await;
    assert_eq!((stats.successes, stats.runs_cancelled), (1, 1));
}

#[tokio::test]
async fn operators_steer_by_their_routes_and_are_told_what_is_wrong() {
    let upstream = upstream(|key, _| page("text/plain", key.to_owned())).await;
    let subject = Subject::before(upstream).await;
    let post = async |path: &str| {
        let answer = subject.ask(Method::POST, &format!("/admin/{path}"), "operator", "").await;
        (answer.status.as_u16(), answer.text.unwrap())
    };
    assert_eq!(post("pool/one/park?for=1m&reason=a%20walk").await.0, 200);
    for _ in 0..3 {
        assert_eq!(subject.post("{}").await.text(), KEYS[1]);
    }
    let explained = subject.ask(Method::GET, "/explain", "", "").await;
    assert!(explained.text().contains("a walk"), "{}", explained.text());
    assert_eq!(post("pool/one/unpark").await.0, 200);
    assert_eq!(post("pool/two/disable").await.0, 200);
    assert_eq!(subject.post("{}").await.text(), KEYS[0]);
    for (path, status, said) in [
        ("pool/one/park?for=0s", 400, "more than zero"),
        ("pool/one/park", 400, "`for`"),
        ("pool/three/reset", 404, "three"),
        ("other/one/reset", 404, "other"),
        ("pool/one/explode", 404, "no such act"),
    ] {
        let told = post(path).await;
        assert!(told.0 == status && told.1.contains(said), "{path}: {told:?}");
    }
    let rotated = post("pool/rotate").await;
    assert_eq!(rotated.0, 400, "nobody else is healthy: {rotated:?}");
    let press = async |query: &str| {
        let path = format!("/dashboard/pool/act?{query}");
        let answer = subject.ask(Method::POST, &path, "operator", "").await;
        (answer.status.as_u16(), answer.text.unwrap())
    };
    assert_eq!(press("act=enable&id=two").await.0, 200);
    let rotated = press("act=rotate").await;
    assert!(rotated.0 == 200 && rotated.1 == "parked one; two takes over\n", "{rotated:?}");
    assert_eq!(press("act=reset").await.0, 400, "whom?");
    assert_eq!(
        subject.ask(Method::POST, "/dashboard/other/act?act=rotate", "operator", "").await.status,
        404
    );
    let listed = subject.ask(Method::GET, "/admin/", "operator", "").await;
    let listed: Value = serde_json::from_str(listed.text()).unwrap();
    assert_eq!(listed[0]["pool"], "pool");
}

#[tokio::test]
async fn an_id_of_any_letters_is_escaped_in_the_path() {
    let upstream = upstream(|key, _| page("text/plain", key.to_owned())).await;
    let subject = Subject::before(upstream).await;
    let pool = &subject.gateway.upstreams[0].pool;
    let id = "org/key 5% ü";
    pool.add(Resource::new(id, Secret::new("sk-secret-three").unwrap())).unwrap();
    let post = async |path: &str| {
        let path = format!("/admin/pool/{path}");
        subject.ask(Method::POST, &path, "operator", "").await
    };
    let escaped = "org%2Fkey%205%25%20%C3%BC";
    assert_eq!(post(&format!("{escaped}/disable")).await.status, StatusCode::OK);
    assert_eq!(pool.snapshot()[2].status, Status::Disabled);
    assert_eq!(post(&format!("{escaped}/enable?reason=a+b")).await.status, StatusCode::OK);
    assert_eq!(post("%6fne/%64isable").await.status, StatusCode::OK, "as any client may escape");
    assert_eq!(pool.snapshot()[0].status, Status::Disabled);
    assert_eq!(post("%FF/disable").await.status, StatusCode::BAD_REQUEST);
    let unknown = post("org/disable").await;
    assert!(unknown.status == StatusCode::NOT_FOUND && unknown.text().contains("org"));
}

#[tokio::test]
async fn what_would_send_the_key_back_or_is_no_path_of_the_upstream_is_refused() {
    let upstream = upstream(|_, _| panic!("nobody asks the upstream")).await;
    let subject = Subject::before(upstream).await;
    let traced = subject.ask(Method::TRACE, "/v1/models", "client", "").await;
    assert_eq!(traced.status, StatusCode::METHOD_NOT_ALLOWED);
    // As long as a path may be, but not with that of the upstream before it.
    let long = format!("GET /{} HTTP/1.1", "x".repeat(65_530));
    for (line, status) in [
        ("CONNECT elsewhere:443 HTTP/1.1", "HTTP/1.1 405 "),
        ("OPTIONS * HTTP/1.1", "HTTP/1.1 400 "),
        (&*long, "HTTP/1.1 400 "),
    ] {
        let head = "host: x\r\nconnection: close\r\nx-api-key: client";
        let said = subject.ask_raw(&format!("{line}\r\n{head}\r\n\r\n")).await;
        assert!(said.starts_with(status), "{said}");
    }
    assert_eq!(subject.stats().attempts, 0);
}

#[tokio::test]
async fn who_asks_by_another_name_reaches_the_same_upstream() {
    let upstream = upstream(|_, request| {
        let host = request.headers()["host"].to_str().unwrap();
        page("text/plain", format!("{host} {}", request.uri()))
    })
    .await;
    let subject = Subject::before(upstream).await;
    let request = "GET http://elsewhere/v1?a=b HTTP/1.1\r\nhost: elsewhere\r\nconnection: close\r\nx-api-key: client\r\n\r\n";
    let said = subject.ask_raw(request).await;
    assert!(said.ends_with(&format!("{upstream} /base/v1?a=b")), "{said}");
}

#[tokio::test]
async fn a_client_that_goes_away_before_the_first_byte_takes_its_call_with_it() {
    let answers = |_: &str, _: &Request<Incoming>| {
        Response::new(StreamBody::new(stream::pending::<Result<_, BodyError>>()).boxed_unsync())
    };
    let subject = Subject::before(upstream(answers).await).await;
    let request = "GET /v1/models HTTP/1.1\r\nhost: x\r\nx-api-key: client\r\n\r\n";
    let client = subject.send_raw(request);
    while subject.stats().in_flight == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(client);
    let stats = subject.at_rest().await;
    assert_eq!((stats.runs_cancelled, stats.failures, stats.runs_exhausted), (1, 0, 0));
}

#[tokio::test]
async fn who_got_in_is_answered_to_the_end_when_the_gateway_is_told_to_leave() {
    let (go, gone) = tokio::sync::watch::channel(false);
    let upstream = upstream(move |_, _| {
        let mut gone = gone.clone();
        let half = stream::once(async { Ok(Frame::data(Bytes::from("half and "))) });
        let rest = stream::once(async move {
            gone.wait_for(|gone| *gone).await.map_err(BodyError::from)?;
            Ok(Frame::data(Bytes::from("half")))
        });
        Response::new(StreamBody::new(half.chain(rest)).boxed_unsync())
    })
    .await;
    let subject = Subject::before(upstream).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::get(format!("http://{}/", subject.address))
        .header("x-api-key", "client")
        .body(Full::default());
    let response = client.request(request.unwrap()).await.unwrap();
    subject.shutdown.trigger();
    while TcpStream::connect(subject.address).is_ok() {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert!(!subject.server.is_finished(), "it waits for who got in");
    go.send(true).unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "half and half");
    subject.server.await.unwrap();
}

#[tokio::test]
async fn a_compressed_answer_is_not_asked_for_and_passes_as_it_is() {
    let upstream = upstream(|_, request| {
        assert!(!request.headers().contains_key("accept-encoding"));
        let mut response = page("text/plain", &b"\x1f\x8b"[..]);
        response.headers_mut().insert("content-encoding", "gzip".parse().unwrap());
        response
    })
    .await;
    let subject = Subject::before(upstream).await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Full<Bytes>>();
    let request = Request::get(format!("http://{}/", subject.address))
        .header("x-api-key", "client")
        .header("accept-encoding", "gzip")
        .body(Full::default());
    let response = client.request(request.unwrap()).await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), &b"\x1f\x8b"[..]);
}

#[tokio::test]
async fn nothing_that_the_gateway_says_shows_a_key() {
    // An upstream that tells the key back is what hurts most.
    let upstream = upstream(|key, _| {
        let mut response = refuse(StatusCode::UNAUTHORIZED, "invalid_api_key", key);
        response.headers_mut().insert("x-your-key", key.parse().unwrap());
        response
    })
    .await;
    let subject = Subject::before(upstream).await;
    let mut said = subject.post("{}").await.text().to_owned();
    for (path, token) in [
        ("/healthz", ""),
        ("/metrics", ""),
        ("/explain", ""),
        ("/admin/", "operator"),
        ("/dashboard/pool/", ""),
        ("/dashboard/pool/snapshot.json", ""),
    ] {
        said += subject.ask(Method::GET, path, token, "").await.text();
    }
    assert!(said.contains("disabled") && !said.contains("sk-secret"), "{said}");
}
