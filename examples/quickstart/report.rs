//! What came of it: a table of the keys, a table of the rounds, and a sentence.

use std::collections::HashMap;
use std::time::Duration;

use rotapool::Pool;

use crate::load::{REQUESTS, Tally};
use crate::table::aligned;
use crate::upstream::{Answers, Secret};

pub(crate) struct Round {
    pub(crate) name: &'static str,
    pub(crate) tally: Tally,
    pub(crate) elapsed: Duration,
    /// The upstream's books, by the id of the key.
    pub(crate) answers: HashMap<&'static str, Answers>,
}

impl Round {
    fn requests(&self) -> u32 {
        self.total(Answers::total)
    }

    fn total(&self, of_key: fn(&Answers) -> u32) -> u32 {
        self.answers.values().map(of_key).sum()
    }

    fn requests_per_served(&self) -> f64 {
        f64::from(self.requests()) / self.tally.served.get() as f64
    }
}

/// What the pool counted for each key, what the upstream answered to it, and how it stands.
///
/// The books differ by the attempts that the pool aborted: the upstream may have answered them.
pub(crate) fn keys(pool: &Pool<Secret>, round: &Round) -> String {
    let heading =
        ["key", "calls", "successes", "aborted", "cooldowns", "200", "429", "401", "503", "status"];
    let stats = pool.stats().resources;
    let rows = stats.iter().zip(pool.snapshot()).map(|(key, stands)| {
        let answers = &round.answers[&*key.id];
        let status = match stands.cause {
            Some(cause) => format!("{}: {cause}", stands.status),
            None => stands.status.to_string(),
        };
        [
            key.id.to_string(),
            key.acquires.to_string(),
            key.successes.to_string(),
            key.sibling_cancels.to_string(),
            key.cooldowns.to_string(),
            answers.ok.to_string(),
            answers.over_limit.to_string(),
            answers.unauthorized.to_string(),
            answers.unavailable.to_string(),
            status,
        ]
    });
    aligned(heading, rows.collect())
}

pub(crate) fn rounds(rounds: &[&Round]) -> String {
    let heading =
        ["round", "served", "failed", "requests", "per served", "429", "401", "503", "time"];
    let rows = rounds.iter().map(|round| {
        [
            round.name.to_owned(),
            format!("{}/{REQUESTS}", round.tally.served.get()),
            round.tally.failed.get().to_string(),
            round.requests().to_string(),
            format!("{:.2}", round.requests_per_served()),
            round.total(|answers| answers.over_limit).to_string(),
            round.total(|answers| answers.unauthorized).to_string(),
            round.total(|answers| answers.unavailable).to_string(),
            format!("{:.1} s", round.elapsed.as_secs_f64()),
        ]
    });
    aligned(heading, rows.collect())
}

pub(crate) fn conclusion(pool: &Round, rivals: &[&Round]) -> String {
    let rivals = rivals.iter().map(|rival| {
        let times = rival.elapsed.as_secs_f64() / pool.elapsed.as_secs_f64();
        let (name, each) = (rival.name, rival.requests_per_served());
        match rival.tally.failed.get() {
            0 => format!("{name} took {times:.1} times as long with {each:.2}"),
            failed => format!("{name} left {failed} unserved with {each:.2}"),
        }
    });
    format!(
        "Here {} served {} of {REQUESTS} in {:.1} s with {:.2} upstream requests for each;\n{}.",
        pool.name,
        pool.tally.served.get(),
        pool.elapsed.as_secs_f64(),
        pool.requests_per_served(),
        rivals.collect::<Vec<_>>().join(";\n"),
    )
}
