//! A pool that takes a changed file while it works, when the file changes and on SIGHUP, and forgets nothing of what it knows:
//!
//! ```sh
//! cargo run --example reload -- /etc/service.toml    # then save the file, or `kill -HUP` the process
//! ```
//!
//! Who stays in the list keeps its standing, its counters and what runs on it; who left ends what it has begun. All other settings,
//! the pool's own among them, hold from the start of the process to its end: those that differ from what is in force are told at every
//! change of the file. A file that is wrong changes nothing, and is told with all that is wrong. Without a terminal it changes a file of its own, and leaves.
//!
//! The file is read once a second and compared with what was read last. That notices what editors, `mv` and the symbolic links of
//! Kubernetes do, whatever the time stamps say, and costs less than to watch it.

use std::collections::{BTreeMap, BTreeSet};
use std::convert::Infallible;
use std::error::Error;
use std::io::{self, IsTerminal as _};
use std::path::{Path, PathBuf};
use std::time::Duration;
use std::{env, fs};

use futures::{Stream, StreamExt as _};
use rotapool::config::{ResourceConfig, Settings};
use rotapool::lifecycle::Shutdown;
use rotapool::{Applied, BuildError, Pool, TokioRuntime};
use serde::Serialize;
use serde_json::Value;
use tokio::time::{interval, sleep};

#[expect(dead_code, reason = "that example runs by itself; here its loader does")]
#[path = "configured.rs"]
mod configured;

/// The name of the pool in the file.
const POOL: &str = "keys";
const FIRST: &str = r#"
[[resources.keys]]
id = "key-1"
max_in_flight = 4
quotas = [{ amount = 60, per = "1m" }]

[[resources.keys]]
id = "key-2"
"#;

/// A file that is kept up with.
pub(crate) struct Reload {
    path: PathBuf,
    /// As it was read last, be it right or wrong.
    read: Result<String, String>,
    /// As it was taken last.
    settings: Settings,
    /// All of it but the resources, as it was at the start: this is in force.
    begun: BTreeMap<String, Value>,
}

impl Reload {
    pub(crate) fn begin(path: &Path) -> Result<Self, Box<dyn Error>> {
        let text = fs::read_to_string(path)?;
        let settings = configured::load(&text, None)?;
        let begun = held(&settings);
        Ok(Self { path: path.to_owned(), read: Ok(text), settings, begun })
    }

    pub(crate) fn pool(&self) -> Result<Pool<String>, BuildError> {
        let resources = self.settings.resources_of(POOL, secret);
        Pool::builder()
            .config(&self.settings.pool(POOL))
            .resources(resources)
            .runtime(TokioRuntime)
            .build()
    }

    /// Takes the file if it is another than before. Answers what there is to say.
    pub(crate) fn look(&mut self, pool: &Pool<String>) -> Option<String> {
        let read = fs::read_to_string(&self.path).map_err(|error| error.to_string());
        if read == self.read {
            return None;
        }
        self.read.clone_from(&read);
        let taken = read.map_err(Into::into).and_then(|text| self.take(&text, pool));
        Some(taken.unwrap_or_else(|error| format!("{error}\nall is as it was before")))
    }

    fn take(&mut self, text: &str, pool: &Pool<String>) -> Result<String, Box<dyn Error>> {
        let settings = configured::load(text, None)?;
        let applied = pool.apply(settings.resources_of(POOL, secret))?;
        let told = table(&applied, &self.settings, &settings, &self.begun);
        self.settings = settings;
        Ok(told)
    }
}

/// Where yours asks a vault, or the environment.
fn secret(id: &str) -> String {
    format!("sk-of-{id}")
}

/// Listens to SIGHUP from here on, and keeps up with the file for as long as it is driven.
pub(crate) fn keep_up(
    mut reload: Reload,
    pool: Pool<String>,
    every: Duration,
    tell: impl Fn(&str),
) -> io::Result<impl Future<Output = Infallible>> {
    let mut hang_ups = hang_ups()?;
    Ok(async move {
        let mut looks = interval(every);
        loop {
            let was_asked = tokio::select! {
                _ = looks.tick() => false,
                Some(_) = hang_ups.next() => true,
            };
            match reload.look(&pool) {
                Some(told) => tell(&told),
                None if was_asked => tell("the file is as it was before"),
                None => {}
            }
        }
    })
}

#[cfg(unix)]
fn hang_ups() -> io::Result<impl Stream<Item = impl Sized> + Unpin> {
    async_signal::Signals::new([async_signal::Signal::Hup])
}

#[cfg(not(unix))]
fn hang_ups() -> io::Result<impl Stream<Item = impl Sized> + Unpin> {
    Ok(futures::stream::pending::<()>())
}

/// What changed, a line each: what, from what, and to what; and what is in the file and not in force.
fn table(
    applied: &Applied,
    before: &Settings,
    after: &Settings,
    begun: &BTreeMap<String, Value>,
) -> String {
    let mut rows = Vec::new();
    let (old, new) = (listed(before), listed(after));
    for (id, new) in &new {
        let changes = old.get(id).map(|old| differences(&leaves(old), &leaves(new)));
        rows.extend(changes.into_iter().flatten().map(|(name, how)| (format!("{id}.{name}"), how)));
    }
    rows.extend(applied.added.iter().map(|id| (id.to_string(), "added".to_owned())));
    let left = "removed; what runs on it ends by itself";
    rows.extend(applied.removed.iter().map(|id| (id.to_string(), left.to_owned())));
    let later = differences(begun, &held(after)).into_iter();
    rows.extend(later.map(|(name, how)| (name, format!("{how}, from the next start on"))));
    let width = rows.iter().map(|(what, _)| what.chars().count()).max().unwrap_or(0);
    let lines = rows.iter().map(|(what, how)| format!("\n  {what:width$}  {how}"));
    let same = applied.unchanged.len();
    format!(
        "the file has changed; {same} resources are listed as before{}",
        lines.collect::<String>()
    )
}

/// The resources by their ids.
fn listed(settings: &Settings) -> BTreeMap<&str, &ResourceConfig> {
    let all = settings.resources.iter().filter_map(|pools| pools.get(POOL)).flatten();
    all.filter_map(|resource| Some((resource.id.as_deref()?, resource))).collect()
}

/// All that holds from the start to the end: whatever is not a resource of the pool.
fn held(settings: &Settings) -> BTreeMap<String, Value> {
    let mut settings = settings.clone();
    settings.resources.iter_mut().for_each(|pools| drop(pools.remove(POOL)));
    leaves(&settings)
}

/// The single settings by their paths.
fn leaves(part: &impl Serialize) -> BTreeMap<String, Value> {
    fn collect(path: String, value: Value, leaves: &mut BTreeMap<String, Value>) {
        let Value::Object(parts) = value else { return drop(leaves.insert(path, value)) };
        for (name, value) in parts {
            let dot = if path.is_empty() { "" } else { "." };
            collect(format!("{path}{dot}{name}"), value, leaves);
        }
    }
    let mut all = BTreeMap::new();
    collect(String::new(), serde_json::to_value(part).unwrap_or_default(), &mut all);
    all
}

/// The settings that differ: which, and how.
fn differences(
    before: &BTreeMap<String, Value>,
    after: &BTreeMap<String, Value>,
) -> Vec<(String, String)> {
    let shown = |value: Option<&Value>| match value {
        None | Some(Value::Null) => "unset".to_owned(),
        Some(value) => value.to_string(),
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let told =
        names.into_iter().map(|name| (name, [before, after].map(|all| shown(all.get(name)))));
    let changed = told.filter(|(_, [old, new])| old != new);
    changed.map(|(name, [old, new])| (name.clone(), format!("{old} > {new}"))).collect()
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let shutdown = Shutdown::builder().runtime(TokioRuntime).build()?;
    let told = shutdown.on_signals();
    let named = env::args_os().nth(1).map(PathBuf::from);
    let path = named
        .clone()
        .unwrap_or_else(|| env::temp_dir().join(format!("reload-{}.toml", std::process::id())));
    if named.is_none() {
        fs::write(&path, FIRST)?;
    }
    let reload = Reload::begin(&path)?;
    let pool = reload.pool()?;
    println!("{pool:?}, of {}; save it, or `kill -HUP {}`", path.display(), std::process::id());
    let (shown, every) = (pool.clone(), Duration::from_secs(1));
    let keeps_up = keep_up(reload, pool.clone(), every, |told| {
        println!("\n{told}\n{}", shown.explain());
    })?;
    if named.is_none() && !io::stdin().is_terminal() {
        tokio::spawn(play(path.clone(), pool, shutdown));
    }
    tokio::select! {
        never = keeps_up => match never {},
        end = told => println!("\n{}", end?),
    }
    if named.is_none() {
        fs::remove_file(path)?;
    }
    Ok(())
}

/// What an operator might do in a bad minute.
async fn play(path: PathBuf, pool: Pool<String>, shutdown: Shutdown) -> io::Result<()> {
    let _ = pool.park("key-1", Duration::from_secs(300), "invoice unpaid");
    let more = FIRST.replace("in_flight = 4", "in_flight = 8").replace("key-2", "key-3");
    for text in [&*more, "[pools.keys]\nmax_attempts = 0\nretry_delay = 500\n"] {
        fs::write(&path, text)?;
        sleep(Duration::from_millis(1500)).await;
    }
    shutdown.trigger();
    Ok(())
}
