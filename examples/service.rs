//! A pool behind HTTP as in production: it reads its settings, proves its life, notices a blocked loop, and leaves in order,
//! on Ctrl-C or `kill -TERM`. Without a terminal it visits itself, and goes in the middle of that: who got in is answered.

use std::convert::Infallible;
use std::error::Error;
use std::io::{self, IsTerminal as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http_body_util::{Empty, Full};
use hyper::body::Bytes;
use hyper::{Response, server::conn::http1, service::service_fn};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::graceful::GracefulShutdown;
use rotapool::config::Settings;
use rotapool::lifecycle::{CleanUp, Heartbeat, Shutdown, ShutdownEnd, ShutdownToken, Watchdog};
use rotapool::{Fault, Lease, Pool, Resource, TokioRuntime};
use tokio::{net::TcpListener, spawn, task::JoinSet, time};

const SECOND: Duration = Duration::from_secs(1);
/// Requests that got in: each of them gets an answer.
pub(crate) static ADMITTED: AtomicU64 = AtomicU64::new(0);
/// What a file may say otherwise: the first argument. Durations are text with a unit.
pub(crate) const SETTINGS: &str = r#"{
    "pools": { "keys": { "attempt_timeout": "5s", "max_waiting": 10000 } },
    "shutdown": { "deadline": "20s" },
    "watchdog": { "limit": "5s" }
}"#;

#[tokio::main]
async fn main() -> Result<ExitCode, Box<dyn Error>> {
    let file = std::env::args().nth(1).map(std::fs::read_to_string).transpose()?;
    let settings = serde_json::from_str(file.as_deref().unwrap_or(SETTINGS))?;
    let beats = std::env::temp_dir().join(format!("service-{}.beat", std::process::id()));
    let listening = |address, shutdown| {
        println!("http://{address}; stop it with Ctrl-C or `kill -TERM {}`", std::process::id());
        if !io::stdin().is_terminal() {
            spawn(visit(address, shutdown));
        }
    };
    let end = serve_until_told(&settings, &beats, listening).await?;
    println!("{end:#}\n{} requests admitted", ADMITTED.load(Ordering::SeqCst));
    std::fs::remove_file(beats)?; // a real one leaves it: its age is the news
    Ok(ExitCode::from(end.exit_code()))
}

/// The whole life of the service, and how it ended.
pub(crate) async fn serve_until_told(
    settings: &Settings,
    beats: &Path,
    listening: impl FnOnce(SocketAddr, Shutdown),
) -> Result<ShutdownEnd, Box<dyn Error>> {
    // Signals count from here on, also while the service starts.
    let config = settings.shutdown.clone().unwrap_or_default();
    let shutdown = Shutdown::configured(&config)?.runtime(TokioRuntime).build()?;
    let told = shutdown.on_signals();

    let pool = Pool::builder()
        .config(&settings.pool("keys"))
        .resources(["a", "b", "c"].map(|id| Resource::new(id, "secret").max_in_flight(64)))
        .runtime(TokioRuntime)
        .build()?;

    // The loop proves that it comes round, the pool that work is done; a thread notices when the loop is blocked.
    let heart = Heartbeat::builder(beats)
        .interval(SECOND)
        .pool(&pool)
        .on_missed_beat(|error| eprintln!("{error}"))
        .runtime(TokioRuntime)
        .build()?;
    let config = settings.watchdog.clone().unwrap_or_default();
    let watchdog = Watchdog::configured(&config)?;
    let watchdog = watchdog.on_silence(|silence| eprintln!("{silence}")).build()?;
    let _watching = watchdog.start()?;
    let mut background = JoinSet::new();
    background.spawn(async move { drop(heart.run().await) });
    background.spawn(async move {
        loop {
            watchdog.ping();
            time::sleep(SECOND).await;
        }
    });

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await?;
    let address = listener.local_addr()?;
    let server = spawn(serve(listener, pool.clone(), shutdown.token()));
    shutdown.register(CleanUp::new("answer who was admitted", || server).limit(15 * SECOND))?;
    let keys = pool.clone();
    let drain = || async move { println!("{}", keys.drain(2 * SECOND).await) };
    shutdown.register(CleanUp::new("drain the pool", drain).priority(150))?;
    let rest = || async move { background.shutdown().await };
    shutdown.register(CleanUp::new("stop the background", rest).priority(200))?;

    #[cfg(unix)]
    if let Some(systemd) = rotapool::lifecycle::Systemd::from_env()? {
        systemd.ready()?;
        spawn(systemd.watch(TokioRuntime, move || pool.explain().to_string()));
        let tell = || async move { systemd.stopping() };
        shutdown.register(CleanUp::new("tell systemd", tell).priority(0))?;
    }

    listening(address, shutdown);
    Ok(told.await?)
}

/// Accepts until the shutdown begins, and then ends when the last request is answered.
async fn serve(listener: TcpListener, pool: Pool<&'static str>, token: ShutdownToken) {
    let connections = GracefulShutdown::new();
    loop {
        let accepted = tokio::select! {
            () = token.triggered() => break,
            accepted = listener.accept() => accepted,
        };
        let Ok((stream, _)) = accepted else { continue };
        let pool = pool.clone();
        let answering = service_fn(move |_| answer(pool.clone()));
        let connection = http1::Builder::new().serve_connection(TokioIo::new(stream), answering);
        spawn(connections.watch(connection));
    }
    drop(listener);
    connections.shutdown().await;
}

async fn answer(pool: Pool<&'static str>) -> Result<Response<Full<Bytes>>, Infallible> {
    ADMITTED.fetch_add(1, Ordering::SeqCst);
    let reply = pool.request().wait(true).run(ask).await;
    Ok(Response::new(Full::from(reply.unwrap_or_else(|error| format!("sorry: {error}\n")))))
}

/// Where yours asks the upstream. This one takes its time.
async fn ask(key: Lease<&'static str>) -> Result<String, Fault<Infallible>> {
    time::sleep(SECOND / 50).await;
    Ok(format!("hello from {}\n", key.id()))
}

/// Eight visitors; the service is told to go while they are on their way.
async fn visit(address: SocketAddr, shutdown: Shutdown) {
    let client = Client::builder(TokioExecutor::new()).build_http::<Empty<Bytes>>();
    let uri: hyper::Uri = format!("http://{address}/").parse().expect("an address");
    for _ in 0..8 {
        let (client, uri) = (client.clone(), uri.clone());
        spawn(async move { while client.get(uri.clone()).await.is_ok() {} });
    }
    time::sleep(SECOND / 2).await;
    shutdown.trigger();
}
