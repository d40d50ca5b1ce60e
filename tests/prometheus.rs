//! Compares what `PoolCollector` prints, sample by sample, with what the Python package's own collector printed
//! for the same history.
//!
//! `prometheus/history.json` is the history, `prometheus/record.py` played it with the Python package, and
//! `prometheus/recorded` is what came of it. `ROTAPOOL_PAGES` names a directory to save our own pages in, for
//! `prometheus/parse.py`, which reads them with the parser of the Python client.

#[path = "prometheus/page.rs"]
mod page;
#[allow(dead_code, reason = "the scenarios are played elsewhere")]
#[path = "conformance/scenario.rs"]
mod scenario;
#[path = "conformance/through_pool.rs"]
mod through_pool;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use page::Page;
use prometheus_client::encoding::text::encode;
use prometheus_client::registry::Registry;
use rotapool::PoolCollector;
use scenario::{Action, Player as _, PoolSpec};
use serde::Deserialize;
use serde_json::{Map, Value};
use through_pool::ThroughPool;

#[derive(Deserialize)]
struct History {
    pools: Vec<PoolSpec>,
    /// Those of a scenario, each with the `pool` that it is for, and `scrape`. The clock of all pools is one.
    steps: Vec<Map<String, Value>>,
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/prometheus")
}

fn history() -> History {
    let text = fs::read(directory().join("history.json")).expect("the history is there");
    serde_json::from_slice(&text).expect("the history is valid")
}

/// Plays the history and answers the page of every scrape, by its name.
fn play(history: &History) -> BTreeMap<String, String> {
    let mut players: BTreeMap<&str, ThroughPool> =
        history.pools.iter().map(|spec| (&*spec.name, ThroughPool::start(spec))).collect();
    let collector = PoolCollector::new();
    for spec in &history.pools {
        collector.add(&players[&*spec.name].pool).expect("names of their own");
    }
    let mut registry = Registry::default();
    registry.register_collector(Box::new(collector));
    let mut pages = BTreeMap::new();
    for step in &history.steps {
        let word = |key: &str| step.get(key).and_then(Value::as_str);
        if word("do") == Some("scrape") {
            let mut page = String::new();
            encode(&mut page, &registry).expect("a string takes everything");
            pages.insert(word("as").expect("a scrape has a name").to_owned(), page);
            continue;
        }
        let action: Action = serde_json::from_value(step.clone().into()).expect("an action");
        match word("pool") {
            Some(pool) => {
                players.get_mut(pool).expect("a pool of the history").act(&action);
            }
            None => players.values_mut().for_each(|player| {
                player.act(&action);
            }),
        }
    }
    pages
}

/// The names of the samples that the package prints.
fn names_of_the_package() -> BTreeSet<String> {
    let pages: Vec<Page> = recorded().values().map(|page| Page::classic(page)).collect();
    pages.iter().flat_map(|page| page.samples.keys()).map(|sample| sample.name.clone()).collect()
}

fn recorded() -> BTreeMap<String, String> {
    let files = fs::read_dir(directory().join("recorded")).expect("the recording is there");
    files
        .map(|file| {
            let path = file.expect("a readable directory").path();
            let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
            (name, fs::read_to_string(path).expect("a readable page"))
        })
        .collect()
}

#[test]
fn every_sample_is_what_the_python_package_printed_for_the_same_history() {
    let (ours, theirs) = (play(&history()), recorded());
    if let Some(directory) = std::env::var_os("ROTAPOOL_PAGES") {
        for (name, page) in &ours {
            fs::write(Path::new(&directory).join(name), page).expect("a writable directory");
        }
    }
    assert_eq!(ours.keys().collect::<Vec<_>>(), theirs.keys().collect::<Vec<_>>());
    let (package, mut compared) = (names_of_the_package(), 0);
    for (name, page) in &ours {
        let (ours, own) = Page::openmetrics(page).without_our_own(&package);
        let theirs = Page::classic(&theirs[name]);
        assert!(own > 0, "what the package does not have is there too");
        let differences = ours.differences(&theirs);
        assert!(differences.is_empty(), "{name}:\n{}", differences.join("\n"));
        compared += ours.samples.len();
    }
    println!("\nprometheus: {compared} samples on {} pages are equal", ours.len());
}

#[test]
fn the_history_has_every_kind_of_event() {
    let pages = play(&history());
    let package = names_of_the_package();
    let pages: Vec<Page> =
        pages.values().map(|page| Page::openmetrics(page).without_our_own(&package).0).collect();
    // What is 0 on all pages was never put to the test.
    let stirred: BTreeSet<String> = pages
        .iter()
        .flat_map(|page| &page.samples)
        .filter(|(_, value)| **value != 0.0)
        .map(|(sample, _)| sample.kind_of_event())
        .collect();
    let all: BTreeSet<String> = pages
        .iter()
        .flat_map(|page| page.samples.keys())
        .map(page::Sample::kind_of_event)
        .collect();
    assert_eq!(all.difference(&stirred).collect::<Vec<_>>(), [""; 0]);
    let values = |name: &str| -> BTreeSet<String> {
        let samples = pages.iter().flat_map(|page| &page.samples);
        samples.filter(|(sample, _)| sample.name == name).map(|(_, v)| v.to_string()).collect()
    };
    let caps = values("rotapool_resource_max_in_flight");
    assert!(caps.contains("inf") && caps.contains("1"), "unlimited and capped: {caps:?}");
    let left = values("rotapool_resource_cooldown_remaining_seconds");
    assert!(left.len() > 5, "several moments of several cooldowns: {left:?}");
}
