//! Runs that are over at once, in great number: who serves them, and in which shares.

use std::collections::BTreeMap;
use std::future::ready;

use futures::executor::block_on;
use rotapool::{Health, Request, RunError};

use crate::scene::Scene;
use crate::upstream::{Answer, Boom};

/// A run whose operation gives these answers at once; one that takes its time moves the clock.
pub(crate) fn run(
    scene: &Scene,
    answer: impl FnMut(&str) -> Answer,
) -> Result<String, RunError<Boom>> {
    run_with(scene, |request| request, answer)
}

pub(crate) fn run_with(
    scene: &Scene,
    options: impl FnOnce(Request<&'static str>) -> Request<&'static str>,
    mut answer: impl FnMut(&str) -> Answer,
) -> Result<String, RunError<Boom>> {
    let request = options(scene.pool.request());
    block_on(request.run(|lease| ready(answer(lease.id()))))
}

/// Who serves a run.
pub(crate) fn pick(scene: &Scene) -> String {
    pick_with(scene, |request| request)
}

pub(crate) fn pick_with(
    scene: &Scene,
    options: impl FnOnce(Request<&'static str>) -> Request<&'static str>,
) -> String {
    run_with(scene, options, |id| Ok(id.to_owned())).expect("it is served")
}

/// Who serves so many runs, one after the other.
pub(crate) fn picks(scene: &Scene, runs: usize) -> Vec<String> {
    (0..runs).map(|_| pick(scene)).collect()
}

/// How often each id is there.
pub(crate) fn shares(picks: impl IntoIterator<Item = String>) -> BTreeMap<String, u32> {
    let mut shares = BTreeMap::new();
    for id in picks {
        *shares.entry(id).or_default() += 1;
    }
    shares
}

/// How far shares are from what weights make one expect: Pearson's test, with one degree of freedom
/// less than there are weights.
pub(crate) fn chi_square(shares: &BTreeMap<String, u32>, weights: &[(&str, f64)]) -> f64 {
    let all: f64 = shares.values().copied().map(f64::from).sum();
    let whole: f64 = weights.iter().map(|(_, weight)| weight).sum();
    assert!(shares.keys().all(|id| weights.iter().any(|(known, _)| known == id)), "{shares:?}");
    let deviation = |&(id, weight): &(&str, f64)| {
        let expected = all * weight / whole;
        let seen = shares.get(id).copied().map_or(0.0, f64::from);
        (seen - expected).powi(2) / expected
    };
    weights.iter().map(deviation).sum()
}

pub(crate) fn health(scene: &Scene, id: &str) -> Health {
    let rows = scene.pool.stats().resources;
    rows.into_iter().find(|row| &*row.id == id).expect("a member").health
}
