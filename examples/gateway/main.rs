//! A gateway in front of any HTTP API with keys: clients show one token of yours, the gateway puts a pooled key in.
//!
//! `cargo run --example gateway -- gateway.toml` serves what the file says: see `gateway.toml` beside this file. Without a
//! file it serves its own simulated upstream, whose keys misbehave, and says how to try it with `curl`; without a terminal
//! it visits itself then and leaves, unless it is told to `--stay`.
//!
//! - **Clients** use it as they use the upstream: they need another base URL and the gateway's token for a key. Any path goes
//!   through. The body of a request says which pool serves it (its `model`) and is kept for another attempt.
//! - **Answers are streamed.** Until the first byte a failed attempt goes on with another key; from then on what the
//!   upstream sends is what the client gets, and a cut is a cut, which counts for its key. An answer holds its key's place
//!   until its end, or until its client goes away: that is what `max_in_flight` counts.
//! - **Pages**: `/healthz`, `/metrics`, `/explain`, and `/dashboard/`. **Operators** have routes under `/admin/`, behind a token.

// The page of the dashboard, what it shows, and what its buttons do.
#[path = "../dashboard/acts.rs"]
mod acts;
#[path = "../dashboard/history.rs"]
mod history;
#[expect(dead_code, reason = "the gateway has a listener of its own")]
#[path = "../dashboard/server.rs"]
mod server;

mod admin;
mod answer;
mod built_in;
mod config;
mod dashboard;
mod gateway;
mod headers;
mod peek;
mod proxy;
mod question;
mod secret;
mod section;
mod serve;
mod simulation;
#[cfg(test)]
mod tests;
mod upstream;

use std::error::Error;
use std::ffi::OsString;
use std::io::{self, IsTerminal as _};
use std::path::Path;
use std::process::ExitCode;

use rotapool::TokioRuntime;
use rotapool::lifecycle::{CleanUp, Shutdown};
use tokio::net::TcpListener;

use crate::config::Config;
use crate::gateway::Gateway;
use crate::serve::serve;
use crate::simulation::Simulation;

#[tokio::main]
async fn main() -> ExitCode {
    match run().await {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

async fn run() -> Result<u8, Box<dyn Error>> {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    let (config, is_built_in) = match &arguments[..] {
        [] => (built_in::config(Simulation::start().await?)?, true),
        [stay] if stay == "--stay" => (built_in::config(Simulation::start().await?)?, true),
        [file] if !file.as_encoded_bytes().starts_with(b"-") => {
            (Config::load(Path::new(file))?, false)
        }
        _ => return Err("usage: gateway [FILE | --stay]".into()),
    };

    // Signals count from here on, also while the gateway starts.
    let shutdown = Shutdown::builder().deadline(config.grace).runtime(TokioRuntime).build()?;
    let told = shutdown.on_signals();
    let listener = TcpListener::bind(config.listen).await?;
    let address = listener.local_addr()?;
    let server = tokio::spawn(serve(listener, Gateway::new(config)?, shutdown.token()));
    shutdown.register(CleanUp::new("answer who got in", || server))?;

    println!("serving on http://{address}, until Ctrl-C or `kill -TERM {}`", std::process::id());
    if is_built_in {
        println!("{}", built_in::hint(address));
        if arguments.is_empty() && !io::stdin().is_terminal() {
            tokio::spawn(built_in::visit(address, shutdown));
        }
    }
    let report = told.await?;
    println!("{report:#}");
    Ok(report.exit_code())
}
