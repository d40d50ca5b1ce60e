//! One replay: the requests of the experiment against a pool with one strategy, in virtual time.
//!
//! It drives the state machines of `rotapool-core`, to which time and chance are arguments: no
//! executor, no clock, and the minute is over in a moment.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use rotapool_core::{
    Attempts, Config, Outcome, Preferences, Profile, ResourceError, RunOptions, SlotIndex, State,
    Step, Strategy,
};

use crate::experiment::{BACKENDS, Request, SLOW_BACKEND, TIMEOUT};
use crate::results::{Answer, Results};

/// What the client does about a late answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// Waits for it, however long: the pool learns a latency, and never of a failure.
    Patient,
    /// Gives the request up at the timeout and tells the pool of a failure.
    Hurried,
}

impl Client {
    /// How long it waits for an answer that takes this long, and what it then tells the pool.
    fn wait(self, latency: Duration) -> (Duration, Outcome) {
        match self {
            Self::Hurried if latency >= TIMEOUT => (TIMEOUT, Outcome::Failure),
            _ => (latency, Outcome::Success),
        }
    }
}

/// Sends all `requests` and waits for what comes of them.
pub(crate) fn replay(
    requests: &[Request],
    strategy: Strategy,
    client: Client,
) -> Result<Results, ResourceError> {
    let mut balancer = Balancer::new(strategy);
    let backends = balancer.add_backends()?;
    let mut answers = Vec::with_capacity(requests.len());
    for request in requests {
        balancer.settle_until(request.at);
        let (run, backend) = balancer.begin(request);
        let (took, outcome) = client.wait(request.latency(backend == backends[SLOW_BACKEND]));
        balancer.in_flight.insert((request.at + took, answers.len()), (run, outcome));
        answers.push(Answer { sent: request.at, took });
    }
    Ok(Results { strategy, client, answers })
}

/// A pool, and the runs in progress on it.
struct Balancer {
    /// Nothing is ever aborted here, so there is nothing to abort it with.
    pool: State<()>,
    random: fastrand::Rng,
    epoch: Instant,
    /// By when the client will settle; the number of the request keeps those of one instant apart.
    in_flight: BTreeMap<(Duration, usize), (Attempts, Outcome)>,
}

impl Balancer {
    fn new(strategy: Strategy) -> Self {
        let mut config = Config::default();
        config.strategy = strategy;
        // Any instant will do: only what passes since then is looked at.
        let epoch = Instant::now();
        Self {
            pool: State::new(config, epoch),
            random: fastrand::Rng::with_seed(1),
            epoch,
            in_flight: BTreeMap::new(),
        }
    }

    fn add_backends(&mut self) -> Result<Vec<SlotIndex>, ResourceError> {
        (1..=BACKENDS)
            .map(|n| self.pool.add(Profile::new(format!("backend-{n}")), self.epoch))
            .collect()
    }

    fn begin(&mut self, request: &Request) -> (Attempts, SlotIndex) {
        let preferences = Preferences { affinity: Some(request.key), ..Preferences::default() };
        let options = RunOptions { max_attempts: 1, preferences, ..RunOptions::default() };
        let mut run = Attempts::new(options);
        let now = self.epoch + request.at;
        match run.step(&mut self.pool, now, || self.random.f64(), || ()) {
            Step::Attempt(backend) => (run, backend),
            step => unreachable!("no backend has a limit or is ever out, and yet: {step:?}"),
        }
    }

    /// Settles what ends by then, in order.
    fn settle_until(&mut self, time: Duration) {
        while let Some(next) = self.in_flight.first_entry().filter(|next| next.key().0 <= time) {
            let ((ends, _), (mut run, outcome)) = next.remove_entry();
            run.settle(&mut self.pool, outcome, self.epoch + ends, || self.random.f64());
            // Without signals and admin calls there is nobody to abort, to wake or to tell.
            drop(self.pool.take_effects());
        }
    }
}
