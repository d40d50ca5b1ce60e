//! The recorded breakers.

use std::cell::Cell;
use std::time::Duration;

use rotapool::testing::VirtualClock;
use rotapool::{BreakerError, BreakerStats, CircuitBreaker, Trip};
use serde::Deserialize;

use crate::{at_step, close, same};

#[derive(Debug, Deserialize)]
pub(crate) struct Recorded {
    settings: Settings,
    steps: Vec<Step>,
}

#[derive(Debug, Deserialize)]
struct Settings {
    max_failures: u32,
    reset_timeout: f64,
    half_open_max_calls: u32,
}

#[derive(Debug, Deserialize)]
struct Step {
    #[serde(flatten)]
    action: Action,
    state: String,
    failures: u32,
    stats: Stats,
}

#[derive(Debug, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case")]
enum Action {
    Call { outcome: Outcome, ran: bool, remaining: Option<f64> },
    Advance { seconds: f64 },
    State,
    Reset,
}

#[derive(Debug, Clone, Copy, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
enum Outcome {
    Ok,
    Fail,
    Excluded,
}

impl std::fmt::Display for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{self:?}")
    }
}

#[derive(Debug, Deserialize, PartialEq, Eq)]
struct Stats {
    total: u64,
    successful: u64,
    failed: u64,
    rejected: u64,
    state_changes: u64,
}

/// Ours under their names. What they exclude, their total leaves out.
impl From<BreakerStats> for Stats {
    fn from(ours: BreakerStats) -> Self {
        Self {
            total: ours.calls - ours.ignored,
            successful: ours.successes,
            failed: ours.failures,
            rejected: ours.rejected,
            state_changes: ours.changes,
        }
    }
}

impl Recorded {
    pub(crate) fn play(&self) -> Result<(), String> {
        let clock = VirtualClock::new();
        let Settings { max_failures, reset_timeout, half_open_max_calls } = self.settings;
        let trip = Trip::after_failures(max_failures)
            .open_for(Duration::from_secs_f64(reset_timeout))
            .permits(half_open_max_calls)
            .successes(half_open_max_calls)
            // Theirs has no bound, and one caller at a time is never late.
            .trial_bound(Duration::MAX);
        let breaker = CircuitBreaker::builder(trip).runtime(clock.clone()).build();
        let breaker = breaker.map_err(|error| error.to_string())?;
        for (number, step) in self.steps.iter().enumerate() {
            let played = step.action.play(&breaker, &clock).and_then(|()| step.look(&breaker));
            at_step(number, step, played)?;
        }
        Ok(())
    }
}

impl Action {
    fn play(&self, breaker: &CircuitBreaker, clock: &VirtualClock) -> Result<(), String> {
        match self {
            Self::State => {}
            Self::Advance { seconds } => clock.advance(Duration::from_secs_f64(*seconds)),
            Self::Reset => breaker.reset(),
            Self::Call { outcome, ran, remaining } => {
                return call(breaker, *outcome, *ran, *remaining);
            }
        }
        Ok(())
    }
}

fn call(
    breaker: &CircuitBreaker,
    outcome: Outcome,
    ran: bool,
    remaining: Option<f64>,
) -> Result<(), String> {
    let we_ran = Cell::new(false);
    let answer =
        breaker.ignore_if(|error: &Outcome| *error == Outcome::Excluded).call_blocking(|| {
            we_ran.set(true);
            if outcome == Outcome::Ok { Ok(()) } else { Err(outcome) }
        });
    same("whether it ran", &we_ran.get(), &ran)?;
    let (expected, rejected) = match answer {
        Ok(()) => (outcome == Outcome::Ok, None),
        Err(BreakerError::Operation(error)) => (error == outcome, None),
        Err(BreakerError::Rejected(rejected)) => (!ran, rejected.retry_after),
        Err(other) => return Err(format!("an end that nobody knows: {other}")),
    };
    same("whether its answer was its own", &expected, &true)?;
    match (rejected, remaining) {
        (Some(ours), Some(recorded)) => close("remaining", ours.as_secs_f64(), recorded),
        (ours, recorded) => same("whether it may know when", &ours.is_some(), &recorded.is_some()),
    }
}

impl Step {
    fn look(&self, breaker: &CircuitBreaker) -> Result<(), String> {
        let stats = breaker.stats();
        same("state", &*breaker.state().to_string(), &*self.state)?;
        same("failures", &stats.failures_in_a_row, &self.failures)?;
        same("stats", &Stats::from(stats), &self.stats)
    }
}
