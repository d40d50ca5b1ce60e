//! Replies that are generated while they are sent, from an upstream whose workers break off, before the first word and
//! after it. `cargo run --example stream --features http-body,tokio` needs no network.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use axum::body::Body;
use axum::extract::Path;
use axum::{Router, routing::get};
use futures::{Stream, StreamExt as _, stream};
use http::StatusCode;
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use rotapool::{Fault, Lease, Pool, Resource, StreamError, TokioRuntime};
use tokio::net::TcpListener;

const WORKERS: [&str; 4] = ["deaf", "silent", "flaky", "steady"];

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = serve(Router::new().route("/{worker}", get(reply))).await?;
    let pool = Pool::builder()
        .resources(WORKERS.map(|worker| Resource::new(worker, worker).max_in_flight(1)))
        .stall_timeout(Duration::from_millis(300))
        .runtime(TokioRuntime)
        .build()?;
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();

    // One attempt. Judged here is the head; a body that breaks off is a hiccup of its worker.
    let ask = |worker: Lease<&'static str>| {
        let address = format!("http://{upstream}/{}", *worker).parse().expect("an address");
        let (client, attempt) = (client.clone(), worker.attempt());
        async move {
            print!("{}{}: ", if attempt > 1 { "(broke off)  " } else { "" }, worker.id());
            io::stdout().flush().ok();
            let response = client.get(address).await.map_err(Fault::retry)?;
            match response.status() {
                StatusCode::OK => Ok::<_, Fault<Infallible>>(response),
                status => Err(Fault::retry(status.to_string())),
            }
        }
    };
    for question in 1..=3 {
        print!("\nquestion {question}: ");
        // Up to the first word a worker that breaks off costs nothing but time.
        let mut reply = pool.request().timeout(Duration::from_secs(2)).run_body(ask).await?;
        while let Some(frame) = reply.body_mut().frame().await {
            match frame {
                Ok(frame) => {
                    let words = frame.data_ref().map_or(&[][..], |data| data);
                    print!("{}", String::from_utf8_lossy(words));
                }
                // What was read cannot be unread: this one is for the reader to deal with.
                Err(StreamError::Broken(signal)) => print!("(broke off in the middle: {signal})"),
                Err(error) => print!("({error})"),
            }
            io::stdout().flush()?;
        }
    }

    println!("\n\nworker     streams  mean length  to the first word  failures");
    for worker in pool.stats().resources {
        let mean = worker.streamed.checked_div(worker.streams as u32);
        println!(
            "{:<10} {:>7} {:>12} {:>18} {:>9}",
            worker.id,
            worker.streams,
            mean.map_or("-".into(), |mean| format!("{mean:.0?}")),
            worker.health.latency.map_or("-".into(), |latency| format!("{latency:.0?}")),
            worker.failures
        );
    }
    println!("in flight: {}", pool.stats().in_flight);
    Ok(())
}

/// Stands in for the upstream.
async fn reply(Path(worker): Path<String>) -> Result<Body, StatusCode> {
    let cut = || Err(io::Error::other("cut"));
    let words = "A stream holds its worker to the end. ".split_inclusive(' ').map(Ok);
    Ok(match &*worker {
        "deaf" => return Err(StatusCode::BAD_GATEWAY),
        "silent" => Body::from_stream(slowly(Vec::new()).chain(stream::pending())),
        "flaky" => Body::from_stream(slowly(words.take(3).chain([cut()]).collect())),
        _ => Body::from_stream(slowly(words.collect())),
    })
}

fn slowly(words: Vec<io::Result<&'static str>>) -> impl Stream<Item = io::Result<&'static str>> {
    stream::iter(words).then(|word| async {
        tokio::time::sleep(Duration::from_millis(50)).await;
        word
    })
}

async fn serve(router: Router) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}
