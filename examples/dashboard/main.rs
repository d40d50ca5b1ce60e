//! A page that shows what a pool is doing, live: `cargo run --example dashboard`.
//!
//! It serves on the loopback interface, over the same rate-limited upstream as the quickstart:
//!
//! - `/` is the page: one file, `page.html`, that loads nothing from elsewhere;
//! - `/snapshot.json` is what the page reads: stats, snapshot, and the last minute;
//! - `/act` is what its buttons do: an operator's act, such as `POST /act?act=park&id=key-1&for=5m`;
//! - `/metrics` is for Prometheus.
//!
//! To have it in a service of yours, take `acts.rs`, `history.rs`, `server.rs` and `page.html`: they know nothing
//! of the keys and the [`traffic`].

mod acts;
mod history;
mod server;
mod traffic;

// The upstream of the quickstart.
#[path = "../quickstart/client.rs"]
mod client;
#[path = "../quickstart/dice.rs"]
mod dice;
#[expect(dead_code, reason = "the quickstart also looks into the upstream's books")]
#[path = "../quickstart/upstream.rs"]
mod upstream;

use std::error::Error;
use std::io::{self, IsTerminal as _};
use std::net::Ipv4Addr;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::time::timeout;

use crate::history::History;
use crate::server::Site;
use crate::upstream::Upstream;

/// How long it serves when nobody sits at a terminal to stop it.
const UNATTENDED: Duration = Duration::from_secs(3);

struct Options {
    /// 0 is any port that is free.
    port: u16,
    /// How long to serve; `None` is until it is stopped.
    limit: Option<Duration>,
}

impl Options {
    fn of(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let attended = io::stdin().is_terminal();
        let mut options = Self { port: 0, limit: (!attended).then_some(UNATTENDED) };
        while let Some(argument) = arguments.next() {
            match (&*argument, arguments.next()) {
                ("--port", Some(port)) => options.port = port.parse()?,
                ("--seconds", Some(seconds)) => {
                    options.limit = Some(Duration::from_secs(seconds.parse()?));
                }
                _ => return Err("usage: dashboard [--port PORT] [--seconds SECONDS]".into()),
            }
        }
        Ok(options)
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let Options { port, limit } = Options::of(std::env::args().skip(1))?;
    let upstream = Upstream::start(&traffic::KEYS, traffic::WORK).await?;
    let pool = traffic::pool()?;
    let history = History::follow(&pool);
    tokio::spawn(traffic::flow(pool.clone(), upstream.client()));

    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("http://{}/ shows the pool, live", listener.local_addr()?);
    let serving = Site::new(pool.clone(), history)?.serve(listener);
    match limit {
        None => {
            println!("until you press ctrl-c");
            serving.await?;
        }
        Some(limit) => {
            println!("for {} s (--seconds for longer)", limit.as_secs());
            if let Ok(failed) = timeout(limit, serving).await {
                failed?;
            }
        }
    }
    println!("{} requests were served", pool.stats().runs_ok);
    Ok(())
}
