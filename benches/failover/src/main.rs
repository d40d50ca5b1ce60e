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
use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use futures_util::future::try_join_all;

use arrivals::arrivals;
use clients::Client;
use clients::python::{self, Peer};
use http::Http;
use options::Options;
use perfect::{Possible, perfect};
use profile::Profile;
use progress::{Progress, shown};
use server::Server;
use table::Results;
use tally::Tally;

/// How much later than the last each client of this process begins.
const APART: Duration = Duration::from_millis(61);

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[tokio::main(worker_threads = 2)]
async fn main() -> ExitCode {
    let Err(error) = run().await else { return ExitCode::SUCCESS };
    eprintln!("{error}");
    ExitCode::FAILURE
}

async fn run() -> Result<()> {
    let options = Options::of_this_process()?;
    let python = if options.peers { Some(python::environment().await?) } else { None };
    println!(
        "{:?} of requests, each to be served within {:?}; loads of each profile: {}. p50 and p99 are of \
         those served in time.\n",
        profile::LASTS,
        profile::DEADLINE,
        options.seeds
    );
    let mut all = Vec::new();
    for profile in &options.profiles {
        let results = measure(profile, &options, python.as_deref()).await?;
        println!("{}", table::one(&results, options.why));
        all.push(results);
    }
    println!("{}", table::all(&all));
    Ok(())
}

async fn measure(
    profile: &'static Profile,
    options: &Options,
    python: Option<&Path>,
) -> Result<Results> {
    let clients = Client::all();
    let peers = if python.is_some() { Peer::ALL } else { &[] };
    let names = clients.iter().map(Client::name).chain(peers.iter().map(|peer| peer.name()));
    let rows = names.map(|name| (name, Tally::default())).collect();
    let mut results = Results { profile, possible: Possible::default(), rows };
    for seed in 1..=options.seeds {
        results.possible += perfect(profile, seed);
        let load = format!("{}, load {seed} of {}", profile.name, options.seeds);
        let (ours, theirs) = results.rows.split_at_mut(clients.len());

        let progress = Progress::default();
        let here = clients.iter().zip(ours).zip(0..).map(|((client, (_, tally)), number)| {
            let progress = progress.clone();
            async move {
                // What all do at the same moment of a profile, this machine cannot do for all at the same moment.
                tokio::time::sleep(APART * number).await;
                here(client, profile, seed, &progress, tally).await
            }
        });
        shown(&load, &progress, try_join_all(here)).await?;

        for ((peer, (name, tally)), python) in peers.iter().zip(theirs).zip(python.iter().cycle()) {
            let (server, progress) = (Server::start(profile, seed).await?, Progress::default());
            let arrivals = arrivals(profile, seed);
            let played = python::play(python, *peer, profile, &server, &arrivals, &progress);
            let outcomes = shown(&format!("{load}, {name}"), &progress, played).await?;
            tally.add(outcomes, server.received());
        }
    }
    Ok(results)
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
    let serve = client.start(Http::new(server.address), profile.keys, seed);
    server.begin();
    let outcomes = load::play(&arrivals(profile, seed), serve, progress).await;
    tally.add(outcomes, server.received());
    Ok(())
}
