//! What came of a replay.

use std::ops::Range;
use std::time::Duration;

use rotapool_core::Strategy;

use crate::experiment::{SECONDS, SLOW_PHASE, TIMEOUT};
use crate::replay::Client;

pub(crate) struct Results {
    pub(crate) strategy: Strategy,
    pub(crate) client: Client,
    /// In the order in which the requests were sent.
    pub(crate) answers: Vec<Answer>,
}

pub(crate) struct Answer {
    pub(crate) sent: Duration,
    /// How long the client had to wait for it, or did wait for it.
    pub(crate) took: Duration,
}

impl Answer {
    fn is_success(&self) -> bool {
        self.took < TIMEOUT
    }
}

impl Results {
    /// The share of successes over the whole run.
    pub(crate) fn success(&self) -> f64 {
        share(&self.answers)
    }

    /// The share of successes among what was sent while the one backend was slow.
    pub(crate) fn success_in_slow_phase(&self) -> f64 {
        share(self.sent_in(SLOW_PHASE))
    }

    pub(crate) fn failures(&self) -> usize {
        self.answers.iter().filter(|answer| !answer.is_success()).count()
    }

    /// The share of successes by the second in which they were sent.
    pub(crate) fn success_by_second(&self) -> Vec<f64> {
        let second = |n| Duration::from_secs(n)..Duration::from_secs(n + 1);
        (0..SECONDS).map(|n| share(self.sent_in(second(n)))).collect()
    }

    /// How long the client waited at most in the given shares of its requests, by nearest rank.
    pub(crate) fn latencies<const N: usize>(&self, shares: [f64; N]) -> [Duration; N] {
        let mut sorted: Vec<Duration> = self.answers.iter().map(|answer| answer.took).collect();
        sorted.sort_unstable();
        shares.map(|share| sorted[(share * sorted.len() as f64).ceil() as usize - 1])
    }

    fn sent_in(&self, phase: Range<Duration>) -> &[Answer] {
        let until = |time| self.answers.partition_point(|answer| answer.sent < time);
        &self.answers[until(phase.start)..until(phase.end)]
    }
}

fn share(answers: &[Answer]) -> f64 {
    let successes = answers.iter().filter(|answer| answer.is_success()).count();
    successes as f64 / answers.len() as f64
}
