//! What people who run gateways, proxies and key pools have met, and what they wanted instead.

mod accounts;
mod budgets;
mod figures;
mod hangs;
mod hopeless;
mod ladder;
mod line;
mod mixtures;
mod pauses;
mod ramps;
mod rough;
mod streams;
mod trials;

use std::time::Duration;

use rotapool::Fault;

use crate::scene::{Scene, Started, secs};

pub(crate) fn millis(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// Takes a resource out for so many seconds, by the word of an upstream, with a run that uses only it.
pub(crate) fn takes_out(scene: &Scene, id: &'static str, seconds: u64) {
    let others = scene.pool.snapshot().into_iter().filter(|row| &*row.id != id);
    let others: Vec<_> = others.map(|row| row.id).collect();
    scene.start_with(|request| {
        let request = request.wait(false);
        others.into_iter().fold(request, |request, other| request.exclude(other))
    });
    let younger = scene.upstream.pending().iter().filter(|on| *on == id).count() - 1;
    let limited = Fault::cooldown_for(secs(seconds), "limited");
    scene.upstream.answer_nth(id, younger, Err(limited));
    scene.settle();
}

/// Which of these runs have ended.
pub(crate) fn ended<R>(runs: &[Started<R>]) -> Vec<bool> {
    runs.iter().map(|run| !run.is_running()).collect()
}
