//! A web service in front of an upstream that limits its keys: handlers call the upstream through a pool, which is a
//! `tower` service to one of them, and hands replies on to the other while they are made. `cargo run --example axum` needs
//! no network.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use prometheus_client::{encoding::text::encode, registry::Registry};
use rotapool::{
    Blame, Fault, Lease, Pool, PoolCollector, PoolService, Resource, RunError, TokioRuntime,
};
use tokio::net::TcpListener;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt as _};

const KEYS: [&str; 4] = ["spent", "revoked", "fresh", "spare"];
const STORIES: usize = 60;

/// What a handler asks of the upstream, and how it fails; behind it may be any stack.
type Greeter = BoxCloneSyncService<String, String, RunError<reqwest::Error>>;

#[derive(Clone)]
struct Service {
    keys: Pool<&'static str>,
    client: reqwest::Client,
    upstream: SocketAddr,
    greeter: Greeter,
    metrics: Arc<Registry>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let keys = Pool::builder()
        .name("keys")
        .resources(KEYS.map(|key| Resource::new(key, key).max_in_flight(16)))
        .attempt_timeout(Duration::from_secs(5))
        .stall_timeout(Duration::from_millis(200))
        .runtime(TokioRuntime)
        .build()?;
    let mut events = keys.events();
    let address = serve(service(keys.clone(), serve(upstream()).await?)?).await?;

    for name in ["Ann", "Bob", "nobody"] {
        let response = reqwest::get(format!("http://{address}/greet/{name}")).await?;
        println!("{name}: {}: {}", response.status(), response.text().await?);
    }
    let story = async |number| -> reqwest::Result<String> {
        let response = reqwest::get(format!("http://{address}/story/{number}")).await?;
        response.error_for_status()?.text().await
    };
    let read: Vec<_> = stream::iter(0..STORIES).map(story).buffer_unordered(20).collect().await;
    let whole = read.iter().flatten().filter(|story| story.ends_with("the end\n\n")).count();
    println!("\n{whole} of {STORIES} stories came to their end, the others were cut in the middle");

    println!("\nof the last story:");
    let told: Vec<_> = std::iter::from_fn(|| events.try_next()).collect();
    told.iter().skip(told.len().saturating_sub(3)).for_each(|event| println!("  {event}"));
    println!("\nkey      status         began  ended  held  failures");
    for key in keys.stats().resources {
        let status = key.status.to_string();
        print!("{:<8} {status:<13} {:>6}", key.id, key.streams_begun);
        println!(" {:>6} {:>5} {:>9}", key.streams, key.held, key.failures);
    }
    let page = reqwest::get(format!("http://{address}/metrics")).await?.text().await?;
    let streams = page.lines().filter(|line| line.starts_with("rotapool_resource_streams"));
    println!();
    streams.for_each(|line| println!("{line}"));
    Ok(())
}

fn service(keys: Pool<&'static str>, upstream: SocketAddr) -> Result<Router, Box<dyn Error>> {
    // One client for all; each attempt gets a key, and the name anew.
    let client = reqwest::Client::new();
    let caller = client.clone();
    let ask = move |key: Lease<&'static str>, name: String| {
        let request = caller.get(format!("http://{upstream}/hello/{name}")).bearer_auth(*key);
        async move {
            let response = request.send().await.or_retry()?;
            key.judge(&response)?; // the key's own troubles: another one is tried
            response.error_for_status()?.text().await.or_retry() // no key would have fared better
        }
    };
    // A request waits in line for a key for two seconds. Around the pool goes what a stack has elsewhere.
    let request = keys.request().timeout(Duration::from_secs(2));
    let greeter = ServiceBuilder::new()
        .concurrency_limit(64)
        .map_request(|name: String| name.to_lowercase())
        .service(PoolService::new(request, ask));

    let collector = PoolCollector::new();
    collector.add(&keys)?;
    let mut metrics = Registry::default();
    metrics.register_collector(Box::new(collector));
    let (greeter, metrics) = (BoxCloneSyncService::new(greeter), Arc::new(metrics));
    Ok(Router::new()
        .route("/greet/{name}", get(greet))
        .route("/story/{number}", get(story))
        .route("/metrics", get(scrape))
        .with_state(Service { keys, client, upstream, greeter, metrics }))
}

/// Its clone of the service is made for every request, and shares the pool with all others.
async fn greet(State(service): State<Service>, Path(name): Path<String>) -> Response {
    match service.greeter.oneshot(name).await {
        Ok(greeting) => greeting.into_response(),
        Err(error) => refusal(&error),
    }
}

/// Hands a reply on while it is made. What breaks before its first piece is tried elsewhere, and the key is held to its end.
async fn story(State(service): State<Service>, Path(number): Path<usize>) -> Response {
    let Service { keys, client, upstream, .. } = service;
    let reply = keys
        .request()
        .timeout(Duration::from_secs(2))
        .run_stream(async |key| {
            let request = client.get(format!("http://{upstream}/story/{number}"));
            let response = request.bearer_auth(*key).send().await.or_retry()?;
            key.judge(&response)?;
            Ok(response.error_for_status()?.bytes_stream().map_err(Fault::retry))
        })
        .await;
    match reply {
        Ok(reply) => {
            let head = [(header::CONTENT_TYPE, "text/event-stream")];
            (head, Body::from_stream(reply)).into_response()
        }
        Err(error) => refusal(&error),
    }
}

async fn scrape(State(service): State<Service>) -> Result<String, StatusCode> {
    let mut page = String::new();
    match encode(&mut page, &service.metrics) {
        Ok(()) => Ok(page),
        Err(_) => Err(StatusCode::INTERNAL_SERVER_ERROR),
    }
}

fn refusal(error: &RunError<reqwest::Error>) -> Response {
    if let RunError::Operation(error) = error {
        let status = error.status().unwrap_or(StatusCode::BAD_GATEWAY);
        return (status, "the upstream declines").into_response();
    }
    // When to come back is what the pool knows best.
    let seconds = error.retry_after().map_or(1, |after| after.as_secs() + 1);
    let head = [(header::RETRY_AFTER, seconds.to_string())];
    (StatusCode::SERVICE_UNAVAILABLE, head, error.to_string()).into_response()
}

/// Stands in for the upstream: of its keys one is spent and one revoked, and of its stories some break off and some never
/// begin.
fn upstream() -> Router {
    Router::new()
        .route("/hello/{name}", get(hello))
        .route("/story/{number}", get(tell))
        .with_state(Arc::default())
}

fn admit(headers: &HeaderMap) -> Result<(), StatusCode> {
    match headers.get(header::AUTHORIZATION).and_then(|key| key.to_str().ok()) {
        Some("Bearer fresh" | "Bearer spare") => Ok(()),
        Some("Bearer spent") => Err(StatusCode::TOO_MANY_REQUESTS),
        _ => Err(StatusCode::UNAUTHORIZED),
    }
}

async fn hello(Path(name): Path<String>, headers: HeaderMap) -> Result<String, StatusCode> {
    admit(&headers)?;
    if name == "nobody" { Err(StatusCode::NOT_FOUND) } else { Ok(format!("hello {name}")) }
}

async fn tell(
    State(told): State<Arc<AtomicUsize>>,
    headers: HeaderMap,
) -> Result<Body, StatusCode> {
    admit(&headers)?;
    let words =
        ["once", "upon", "a", "time", "the end"].map(|word| Ok(format!("data: {word}\n\n")));
    let cut = Err(io::Error::other("cut"));
    let pieces: Vec<_> = match told.fetch_add(1, Relaxed) % 20 {
        6 => return Ok(Body::from_stream(stream::pending::<io::Result<String>>())),
        13 => words.into_iter().take(2).chain([cut]).collect(),
        _ => words.into_iter().collect(),
    };
    Ok(Body::from_stream(stream::iter(pieces).then(|piece| async {
        tokio::time::sleep(Duration::from_millis(20)).await;
        piece
    })))
}

async fn serve(router: Router) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
