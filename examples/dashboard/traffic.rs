//! Something to watch: keys that run into their limits now and then, and requests that swell and ebb.

use std::f64::consts::TAU;
use std::time::Duration;

use rotapool::{BuildError, Pool, Resource, TokioRuntime};
use tokio::time::{Instant, sleep};

use crate::client::{Client, fault};
use crate::dice;
use crate::upstream::{Key, Plan, Secret};

/// Together they serve about 33 requests a second.
pub(crate) const KEYS: [Key; 6] = [
    Key { id: "key-1", secret: "sk-5d1e", plan: Plan::Limit { requests: 90, seconds: 9 } },
    Key { id: "key-2", secret: "sk-a902", plan: Plan::Limit { requests: 110, seconds: 12 } },
    Key { id: "key-3", secret: "sk-c46f", plan: Plan::Limit { requests: 64, seconds: 8 } },
    Key { id: "key-4", secret: "sk-e215", plan: Plan::Limit { requests: 40, seconds: 10 } },
    Key { id: "trial", secret: "sk-08da", plan: Plan::Limit { requests: 24, seconds: 12 } },
    Key { id: "retired", secret: "sk-77b3", plan: Plan::Revoked },
];

/// How long the upstream works on a request, at least.
pub(crate) const WORK: Duration = Duration::from_millis(300);

/// How long a request may take, waiting included.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) fn pool() -> Result<Pool<Secret>, BuildError> {
    Pool::builder()
        .name("keys")
        .resources(KEYS.iter().map(|key| Resource::new(key.id, key.secret).max_in_flight(8)))
        .attempt_timeout(Duration::from_secs(2))
        .runtime(TokioRuntime)
        .build()
}

/// Sends requests for ever, each in a task of its own.
pub(crate) async fn flow(pool: Pool<Secret>, client: Client) {
    let began = Instant::now();
    for number in 0.. {
        let (pool, client) = (pool.clone(), client.clone());
        tokio::spawn(async move {
            // Who is not served shows in the view: as an exhausted run, and in the marks.
            let _ = pool
                .request()
                .timeout(PATIENCE)
                .run(async |key| client.ask(&key).await.map_err(fault))
                .await;
        });
        sleep(gap(began.elapsed(), number)).await;
    }
}

/// Until the next request: some 26 a second on average, from half to one and a half times that.
fn gap(elapsed: Duration, number: u64) -> Duration {
    let tide = (elapsed.as_secs_f64() / 45.0 * TAU).sin();
    let per_second = 26.0 + 13.0 * tide;
    let chance = 0.5 + dice::roll(number, 100) as f64 / 100.0;
    Duration::from_secs_f64(chance / per_second)
}
