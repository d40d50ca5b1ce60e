//! A pool of any configuration: either the door says with a typed error what cannot work, or the pool
//! serves a run. Nothing panics.
#![no_main]

use std::collections::HashSet;
use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use libfuzzer_sys::arbitrary::{self, Arbitrary};
use libfuzzer_sys::fuzz_target;
use rotapool::testing::VirtualTime;
use rotapool::{Fault, HealthRules, Pool, Recovery, Resource, RunError, Strategy, Trial};

#[derive(Debug, Clone, Arbitrary)]
struct Plan {
    name: Option<String>,
    resources: Vec<Planned>,
    strategy: Option<u8>,
    /// What the owner's own code answers.
    select: Option<usize>,
    health: Option<Rules>,
    cooldown_table: Option<Vec<Duration>>,
    cooldown_bounds: Option<(Duration, Duration)>,
    step_down_after: Option<u32>,
    recovery: Option<Back>,
    cancel_siblings: Option<bool>,
    max_waiting: Option<usize>,
    max_attempts: Option<u32>,
    retry_delay: Option<Duration>,
    attempt_timeout: Option<Duration>,
    seed: Option<u64>,
    python_rules: bool,
    run: Wanted,
}

#[derive(Debug, Clone, Arbitrary)]
struct Planned {
    id: String,
    max_in_flight: Option<u32>,
    weight: Option<f64>,
    priority: Option<u32>,
    metadata: Vec<(String, String)>,
}

#[derive(Debug, Clone, Arbitrary)]
struct Rules {
    window: Duration,
    min_sample: u32,
    degraded: f64,
    unhealthy: f64,
    latency_decay: Duration,
    failure_latency: Duration,
}

#[derive(Debug, Clone, Arbitrary)]
enum Back {
    AtOnce,
    Trial { at_once: Option<u32>, successes: Option<u32>, bound: Option<Duration> },
    Ramp,
}

/// One run with any options, and how its operations end before the last, which succeeds.
#[derive(Debug, Clone, Arbitrary)]
struct Wanted {
    max_attempts: Option<u32>,
    retry_delay: Option<Duration>,
    timeout: Option<Duration>,
    attempt_timeout: Option<Duration>,
    wait: Option<bool>,
    exclude: Vec<String>,
    affinity: Option<Vec<u8>>,
    ends: Vec<End>,
}

#[derive(Debug, Clone, Arbitrary)]
enum End {
    Cooldown(Option<Duration>),
    Disable,
    Retry,
    Error,
    Failure,
    Hang,
}

fuzz_target!(|plan: Plan| {
    let time = VirtualTime::new();
    let pool = match build(&plan, &time) {
        Ok(pool) => {
            assert!(can_work(&plan), "the door let in what cannot work");
            pool
        }
        Err(error) => {
            assert!(!can_work(&plan), "the door turned away what can work: {error}");
            assert!(!error.to_string().is_empty());
            return;
        }
    };
    let served =
        now_or_never(pool.run(|lease| async move { Ok::<_, Fault<()>>(lease.id().len()) }));
    assert!(matches!(served, Some(Ok(length)) if length > 0), "a new pool serves: {served:?}");
    run(&plan.run, &pool, &time);
    let stats = pool.stats();
    assert_eq!((stats.in_flight, stats.waiting), (0, 0), "nothing is left over");
});

fn build(plan: &Plan, time: &VirtualTime) -> Result<Pool<()>, rotapool::BuildError> {
    let plan = plan.clone();
    let mut builder = Pool::builder().runtime(time.clock());
    if let Some(name) = plan.name {
        builder = builder.name(name);
    }
    for planned in plan.resources {
        let mut resource = Resource::new(planned.id, ());
        if let Some(limit) = planned.max_in_flight {
            resource = resource.max_in_flight(limit);
        }
        if let Some(weight) = planned.weight {
            resource = resource.weight(weight);
        }
        if let Some(priority) = planned.priority {
            resource = resource.priority(priority);
        }
        for (name, word) in planned.metadata {
            resource = resource.metadata(name, word);
        }
        builder = builder.resource(resource);
    }
    if let Some(number) = plan.strategy {
        builder = builder.strategy(Strategy::ALL[usize::from(number) % Strategy::ALL.len()]);
    }
    if let Some(choice) = plan.select {
        builder = builder.select(move |_: &[rotapool::Candidate]| choice);
    }
    if let Some(rules) = &plan.health {
        builder = builder.health(rules.get());
    }
    if let Some(table) = plan.cooldown_table {
        builder = builder.cooldown_table(table);
    }
    if let Some((least, most)) = plan.cooldown_bounds {
        builder = builder.cooldown_bounds(least..=most);
    }
    if let Some(successes) = plan.step_down_after {
        builder = builder.step_down_after(successes);
    }
    if let Some(back) = &plan.recovery {
        builder = builder.recovery(back.get());
    }
    if let Some(cancel) = plan.cancel_siblings {
        builder = builder.cancel_siblings(cancel);
    }
    if let Some(runs) = plan.max_waiting {
        builder = builder.max_waiting(runs);
    }
    if let Some(attempts) = plan.max_attempts {
        builder = builder.max_attempts(attempts);
    }
    if let Some(delay) = plan.retry_delay {
        builder = builder.retry_delay(delay);
    }
    if let Some(timeout) = plan.attempt_timeout {
        builder = builder.attempt_timeout(timeout);
    }
    if let Some(seed) = plan.seed {
        builder = builder.seed(seed);
    }
    if plan.python_rules {
        builder = builder.python_rules();
    }
    builder.build()
}

impl Back {
    fn get(&self) -> Recovery {
        let Self::Trial { at_once, successes, bound } = *self else {
            return if matches!(self, Self::AtOnce) { Recovery::AtOnce } else { Recovery::Ramp };
        };
        let mut trial = Trial::default();
        if let Some(places) = at_once {
            trial = trial.at_once(places);
        }
        if let Some(successes) = successes {
            trial = trial.successes(successes);
        }
        if let Some(bound) = bound {
            trial = trial.bound(bound);
        }
        Recovery::Trial(trial)
    }

    fn can_work(&self) -> bool {
        match self {
            Self::AtOnce | Self::Ramp => true,
            Self::Trial { at_once, successes, bound } => {
                *at_once != Some(0) && *successes != Some(0) && *bound != Some(Duration::ZERO)
            }
        }
    }
}

impl Rules {
    fn get(&self) -> HealthRules {
        let mut rules = HealthRules::default();
        rules.window = self.window;
        rules.min_sample = self.min_sample;
        rules.degraded = self.degraded;
        rules.unhealthy = self.unhealthy;
        rules.latency_decay = self.latency_decay;
        rules.failure_latency = self.failure_latency;
        rules
    }
}

/// The documentation of the builder, written down a second time.
fn can_work(plan: &Plan) -> bool {
    const DAY: Duration = Duration::from_secs(24 * 60 * 60);
    let mut ids = HashSet::new();
    let resource = |it: &Planned| {
        ids.insert(it.id.clone())
            && !it.id.is_empty()
            && it.max_in_flight != Some(0)
            && it.weight.is_none_or(|weight| (0.001..=10_000.0).contains(&weight))
    };
    let healthy = |it: &Rules| {
        (Duration::from_millis(10)..=DAY).contains(&it.window)
            && it.min_sample >= 1
            && it.degraded > 0.0
            && it.degraded <= it.unhealthy
            && it.unhealthy <= 1.0
            && (Duration::from_millis(1)..=DAY).contains(&it.latency_decay)
            && it.failure_latency <= DAY
    };
    plan.name.as_ref().is_none_or(|name| !name.is_empty())
        && !plan.resources.is_empty()
        && plan.resources.iter().all(resource)
        && plan.max_attempts != Some(0)
        && plan.attempt_timeout != Some(Duration::ZERO)
        && plan.max_waiting != Some(0)
        && plan.step_down_after != Some(0)
        && plan.cooldown_table.as_ref().is_none_or(|table| !table.is_empty())
        // By the recorded rules a cooldown may take no time.
        && (plan.python_rules
            || plan.cooldown_table.iter().flatten().all(|cooldown| !cooldown.is_zero()))
        && plan.cooldown_bounds.is_none_or(|(least, most)| {
            least <= most && (plan.python_rules || !least.is_zero())
        })
        && plan.recovery.as_ref().is_none_or(Back::can_work)
        && plan.health.as_ref().is_none_or(healthy)
}

/// However the operations end: the run ends too, or it sleeps and is given up.
fn run(wanted: &Wanted, pool: &Pool<()>, time: &VirtualTime) {
    let wanted = wanted.clone();
    let mut request = pool.request();
    if let Some(attempts) = wanted.max_attempts {
        request = request.max_attempts(attempts);
    }
    if let Some(delay) = wanted.retry_delay {
        request = request.retry_delay(delay);
    }
    if let Some(timeout) = wanted.timeout {
        request = request.timeout(timeout);
    }
    if let Some(timeout) = wanted.attempt_timeout {
        request = request.attempt_timeout(timeout);
    }
    if let Some(wait) = wanted.wait {
        request = request.wait(wait);
    }
    for id in wanted.exclude {
        request = request.exclude(id);
    }
    if let Some(key) = wanted.affinity {
        request = request.affinity(key);
    }
    let mut ends = wanted.ends.into_iter();
    let served = time.spawn(async move { request.run(move |_| end(ends.next())).await });
    for _ in 0..4 {
        time.advance(Duration::from_secs(60));
    }
    match served.take_result() {
        Some(Err(RunError::Options(_))) => assert!(
            wanted.max_attempts == Some(0) || wanted.attempt_timeout == Some(Duration::ZERO),
        ),
        Some(Err(error)) => assert!(!format!("{error:?}").is_empty()),
        Some(Ok(())) => {}
        None => served.abort(),
    }
}

async fn end(end: Option<End>) -> Result<(), Fault<u8>> {
    match end {
        None => Ok(()),
        Some(End::Cooldown(after)) => Err(Fault::cooldown_for(after, "slow")),
        Some(End::Disable) => Err(Fault::disable("gone")),
        Some(End::Retry) => Err(Fault::retry("again")),
        Some(End::Error) => Err(Fault::Operation(1)),
        Some(End::Failure) => Err(Fault::Failure(2)),
        Some(End::Hang) => std::future::pending().await,
    }
}

fn now_or_never<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}
