//! What the gateway adds to a call: `cargo bench --bench gateway`, after `cargo build --release --example gateway`.
//!
//! The same calls to the same upstream on the loopback interface, by turns straight and through the gateway, which is a
//! process of its own: one at a time, and a crowd of which each waits a second for its answer.

use std::convert::Infallible;
use std::error::Error;
use std::io::{BufRead as _, BufReader};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http_body_util::{BodyExt as _, Full};
use hyper::body::{Bytes, Incoming};
use hyper::header::AUTHORIZATION;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::client::legacy::{Client, connect::HttpConnector};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::TcpListener;

type Http = Client<HttpConnector, Full<Bytes>>;

/// How many calls of a kind follow each other, before it is the other kind's turn.
const ROUND: usize = 500;
const ROUNDS: usize = 6;
/// How many are on their way at once, in the crowd.
const CROWD: usize = 2_000;
const CROWD_WAITS: Duration = Duration::from_secs(1);

/// The process; killed when dropped.
struct Gateway(Child);

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let upstream = upstream().await?;
    let directory = std::env::temp_dir();
    let config = directory.join(format!("gateway-{}.toml", std::process::id()));
    std::fs::write(
        &config,
        format!(
            "listen = \"127.0.0.1:0\"\n[[pool]]\nname = \"upstream\"\nupstream = \"http://{upstream}\"\n\
         [[pool.key]]\nid = \"one\"\nsecret = {{ env = \"GATEWAY_KEY\" }}\n\
         [[pool.key]]\nid = \"two\"\nsecret = {{ env = \"GATEWAY_KEY\" }}\n"
        ),
    )?;
    let started = start(&config);
    std::fs::remove_file(&config)?;
    let (_gateway, gateway) = started?;

    let client = || Client::builder(TokioExecutor::new()).build_http();
    println!("one at a time, {ROUNDS} times {ROUND} each, by turns:");
    let (http, mut direct, mut through) = (client(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        for (address, times) in [(upstream, &mut direct), (gateway, &mut through)] {
            for _ in 0..ROUND {
                times.push(call(&http, address, Duration::ZERO).await?);
            }
        }
    }
    show(direct, through);

    println!("{CROWD} at a time, each of which waits {CROWD_WAITS:?} for its answer:");
    let mut times = Vec::new();
    for address in [upstream, gateway] {
        let http: Http = client();
        // The first crowd opens the connections.
        for _ in 0..2 {
            let calls = (0..CROWD).map(|n| {
                let http = &http;
                async move {
                    // Spread over the second, as callers come.
                    tokio::time::sleep(CROWD_WAITS.mul_f64(n as f64 / CROWD as f64)).await;
                    call(http, address, CROWD_WAITS).await
                }
            });
            let crowd: Result<Vec<_>, _> = join_all(calls).await.into_iter().collect();
            times.push(crowd?);
        }
    }
    let [_, direct, _, through] = times.try_into().map_err(|_| "four crowds")?;
    show(direct, through);
    Ok(())
}

fn show(mut direct: Vec<Duration>, mut through: Vec<Duration>) {
    direct.sort_unstable();
    through.sort_unstable();
    println!("{:8} {:>12} {:>12} {:>12}", "", "straight", "gateway", "added");
    for (name, percent) in [("median", 50), ("p95", 95), ("p99", 99)] {
        let [direct, through] = [&direct, &through].map(|times| times[times.len() * percent / 100]);
        let added = through.as_secs_f64() - direct.as_secs_f64();
        println!("{name:8} {direct:>12.1?} {through:>12.1?} {:>9.1} µs", added * 1e6);
    }
}

/// Starts the gateway and reads its address.
fn start(config: &Path) -> Result<(Gateway, SocketAddr), Box<dyn Error>> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(root.join("target"), Into::into);
    let mut child = Command::new(target.join("release/examples/gateway"))
        .arg(config)
        .env("GATEWAY_KEY", "sk-bench")
        .stdout(Stdio::piped())
        .spawn()
        .map_err(|error| format!("{error}: `cargo build --release --example gateway` makes it"))?;
    let mut line = String::new();
    let said = child.stdout.take().ok_or("no output")?;
    let gateway = Gateway(child);
    BufReader::new(said).read_line(&mut line)?;
    let address = line.split("http://").nth(1).and_then(|rest| rest.split(',').next());
    Ok((gateway, address.ok_or("no address")?.parse()?))
}

/// One call, to the end of its answer.
async fn call(http: &Http, to: SocketAddr, wait: Duration) -> Result<Duration, Box<dyn Error>> {
    let began = Instant::now();
    let request = Request::post(format!("http://{to}/v1/chat/completions?{}", wait.as_millis()))
        .header(AUTHORIZATION, "Bearer local")
        .body(Full::from(r#"{"model":"m","messages":[{"role":"user","content":"hello"}]}"#))?;
    let response = http.request(request).await?;
    if !response.status().is_success() {
        return Err(format!("{}", response.status()).into());
    }
    response.into_body().collect().await?;
    Ok(began.elapsed())
}

/// An upstream that answers after as many milliseconds as the query says.
async fn upstream() -> Result<SocketAddr, Box<dyn Error>> {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = stream.set_nodelay(true);
            let service = service_fn(|request: Request<Incoming>| async move {
                let wait = request.uri().query().and_then(|query| query.parse().ok()).unwrap_or(0);
                drop(request.into_body().collect().await);
                if wait > 0 {
                    tokio::time::sleep(Duration::from_millis(wait)).await;
                }
                Ok::<_, Infallible>(Response::new(Full::new(Bytes::from_static(
                    br#"{"choices":[]}"#,
                ))))
            });
            tokio::spawn(http1::Builder::new().serve_connection(TokioIo::new(stream), service));
        }
    });
    Ok(address)
}
