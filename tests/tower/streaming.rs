//! An axum service that hands streamed replies on: what its readers get, and what its pool says of it.

use std::io;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use futures::channel::mpsc::{UnboundedReceiver, UnboundedSender, unbounded};
use futures::{StreamExt as _, TryStreamExt as _};
use prometheus_client::{encoding::text::encode, registry::Registry};
use rotapool::{
    Blame, Event, Events, Fault, Pool, PoolCollector, Resource, Strategy, TokioRuntime,
};

use crate::http::serve;

type Tap = UnboundedSender<io::Result<&'static str>>;

/// Refuses one key, and answers another with what the test feeds it.
async fn upstream() -> (std::net::SocketAddr, UnboundedReceiver<Tap>) {
    let (opened, taps) = unbounded();
    let reply = async |State(opened): State<UnboundedSender<Tap>>, headers: HeaderMap| {
        if headers[header::AUTHORIZATION] != "Bearer up" {
            return Err(StatusCode::BAD_GATEWAY);
        }
        let (tap, pieces) = unbounded();
        opened.unbounded_send(tap).unwrap();
        Ok(Body::from_stream(pieces))
    };
    (serve(Router::new().route("/", get(reply)).with_state(opened)).await, taps)
}

/// A service in front of it, as the README has it.
async fn service(pool: &Pool<&'static str>, upstream: std::net::SocketAddr) -> String {
    let client = reqwest::Client::new();
    let handler = async |State((keys, client)): State<(Pool<&'static str>, reqwest::Client)>,
                         url: String|
           -> Response {
        let request = keys.request().timeout(Duration::from_secs(60));
        let reply = request.run_stream(async |key| {
            let response = client.get(&url).bearer_auth(*key).send().await.or_retry()?;
            key.judge(&response)?;
            Ok(response.error_for_status()?.bytes_stream().map_err(Fault::retry))
        });
        match reply.await {
            Ok(reply) => Body::from_stream(reply).into_response(),
            Err(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()).into_response(),
        }
    };
    let handler = get(move |state| handler(state, format!("http://{upstream}/")));
    let state = (pool.clone(), client);
    format!("http://{}/", serve(Router::new().route("/", handler).with_state(state)).await)
}

/// Waits for an event of this kind.
async fn told(events: &mut Events, what: fn(&Event) -> bool) -> String {
    loop {
        let event = events.next().await.expect("the pool is there");
        if what(&event) {
            return event.to_string();
        }
    }
}

fn is_end(event: &Event) -> bool {
    matches!(event, Event::RunEnded { .. })
}

#[tokio::test]
async fn an_axum_service_holds_its_keys_to_the_end_of_each_reply_and_shows_it() {
    let (upstream, mut taps) = upstream().await;
    let keys = ["down", "up"].map(|key| Resource::new(key, key).max_in_flight(8));
    let pool = Pool::builder()
        .name("keys")
        .resources(keys)
        .strategy(Strategy::PrimaryBackup)
        .runtime(TokioRuntime)
        .build()
        .unwrap();
    let (mut events, url) = (pool.events(), service(&pool, upstream).await);
    let client = reqwest::Client::new();

    // Three replies have begun, each on the second key: the first refuses them all.
    let mut replies = Vec::new();
    for _ in 0..3 {
        let reply = tokio::spawn(client.get(&url).send());
        let tap = taps.next().await.unwrap();
        tap.unbounded_send(Ok("hel")).unwrap();
        let mut reply = reply.await.unwrap().unwrap();
        assert_eq!(
            (reply.status(), &*reply.chunk().await.unwrap().unwrap()),
            (StatusCode::OK, &b"hel"[..])
        );
        told(&mut events, |event| matches!(event, Event::AttemptCommitted { .. })).await;
        replies.push((tap, reply));
    }
    let up = || {
        let row = pool.stats().resources.remove(1);
        (row.streams_begun, row.streams, row.in_flight, row.held, row.failures)
    };
    assert_eq!(up(), (3, 0, 3, 3, 0));

    // One comes to its end.
    let (tap, mut reply) = replies.pop().unwrap();
    tap.unbounded_send(Ok("lo")).unwrap();
    drop(tap);
    assert_eq!(&*reply.chunk().await.unwrap().unwrap(), b"lo");
    assert_eq!(reply.chunk().await.unwrap(), None);
    assert_eq!(told(&mut events, is_end).await, "run 3: ok after 2 attempts");
    assert_eq!(up(), (3, 1, 2, 2, 0));

    // One is cut, and so is its reader: nothing is repeated, and the key is charged with it.
    let (tap, mut reply) = replies.pop().unwrap();
    tap.unbounded_send(Err(io::Error::other("cut"))).unwrap();
    assert!(reply.chunk().await.is_err());
    assert_eq!(told(&mut events, is_end).await, "run 2: error after 2 attempts");
    assert_eq!(up(), (3, 1, 1, 1, 1));

    // Of one the reader hangs up.
    let (tap, reply) = replies.pop().unwrap();
    drop(reply);
    assert_eq!(told(&mut events, is_end).await, "run 1: cancelled after 2 attempts");
    assert_eq!(up(), (3, 1, 0, 0, 1));
    drop(tap);

    let collector = PoolCollector::new();
    collector.add(&pool).unwrap();
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    let mut page = String::new();
    encode(&mut page, &registry).unwrap();
    let of_up = "{pool=\"keys\",resource_id=\"up\"}";
    for (name, value) in [("streams_begun_total", 3), ("streams_total", 1), ("held", 0)] {
        let line = format!("rotapool_resource_{name}{of_up} {value}\n");
        assert!(page.contains(&line), "{line} is missing: {page}");
    }
}
