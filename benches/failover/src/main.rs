//! What callers feel while an upstream misbehaves: `cargo run --release -p rotapool-failover`.
//!
//! A real HTTP upstream on loopback plays a profile of faults; requests arrive as they please, each with
//! a deadline; each client gets the same load. Then a table says, profile by profile, how many requests
//! each client served in time, and how many calls it took for that.
//!
//! - `-- storm herd`: these profiles alone.
//! - `--peers`: also the Python package and LiteLLM's router, of pinned versions, from PyPI, in a virtual
//!   environment under `target/`. They come one at a time, so that they have the machine for themselves.
//! - `--seeds 5`: so many loads of each profile instead of two.
//! - `--why`: also the commonest reasons of failures.

mod arrivals;
mod clients;
mod http;
mod load;
mod options;
mod perfect;
mod profile;
mod progress;
mod server;
mod table;
mod tally;
mod upstream;

use std::error::Error;

use futures_util::future::try_join_all;

use clients::Client;
use clients::python::{self, Peer};
use http::Http;
use load::Progress;
use options::Options;
use perfect::Possible;
use profile::Profile;
use server::Server;
use tally::Tally;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(worker_threads = 2)]
async fn main() -> Result<()> {
    let options = Options::of_this_process()?;
    let python = if options.peers { Some(python::environment().await?) } else { None };
    println!(
        "{:?} of requests, each to be served within {:?}; {} loads of each profile. p50 and p99 are of \
         those served in time.\n",
        profile::LASTS,
        profile::DEADLINE,
        options.seeds
    );
    for profile in &options.profiles {
        let mut possible = Possible::default();
        let clients = Client::all();
        let mut rows: Vec<_> =
            clients.iter().map(|client| (client.name(), Tally::default())).collect();
        let peers = if python.is_some() { Peer::ALL } else { &[] };
        rows.extend(peers.iter().map(|peer| (peer.name().to_owned(), Tally::default())));
        for seed in 1..=options.seeds {
            possible += perfect::perfect(profile, seed);
            let progress = Progress::default();
            let all = clients.iter().zip(&mut rows).map(|(client, (_, tally))| {
                let progress = progress.clone();
                async move { here(client, profile, seed, &progress, tally).await }
            });
            let what = format!("{}, load {seed} of {}", profile.name, options.seeds);
            progress::shown(&what, &progress, try_join_all(all)).await?;
            for (peer, (name, tally)) in peers.iter().zip(&mut rows[clients.len()..]) {
                let python = python.as_ref().expect("there are peers");
                let (server, progress) = (Server::start(profile, seed).await?, Progress::default());
                let arrivals = arrivals::arrivals(profile, seed);
                let what = format!("{what}, {name}");
                let played = python::play(python, *peer, profile, &server, &arrivals, &progress);
                let outcomes = progress::shown(&what, &progress, played).await?;
                tally.add(outcomes, server.received());
            }
        }
        println!("{}", table::table(profile, possible, &rows, options.why));
    }
    Ok(())
}

/// A load for a client in this process, with an upstream of its own.
async fn here(
    client: &Client,
    profile: &'static Profile,
    seed: u64,
    progress: &Progress,
    tally: &mut Tally,
) -> Result<()> {
    let server = Server::start(profile, seed).await?;
    let serve = client.start(Http::new(server.address), profile.keys.len(), seed);
    server.begin();
    let outcomes = load::play(&arrivals::arrivals(profile, seed), serve, progress).await;
    tally.add(outcomes, server.received());
    Ok(())
}
