//! What came of a client's requests, over all seeds.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::time::Duration;

use crate::load::{End, Outcome};
use crate::profile::DEADLINE;

/// A load of which more than one request in a hundred begins this much late is not the one asked for.
const ON_TIME: Duration = Duration::from_millis(50);

#[derive(Default)]
pub(crate) struct Tally {
    /// How long those took that were served in time, in order once [`Self::add`] returns.
    took: Vec<Duration>,
    pub(crate) failed: usize,
    pub(crate) late: usize,
    reasons: BTreeMap<String, usize>,
    begun_late: usize,
    latest: Duration,
    requests: u64,
}

impl Tally {
    /// Takes in a load for which the upstream received so many requests.
    pub(crate) fn add(&mut self, outcomes: Vec<Outcome>, requests: u64) {
        self.requests += requests;
        for Outcome { begun_late, took, end } in outcomes {
            self.begun_late += usize::from(begun_late > ON_TIME);
            self.latest = self.latest.max(begun_late);
            match end {
                End::Served if took <= DEADLINE => self.took.push(took),
                End::Served | End::GivenUp => self.late += 1,
                End::Failed(why) => {
                    self.failed += 1;
                    // What comes behind are details of the moment.
                    let why = why.split(';').next().unwrap_or_default();
                    *self.reasons.entry(why.to_owned()).or_default() += 1;
                }
            }
        }
        self.took.sort_unstable();
    }

    pub(crate) fn arrived(&self) -> usize {
        self.took.len() + self.failed + self.late
    }

    pub(crate) fn served_percent(&self) -> f64 {
        self.took.len() as f64 / self.arrived() as f64 * 100.0
    }

    /// Upstream requests for every request served.
    pub(crate) fn requests_per_served(&self) -> f64 {
        self.requests as f64 / self.took.len() as f64
    }

    /// In how many milliseconds this part of the served was served.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let last = self.took.len().saturating_sub(1);
        let took = self.took.get((last as f64 * part).round() as usize);
        took.map_or(f64::NAN, |took| took.as_secs_f64() * 1e3)
    }

    /// Why requests failed and how many, the commonest first.
    pub(crate) fn reasons(&self) -> Vec<(&str, usize)> {
        let mut reasons: Vec<_> =
            self.reasons.iter().map(|(why, times)| (why.as_str(), *times)).collect();
        reasons.sort_by_key(|(_, times)| Reverse(*times));
        reasons
    }

    /// That the load was not the one asked for, if so.
    pub(crate) fn not_kept(&self) -> Option<String> {
        (self.begun_late * 100 > self.arrived()).then(|| {
            format!(
                "{} of {} requests began more than {ON_TIME:?} late, the latest by {:.0?}",
                self.begun_late,
                self.arrived(),
                self.latest
            )
        })
    }
}
