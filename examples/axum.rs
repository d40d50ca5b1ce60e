//! A web service in front of an upstream that limits its keys: handlers call the upstream through a pool, which is a
//! `tower` service to them. `cargo run --example axum --features tower,tokio` needs no network.

use std::error::Error;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Router, routing::get};
use rotapool::{Fault, Lease, Pool, PoolService, Resource, RunError, TokioRuntime};
use tokio::net::TcpListener;
use tower::util::BoxCloneSyncService;
use tower::{ServiceBuilder, ServiceExt as _};

/// What a handler asks of the upstream, and how it fails; behind it may be any stack.
type Greeter = BoxCloneSyncService<String, String, RunError<StatusCode>>;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = serve(Router::new().route("/{name}", get(upstream))).await?;
    let pool = Pool::builder()
        .resources(
            ["spent", "revoked", "fresh"].map(|key| Resource::new(key, key).max_in_flight(8)),
        )
        .attempt_timeout(Duration::from_secs(5))
        .runtime(TokioRuntime)
        .build()?;

    // One client for all; each attempt gets a key, and the name anew.
    let client = reqwest::Client::new();
    let ask = move |key: Lease<&'static str>, name: String| {
        let request = client.get(format!("http://{upstream}/{name}")).bearer_auth(*key);
        async move {
            let response = request.send().await.map_err(Fault::retry)?;
            match response.status() {
                StatusCode::OK => response.text().await.map_err(Fault::retry),
                StatusCode::TOO_MANY_REQUESTS => Err(Fault::cooldown("429 from upstream")),
                StatusCode::UNAUTHORIZED => Err(Fault::disable("401, key revoked")),
                status if status.is_server_error() => Err(Fault::retry(status.to_string())),
                status => Err(Fault::Operation(status)), // no key would have fared better
            }
        }
    };
    // A request waits in line for a key for two seconds. Around the pool goes what a stack has elsewhere.
    let request = pool.request().timeout(Duration::from_secs(2));
    let greeter = ServiceBuilder::new()
        .concurrency_limit(64)
        .map_request(|name: String| name.to_lowercase())
        .service(PoolService::new(request, ask));

    let service = Router::new()
        .route("/greet/{name}", get(greet))
        .with_state(BoxCloneSyncService::new(greeter));
    let address = serve(service).await?;

    for name in ["Ann", "Bob", "nobody"] {
        let response = reqwest::get(format!("http://{address}/greet/{name}")).await?;
        println!("{name}: {}: {}", response.status(), response.text().await?);
    }
    for row in pool.snapshot() {
        println!(
            "{}: {:?}, {}",
            row.id,
            row.status,
            row.cause.map_or("fine".into(), |cause| cause.to_string())
        );
    }
    Ok(())
}

/// The handler: its clone of the service is made for every request, and shares the pool with all others.
async fn greet(State(greeter): State<Greeter>, Path(name): Path<String>) -> Response {
    match greeter.oneshot(name).await {
        Ok(greeting) => greeting.into_response(),
        Err(RunError::Operation(status)) => (status, "the upstream declines").into_response(),
        Err(error) => {
            // When to come back is what the pool knows best.
            let seconds = error.retry_after().map_or(1, |after| after.as_secs() + 1);
            let headers = [(header::RETRY_AFTER, seconds.to_string())];
            (StatusCode::SERVICE_UNAVAILABLE, headers, error.to_string()).into_response()
        }
    }
}

/// Stands in for the upstream: of its keys one is spent and one revoked.
async fn upstream(Path(name): Path<String>, headers: HeaderMap) -> Result<String, StatusCode> {
    match headers.get(header::AUTHORIZATION).and_then(|key| key.to_str().ok()) {
        Some("Bearer fresh") if name == "nobody" => Err(StatusCode::NOT_FOUND),
        Some("Bearer fresh") => Ok(format!("hello {name}")),
        Some("Bearer spent") => Err(StatusCode::TOO_MANY_REQUESTS),
        _ => Err(StatusCode::UNAUTHORIZED),
    }
}

async fn serve(router: Router) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
