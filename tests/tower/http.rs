//! An axum service whose handlers call an upstream through a pool: keys with hyper's client, clients of reqwest.

use std::convert::Infallible;
use std::net::{Ipv4Addr, SocketAddr};

use axum::Router;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, Response, StatusCode, header};
use axum::routing::get;
use http_body_util::BodyExt as _;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rotapool::{Fault, Lease, Pool, PoolLayer, PoolService, Resource, RunError, Signal};
use tokio::net::TcpListener;
use tower::{ServiceBuilder, ServiceExt as _};
use tower_http::set_header::SetRequestHeaderLayer;

/// Serves on a port of its own for as long as the runtime lives.
pub(crate) async fn serve(router: Router) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Limits one key, and greets who comes with another.
async fn upstream() -> SocketAddr {
    let greet = async |Path(name): Path<String>, headers: HeaderMap| match headers
        .get(header::AUTHORIZATION)
        .and_then(|key| key.to_str().ok())
    {
        Some("Bearer fresh") => Ok(format!("hello {name}")),
        Some("Bearer spent") => Err(StatusCode::TOO_MANY_REQUESTS),
        _ => Err(StatusCode::UNAUTHORIZED),
    };
    serve(Router::new().route("/{name}", get(greet))).await
}

async fn text(response: Response<impl axum::body::HttpBody<Error: std::fmt::Debug>>) -> String {
    let bytes = response.into_body().collect().await.unwrap().to_bytes();
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// What a status says of the key or the client that got it.
fn verdict(status: StatusCode) -> Option<Signal> {
    match status {
        StatusCode::TOO_MANY_REQUESTS => Some(Signal::cooldown("429")),
        StatusCode::UNAUTHORIZED => Some(Signal::disable("401")),
        status => status.is_server_error().then(|| Signal::retry(status.to_string())),
    }
}

#[tokio::test]
async fn an_axum_service_is_served_by_the_key_that_works() {
    let upstream = upstream().await;
    let pool = Pool::builder()
        .resources(["spent", "revoked", "fresh"].map(|key| Resource::new(key, key)))
        .build()
        .unwrap();
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let send = move |key: Lease<&'static str>, name: String| {
        let client = client.clone();
        async move {
            let request = Request::get(format!("http://{upstream}/{name}"))
                .header(header::AUTHORIZATION, format!("Bearer {}", *key))
                .body(Body::empty())
                .unwrap();
            let response = client.request(request).await.map_err(Fault::retry)?;
            match verdict(response.status()) {
                Some(signal) => Err(Fault::Signal(signal)),
                None => Ok::<_, Fault<Infallible>>(response),
            }
        }
    };
    let service = PoolService::new(&pool, send);
    // The handler gets its clone anew for every request.
    let handler = async |State(service): State<_>,
                         Path(name): Path<String>|
           -> Result<String, StatusCode> {
        let service: BoxedGreeter = service;
        let response = service.oneshot(name).await.map_err(|_| StatusCode::SERVICE_UNAVAILABLE)?;
        Ok(text(response).await)
    };
    let ours = serve(
        Router::new().route("/greet/{name}", get(handler)).with_state(BoxedGreeter::new(service)),
    )
    .await;
    for name in ["Ann", "Bob"] {
        let reply = reqwest::get(format!("http://{ours}/greet/{name}")).await.unwrap();
        assert_eq!(reply.text().await.unwrap(), format!("hello {name}"));
    }
    let stats = pool.stats();
    assert_eq!((stats.runs_ok, stats.attempts, stats.cooling_down, stats.disabled), (2, 4, 1, 1));
}

type BoxedGreeter =
    tower::util::BoxCloneSyncService<String, Response<hyper::body::Incoming>, RunError<Infallible>>;

#[tokio::test]
async fn a_pool_of_reqwest_clients_is_a_reqwest_client() {
    let upstream = upstream().await;
    // Each has a stack of its own around its client, as if each had a proxy of its own.
    let clients = ["spent", "fresh"].map(|key| {
        let key = header::HeaderValue::from_str(&format!("Bearer {key}")).unwrap();
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, key)]);
        reqwest::Client::builder().default_headers(headers).build().unwrap()
    });
    let named = ["one", "other"].into_iter().zip(clients);
    let pool = Pool::builder()
        .resources(named.map(|(id, client)| Resource::new(id, client)))
        .build()
        .unwrap();
    let judge = |result: &Result<reqwest::Response, reqwest::Error>| match result {
        Ok(response) => verdict(response.status()),
        Err(error) => Some(Signal::retry(error.to_string())),
    };
    let again = |request: &reqwest::Request| request.try_clone().expect("no stream is sent here");
    let service = ServiceBuilder::new()
        .concurrency_limit(8)
        .layer(PoolLayer::remaking(again, judge))
        .service(pool.clone());
    for _ in 0..2 {
        let url = format!("http://{upstream}/Eve").parse().unwrap();
        let request = reqwest::Request::new(reqwest::Method::GET, url);
        let response = service.clone().oneshot(request).await.unwrap();
        assert_eq!(response.text().await.unwrap(), "hello Eve");
    }
    assert_eq!((pool.stats().attempts, pool.stats().cooling_down), (3, 1));
}

#[tokio::test]
async fn layers_of_tower_http_stand_around_the_pooled_services() {
    let upstream = upstream().await;
    let client = Client::builder(TokioExecutor::new()).build_http::<Body>();
    let pool = Pool::builder()
        .resources(["spent", "fresh"].map(|key| {
            let key_of = header::HeaderValue::from_str(&format!("Bearer {key}")).unwrap();
            let stack = ServiceBuilder::new()
                .layer(SetRequestHeaderLayer::overriding(header::AUTHORIZATION, key_of))
                .service(client.clone());
            Resource::new(key, stack)
        }))
        .build()
        .unwrap();
    let judge = |result: &Result<Response<_>, _>| match result {
        Ok(response) => verdict(response.status()),
        Err(error) => {
            let error: &hyper_util::client::legacy::Error = error;
            Some(Signal::retry(error.to_string()))
        }
    };
    let again = |path: &&'static str| {
        Request::get(format!("http://{upstream}{path}")).body(Body::empty()).unwrap()
    };
    let service = ServiceBuilder::new()
        .map_response(Response::<hyper::body::Incoming>::into_body)
        .layer(PoolLayer::remaking(again, judge))
        .service(pool.clone());
    let body = service.oneshot("/Joe").await.unwrap();
    assert_eq!(body.collect().await.unwrap().to_bytes(), "hello Joe");
    assert_eq!(pool.stats().cooling_down, 1);
}
