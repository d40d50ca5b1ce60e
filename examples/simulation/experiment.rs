//! The published experiment: its numbers, and the requests that every replay gets.

use std::f64::consts::TAU;
use std::ops::Range;
use std::time::Duration;

use rotapool_core::Strategy;

pub(crate) const BACKENDS: usize = 11;
/// Which one turns slow makes no difference to any strategy here.
pub(crate) const SLOW_BACKEND: usize = 5;
pub(crate) const SECONDS: u64 = 60;
pub(crate) const SLOW_PHASE: Range<Duration> = Duration::from_secs(15)..Duration::from_secs(45);
/// What takes this long or longer is no success.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(1);

const REQUESTS_PER_SECOND: f64 = 1000.0;
const MEDIAN: f64 = 0.167;
const STANDARD_DEVIATION: f64 = 0.005;
const SLOW_LATENCY: Duration = Duration::from_secs(2);
const SEED: u64 = 2016;

/// What was published of one strategy.
pub(crate) struct Published {
    pub(crate) strategy: Strategy,
    /// What it is called there.
    pub(crate) name: &'static str,
    /// The share of requests that were answered within 1 s, about.
    pub(crate) success: f64,
}

/// From the worst to the best.
pub(crate) const PUBLISHED: [Published; 3] = [
    Published { strategy: Strategy::RoundRobin, name: "round robin", success: 0.95 },
    Published { strategy: Strategy::LeastInFlight, name: "least loaded", success: 0.99 },
    Published { strategy: Strategy::LeastLatency, name: "peak EWMA", success: 0.999 },
];

/// One request of the client.
#[derive(Debug)]
pub(crate) struct Request {
    /// When it is sent, from the start of the experiment.
    pub(crate) at: Duration,
    /// How long a backend takes to answer it, unless it is slow.
    usual_latency: Duration,
    /// Whose it is, for affinity: every request has a key of its own.
    pub(crate) key: u64,
}

impl Request {
    /// As published, what counts is whether the backend is slow when the request comes in.
    pub(crate) fn latency(&self, on_slow_backend: bool) -> Duration {
        match on_slow_backend && SLOW_PHASE.contains(&self.at) {
            true => SLOW_LATENCY,
            false => self.usual_latency,
        }
    }
}

/// The same requests each time: drawn before any backend is picked, so that no strategy has more
/// luck with them than another.
pub(crate) fn requests() -> Vec<Request> {
    let mut random = fastrand::Rng::with_seed(SEED);
    let mut requests = Vec::new();
    let mut at = 0.0;
    loop {
        // Poisson arrivals: the time between two is exponentially distributed.
        at -= (1.0 - random.f64()).ln() / REQUESTS_PER_SECOND;
        if at >= SECONDS as f64 {
            return requests;
        }
        requests.push(Request {
            at: Duration::from_secs_f64(at),
            usual_latency: usual_latency(&mut random),
            key: random.u64(..),
        });
    }
}

/// Log-normal: never negative, and with so small a deviation all but normal.
fn usual_latency(random: &mut fastrand::Rng) -> Duration {
    let (radius, angle) = ((-2.0 * (1.0 - random.f64()).ln()).sqrt(), TAU * random.f64());
    // Box and Muller, 1958.
    let standard_normal = radius * angle.cos();
    Duration::from_secs_f64(MEDIAN * (STANDARD_DEVIATION / MEDIAN * standard_normal).exp())
}
