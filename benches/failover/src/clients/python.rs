//! Peers from Python: a script that gets the same arrivals and reports the same outcomes.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::Command;

use crate::Result;
use crate::load::{End, Outcome};
use crate::profile::{DEADLINE, GRACE, Profile};
use crate::progress::Progress;
use crate::server::Server;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/clients.py");
const REQUIREMENTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/python/requirements.txt");

#[derive(Clone, Copy)]
pub(crate) enum Peer {
    Rotapool,
    LiteLlm,
    LiteLlmLeastBusy,
}

impl Peer {
    pub(crate) const ALL: &[Self] = &[Self::Rotapool, Self::LiteLlm, Self::LiteLlmLeastBusy];

    pub(crate) fn name(self) -> String {
        let name = match self {
            Self::Rotapool => "Python rotapool",
            Self::LiteLlm => "LiteLLM",
            Self::LiteLlmLeastBusy => "LiteLLM least-busy",
        };
        name.to_owned()
    }

    /// As the script calls it.
    fn word(self) -> &'static str {
        match self {
            Self::Rotapool => "rotapool",
            Self::LiteLlm => "litellm",
            Self::LiteLlmLeastBusy => "litellm-least-busy",
        }
    }
}

/// The interpreter of a virtual environment with the peers in it; made at the first call.
pub(crate) async fn environment() -> Result<PathBuf> {
    let target = std::env::current_exe()?;
    let target =
        target.ancestors().nth(2).ok_or("the target directory is not where cargo puts it")?;
    let place = target.join("failover-python");
    let python = place.join("bin/python");
    if !python.exists() {
        eprintln!("making a virtual environment in {}", place.display());
        run(Command::new("python3").args(["-m", "venv"]).arg(&place)).await?;
    }
    run(Command::new(&python).args(["-m", "pip", "install", "--quiet", "-r", REQUIREMENTS]))
        .await?;
    Ok(python)
}

async fn run(command: &mut Command) -> Result<()> {
    let status = command.status().await?;
    if status.success() { Ok(()) } else { Err(format!("{:?}: {status}", command.as_std()).into()) }
}

/// Has the script send the requests, and reads how each went.
pub(crate) async fn play(
    python: &Path,
    peer: Peer,
    profile: &Profile,
    server: &Server,
    arrivals: &[Duration],
    progress: &Progress,
) -> Result<Vec<Outcome>> {
    let mut script = Command::new(python)
        // A peer's complaints about itself are no part of the results; errors are shown.
        .args(["-W", "ignore", SCRIPT, peer.word(), &format!("http://{}", server.address)])
        .args([profile.keys.len().to_string()])
        .args([DEADLINE, GRACE].map(|time| time.as_secs_f64().to_string()))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()?;
    let mut stdin = script.stdin.take().ok_or("no way to talk to the script")?;
    let stdout = script.stdout.take().ok_or("no way to hear the script")?;
    let mut lines = BufReader::new(stdout).lines();
    let schedule: Vec<_> = arrivals.iter().map(|at| at.as_secs_f64().to_string()).collect();
    stdin.write_all(format!("{}\n", schedule.join(" ")).as_bytes()).await?;
    if lines.next_line().await?.as_deref() != Some("ready") {
        return Err(format!("{SCRIPT} did not get ready").into());
    }
    server.begin();
    stdin.write_all(b"go\n").await?;

    let mut outcomes = Vec::new();
    while let Some(line) = lines.next_line().await? {
        outcomes.push(outcome(&line).ok_or_else(|| format!("not an outcome: {line}"))?);
        progress.one_more();
    }
    if outcomes.len() != arrivals.len() {
        return Err(format!("{SCRIPT} reports {} of {}", outcomes.len(), arrivals.len()).into());
    }
    Ok(outcomes)
}

/// `seconds late, seconds taken, served | given-up | failed why`.
fn outcome(line: &str) -> Option<Outcome> {
    let mut words = line.splitn(4, ' ');
    let mut seconds = || words.next()?.parse().ok().map(Duration::from_secs_f64);
    let (begun_late, took) = (seconds()?, seconds()?);
    let end = match words.next()? {
        "served" => End::Served,
        "given-up" => End::GivenUp,
        "failed" => End::Failed(words.next().unwrap_or_default().to_owned()),
        _ => return None,
    };
    Some(Outcome { begun_late, took, end })
}
